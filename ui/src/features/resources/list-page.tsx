import { getRouteApi, Link } from "@tanstack/react-router";
import { Info, PackageX, TriangleAlert } from "lucide-react";
import { useMemo } from "react";
import { Age } from "@/components/age";
import { Badge } from "@/components/badge";
import { Cell, type Column, DataTable, Row, type RowPlace } from "@/components/data-table";
import { feedMessage } from "@/components/feed-message";
import { FilterBox } from "@/components/filter-box";
import { Code, Loading, Message } from "@/components/message";
import { Page } from "@/components/page";
import { SourceChip } from "@/components/source-chip";
import { StateBadge } from "@/components/state-badge";
import { eventRow, eventRows } from "@/resource/event";
import { useFeed } from "@/resource/feeds";
import type { Kind } from "@/resource/kinds";
import { sourceOf } from "@/resource/source";
import { type Readiness, readinessOf } from "@/resource/status";
import { keyOf, type Resource } from "@/resource/types";
import { useKind } from "./use-kind";

const route = getRouteApi("/resources/$plural");
const ROW_HEIGHT = 44;
const GRID =
  "grid grid-cols-[minmax(140px,1.2fr)_minmax(110px,0.8fr)_minmax(110px,0.7fr)_minmax(120px,1.8fr)_56px] items-center gap-x-4 px-4";

/** Any kind as a list: name, state, reason and age, whoever created it and wherever from. */
export function ListPage() {
  const { plural } = route.useParams();
  const { kind, missing } = useKind(plural);
  if (missing) {
    return (
      <Page title={plural}>
        <Message icon={PackageX} title={`The API does not serve ${plural}`}>
          Choose a kind on the left.
        </Message>
      </Page>
    );
  }
  if (!kind) return <Loading what={plural} />;
  return <KindList kind={kind} />;
}

function KindList({ kind }: { kind: Kind }) {
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const feed = useFeed(kind);
  const shown = useMemo(() => {
    const text = q.toLowerCase();
    const found = feed.items.filter((item) => keyOf(item).toLowerCase().includes(text));
    return kind.kind === "Event" ? newestFirst(found) : found;
  }, [feed.items, q, kind.kind]);
  const setQuery = (text: string) =>
    void navigate({ search: text ? { q: text } : {}, replace: true });
  const empty = feedMessage(
    feed,
    kind.plural,
    <>
      Create one with <Code>kubectl apply -f</Code>; it appears here at once.
    </>,
  );
  return (
    <Page
      fill
      title={kind.kind}
      note={`${kind.group === "" ? "core" : kind.group}/${kind.version}`}
      actions={<FilterBox value={q} onChange={setQuery} label="Filter by name" />}
    >
      {empty ?? <Table kind={kind} items={shown} />}
    </Page>
  );
}

function newestFirst(items: Resource[]): Resource[] {
  const order = new Map(eventRows(items).map((row, i) => [row.key, i]));
  return items.toSorted((a, b) => (order.get(keyOf(a)) ?? 0) - (order.get(keyOf(b)) ?? 0));
}

function Table({ kind, items }: { kind: Kind; items: Resource[] }) {
  const columns: Column[] = [
    { title: "Name" },
    { title: kind.namespaced ? "Namespace" : "" },
    { title: kind.kind === "Event" ? "Type" : "Ready" },
    { title: "Reason" },
    { title: "Age", right: true },
  ];
  return (
    <div className="flex min-h-0 flex-1 flex-col px-6 pb-6">
      <DataTable
        label={kind.kind}
        columns={columns}
        grid={GRID}
        items={items}
        rowHeight={ROW_HEIGHT}
        keyOf={keyOf}
        row={(item, place) => (
          <ResourceRow key={keyOf(item)} kind={kind} resource={item} place={place} />
        )}
        empty="No name matches the filter."
      />
    </div>
  );
}

function ResourceRow(props: { kind: Kind; resource: Resource; place: RowPlace }) {
  const { kind, resource, place } = props;
  const { name, namespace, creationTimestamp } = resource.metadata;
  const event = kind.kind === "Event" ? eventRow(resource) : undefined;
  const readiness = readinessOf(resource);
  const source = sourceOf(resource);
  const { reason, message } = event ?? readiness;
  return (
    <Row place={place} testId="resource-row" name={name}>
      <Cell>
        <Link
          to="/resources/$plural/$namespace/$name"
          params={{ plural: kind.plural, namespace: namespace ?? "_", name }}
          className="block truncate font-medium after:absolute after:inset-0"
        >
          {name}
        </Link>
      </Cell>
      <Cell className="text-ink-3">
        {namespace} {source && <SourceChip source={source} compact />}
      </Cell>
      <Cell>{event ? <EventType warning={event.warning} /> : <Ready readiness={readiness} />}</Cell>
      <Cell className="text-ink-2" title={[reason, message].filter(Boolean).join(": ")}>
        {reason}
        {message && <span className="text-ink-3"> {message}</span>}
      </Cell>
      <Cell right className="text-ink-2">
        <Age time={event?.time ?? creationTimestamp} />
      </Cell>
    </Row>
  );
}

function Ready({ readiness }: { readiness: Readiness }) {
  if (readiness.state === "none") return <span className="text-ink-3">–</span>;
  return <StateBadge readiness={readiness} />;
}

function EventType({ warning }: { warning: boolean }) {
  if (warning) return <Badge icon={TriangleAlert} tone="warn" label="Warning" loud />;
  return <Badge icon={Info} tone="mute" label="Normal" />;
}
