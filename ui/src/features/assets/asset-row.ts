import type { Measure } from "@/live/metrics";
import { type Evidence, staleReason } from "@/live/quality";
import type { TopicSummary } from "@/live/tags";
import { publishingMsOf } from "@/resource/asset";
import { readinessOf } from "@/resource/status";
import type { Asset } from "@/resource/types";

/** Gathers what speaks for the asset's values being fresh. */
export function evidenceOf(
  asset: Asset,
  linked: boolean,
  summary: TopicSummary,
  measure: Measure | undefined,
): Evidence {
  const time = measure?.fields.last_value_time;
  const deliveredAt = typeof time === "string" ? Date.parse(time) : Number.NaN;
  const { state } = readinessOf(asset);
  return {
    linked,
    ready: state !== "not-ready" && state !== "disabled",
    messageAt: summary.messageAt,
    deliveredAt: Number.isNaN(deliveredAt) ? undefined : deliveredAt,
    metricsAt: measure?.arrivedAt,
    publishingMs: publishingMsOf(asset),
  };
}

export interface QualityCounts {
  good: number;
  uncertain: number;
  bad: number;
  stale: number;
  none: number;
}

/** Counts the configured tags by quality; once the asset is stale, every tag that had a value is. */
export function countQualities(
  tags: number,
  summary: TopicSummary,
  evidence: Evidence,
  now: number,
): QualityCounts {
  const { good, uncertain, bad } = summary;
  const seen = good + uncertain + bad;
  const none = Math.max(0, tags - seen);
  if (staleReason(evidence, now)) return { good: 0, uncertain: 0, bad: 0, stale: seen, none };
  return { good, uncertain, bad, stale: 0, none };
}

/** Matches the words typed into the filter box against name, display name and endpoint. */
export function matchesText(texts: (string | undefined)[], query: string): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const text = texts.filter(Boolean).join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}
