/** A fixed number of (time, value) samples, oldest overwritten first. NaN is a gap. */
export class Ring {
  readonly times: Float64Array;
  readonly values: Float64Array;
  private head = 0;
  private used = 0;

  constructor(readonly capacity: number) {
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
  }

  get size(): number {
    return this.used;
  }

  push(time: number, value: number): void {
    this.times[this.head] = time;
    this.values[this.head] = value;
    this.head = (this.head + 1) % this.capacity;
    this.used = Math.min(this.capacity, this.used + 1);
  }

  /** The i-th oldest sample. */
  timeAt(i: number): number {
    return this.times[this.index(i)] ?? Number.NaN;
  }

  valueAt(i: number): number {
    return this.values[this.index(i)] ?? Number.NaN;
  }

  /** How many samples are younger than `time`. */
  countSince(time: number): number {
    let count = 0;
    for (let i = this.used - 1; i >= 0 && this.timeAt(i) > time; i -= 1) count += 1;
    return count;
  }

  /** Copies out in order of time, for a chart that wants arrays. */
  toArrays(): [number[], (number | null)[]] {
    const times: number[] = [];
    const values: (number | null)[] = [];
    for (let i = 0; i < this.used; i += 1) {
      const value = this.valueAt(i);
      times.push(this.timeAt(i) / 1000);
      values.push(Number.isNaN(value) ? null : value);
    }
    return [times, values];
  }

  private index(i: number): number {
    return (this.head - this.used + i + this.capacity) % this.capacity;
  }
}
