import { expect, test } from "vitest";
import { Ring } from "@/live/ring";
import { toPoints } from "./sparkline";

const look = { width: 103, height: 24, spanMs: 10_000, fromZero: false };

function ring(...samples: [number, number][]): Ring {
  const filled = new Ring(10);
  for (const [time, value] of samples) filled.push(time, value);
  return filled;
}

test("puts the newest sample at the right edge and leaves out what is older than the span", () => {
  const points = toPoints(ring([0, 5], [20_000, 1], [25_000, 2], [30_000, 3]), look);
  expect(points.map((point) => point.x)).toEqual([1, 51, 101]);
  expect(points.map((point) => point.y)).toEqual([22, 12, 2]);
});

test("draws a constant as a line through the middle", () => {
  expect(toPoints(ring([0, 7], [1000, 7]), look).map((point) => point.y)).toEqual([12, 12]);
});

test("starts a rate's axis at zero, so that a steady rate is steady", () => {
  const [steady] = toPoints(ring([0, 4], [1000, 4]), { ...look, fromZero: true });
  const [none] = toPoints(ring([0, 0], [1000, 0]), { ...look, fromZero: true });
  expect(steady?.y).toBeCloseTo(6);
  expect(none?.y).toBe(22);
});

test("keeps a gap a gap", () => {
  const points = toPoints(ring([0, 1], [1000, Number.NaN], [2000, 2]), look);
  expect(points[1]?.y).toBeNaN();
});

test("draws nothing without samples", () => {
  expect(toPoints(new Ring(3), look)).toEqual([]);
});
