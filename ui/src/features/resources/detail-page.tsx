import { getRouteApi, Link } from "@tanstack/react-router";
import { PackageX } from "lucide-react";
import { lazy, Suspense, useCallback, useMemo, useState } from "react";
import { Age } from "@/components/age";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { CopyButton } from "@/components/copy-button";
import { EventList } from "@/components/event-list";
import { Loading, Message } from "@/components/message";
import { Page } from "@/components/page";
import { SourceChip } from "@/components/source-chip";
import { StateBadge } from "@/components/state-badge";
import { Trouble } from "@/components/trouble";
import { eventRows, isAbout } from "@/resource/event";
import { useFeed } from "@/resource/feeds";
import { KINDS, type Kind } from "@/resource/kinds";
import { sourceOf } from "@/resource/source";
import { conditionsOf, readinessOf } from "@/resource/status";
import type { Resource } from "@/resource/types";
import { toYaml } from "@/resource/yaml";
import { Conditions } from "./conditions";
import { useKind } from "./use-kind";

const CodeView = lazy(() =>
  import("@/components/code-view").then(({ CodeView }) => ({ default: CodeView })),
);

const EVENTS_FIRST = 6;

const route = getRouteApi("/resources/$plural/$namespace/$name");

export function DetailPage() {
  const { plural, namespace, name } = route.useParams();
  const { kind, missing } = useKind(plural);
  const feed = useFeed(kind);
  const resource = feed.items.find(
    ({ metadata }) => metadata.name === name && (metadata.namespace ?? "_") === namespace,
  );
  if (resource && kind) return <Detail kind={kind} resource={resource} />;
  return (
    <Page title={name}>
      {feed.error && !feed.loaded ? (
        <Trouble error={feed.error} title={`Cannot load ${name}`} what={plural} />
      ) : !missing && !feed.loaded ? (
        <Loading what={name} />
      ) : (
        <Message icon={PackageX} title={`There is no ${plural}/${name} in ${namespace}`}>
          It may have been deleted. If it is created again, it appears here.
        </Message>
      )}
    </Page>
  );
}

function Detail({ kind, resource }: { kind: Kind; resource: Resource }) {
  const { name, namespace, creationTimestamp } = resource.metadata;
  const readiness = readinessOf(resource);
  const source = sourceOf(resource);
  return (
    <Page
      fill
      title={name}
      note={
        <>
          <Link
            to="/resources/$plural"
            params={{ plural: kind.plural }}
            className="hover:text-accent"
          >
            {kind.kind}
          </Link>
          {namespace && ` in ${namespace}`}, created <Age time={creationTimestamp} suffix=" ago" />{" "}
          {source && <SourceChip source={source} />}
        </>
      }
      actions={readiness.state !== "none" && <StateBadge readiness={readiness} withReason />}
    >
      <div className="flex min-h-0 flex-1 flex-col gap-3 overflow-auto px-6 pb-6 min-[1320px]:grid min-[1320px]:grid-cols-[minmax(340px,2fr)_3fr] min-[1320px]:overflow-visible">
        <div className="flex shrink-0 flex-col gap-3 min-[1320px]:min-h-0 min-[1320px]:overflow-auto">
          {(kind.group !== "" || conditionsOf(resource).length > 0) && (
            <Card title="Conditions">
              <Conditions resource={resource} />
            </Card>
          )}
          {kind.kind === "Event" ? (
            <Card title="Event">
              <EventList rows={eventRows([resource])} loaded error={undefined} />
            </Card>
          ) : (
            <Events kind={kind} resource={resource} />
          )}
        </div>
        <Yaml resource={resource} />
      </div>
    </Page>
  );
}

function Events({ kind, resource }: { kind: Kind; resource: Resource }) {
  const events = useFeed(KINDS.event);
  const rows = useMemo(
    () => eventRows(events.items).filter((row) => isAbout(row, kind.kind, resource)),
    [events.items, kind.kind, resource],
  );
  return (
    <Card title="Events" aside="newest first">
      <EventList rows={rows} loaded={events.loaded} error={events.error} first={EVENTS_FIRST} />
    </Card>
  );
}

function Yaml({ resource }: { resource: Resource }) {
  const [managedFields, setManagedFields] = useState(false);
  const text = useMemo(() => toYaml(resource, { managedFields }), [resource, managedFields]);
  const copyText = useCallback(() => text, [text]);
  return (
    <section
      aria-label="YAML"
      className="flex h-[560px] min-h-0 shrink-0 flex-col rounded-lg border border-line bg-surface shadow-card min-[1320px]:h-auto"
    >
      <div className="flex h-11 shrink-0 items-center gap-2 border-line border-b pr-2 pl-4">
        <h2 className="mr-auto font-semibold">YAML</h2>
        {resource.metadata.managedFields && (
          <Button
            pressed={managedFields}
            onClick={() => setManagedFields(!managedFields)}
            className="!h-7"
          >
            Managed fields
          </Button>
        )}
        <CopyButton text={copyText} />
      </div>
      <div className="min-h-0 flex-1">
        <Suspense fallback={<Loading what="the text view" />}>
          <CodeView text={text} label={`YAML of ${resource.metadata.name}`} />
        </Suspense>
      </div>
    </section>
  );
}
