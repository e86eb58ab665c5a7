import type { Measure, MetricStore } from "@/live/metrics";
import { METRICS_STALE_MS } from "@/live/quality";
import type { PathEdge } from "./graph";

/** What an edge shows: numbers only while they are fresh, else since when there are none. */
export type Flow =
  | { state: "live"; rate: number; bytes: number | undefined; lost: number }
  | { state: "starting" }
  | { state: "stale"; since: number }
  | { state: "none" };

/** Sums the rates of an edge. One silent measure among several does not hide the others. */
export function flowOf(edge: PathEdge, metrics: Pick<MetricStore, "get">, now: number): Flow {
  const measures = edge.measures.flatMap((key) => metrics.get(key) ?? []);
  if (measures.length === 0) return { state: "none" };
  const latest = Math.max(...measures.map((measure) => measure.arrivedAt));
  const fresh = measures.filter((measure) => now - measure.arrivedAt <= METRICS_STALE_MS);
  if (fresh.length === 0) return { state: "stale", since: latest };
  const rate = sum(fresh, edge.rate);
  if (rate === undefined) return { state: "starting" };
  const bytes = edge.bytes ? sum(fresh, edge.bytes) : undefined;
  const lost = edge.lost ? (sum(fresh, edge.lost) ?? 0) : 0;
  return { state: "live", rate, bytes, lost };
}

function sum(measures: Measure[], counter: string): number | undefined {
  const rates = measures.flatMap((measure) => measure.rates[counter] ?? []);
  return rates.length > 0 ? rates.reduce((total, rate) => total + rate, 0) : undefined;
}

/** Edge width in pixels: one more for every factor of ten. */
export function flowWidth(flow: Flow): number {
  if (flow.state !== "live" || flow.rate <= 0) return 1.5;
  return Math.min(6, 1.5 + Math.log10(1 + flow.rate));
}
