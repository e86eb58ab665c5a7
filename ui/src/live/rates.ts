/** One reading of a process's counters. */
export interface Reading {
  /** Milliseconds, by the clock of the process that counts. */
  time: number;
  started: string;
  counters: Readonly<Record<string, number>>;
}

/** Five seconds at one reading a second: calm enough to read, quick enough to see a stop. */
const WINDOW_MS = 5000;
const READINGS_MAX = 12;

/** Turns cumulative counters into rates per second; a restart of the process begins a new window. */
export class RateWindow {
  private readings: Reading[] = [];

  push(reading: Reading): void {
    const last = this.readings.at(-1);
    if (last && restarted(last, reading)) this.readings = [];
    if (last && reading.time <= last.time) this.readings = this.readings.slice(0, -1);
    this.readings.push(reading);
    const oldest = reading.time - WINDOW_MS - 500;
    this.readings = this.readings.filter((entry) => entry.time >= oldest).slice(-READINGS_MAX);
  }

  /** Undefined until there are two readings that carry the counter. */
  rate(counter: string): number | undefined {
    const having = this.readings.filter((reading) => counter in reading.counters);
    const first = having[0];
    const last = having.at(-1);
    if (!first || !last || last.time <= first.time) return undefined;
    const counted = (last.counters[counter] ?? 0) - (first.counters[counter] ?? 0);
    return (counted * 1000) / (last.time - first.time);
  }
}

function restarted(before: Reading, after: Reading): boolean {
  if (before.started !== after.started) return true;
  return Object.entries(after.counters).some(
    ([name, value]) => value < (before.counters[name] ?? 0) && !GAUGES.has(name),
  );
}

/** Numbers in the metrics that go up and down: they have a value, never a rate. */
export const GAUGES: ReadonlySet<string> = new Set([
  "connections",
  "sessions",
  "subscriptions",
  "retained",
  "in_flight",
]);
