import { expect, test } from "vitest";
import { type Evidence, qualityOf, qualityOfStatus, staleReason } from "./quality";

test.each([
  [0, "good"],
  [0x00a60000, "good"],
  [0x40900000, "uncertain"],
  [0x80310000, "bad"],
  [0xffffffff, "bad"],
])("reads the severity bits of 0x%s", (code, quality) => {
  expect(qualityOfStatus(code)).toBe(quality);
});

const now = 1_000_000;
const alive: Evidence = {
  linked: true,
  ready: true,
  messageAt: now - 800,
  deliveredAt: now - 900,
  metricsAt: now - 500,
  publishingMs: 1000,
};

test("trusts an asset that sends, is ready and is linked", () => {
  expect(staleReason(alive, now)).toBeUndefined();
});

test.each([
  ["the link is down", { linked: false }, "no connection to the broker"],
  ["the asset is not ready", { ready: false }, "the asset is not ready"],
  [
    "the device is silent",
    { messageAt: now - 9000, deliveredAt: now - 9000 },
    "the device sends nothing",
  ],
  [
    "the connector is silent",
    { messageAt: now - 9000, deliveredAt: now - 9000, metricsAt: now - 9000 },
    "the connector is silent",
  ],
])("calls values stale when %s", (_what, change, reason) => {
  expect(staleReason({ ...alive, ...change }, now)).toBe(reason);
});

test("measures silence by the asset's own cadence", () => {
  const silent = { ...alive, messageAt: now - 40_000, deliveredAt: undefined };
  expect(staleReason({ ...silent, publishingMs: 10_000 }, now)).toBeUndefined();
  expect(staleReason({ ...silent, publishingMs: 1000 }, now)).toBe("the device sends nothing");
});

test("does not call a value stale that the connector has just delivered unchanged", () => {
  expect(staleReason({ ...alive, messageAt: now - 60_000 }, now)).toBeUndefined();
});

test("keeps No data, Stale and the status code apart", () => {
  const bad = { arrivedAt: now, statusCode: 0x80000000 };
  expect(qualityOf(undefined, "why")).toBe("none");
  expect(qualityOf(bad, "why")).toBe("stale");
  expect(qualityOf(bad, undefined)).toBe("bad");
});
