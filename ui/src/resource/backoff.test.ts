import { expect, test } from "vitest";
import { backoffMs } from "./backoff";

test("doubles from one second and never waits longer than fifteen, give or take the spread", () => {
  const middle = (attempt: number) => backoffMs(attempt, () => 0.5);
  expect([1, 2, 3, 4, 5, 50].map(middle)).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
  expect(backoffMs(50, () => 1)).toBeLessThanOrEqual(17_250);
});
