import { expect, test } from "vitest";
import { formatAge, formatBytes, formatInstant, formatRate, formatValue } from "./format";

test.each([
  [0, "0.0"],
  [9.96, "10.0"],
  [99.94, "99.9"],
  [99.96, "100"],
  [1234, "1,234"],
  [9999.6, "10.0k"],
  [125_300, "125.3k"],
  [9_999_600, "10.0M"],
])("writes the rate %d as %s", (rate, text) => {
  expect(formatRate(rate)).toBe(text);
});

test.each([
  [0, "0 B"],
  [999.4, "999 B"],
  [1500, "1.5 kB"],
  [2_500_000, "2.5 MB"],
])("writes %d bytes as %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [-500, "0 s"],
  [1999, "1 s"],
  [119_999, "119 s"],
  [120_000, "2 min"],
  [7_200_000, "2 h"],
  [172_800_000, "2 d"],
])("writes an age of %d ms as %s", (ms, text) => {
  expect(formatAge(ms)).toBe(text);
});

test.each([
  [98.22872507286884, 3, "98.229"],
  [0, 3, "0.000"],
  [-1234.5, 1, "-1,234.5"],
  [4558, 0, "4,558"],
  [1e15, 0, "1.000e+15"],
  [0.0000012, 3, "1.200e-6"],
  ["9007199254740993123", 0, "9007199254740993123"],
  [true, 0, "true"],
  [null, 0, "null"],
  [{ Top: 95 }, 0, '{"Top":95}'],
])("writes the value %j with %d decimals as %s", (value, decimals, text) => {
  expect(formatValue(value, decimals)).toBe(text);
});

test("writes an instant with milliseconds and zone, and leaves nonsense as it is", () => {
  expect(formatInstant("2026-01-02T03:04:05.678Z")).toMatch(
    /^2026-01-0\d \d\d:\d\d:05\.678 UTC([+-]\d\d:\d\d)?$/,
  );
  expect(formatInstant("soon")).toBe("soon");
});
