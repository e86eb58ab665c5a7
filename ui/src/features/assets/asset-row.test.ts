import { expect, test } from "vitest";
import { Ring } from "@/live/ring";
import { countQualities, evidenceOf, matchesText } from "./asset-row";
import { filterTags, tagEntries } from "./tag-list";
import { updatesPerSecond } from "./tag-row";

const summary = { messageAt: 10_000, names: [], good: 5, uncertain: 1, bad: 2 };
const asset = { metadata: { name: "oven" } };

test("counts configured tags that never had a value as No data", () => {
  const evidence = evidenceOf(asset, true, summary, undefined);
  expect(countQualities(10, summary, evidence, 10_500)).toEqual({
    good: 5,
    uncertain: 1,
    bad: 2,
    stale: 0,
    none: 2,
  });
});

test("counts every value as stale once the asset is silent", () => {
  const evidence = evidenceOf(asset, true, summary, undefined);
  expect(countQualities(10, summary, evidence, 30_000)).toMatchObject({
    good: 0,
    stale: 8,
    none: 2,
  });
});

test("takes the connector's word for the last value of an asset", () => {
  const fields = { last_value_time: "1970-01-01T00:00:25Z" };
  const evidence = evidenceOf(asset, true, summary, { arrivedAt: 0, rates: {}, fields });
  expect(evidence.deliveredAt).toBe(25_000);
});

test("matches all words in any order and case", () => {
  expect(matchesText(["Boiler 2", undefined, "plc-a"], "PLC boil")).toBe(true);
  expect(matchesText(["Boiler 2"], "boiler 3")).toBe(false);
});

const tag = (name: string) => ({
  name,
  dataset: "default",
  source: `ns=3;s=${name}`,
  topic: "t",
  samplingMs: undefined,
});

test("lists configured tags first, then what arrived without being configured", () => {
  const entries = tagEntries([tag("b"), tag("a")], ["a", "x"], "t");
  expect(entries.map(({ name, configured }) => [name, configured])).toEqual([
    ["b", true],
    ["a", true],
    ["x", false],
  ]);
});

test("filters tags by name and by node", () => {
  const entries = tagEntries([tag("Temperature"), tag("Weight")], [], "t");
  expect(filterTags(entries, "ns=3 weig").map((entry) => entry.name)).toEqual(["Weight"]);
});

test("measures updates per second over ten seconds, and over less at the start", () => {
  const ring = new Ring(100);
  for (let i = 1; i <= 60; i += 1) ring.push(i * 500, i);
  expect(updatesPerSecond(ring, 30_000)).toBe(2);
  expect(updatesPerSecond(ring, 45_000)).toBe(0);
  const young = new Ring(100);
  young.push(30_000, 1);
  expect(updatesPerSecond(young, 30_000)).toBeCloseTo(1 / 3);
});
