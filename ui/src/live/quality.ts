export type Quality = "good" | "uncertain" | "bad" | "stale" | "none";

/** The two highest bits of an OPC UA status code say how far to trust the value (Part 4, 7.39). */
export function qualityOfStatus(code: number): "good" | "uncertain" | "bad" {
  const severity = (code >>> 30) & 0b11;
  if (severity === 0) return "good";
  return severity === 1 ? "uncertain" : "bad";
}

/** What speaks for an asset being alive, gathered from the link, the resource and the connector. */
export interface Evidence {
  /** The page's own connection to the broker. */
  linked: boolean;
  /** False where the asset's Ready condition is False. */
  ready: boolean;
  /** When the last message of the asset arrived here; undefined if none did. */
  messageAt: number | undefined;
  /** When the connector last took a value from the device; undefined where it does not say. */
  deliveredAt: number | undefined;
  /** When the connector's metrics last arrived; undefined if they never did. */
  metricsAt: number | undefined;
  publishingMs: number;
}

export const METRICS_STALE_MS = 3000;
const SILENCE_MS_MIN = 5000;
const SILENCE_INTERVALS = 5;

/**
 * Why the values of an asset can no longer be trusted, or undefined while they can.
 *
 * A tag that does not change is not sent again, so silence of one tag means nothing. Silence of the
 * whole asset, of its connector or of the link does: then every value shown is only the last known.
 */
export function staleReason(evidence: Evidence, now: number): string | undefined {
  if (!evidence.linked) return "no connection to the broker";
  if (!evidence.ready) return "the asset is not ready";
  const { metricsAt, messageAt, deliveredAt, publishingMs } = evidence;
  const limit = Math.max(SILENCE_MS_MIN, SILENCE_INTERVALS * publishingMs);
  const latest = Math.max(messageAt ?? 0, deliveredAt ?? 0);
  const silent = latest > 0 && now - latest > limit;
  if (!silent) return undefined;
  if (metricsAt !== undefined && now - metricsAt > METRICS_STALE_MS)
    return "the connector is silent";
  return "the device sends nothing";
}

export function qualityOf(
  tag: { arrivedAt: number; statusCode: number } | undefined,
  stale: string | undefined,
): Quality {
  if (!tag) return "none";
  if (stale) return "stale";
  return qualityOfStatus(tag.statusCode);
}

export const QUALITY_LABELS: Record<Quality, string> = {
  good: "Good",
  uncertain: "Uncertain",
  bad: "Bad",
  stale: "Stale",
  none: "No data",
};
