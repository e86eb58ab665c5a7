import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection, type WireEvents } from "./connection";
import { TagHub } from "./tag-hub";
import { decimalsOf } from "./tags";

let events: WireEvents | undefined;
let hub: TagHub;

beforeEach(async () => {
  vi.useFakeTimers();
  const connection = new Connection((_url, given) => {
    events = given;
    const nothing = () => undefined;
    return Promise.resolve({ subscribe: nothing, unsubscribe: nothing, end: nothing });
  });
  hub = new TagHub(connection);
  connection.setUrl("ws://h/mqtt");
  await vi.advanceTimersByTimeAsync(0);
  events?.onOpen();
});
afterEach(() => void vi.useRealTimers());

const send = (topic: string, message: object) =>
  events?.onMessage(topic, new TextEncoder().encode(JSON.stringify(message)));

test("shows at most five changes a second, the last value winning", () => {
  hub.retain("t");
  const seen = vi.fn();
  hub.topic("t").watchTag("x", seen);
  for (let i = 0; i < 100; i += 1) send("t", { x: { Value: i } });
  expect(seen).not.toHaveBeenCalled();
  vi.advanceTimersByTime(200);
  expect(seen).toHaveBeenCalledOnce();
  expect(hub.topic("t").tag("x")?.value).toBe(99);
  expect(hub.topic("t").tag("x")?.history.size).toBe(100);
});

test("shows the first value at once and spaces out what follows", () => {
  hub.retain("t");
  const seen = vi.fn();
  hub.topic("t").watchTag("x", seen);
  for (let ms = 0; ms < 980; ms += 20) {
    send("t", { x: { Value: ms } });
    vi.advanceTimersByTime(20);
    if (ms === 0) expect(seen).toHaveBeenCalledOnce();
  }
  expect(seen.mock.calls.length).toBeLessThanOrEqual(5);
});

test("wakes only those who look at the tag that changed", () => {
  hub.retain("t");
  const [x, y] = [vi.fn(), vi.fn()];
  hub.topic("t").watchTag("x", x);
  hub.topic("t").watchTag("y", y);
  send("t", { x: { Value: 1 } });
  vi.advanceTimersByTime(200);
  expect(x).toHaveBeenCalledOnce();
  expect(y).not.toHaveBeenCalled();
});

test("counts each tag once by its latest quality", () => {
  hub.retain("t");
  send("t", { x: { Value: 1 }, y: { Value: 1 } });
  vi.advanceTimersByTime(200);
  send("t", { y: { StatusCode: { Code: 0x80310000, Symbol: "BadNoCommunication" } } });
  vi.advanceTimersByTime(200);
  expect(hub.topic("t").summary()).toMatchObject({ good: 1, uncertain: 0, bad: 1 });
  expect(hub.topic("t").summary().names).toEqual(["x", "y"]);
});

test("keeps the last values for those who come back, but takes no more", () => {
  const stop = hub.retain("t");
  send("t", { x: { Value: 1 } });
  vi.advanceTimersByTime(200);
  stop();
  send("t", { x: { Value: 2 } });
  vi.advanceTimersByTime(200);
  expect(hub.topic("t").tag("x")?.value).toBe(1);
});

test("lets the decimal point of a value stand still", () => {
  hub.retain("t");
  for (const value of [98.22872507286884, 0, 1000]) {
    send("t", { x: { Value: value } });
    vi.advanceTimersByTime(200);
  }
  expect(hub.topic("t").tag("x")?.decimals).toBe(3);
  expect([1, 0.5, 12.25, 1e-9, Number.NaN, "text"].map(decimalsOf)).toEqual([0, 1, 2, 3, 0, 0]);
});
