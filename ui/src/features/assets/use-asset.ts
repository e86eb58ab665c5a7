import { useNow } from "@/live/clock";
import { useLink, useMeasure, useSummary, useTopics } from "@/live/hooks";
import { type Measure, measureKey } from "@/live/metrics";
import { staleReason } from "@/live/quality";
import type { TopicSummary } from "@/live/tags";
import { tagsOf, topicsOf } from "@/resource/asset";
import type { Asset } from "@/resource/types";
import { countQualities, evidenceOf, type QualityCounts } from "./asset-row";

export interface AssetLive {
  tags: number;
  counts: QualityCounts;
  summary: TopicSummary;
  measure: Measure | undefined;
  /** Why the values cannot be trusted; undefined while they can. */
  stale: string | undefined;
  /** The last moment at which a value is known to have come, here or at the connector. */
  lastAt: number | undefined;
}

/** Subscribes to an asset while mounted and says how it is doing. */
export function useAssetLive(asset: Asset): AssetLive {
  const topics = topicsOf(asset);
  useTopics(topics);
  const summary = useSummary(topics);
  const measure = useMeasure(measureKey("asset", asset.metadata.name));
  const linked = useLink().phase === "connected";
  const now = useNow();
  const tags = tagsOf(asset).length;
  const evidence = evidenceOf(asset, linked, summary, measure);
  const last = Math.max(evidence.messageAt ?? 0, evidence.deliveredAt ?? 0);
  return {
    tags,
    counts: countQualities(tags, summary, evidence, now),
    summary,
    measure,
    stale: staleReason(evidence, now),
    lastAt: last > 0 ? last : undefined,
  };
}
