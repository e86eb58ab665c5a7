import { expect, test } from "vitest";
import { RateWindow } from "./rates";

const at = (second: number, values: number, started = "s") => ({
  time: second * 1000,
  started,
  counters: { values },
});

test("has no rate before the second reading", () => {
  const window = new RateWindow();
  window.push(at(0, 1000));
  expect(window.rate("values")).toBeUndefined();
});

test("averages over five seconds and forgets what is older", () => {
  const window = new RateWindow();
  for (let i = 0; i <= 20; i += 1) window.push(at(i, i < 10 ? 0 : (i - 10) * 6));
  expect(window.rate("values")).toBe(6);
});

test("divides by the time that really passed", () => {
  const window = new RateWindow();
  window.push(at(0, 0));
  window.push(at(2.5, 10));
  expect(window.rate("values")).toBe(4);
});

test("begins anew when the process was restarted", () => {
  const window = new RateWindow();
  window.push(at(0, 5000, "first"));
  window.push(at(1, 5010, "first"));
  window.push(at(2, 3, "second"));
  expect(window.rate("values")).toBeUndefined();
  window.push(at(3, 13, "second"));
  expect(window.rate("values")).toBe(10);
});

test("takes a counter that fell as a new beginning of that counter alone", () => {
  const window = new RateWindow();
  const push = (second: number, values: number, queued: number) =>
    window.push({ time: second * 1000, started: "", counters: { values, queued } });
  push(0, 10, 500);
  push(1, 12, 20);
  expect(window.rate("values")).toBe(2);
  push(2, 1, 30);
  expect(window.rate("values")).toBeUndefined();
  push(3, 4, 10);
  expect(window.rate("values")).toBe(3);
});

test("has no rate for a counter that nobody counts", () => {
  const window = new RateWindow();
  window.push(at(0, 0));
  window.push(at(1, 5));
  expect(window.rate("other")).toBeUndefined();
  window.push({ time: 2000, started: "s", counters: {} });
  expect(window.rate("values")).toBeUndefined();
});

test("does not let a destination look dead between two batches", () => {
  const window = new RateWindow();
  for (let second = 0; second <= 60; second += 1) {
    const delivered = Math.floor(second / 10) * 20;
    window.push({ time: second * 1000, started: "s", counters: { delivered } });
    if (second > 40) expect(window.rate("delivered")).toBeCloseTo(2, 0);
  }
});

test("is not confused by two readings of one instant", () => {
  const window = new RateWindow();
  window.push(at(0, 0));
  window.push(at(1, 4));
  window.push(at(1, 5));
  expect(window.rate("values")).toBe(5);
});
