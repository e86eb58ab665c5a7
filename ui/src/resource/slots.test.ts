import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Slots } from "./slots";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const forever = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));

test("lets no more tasks run at a time than it has slots", async () => {
  const slots = new Slots(2, 1000);
  const outer = new AbortController();
  let running = 0;
  const task = (signal: AbortSignal) => {
    running += 1;
    return forever(signal);
  };
  for (let i = 0; i < 5; i += 1) void slots.use(outer.signal, task);
  await vi.advanceTimersByTimeAsync(0);
  expect(running).toBe(2);
});

test("gives everyone a turn when there are more tasks than slots", async () => {
  const slots = new Slots(1, 1000);
  const outer = new AbortController();
  const seen: string[] = [];
  const loop = async (name: string) => {
    while (!outer.signal.aborted) {
      await slots.use(outer.signal, (signal) => {
        seen.push(name);
        return forever(signal);
      });
    }
  };
  for (const name of ["a", "b", "c"]) void loop(name);
  await vi.advanceTimersByTimeAsync(6000);
  outer.abort();
  expect(seen.slice(0, 4)).toEqual(["a", "b", "c", "a"]);
});

test("lets a single task keep its slot", async () => {
  const slots = new Slots(1, 1000);
  const outer = new AbortController();
  const ended = vi.fn();
  void slots.use(outer.signal, forever).then(ended);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ended).not.toHaveBeenCalled();
  expect(slots.watchSeconds).toBe(300);
});

test("does not start a task whose owner left while it waited", async () => {
  const slots = new Slots(1, 1000);
  const [first, second] = [new AbortController(), new AbortController()];
  const started = vi.fn(() => Promise.resolve());
  void slots.use(first.signal, forever);
  const waiting = slots.use(second.signal, started);
  second.abort();
  await waiting;
  expect(started).not.toHaveBeenCalled();
  first.abort();
  await vi.advanceTimersByTimeAsync(0);
  await slots.use(new AbortController().signal, started);
  expect(started).toHaveBeenCalledOnce();
});
