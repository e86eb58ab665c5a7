import type { Connection } from "./connection";
import { RateWindow, type Reading } from "./rates";
import { Ring } from "./ring";

/** What is measured about one broker, asset or dataflow. */
export interface Measure {
  /** When the last metrics arrived here, by the page's clock. */
  arrivedAt: number;
  rates: Readonly<Record<string, number | undefined>>;
  /** The message as it came: gauges, totals, `last_error`, `destination`. */
  fields: Readonly<Record<string, unknown>>;
}

export type Service = "broker" | "asset" | "dataflow";

/** `asset/oven`: the key under which a measure is found. */
export function measureKey(service: Service, name: string): string {
  return `${service}/${name}`;
}

export interface Totals {
  values: number | undefined;
  messagesIn: number | undefined;
  messagesOut: number | undefined;
  bytesIn: number | undefined;
  bytesOut: number | undefined;
  dropped: number | undefined;
}

export type TotalName = keyof Totals;

const FILTER = "$wireway/metrics/+/+";
const HISTORY_SAMPLES = 900;
const FRESH_MS = 3000;

const SOURCES: Record<TotalName, [Service, string][]> = {
  values: [["asset", "values"]],
  messagesIn: [["broker", "messages_in"]],
  messagesOut: [["broker", "messages_out"]],
  bytesIn: [["broker", "bytes_in"]],
  bytesOut: [["broker", "bytes_out"]],
  dropped: [
    ["asset", "dropped"],
    ["broker", "dropped"],
    ["dataflow", "dead_lettered"],
    ["dataflow", "dropped_when_busy"],
  ],
};

/** Keeps the last metrics of every service, the rates that follow from them, and 15 minutes of totals. */
export class MetricStore {
  readonly history: Record<TotalName, Ring>;
  private readonly windows = new Map<string, RateWindow>();
  private readonly measures = new Map<string, Measure>();
  private readonly listeners = new Set<() => void>();
  private revision = 0;
  private lastSampleAt = 0;

  constructor(connection: Connection) {
    const names = Object.keys(SOURCES) as TotalName[];
    const rings = names.map((name) => [name, new Ring(HISTORY_SAMPLES)]);
    this.history = Object.fromEntries(rings) as Record<TotalName, Ring>;
    connection.subscribe(FILTER, (topic, payload) => this.accept(topic, payload, Date.now()));
  }

  readonly version = (): number => this.revision;

  readonly watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  get(key: string): Measure | undefined {
    return this.measures.get(key);
  }

  keys(service: Service): string[] {
    return [...this.measures.keys()].filter((key) => key.startsWith(`${service}/`));
  }

  accept(topic: string, payload: Uint8Array, now: number): void {
    const [, , service, instance = ""] = topic.split("/");
    const message = parse(payload);
    if (!message) return;
    if (service === "broker") this.put("broker", instance, message, message, now);
    if (service === "opcua") this.putAll("asset", message.assets, message, now);
    if (service === "dataflow") this.putAll("dataflow", message.dataflows, message, now);
    this.revision += 1;
    for (const listener of this.listeners) listener();
  }

  /** The sum over everything that reported lately; undefined where nothing did. */
  totals(now: number): Totals {
    const entries = Object.entries(SOURCES).map(([name, sources]) => [
      name,
      this.sum(sources, now),
    ]);
    return Object.fromEntries(entries) as Totals;
  }

  /** Called once a second by the page's clock; silence is recorded as a gap, not as zero. */
  sample(now: number): void {
    if (now - this.lastSampleAt < 900) return;
    this.lastSampleAt = now;
    for (const [name, total] of Object.entries(this.totals(now))) {
      this.history[name as TotalName].push(now, total ?? Number.NaN);
    }
  }

  private sum(sources: [Service, string][], now: number): number | undefined {
    let total: number | undefined;
    for (const [key, measure] of this.measures) {
      if (now - measure.arrivedAt > FRESH_MS) continue;
      for (const [service, counter] of sources) {
        const rate = key.startsWith(`${service}/`) ? measure.rates[counter] : undefined;
        if (rate !== undefined) total = (total ?? 0) + rate;
      }
    }
    return total;
  }

  private putAll(service: Service, members: unknown, head: Fields, now: number): void {
    if (typeof members !== "object" || members === null) return;
    for (const [name, fields] of Object.entries(members as Record<string, unknown>)) {
      if (typeof fields === "object" && fields !== null) {
        this.put(service, name, fields as Fields, head, now);
      }
    }
  }

  private put(service: Service, name: string, fields: Fields, head: Fields, now: number): void {
    const key = measureKey(service, name);
    let window = this.windows.get(key);
    if (!window) {
      window = new RateWindow();
      this.windows.set(key, window);
    }
    const reading = readingOf(fields, head, now);
    window.push(reading);
    const counters = Object.keys(reading.counters);
    const rates = Object.fromEntries(counters.map((counter) => [counter, window.rate(counter)]));
    this.measures.set(key, { arrivedAt: now, rates, fields });
  }
}

type Fields = Record<string, unknown>;

function readingOf(fields: Fields, head: Fields, now: number): Reading {
  const numbers = Object.entries(fields).filter(([, value]) => typeof value === "number");
  const time = typeof head.time === "string" ? Date.parse(head.time) : Number.NaN;
  return {
    time: Number.isFinite(time) ? time : now,
    started: typeof head.started === "string" ? head.started : "",
    counters: Object.fromEntries(numbers) as Record<string, number>,
  };
}

function parse(payload: Uint8Array): Fields | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    return typeof value === "object" && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}
