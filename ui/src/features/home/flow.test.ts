import { expect, test } from "vitest";
import type { Measure } from "@/live/metrics";
import { flowOf, flowWidth } from "./flow";
import type { PathEdge } from "./graph";

const edge: PathEdge = {
  id: "e",
  from: "a",
  to: "b",
  measures: ["asset/x", "asset/y"],
  labelled: ["asset/x", "asset/y"],
  rate: "messages",
  unit: "msg/s",
  bytes: "bytes_in",
  lost: "dead_lettered",
};

const metrics = (measures: Record<string, Measure>) => ({
  get: (key: string) => measures[key],
});

const measure = (arrivedAt: number, messages?: number): Measure => ({
  arrivedAt,
  rates: { messages, bytes_in: 100 },
  fields: {},
});

test("sums the measures of an edge", () => {
  const flow = flowOf(edge, metrics({ "asset/x": measure(0, 2), "asset/y": measure(0, 3) }), 1000);
  expect(flow).toEqual({ state: "live", rate: 5, bytes: 200, lost: 0 });
});

test("turns stale after three seconds of silence, and says since when", () => {
  const silent = metrics({ "asset/x": measure(1000, 2) });
  expect(flowOf(edge, silent, 4000).state).toBe("live");
  expect(flowOf(edge, silent, 4001)).toEqual({ state: "stale", since: 1000 });
});

test("leaves out the silent one of two without hiding the other", () => {
  const half = metrics({ "asset/x": measure(0, 2), "asset/y": measure(9000, 3) });
  expect(flowOf(edge, half, 10_000)).toMatchObject({ state: "live", rate: 3 });
});

test("tells never measured from just started", () => {
  expect(flowOf(edge, metrics({}), 0).state).toBe("none");
  expect(flowOf(edge, metrics({ "asset/x": measure(0) }), 0).state).toBe("starting");
});

test("draws more flow wider, within limits, and no flow thin", () => {
  const live = (rate: number) => flowWidth({ state: "live", rate, bytes: undefined, lost: 0 });
  expect(live(0)).toBe(1.5);
  expect(live(10)).toBeLessThan(live(1000));
  expect(live(1e9)).toBe(6);
  expect(flowWidth({ state: "stale", since: 0 })).toBe(1.5);
});

test("says what is lost", () => {
  const losing = { arrivedAt: 0, rates: { messages: 1, dead_lettered: 2 }, fields: {} };
  expect(flowOf(edge, metrics({ "asset/x": losing }), 0)).toMatchObject({ rate: 1, lost: 2 });
});
