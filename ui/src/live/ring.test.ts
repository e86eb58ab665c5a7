import { expect, test } from "vitest";
import { Ring } from "./ring";

test("keeps the newest samples in order", () => {
  const ring = new Ring(3);
  for (let i = 1; i <= 5; i += 1) ring.push(i * 1000, i);
  expect(ring.size).toBe(3);
  expect(ring.toArrays()).toEqual([
    [3, 4, 5],
    [3, 4, 5],
  ]);
});

test("hands a gap on as a gap", () => {
  const ring = new Ring(3);
  ring.push(1000, Number.NaN);
  expect(ring.toArrays()[1]).toEqual([null]);
});

test("counts what is younger than a moment", () => {
  const ring = new Ring(4);
  for (let i = 1; i <= 6; i += 1) ring.push(i, 0);
  expect(ring.countSince(4)).toBe(2);
  expect(ring.countSince(0)).toBe(4);
});
