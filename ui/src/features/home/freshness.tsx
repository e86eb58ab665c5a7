import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { formatAge, formatInstant } from "@/components/format";
import { useNow } from "@/live/clock";
import { useMetricsVersion } from "@/live/hooks";
import { useLive } from "@/live/live";
import { type Measure, measureKey } from "@/live/metrics";
import { isSwitchedOff } from "@/resource/status";
import type { Asset } from "@/resource/types";
import { Tile } from "./tile";

const OLD_MS = 10_000;

export interface Freshness {
  asset: Asset | undefined;
  /** When that asset last had a value; undefined if it never had one. */
  at: number | undefined;
}

/** The asset whose newest value is the oldest: the first place to look when something is silent. */
export function oldest(
  assets: readonly Asset[],
  measure: (key: string) => Measure | undefined,
): Freshness {
  let worst: Freshness = { asset: undefined, at: undefined };
  for (const asset of assets) {
    if (isSwitchedOff(asset)) continue;
    const time = measure(measureKey("asset", asset.metadata.name))?.fields.last_value_time;
    const parsed = typeof time === "string" ? Date.parse(time) : Number.NaN;
    const at = Number.isNaN(parsed) ? undefined : parsed;
    if (at === undefined) return { asset, at: undefined };
    if (worst.at === undefined || at < worst.at) worst = { asset, at };
  }
  return worst;
}

export function FreshnessTile({ assets }: { assets: readonly Asset[] | undefined }) {
  const { metrics } = useLive();
  const now = useNow();
  useMetricsVersion();
  const { asset, at } = oldest(assets ?? [], (key) => metrics.get(key));
  const age = at === undefined ? undefined : Math.max(0, now - at);
  const old = age !== undefined && age > OLD_MS;
  return (
    <Tile title="Oldest asset">
      <p
        title={at === undefined ? undefined : formatInstant(at)}
        className={clsx(
          "mt-0.5 font-semibold text-2xl tabular-nums tracking-tight",
          age === undefined ? "text-ink-3" : old ? "text-warn" : "text-ink",
        )}
      >
        {age === undefined ? "–" : formatAge(age)}
      </p>
      <p className="line-clamp-2 text-ink-3 text-xs">
        {asset ? (
          <>
            {at === undefined ? "no value yet from " : "since the last value of "}
            <Link
              to="/assets/$namespace/$name"
              params={{ namespace: asset.metadata.namespace ?? "_", name: asset.metadata.name }}
              className="text-ink-2 hover:text-accent"
            >
              {asset.metadata.name}
            </Link>
          </>
        ) : (
          assets && "no assets"
        )}
      </p>
    </Tile>
  );
}
