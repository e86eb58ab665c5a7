import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { request } from "./api";
import { Session } from "./session";
import type { SessionNews, Tabs } from "./tabs";

/** Answers by path; a path that is not named here is not reached. */
let answers: Record<string, () => Response>;
let sent: { path: string; init: RequestInit | undefined }[];
let session: Session;
let reload: ReturnType<typeof vi.fn<() => void>>;
let stop: () => void;
let told: SessionNews[];
/** As if another tab of the browser had told it. */
let hear: (news: SessionNews) => void;
const tabs: Tabs = {
  tell: (news) => told.push(news),
  listen(listener) {
    hear = listener;
    return () => {
      hear = () => undefined;
    };
  },
};
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
  told = [];
  session = new Session(reload, tabs);
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

test("a sign-in or sign-out is told to the other tabs, a failed one is not", async () => {
  await start(status(401, "Unauthorized"));
  answers["/login"] = status(401, "the user name or the password is wrong");
  await session.signIn("ann", "x").catch(() => undefined);
  expect(told).toEqual([]);
  answers["/login"] = () => Response.json({ username: "ann" });
  await session.signIn("ann", "s3cret");
  expect(told).toEqual(["changed"]);
  answers["/logout"] = () => Response.json({});
  await session.signOut();
  expect(told).toEqual(["changed", "ended"]);
});

test("goes on once another tab has signed the same user in again", async () => {
  await start(reviewOf("ann"));
  answers["/apis"] = status(401, "Unauthorized");
  await request("/apis").catch(() => undefined);
  expect(session.snapshot().phase).toBe("out");
  hear("changed");
  await settle();
  expect(session.snapshot()).toMatchObject({ phase: "in", user: "ann" });
  expect(reload).not.toHaveBeenCalled();
});

test("begins anew once another tab has signed somebody else in", async () => {
  await start(reviewOf("ann"));
  answers[REVIEW] = reviewOf("eve");
  hear("changed");
  await settle();
  expect(reload).toHaveBeenCalledOnce();
});

test("begins anew once another tab has signed out", async () => {
  await start(reviewOf("ann"));
  hear("ended");
  expect(reload).toHaveBeenCalledOnce();
});

test("a look while the API is away changes nothing; one without a session wants a sign-in", async () => {
  await start(reviewOf("ann"));
  delete answers[REVIEW];
  hear("changed");
  await settle(60_000);
  expect(session.snapshot()).toMatchObject({ phase: "in", user: "ann" });
  answers[REVIEW] = status(401, "Unauthorized");
  hear("changed");
  await settle();
  expect(session.snapshot()).toMatchObject({ phase: "out", user: "ann" });
});
