import type { Resource } from "./types";

/** A Kubernetes Event, of either API shape, reduced to what a list shows. */
export interface EventRow {
  key: string;
  warning: boolean;
  reason: string;
  message: string;
  kind: string;
  name: string;
  namespace: string;
  count: number;
  time: string | undefined;
  source: string;
}

interface RawEvent extends Resource {
  type?: string;
  reason?: string;
  message?: string;
  note?: string;
  count?: number;
  lastTimestamp?: string | null;
  firstTimestamp?: string | null;
  eventTime?: string | null;
  series?: { count?: number; lastObservedTime?: string };
  source?: { component?: string };
  reportingComponent?: string;
  involvedObject?: { kind?: string; name?: string; namespace?: string };
  regarding?: { kind?: string; name?: string; namespace?: string };
}

export function eventRow(resource: Resource): EventRow {
  const event = resource as RawEvent;
  const about = event.involvedObject ?? event.regarding ?? {};
  return {
    key: `${event.metadata.namespace ?? ""}/${event.metadata.name}`,
    warning: event.type === "Warning",
    reason: event.reason ?? "",
    message: event.message ?? event.note ?? "",
    kind: about.kind ?? "",
    name: about.name ?? "",
    namespace: about.namespace ?? "",
    count: event.series?.count ?? event.count ?? 1,
    time:
      event.series?.lastObservedTime ||
      event.lastTimestamp ||
      event.eventTime ||
      event.firstTimestamp ||
      event.metadata.creationTimestamp,
    source: event.source?.component || event.reportingComponent || "",
  };
}

/** Newest first. Times are RFC 3339 in UTC with mixed precision, so they are compared as instants. */
export function eventRows(resources: readonly Resource[]): EventRow[] {
  const instant = (row: EventRow) => (row.time ? Date.parse(row.time) || 0 : 0);
  return resources.map(eventRow).sort((a, b) => instant(b) - instant(a));
}

export function isAbout(row: EventRow, kind: string, resource: Resource): boolean {
  return (
    row.kind === kind &&
    row.name === resource.metadata.name &&
    row.namespace === (resource.metadata.namespace ?? row.namespace)
  );
}
