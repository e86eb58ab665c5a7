import { expect, test } from "vitest";
import { oldest } from "./freshness";

const asset = (name: string, enabled = true) => ({ metadata: { name }, spec: { enabled } });
const times: Record<string, string> = {
  "asset/a": "2026-01-01T00:00:10Z",
  "asset/b": "2026-01-01T00:00:05Z",
};
const measure = (key: string) => {
  const time = times[key];
  return time ? { arrivedAt: 0, rates: {}, fields: { last_value_time: time } } : undefined;
};

test("finds the asset whose last value is the oldest", () => {
  const found = oldest([asset("a"), asset("b")], measure);
  expect(found.asset?.metadata.name).toBe("b");
  expect(found.at).toBe(Date.parse("2026-01-01T00:00:05Z"));
});

test("points at an asset that never had a value", () => {
  expect(oldest([asset("a"), asset("new")], measure)).toMatchObject({
    asset: { metadata: { name: "new" } },
    at: undefined,
  });
});

test("does not wait for what is switched off", () => {
  expect(oldest([asset("a"), asset("off", false)], measure).asset?.metadata.name).toBe("a");
});
