import { Link } from "@tanstack/react-router";
import { Clock } from "lucide-react";
import type { ReactNode } from "react";
import { Age } from "@/components/age";
import { formatRate } from "@/components/format";
import { SourceChip } from "@/components/source-chip";
import { StateBadge } from "@/components/state-badge";
import { endpointOf } from "@/resource/asset";
import { sourceOf } from "@/resource/source";
import { readinessOf } from "@/resource/status";
import type { Asset } from "@/resource/types";
import { Counts } from "./counts";
import type { AssetLive } from "./use-asset";

/** How the asset is doing, in one line above its tags. */
export function Summary({ asset, live }: { asset: Asset; live: AssetLive }) {
  const readiness = readinessOf(asset);
  const source = sourceOf(asset);
  const rate = live.stale ? undefined : live.measure?.rates.values;
  return (
    <section
      aria-label="Summary"
      className="flex shrink-0 flex-wrap items-center gap-x-8 gap-y-2 rounded-lg border border-line bg-surface px-4 py-3 shadow-card"
    >
      <div className="w-64">
        <Counts counts={live.counts} stale={live.stale} />
      </div>
      <Fact name="Endpoint">
        <Link
          to="/resources/$plural/$namespace/$name"
          params={{
            plural: "assetendpointprofiles",
            namespace: asset.metadata.namespace ?? "_",
            name: endpointOf(asset) || "_",
          }}
          className="hover:text-accent"
        >
          {endpointOf(asset) || "–"}
        </Link>
      </Fact>
      <Fact name="Values">
        <span className="inline-block w-20">
          {rate === undefined ? "–" : `${formatRate(rate)} /s`}
        </span>
      </Fact>
      <Fact name="Last value">
        <span className="inline-block w-14">
          <Age time={live.lastAt} />
        </span>
      </Fact>
      <div className="ml-auto flex min-w-0 items-center gap-3">
        {live.stale && (
          <span className="flex items-center gap-1.5 text-ink-2 text-xs">
            <Clock aria-hidden className="size-3.5" />
            Stale: {live.stale}
          </span>
        )}
        {source && <SourceChip source={source} />}
        <StateBadge readiness={readiness} withReason />
      </div>
      {readiness.state === "not-ready" && readiness.message && (
        <p className="w-full text-bad">
          {readiness.message} {readiness.action}
        </p>
      )}
      {readiness.state === "degraded" && (
        <p className="w-full text-warn">
          {readiness.message} {readiness.action}
        </p>
      )}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <p className="text-ink-3 text-xs">{name}</p>
      <p className="tabular-nums">{children}</p>
    </div>
  );
}
