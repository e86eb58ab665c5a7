import { Link } from "@tanstack/react-router";
import { CircleAlert } from "lucide-react";
import { Cell, type Column, DataTable, Row, type RowPlace } from "@/components/data-table";
import { formatCount } from "@/components/format";
import { Loading, Message } from "@/components/message";
import { Page } from "@/components/page";
import { useFeed, useKinds } from "@/resource/feeds";
import type { Kind } from "@/resource/kinds";
import { countStates } from "@/resource/status";
import { groupKinds } from "./group-kinds";

const ROW_HEIGHT = 44;
const GRID =
  "grid grid-cols-[minmax(140px,1fr)_minmax(140px,1fr)_minmax(180px,1.6fr)_64px_minmax(120px,1fr)] items-center gap-x-4 px-4";

const COLUMNS: Column[] = [
  { title: "Kind" },
  { title: "Name for kubectl" },
  { title: "Group and version" },
  { title: "Total", right: true },
  { title: "State" },
];

/** Every kind that the API serves: how many there are and whether any is in trouble. */
export function OverviewPage() {
  const { data, failureReason } = useKinds();
  const kinds = groupKinds(data ?? []).flatMap(([, group]) => group);
  return (
    <Page fill title="Resources" note="Everything is a resource, whoever created it">
      {data ? (
        <div className="flex min-h-0 flex-1 flex-col px-6 pb-6">
          <DataTable
            label="Kinds"
            columns={COLUMNS}
            grid={GRID}
            items={kinds}
            rowHeight={ROW_HEIGHT}
            keyOf={keyOfKind}
            row={(kind, place) => <KindRow key={keyOfKind(kind)} kind={kind} place={place} />}
            empty="The API serves no kind that this page knows."
          />
        </div>
      ) : failureReason ? (
        <Message icon={CircleAlert} title="Cannot find out what the API serves" tone="bad">
          {failureReason.message}
        </Message>
      ) : (
        <Loading what="kinds" />
      )}
    </Page>
  );
}

function keyOfKind(kind: Kind): string {
  return `${kind.group}/${kind.plural}`;
}

function KindRow({ kind, place }: { kind: Kind; place: RowPlace }) {
  const feed = useFeed(kind);
  return (
    <Row place={place} testId="kind-row" name={kind.plural}>
      <Cell>
        <Link
          to="/resources/$plural"
          params={{ plural: kind.plural }}
          className="block truncate font-medium after:absolute after:inset-0"
        >
          {kind.kind}
        </Link>
      </Cell>
      <Cell className="font-mono text-ink-2 text-xs">{kind.plural}</Cell>
      <Cell className="text-ink-3">
        {kind.group === "" ? "core" : kind.group}/{kind.version}
      </Cell>
      <Cell right>{feed.loaded ? formatCount(feed.items.length) : "–"}</Cell>
      <Cell>
        <State kind={kind} feed={feed} />
      </Cell>
    </Row>
  );
}

/** Trouble in words; nothing where all is ready or the kind has no status at all. */
function State({ kind, feed }: { kind: Kind; feed: ReturnType<typeof useFeed> }) {
  if (feed.error?.forbidden) return <span className="text-ink-3">You may not see these</span>;
  if (feed.error && !feed.loaded) return <span className="text-bad">{feed.error.message}</span>;
  if (kind.group === "" || feed.items.length === 0) return <span className="text-ink-3">–</span>;
  const { ready, notReady, total } = countStates(feed.items);
  if (notReady > 0) return <span className="font-medium text-bad">{notReady} not ready</span>;
  return (
    <span className={ready === total ? "text-good" : "text-ink-2"}>
      {ready === total ? "Ready" : `${ready} of ${total} ready`}
    </span>
  );
}
