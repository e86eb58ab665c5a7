import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { request } from "./api";
import { Session } from "./session";

/** Answers by path; a path that is not named here is not reached. */
let answers: Record<string, () => Response>;
let sent: { path: string; init: RequestInit | undefined }[];
let session: Session;
let reload: ReturnType<typeof vi.fn<() => void>>;
let stop: () => void;
const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

const REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const reviewOf = (username: string) => () =>
  Response.json({ status: { userInfo: { username, groups: ["operators"] } } }, { status: 201 });
const status =
  (code: number, message: string, headers = {}) =>
  () =>
    Response.json({ kind: "Status", code, message }, { status: code, headers });

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("location", { host: "plant:8088" });
  answers = {};
  sent = [];
  vi.stubGlobal("fetch", (path: string, init?: RequestInit) => {
    sent.push({ path, init });
    const answer = answers[path];
    return answer ? Promise.resolve(answer()) : Promise.reject(new TypeError("no route"));
  });
  reload = vi.fn<() => void>();
  session = new Session(reload);
});

afterEach(() => {
  stop?.();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function start(review: () => Response): Promise<void> {
  answers[REVIEW] = review;
  stop = session.start();
  await settle();
}

test("a machine without users asks nobody to sign in and names nobody", async () => {
  await start(reviewOf("local"));
  expect(session.snapshot()).toMatchObject({ phase: "in", user: undefined });
});

test("knows who is signed in already", async () => {
  await start(reviewOf("ann"));
  expect(session.snapshot()).toEqual({ phase: "in", user: "ann", groups: ["operators"] });
});

test.each([
  ["a 401", status(401, "Unauthorized")],
  ["an anonymous user", reviewOf("system:anonymous")],
])("wants a sign-in after %s", async (_, review) => {
  await start(review);
  expect(session.snapshot().phase).toBe("out");
});

test("while the API is away the page is shown, and it is asked again", async () => {
  stop = session.start();
  await settle();
  expect(session.snapshot()).toMatchObject({ phase: "in", user: undefined });
  answers[REVIEW] = reviewOf("ann");
  await settle(2000);
  expect(session.snapshot().user).toBe("ann");
});

test("signs in with what was typed, and tells who it is", async () => {
  await start(status(401, "Unauthorized"));
  answers["/login"] = () => Response.json({ username: "ann", groups: ["operators"] });
  await session.signIn("ann", "s3cret");
  expect(session.snapshot()).toEqual({ phase: "in", user: "ann", groups: ["operators"] });
  const { init } = sent.at(-1) ?? {};
  expect(init?.method).toBe("POST");
  expect(JSON.parse(String(init?.body))).toEqual({ username: "ann", password: "s3cret" });
  expect(reload).not.toHaveBeenCalled();
});

test("a wrong password changes nothing", async () => {
  await start(status(401, "Unauthorized"));
  answers["/login"] = status(401, "the user name or the password is wrong");
  await expect(session.signIn("ann", "x")).rejects.toMatchObject({ code: 401 });
  expect(session.snapshot()).toMatchObject({ phase: "out", user: undefined });
});

test("says how long to wait after too many tries", async () => {
  await start(status(401, "Unauthorized"));
  answers["/login"] = status(429, "too many", { "Retry-After": "8" });
  await expect(session.signIn("ann", "x")).rejects.toMatchObject({ code: 429, retryAfter: 8 });
});

test("a 401 of any call ends the session but remembers whose it was", async () => {
  await start(reviewOf("ann"));
  answers["/apis"] = status(401, "Unauthorized");
  await expect(request("/apis")).rejects.toMatchObject({ code: 401 });
  expect(session.snapshot()).toMatchObject({ phase: "out", user: "ann" });
});

test("nothing of one user is left for the next: the page begins anew", async () => {
  await start(reviewOf("ann"));
  answers["/apis"] = status(401, "Unauthorized");
  await request("/apis").catch(() => undefined);
  answers["/login"] = () => Response.json({ username: "eve" });
  await session.signIn("eve", "x");
  expect(reload).toHaveBeenCalledOnce();
  expect(session.snapshot().phase).toBe("out");
});

test("signs out and begins anew, also when the session is over already", async () => {
  await start(reviewOf("ann"));
  answers["/logout"] = () => Response.json({});
  await session.signOut();
  answers["/logout"] = status(401, "Unauthorized");
  await session.signOut();
  expect(reload).toHaveBeenCalledTimes(2);
  answers["/logout"] = status(500, "the disk is full");
  await expect(session.signOut()).rejects.toThrow("the disk is full");
  expect(reload).toHaveBeenCalledTimes(2);
});
