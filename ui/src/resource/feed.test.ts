import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Feed, type FeedState } from "./feed";
import { KINDS } from "./kinds";
import { Slots } from "./slots";

/** A server with one kind: it answers lists, and holds watches open to be fed by the test. */
class Server {
  items: object[] = [];
  version = 10;
  refuse: Response | undefined;
  /** If given, the only path that is not forbidden. */
  allowed: string | undefined;
  readonly requests: string[] = [];
  private watch: ReadableStreamDefaultController<Uint8Array> | undefined;

  readonly fetch = (path: string): Promise<Response> => {
    this.requests.push(path);
    if (this.refuse) return Promise.resolve(this.refuse.clone());
    if (this.allowed && !path.startsWith(this.allowed)) {
      return Promise.resolve(Response.json({ message: "assets is forbidden" }, { status: 403 }));
    }
    if (!path.includes("watch=1")) {
      const metadata = { resourceVersion: String(this.version) };
      return Promise.resolve(Response.json({ metadata, items: this.items }));
    }
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.watch = controller;
      },
    });
    return Promise.resolve(new Response(body));
  };

  send(event: object): void {
    this.watch?.enqueue(new TextEncoder().encode(`${JSON.stringify(event)}\n`));
  }

  cut(): void {
    this.watch?.error(new Error("connection reset"));
  }
}

const named = (name: string, version: number) => ({
  metadata: { name, namespace: "ns", resourceVersion: String(version) },
});

let server: Server;
let states: FeedState[];
let stop: AbortController;
const last = () => states.at(-1);
const names = () => last()?.items.map((item) => item.metadata.name);
const settle = (ms = 100) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  states = [];
  stop = new AbortController();
  vi.stubGlobal("fetch", server.fetch);
  const feed = new Feed(KINDS.asset, new Slots(3, 1000), (state) => void states.push(state));
  server.items = [named("oven", 3)];
  void feed.run(stop.signal);
});

afterEach(() => {
  stop.abort();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("lists, then follows from the version of the list", async () => {
  await settle();
  expect(names()).toEqual(["oven"]);
  expect(last()?.items[0]).toMatchObject({
    kind: "Asset",
    apiVersion: "deviceregistry.microsoft.com/v1",
  });
  expect(server.requests[1]).toContain("resourceVersion=10");
  server.send({ type: "ADDED", object: named("boiler", 11) });
  await settle();
  expect(names()).toEqual(["boiler", "oven"]);
  server.send({ type: "DELETED", object: named("oven", 12) });
  await settle();
  expect(names()).toEqual(["boiler"]);
});

test("resumes after a cut at the last version seen, bookmarks included", async () => {
  await settle();
  server.send({ type: "BOOKMARK", object: { metadata: { resourceVersion: "42" } } });
  await settle();
  server.cut();
  await settle();
  expect(last()?.error?.unreachable).toBe(true);
  expect(names()).toEqual(["oven"]);
  await settle(2000);
  expect(server.requests.at(-1)).toContain("resourceVersion=42");
  expect(last()?.error).toBeUndefined();
});

test("lists again when the version is gone (410)", async () => {
  await settle();
  server.items = [named("new", 50)];
  server.send({ type: "ERROR", object: { code: 410, message: "too old", metadata: {} } });
  await settle(2000);
  expect(names()).toEqual(["new"]);
});

test("keeps what it has and says when it tries again while the API is away", async () => {
  await settle();
  server.refuse = Response.json({ message: "storage is full" }, { status: 503 });
  server.cut();
  await settle(3000);
  expect(names()).toEqual(["oven"]);
  expect(last()?.error?.message).toBe("storage is full");
  expect(last()?.nextRetryAt).toBeGreaterThan(Date.now());
});

test("tells a refusal from an unreachable API", async () => {
  stop.abort();
  stop = new AbortController();
  server.refuse = Response.json({ message: "assets is forbidden" }, { status: 403 });
  const feed = new Feed(KINDS.asset, new Slots(3, 1000), (state) => void states.push(state));
  void feed.run(stop.signal);
  await settle();
  expect(last()?.error).toMatchObject({ code: 403, unreachable: false });
});

test("lists again when the server has another history than the page", async () => {
  await settle();
  server.refuse = Response.json({ message: "Too large resource version" }, { status: 504 });
  server.cut();
  await settle(3000);
  server.refuse = undefined;
  server.items = [named("fresh", 1)];
  server.version = 1;
  await settle(10_000);
  expect(names()).toEqual(["fresh"]);
  expect(last()?.error).toBeUndefined();
});

test("who may not see all namespaces sees the default one", async () => {
  stop.abort();
  stop = new AbortController();
  server.allowed = "/apis/deviceregistry.microsoft.com/v1/namespaces/azure-iot-operations/assets";
  const feed = new Feed(KINDS.asset, new Slots(3, 1000), (state) => void states.push(state));
  void feed.run(stop.signal);
  await settle();
  expect(names()).toEqual(["oven"]);
  expect(last()?.error).toBeUndefined();
  expect(server.requests.at(-1)).toContain(`${server.allowed}?watch=1`);
});

test("what one may no longer see goes from the screen, until it is allowed again", async () => {
  await settle();
  server.refuse = Response.json({ message: "assets is forbidden" }, { status: 403 });
  server.cut();
  await settle(3000);
  expect(last()).toMatchObject({ loaded: false, items: [], error: { forbidden: true } });
  const asked = server.requests.length;
  await settle(50_000);
  expect(server.requests.length).toBe(asked);
  server.refuse = undefined;
  await settle(15_000);
  expect(names()).toEqual(["oven"]);
});

test("a session that ends leaves all as it is and goes on from the version last seen", async () => {
  await settle();
  server.refuse = Response.json({ message: "Unauthorized" }, { status: 401 });
  server.send({ type: "BOOKMARK", object: { metadata: { resourceVersion: "42" } } });
  await settle();
  server.cut();
  await settle(3000);
  expect(names()).toEqual(["oven"]);
  expect(last()?.error?.code).not.toBe(401);
  server.refuse = undefined;
  await settle(10_000);
  expect(server.requests.at(-1)).toContain("resourceVersion=42");
});
