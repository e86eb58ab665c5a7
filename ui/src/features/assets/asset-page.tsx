import { getRouteApi, Link } from "@tanstack/react-router";
import { CircleAlert, Clock, FileCode2, PackageX } from "lucide-react";
import { type ReactNode, useCallback, useMemo } from "react";
import { Age } from "@/components/age";
import { FilterBox } from "@/components/filter-box";
import { formatRate } from "@/components/format";
import { Loading, Message } from "@/components/message";
import { Page } from "@/components/page";
import { StateBadge } from "@/components/state-badge";
import { defaultTopicOf, endpointOf, tagsOf } from "@/resource/asset";
import { useFeed } from "@/resource/feeds";
import { KINDS } from "@/resource/kinds";
import { readinessOf } from "@/resource/status";
import type { Asset } from "@/resource/types";
import { Counts } from "./counts";
import { filterTags, tagEntries } from "./tag-list";
import { TagPanel } from "./tag-panel";
import { TagTable } from "./tag-table";
import { type AssetLive, useAssetLive } from "./use-asset";

const route = getRouteApi("/assets/$namespace/$name");

export function AssetPage() {
  const { namespace, name } = route.useParams();
  const feed = useFeed<Asset>(KINDS.asset);
  const asset = feed.items.find(
    ({ metadata }) => metadata.name === name && (metadata.namespace ?? "_") === namespace,
  );
  if (asset) return <AssetView asset={asset} />;
  return (
    <Page title={name}>
      {feed.error && !feed.loaded ? (
        <Message icon={CircleAlert} title="Cannot load the asset" tone="bad">
          {feed.error.message}
        </Message>
      ) : !feed.loaded ? (
        <Loading what="the asset" />
      ) : (
        <Message icon={PackageX} title={`There is no asset ${name} in ${namespace}`}>
          It may have been deleted. If it is created again, it appears here.
        </Message>
      )}
    </Page>
  );
}

function AssetView({ asset }: { asset: Asset }) {
  const { q = "", tag: selected } = route.useSearch();
  const navigate = route.useNavigate();
  const live = useAssetLive(asset);
  const entries = useMemo(
    () => tagEntries(tagsOf(asset), live.summary.names, defaultTopicOf(asset)),
    [asset, live.summary.names],
  );
  const shown = useMemo(() => filterTags(entries, q), [entries, q]);
  const chosen = entries.find((entry) => entry.name === selected);
  const setSearch = useCallback(
    (change: { q?: string; tag?: string }) =>
      void navigate({
        search: (before) => withoutEmpty({ ...before, ...change }),
        replace: true,
      }),
    [navigate],
  );
  const select = useCallback((tag: string) => setSearch({ tag }), [setSearch]);
  return (
    <Page
      fill
      title={asset.spec?.displayName || asset.metadata.name}
      note={asset.spec?.description || defaultTopicOf(asset)}
      actions={
        <>
          <FilterBox value={q} onChange={(text) => setSearch({ q: text })} label="Filter tags" />
          <YamlLink asset={asset} />
        </>
      }
    >
      <div className="flex min-h-0 flex-1 flex-col gap-3 px-6 pb-6">
        <Summary asset={asset} live={live} />
        {chosen && (
          <TagPanel entry={chosen} stale={live.stale} onClose={() => setSearch({ tag: "" })} />
        )}
        {entries.length > 0 ? (
          <TagTable entries={shown} stale={live.stale} selected={chosen?.name} onSelect={select} />
        ) : (
          <Message icon={PackageX} title="This asset has no tags">
            Add data points to its dataset; values appear here as soon as the connector sends them.
          </Message>
        )}
      </div>
    </Page>
  );
}

function Summary({ asset, live }: { asset: Asset; live: AssetLive }) {
  const readiness = readinessOf(asset);
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
        <StateBadge readiness={readiness} withReason />
      </div>
      {readiness.state === "not-ready" && readiness.message && (
        <p className="w-full text-bad">{readiness.message}</p>
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

function YamlLink({ asset }: { asset: Asset }) {
  const { name, namespace } = asset.metadata;
  return (
    <Link
      to="/resources/$plural/$namespace/$name"
      params={{ plural: "assets", namespace: namespace ?? "_", name }}
      className="inline-flex h-8 items-center gap-1.5 rounded-md border border-line bg-surface px-2.5 font-medium text-ink-2 hover:border-line-strong hover:text-ink"
    >
      <FileCode2 aria-hidden className="size-3.5" />
      YAML
    </Link>
  );
}

/** Empty parameters do not belong into the address. */
function withoutEmpty<T extends object>(search: T): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value)) as T;
}
