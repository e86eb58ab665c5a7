/** One reading of a process's counters. */
export interface Reading {
  /** Milliseconds, by the clock of the process that counts. */
  time: number;
  started: string;
  counters: Readonly<Record<string, number>>;
}

/** Five seconds at one reading a second: calm enough to read, quick enough to see a stop. */
const WINDOW_MS = 5000;
/** Destinations take batches: between two of them nothing is delivered, and yet nothing stands still. */
const BATCH_WINDOW_MS = 30_000;
const BATCHED: ReadonlySet<string> = new Set(["delivered", "bytes_out"]);
const READINGS_MAX = 64;
/** Readings come a little early or late; the oldest of a window may be so much older. */
const SLACK_MS = 500;

/** Turns cumulative counters into rates per second; a restart of the process begins a new window. */
export class RateWindow {
  private readings: Reading[] = [];

  push(reading: Reading): void {
    const last = this.readings.at(-1);
    if (last && last.started !== reading.started) this.readings = [];
    if (last && reading.time <= last.time) this.readings = this.readings.slice(0, -1);
    this.readings.push(reading);
    const oldest = reading.time - BATCH_WINDOW_MS - SLACK_MS;
    this.readings = this.readings.filter((entry) => entry.time >= oldest).slice(-READINGS_MAX);
  }

  /** Undefined until there are two readings that carry the counter. */
  rate(counter: string, windowMs = BATCHED.has(counter) ? BATCH_WINDOW_MS : WINDOW_MS) {
    const last = this.readings.at(-1);
    let first = last;
    // Back to the start of the window, or to where the counter fell: there it began anew.
    for (const reading of this.readings.toReversed()) {
      if (!first || !last || last.time - reading.time > windowMs + SLACK_MS) break;
      if (readingOf(reading, counter) > readingOf(first, counter)) break;
      first = reading;
    }
    if (!first || !last || last.time <= first.time) return undefined;
    if (!(counter in first.counters) || !(counter in last.counters)) return undefined;
    const counted = readingOf(last, counter) - readingOf(first, counter);
    return (counted * 1000) / (last.time - first.time);
  }
}

function readingOf(reading: Reading, counter: string): number {
  return reading.counters[counter] ?? Number.POSITIVE_INFINITY;
}
