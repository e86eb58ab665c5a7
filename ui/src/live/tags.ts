import type { Sample } from "./payload";
import { qualityOfStatus } from "./quality";
import { Ring } from "./ring";

/** What a row of the tag table shows; a new object whenever something changed, at most five times a second. */
export interface TagSnapshot {
  value: unknown;
  hasValue: boolean;
  statusCode: number;
  statusText: string;
  sourceTime: string | undefined;
  arrivedAt: number;
  /** The most decimals seen so far, so that the decimal point of a changing value stands still. */
  decimals: number;
  /** Arrivals with their numeric value; shared and mutable, read it when the snapshot changes. */
  history: Ring;
}

export interface TopicSummary {
  messageAt: number | undefined;
  names: readonly string[];
  good: number;
  uncertain: number;
  bad: number;
}

const HISTORY_SAMPLES = 300;
const HISTORY_SAMPLES_MANY = 90;
const MANY_TAGS = 500;
const DECIMALS_MAX = 3;
const EMPTY: TopicSummary = { messageAt: undefined, names: [], good: 0, uncertain: 0, bad: 0 };

/** The latest values that arrived on one topic. */
export class TopicTags {
  private readonly tags = new Map<string, TagSnapshot>();
  private readonly dirty = new Map<string, TagSnapshot>();
  private readonly tagListeners = new Map<string, Set<() => void>>();
  private readonly listeners = new Set<() => void>();
  private names: readonly string[] = [];
  private messageAt: number | undefined;
  private counts = { good: 0, uncertain: 0, bad: 0 };
  private state: TopicSummary = EMPTY;

  readonly summary = (): TopicSummary => this.state;

  tag(name: string): TagSnapshot | undefined {
    return this.tags.get(name);
  }

  watch(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  watchTag(name: string, listener: () => void): () => void {
    let listeners = this.tagListeners.get(name);
    if (!listeners) {
      listeners = new Set();
      this.tagListeners.set(name, listeners);
    }
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.tagListeners.delete(name);
    };
  }

  accept(samples: readonly Sample[], now: number): void {
    this.messageAt = now;
    for (const sample of samples) {
      const before = this.dirty.get(sample.name) ?? this.tags.get(sample.name);
      if (before) this.counts[qualityOfStatus(before.statusCode)] -= 1;
      this.counts[qualityOfStatus(sample.statusCode)] += 1;
      const history = before?.history ?? new Ring(this.historySize(samples.length));
      history.push(now, numberOf(sample));
      this.dirty.set(sample.name, next(before, sample, history, now));
    }
  }

  /** Makes what arrived since the last time visible, and tells those who look at it. */
  flush(): void {
    const changed = [...this.dirty.keys()];
    const added = changed.some((name) => !this.tags.has(name));
    for (const [name, tag] of this.dirty) this.tags.set(name, tag);
    this.dirty.clear();
    if (added) this.names = [...this.tags.keys()];
    this.state = { messageAt: this.messageAt, names: this.names, ...this.counts };
    for (const name of changed) {
      for (const listener of this.tagListeners.get(name) ?? []) listener();
    }
    for (const listener of this.listeners) listener();
  }

  private historySize(tags: number): number {
    return Math.max(tags, this.tags.size) > MANY_TAGS ? HISTORY_SAMPLES_MANY : HISTORY_SAMPLES;
  }
}

function next(
  before: TagSnapshot | undefined,
  sample: Sample,
  history: Ring,
  now: number,
): TagSnapshot {
  return {
    value: sample.value,
    hasValue: sample.hasValue,
    statusCode: sample.statusCode,
    statusText: sample.statusText,
    sourceTime: sample.sourceTime,
    arrivedAt: now,
    decimals: Math.max(before?.decimals ?? 0, decimalsOf(sample.value)),
    history,
  };
}

function numberOf(sample: Sample): number {
  if (typeof sample.value === "number") return sample.value;
  if (typeof sample.value === "boolean") return sample.value ? 1 : 0;
  return Number.NaN;
}

export function decimalsOf(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value) || Number.isInteger(value)) return 0;
  const text = String(Math.abs(value));
  if (text.includes("e")) return DECIMALS_MAX;
  return Math.min(DECIMALS_MAX, text.length - text.indexOf(".") - 1);
}
