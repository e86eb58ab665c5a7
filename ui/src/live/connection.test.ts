import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection, matches, type WireEvents } from "./connection";

/** A broker that the test plays: it notes what is asked and lets the test open, close and send. */
class FakeBroker {
  opened = 0;
  asked: string[] = [];
  events: WireEvents | undefined;

  readonly open = (_url: string, events: WireEvents) => {
    this.opened += 1;
    this.events = events;
    return Promise.resolve({
      subscribe: (filters: string[]) => void this.asked.push(...filters.map((f) => `+${f}`)),
      unsubscribe: (filters: string[]) => void this.asked.push(...filters.map((f) => `-${f}`)),
      end: () => undefined,
    });
  };

  send(topic: string): void {
    this.events?.onMessage(topic, new Uint8Array());
  }
}

let broker: FakeBroker;
let connection: Connection;

beforeEach(async () => {
  vi.useFakeTimers();
  broker = new FakeBroker();
  connection = new Connection(broker.open);
});
afterEach(() => void vi.useRealTimers());

async function connect(): Promise<void> {
  connection.setUrl("ws://h:8083/mqtt");
  await vi.advanceTimersByTimeAsync(0);
  broker.events?.onOpen();
}

test("subscribes once for many listeners and unsubscribes after the last", async () => {
  await connect();
  const stops = [vi.fn(), vi.fn()].map((listener) => connection.subscribe("a/b", listener));
  expect(broker.asked).toEqual(["+a/b"]);
  stops[0]?.();
  expect(broker.asked).toEqual(["+a/b"]);
  stops[1]?.();
  expect(broker.asked).toEqual(["+a/b", "-a/b"]);
});

test("hands a message to every filter that matches", async () => {
  const [exact, wild, other] = [vi.fn(), vi.fn(), vi.fn()];
  connection.subscribe("$wireway/metrics/broker/default", exact);
  connection.subscribe("$wireway/metrics/+/+", wild);
  connection.subscribe("x", other);
  await connect();
  broker.send("$wireway/metrics/broker/default");
  expect(exact).toHaveBeenCalledOnce();
  expect(wild).toHaveBeenCalledOnce();
  expect(other).not.toHaveBeenCalled();
});

test("says why it is down and when it tries again, then comes back with its subscriptions", async () => {
  connection.subscribe("a/b", vi.fn());
  await connect();
  broker.asked = [];
  broker.events?.onClose("The broker closed the connection");
  const { phase, reason, nextRetryAt } = connection.snapshot();
  expect([phase, reason]).toEqual(["waiting", "The broker closed the connection"]);
  expect(nextRetryAt).toBeGreaterThan(Date.now());
  await vi.advanceTimersByTimeAsync(1200);
  broker.events?.onOpen();
  expect(connection.snapshot()).toMatchObject({ phase: "connected", reason: "" });
  expect(broker.asked).toEqual(["+a/b"]);
});

test("remembers since when it is down, through every failed try", async () => {
  await connect();
  broker.events?.onClose("gone");
  const { since } = connection.snapshot();
  await vi.advanceTimersByTimeAsync(1200);
  broker.events?.onClose("refused");
  expect(connection.snapshot()).toMatchObject({ since, reason: "refused" });
});

test("tries at once when someone asks", async () => {
  await connect();
  broker.events?.onClose("gone");
  connection.retryNow();
  expect(broker.opened).toBe(2);
});

test("moves to a new address and ignores the old connection", async () => {
  await connect();
  const old = broker.events;
  const listener = vi.fn();
  connection.subscribe("a", listener);
  connection.setUrl("ws://h:9001/mqtt");
  await vi.advanceTimersByTimeAsync(0);
  old?.onMessage("a", new Uint8Array());
  old?.onClose("late");
  expect(listener).not.toHaveBeenCalled();
  expect(connection.snapshot().phase).toBe("connecting");
});

test.each([
  ["a/+/c", "a/b/c", true],
  ["a/+", "a/b/c", false],
  ["a/#", "a/b/c", true],
  ["a/b", "a/b", true],
  ["+/b", "$sys/b", false],
  ["$sys/+", "$sys/b", true],
  ["a/b/+", "a/b", false],
])("matches %s against %s: %s [MQTT-4.7]", (filter, topic, expected) => {
  expect(matches(filter, topic)).toBe(expected);
});
