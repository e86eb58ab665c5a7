import { expect, test } from "vitest";
import { Connection } from "./connection";
import { MetricStore, measureKey } from "./metrics";

function store(): MetricStore {
  return new MetricStore(new Connection(() => Promise.reject(new Error("offline"))));
}

function feed(metrics: MetricStore, topic: string, second: number, body: object): void {
  const time = new Date(second * 1000).toISOString();
  const bytes = new TextEncoder().encode(JSON.stringify({ time, started: "s", ...body }));
  metrics.accept(`$wireway/metrics/${topic}`, bytes, second * 1000);
}

test("finds broker, assets and dataflows each under their own key", () => {
  const metrics = store();
  for (const second of [10, 11]) {
    feed(metrics, "broker/default", second, { messages_in: second * 4, connections: 3 });
    feed(metrics, "opcua/c0", second, { assets: { oven: { values: second * 6 } } });
    feed(metrics, "dataflow/p", second, { dataflows: { lake: { delivered: second * 2 } } });
  }
  expect(metrics.get(measureKey("broker", "default"))?.rates.messages_in).toBe(4);
  expect(metrics.get(measureKey("broker", "default"))?.fields.connections).toBe(3);
  expect(metrics.get(measureKey("asset", "oven"))?.rates.values).toBe(6);
  expect(metrics.get(measureKey("dataflow", "lake"))?.rates.delivered).toBe(2);
});

test("sums over everything fresh, and has no total when all is silent", () => {
  const metrics = store();
  for (const second of [10, 11]) {
    feed(metrics, "opcua/c0", second, { assets: { a: { values: second }, b: { values: second } } });
    feed(metrics, "broker/default", second, { dropped: 0 });
    feed(metrics, "dataflow/p", second, { dataflows: { f: { dead_lettered: second * 3 } } });
  }
  expect(metrics.totals(11_500)).toMatchObject({ values: 2, dropped: 3, messagesIn: undefined });
  expect(metrics.totals(15_000).values).toBeUndefined();
});

test("records silence as a gap, not as zero", () => {
  const metrics = store();
  for (const second of [10, 11]) feed(metrics, "broker/b", second, { messages_in: second });
  metrics.sample(11_000);
  metrics.sample(20_000);
  expect(metrics.history.messagesIn.toArrays()[1]).toEqual([1, null]);
});

test("ignores what is not a metrics message", () => {
  const metrics = store();
  const bytes = new TextEncoder().encode("[1");
  metrics.accept("$wireway/metrics/broker/b", bytes, 0);
  feed(metrics, "opcua/c0", 1, { assets: "none" });
  expect(metrics.get(measureKey("broker", "b"))).toBeUndefined();
});
