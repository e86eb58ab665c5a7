import { getRouteApi, Link } from "@tanstack/react-router";
import { FileCode2, PackageX } from "lucide-react";
import { useCallback, useMemo } from "react";
import { FilterBox } from "@/components/filter-box";
import { Loading, Message } from "@/components/message";
import { Page } from "@/components/page";
import { Trouble } from "@/components/trouble";
import { defaultTopicOf, tagsOf } from "@/resource/asset";
import { useFeed } from "@/resource/feeds";
import { KINDS } from "@/resource/kinds";
import type { Asset } from "@/resource/types";
import { Summary } from "./asset-summary";
import { filterTags, tagEntries } from "./tag-list";
import { TagPanel } from "./tag-panel";
import { TagTable } from "./tag-table";
import { useAssetLive } from "./use-asset";

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
        <Trouble error={feed.error} title="Cannot load the asset" what="assets" />
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
  const { q = "", tag: selected, panel } = route.useSearch();
  const navigate = route.useNavigate();
  const live = useAssetLive(asset);
  const entries = useMemo(
    () => tagEntries(tagsOf(asset), live.summary.names, defaultTopicOf(asset)),
    [asset, live.summary.names],
  );
  const shown = useMemo(() => filterTags(entries, q), [entries, q]);
  // The first tag's trend is open until someone closes it: a first look shows something that moves.
  const wanted = entries.find((entry) => entry.name === selected) ?? entries[0];
  const chosen = panel === "closed" ? undefined : wanted;
  const setSearch = useCallback(
    (change: { q?: string; tag?: string; panel?: "closed" | undefined }) =>
      void navigate({
        search: (before) => withoutEmpty({ ...before, ...change }),
        replace: true,
      }),
    [navigate],
  );
  const select = useCallback((tag: string) => setSearch({ tag, panel: undefined }), [setSearch]);
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
          <TagPanel
            entry={chosen}
            stale={live.stale}
            onClose={() => setSearch({ tag: "", panel: "closed" })}
          />
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
