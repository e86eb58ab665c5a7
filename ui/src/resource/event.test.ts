import { expect, test } from "vitest";
import { eventRows, isAbout } from "./event";

const core = {
  metadata: { name: "a.1", namespace: "ns" },
  type: "Warning",
  reason: "Restarted",
  message: "ended on signal 9",
  count: 3,
  lastTimestamp: "2026-01-01T10:00:00Z",
  involvedObject: { kind: "Asset", name: "oven", namespace: "ns" },
};

const modern = {
  metadata: { name: "b.1", namespace: "ns" },
  type: "Normal",
  reason: "Started",
  note: "pid 4711",
  eventTime: "2026-01-01T10:00:00.5Z",
  regarding: { kind: "Broker", name: "default", namespace: "ns" },
};

test("lists events of both API shapes, newest first", () => {
  const rows = eventRows([core, modern]);
  expect(rows.map((row) => [row.reason, row.message, row.count])).toEqual([
    ["Started", "pid 4711", 1],
    ["Restarted", "ended on signal 9", 3],
  ]);
  expect(rows[1]?.warning).toBe(true);
});

test("matches an event to its object by kind, name and namespace", () => {
  const [row] = eventRows([core]);
  const oven = { metadata: { name: "oven", namespace: "ns" } };
  expect(row && isAbout(row, "Asset", oven)).toBe(true);
  expect(row && isAbout(row, "Dataflow", oven)).toBe(false);
  expect(row && isAbout(row, "Asset", { metadata: { name: "oven", namespace: "x" } })).toBe(false);
});
