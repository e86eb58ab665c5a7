import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { Age } from "@/components/age";
import { Cell, type Column, DataTable, Row, type RowPlace } from "@/components/data-table";
import { feedMessage } from "@/components/feed-message";
import { FilterBox } from "@/components/filter-box";
import { formatRate } from "@/components/format";
import { Code } from "@/components/message";
import { Page } from "@/components/page";
import { StateBadge } from "@/components/state-badge";
import { defaultTopicOf, endpointOf } from "@/resource/asset";
import { useFeed } from "@/resource/feeds";
import { KINDS } from "@/resource/kinds";
import { readinessOf } from "@/resource/status";
import { type Asset, keyOf } from "@/resource/types";
import { matchesText } from "./asset-row";
import { Counts } from "./counts";
import { useAssetLive } from "./use-asset";

const route = getRouteApi("/assets");
const ROW_HEIGHT = 52;
const GRID =
  "grid grid-cols-[minmax(150px,1.6fr)_minmax(110px,1fr)_52px_minmax(210px,1.4fr)_76px_64px_116px] items-center gap-x-4 px-6";

/** Every asset with the quality of its tags, whoever created it. */
export function AssetsPage() {
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const feed = useFeed<Asset>(KINDS.asset);
  const shown = useMemo(
    () =>
      feed.items.filter((asset) =>
        matchesText([asset.metadata.name, asset.spec?.displayName, endpointOf(asset)], q),
      ),
    [feed.items, q],
  );
  const setQuery = (text: string) =>
    void navigate({ search: text ? { q: text } : {}, replace: true });
  const empty = feedMessage(
    feed,
    "assets",
    <>
      An asset says which nodes of an endpoint become tags. Apply one with{" "}
      <Code>kubectl apply -f asset.yaml</Code>; it appears here at once.
    </>,
  );
  return (
    <Page
      fill
      title="Assets"
      note={`${feed.items.length} configured`}
      actions={<FilterBox value={q} onChange={setQuery} label="Filter assets" />}
    >
      {empty ?? <AssetTable assets={shown} />}
    </Page>
  );
}

const TABLE_COLUMNS: Column[] = [
  { title: "Asset" },
  { title: "Endpoint" },
  { title: "Tags", right: true },
  { title: "Quality" },
  { title: "Values/s", right: true },
  { title: "Last value", right: true },
  { title: "State" },
];

function AssetTable({ assets }: { assets: Asset[] }) {
  return (
    <div className="flex min-h-0 flex-1 flex-col px-6 pb-6">
      <DataTable
        label="Assets"
        columns={TABLE_COLUMNS}
        grid={GRID}
        items={assets}
        rowHeight={ROW_HEIGHT}
        keyOf={keyOf}
        row={(asset, place) => <AssetRow key={keyOf(asset)} asset={asset} place={place} />}
        empty="No asset matches the filter."
      />
    </div>
  );
}

function AssetRow({ asset, place }: { asset: Asset; place: RowPlace }) {
  const live = useAssetLive(asset);
  const { name, namespace } = asset.metadata;
  const rate = live.stale ? undefined : live.measure?.rates.values;
  return (
    <Row place={place} testId="asset-row" name={name}>
      <Cell>
        <Link
          to="/assets/$namespace/$name"
          params={{ namespace: namespace ?? "_", name }}
          className="block truncate font-medium after:absolute after:inset-0"
        >
          {asset.spec?.displayName || name}
        </Link>
        <span className="block truncate text-ink-3 text-xs">
          {asset.spec?.description || defaultTopicOf(asset)}
        </span>
      </Cell>
      <Cell className="text-ink-2">{endpointOf(asset)}</Cell>
      <Cell right>{live.tags}</Cell>
      <Cell>
        <Counts counts={live.counts} stale={live.stale} />
      </Cell>
      <Cell right>
        {rate === undefined ? <span className="text-ink-3">–</span> : formatRate(rate)}
      </Cell>
      <Cell right>
        <Age time={live.lastAt} />
      </Cell>
      <Cell>
        <StateBadge readiness={readinessOf(asset)} withReason />
      </Cell>
    </Row>
  );
}
