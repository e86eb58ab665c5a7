import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { CalendarClock, Info, TriangleAlert } from "lucide-react";
import { useState } from "react";
import type { ApiError } from "@/resource/api";
import type { EventRow } from "@/resource/event";
import { useKinds } from "@/resource/feeds";
import { Age } from "./age";
import { Button } from "./button";
import { Loading, Message } from "./message";
import { Trouble } from "./trouble";

interface EventListProps {
  rows: readonly EventRow[];
  loaded: boolean;
  error: ApiError | undefined;
  /** Also says which object each event is about: not needed beside that object. */
  withObject?: boolean;
  /** Shows only so many until the rest is asked for. */
  first?: number;
}

export function EventList(props: EventListProps) {
  const { rows, loaded, error, withObject = false, first = rows.length } = props;
  const [all, setAll] = useState(false);
  if (rows.length === 0) {
    if (error) return <Trouble error={error} title="Cannot list events" what="events" />;
    if (!loaded) return <Loading what="events" />;
    return (
      <Message icon={CalendarClock} title="No events">
        Starts, restarts and warnings appear here.
      </Message>
    );
  }
  const shown = all ? rows : rows.slice(0, first);
  return (
    <>
      <ul className="divide-y divide-line">
        {shown.map((row) => (
          <Row key={row.key} row={row} withObject={withObject} />
        ))}
      </ul>
      {shown.length < rows.length && (
        <div className="border-line border-t px-4 py-2">
          <Button onClick={() => setAll(true)}>Show all {rows.length}</Button>
        </div>
      )}
    </>
  );
}

function Row({ row, withObject }: { row: EventRow; withObject: boolean }) {
  const Icon = row.warning ? TriangleAlert : Info;
  return (
    <li className="flex items-start gap-3 px-4 py-2">
      <Icon
        aria-label={row.warning ? "Warning" : "Normal"}
        className={clsx("mt-0.5 size-4 shrink-0", row.warning ? "text-warn" : "text-ink-3")}
      />
      <div className="min-w-0 flex-1">
        <p className="truncate">
          <span className="font-medium">{row.reason}</span>
          {withObject && row.name && <About row={row} />}
        </p>
        <p
          className={clsx("break-words text-ink-2 text-xs", withObject && "line-clamp-2")}
          title={row.message}
        >
          {row.message}
        </p>
      </div>
      <div className="num shrink-0 text-ink-3 text-xs leading-5">
        <Age time={row.time} suffix=" ago" />
        {row.count > 1 && <p title={`Seen ${row.count} times`}>×{row.count}</p>}
      </div>
    </li>
  );
}

/** The object of an event: a link where the page can show it. */
function About({ row }: { row: EventRow }) {
  const { data } = useKinds();
  const kind = data?.find((entry) => entry.kind === row.kind);
  const text = `${row.kind} ${row.name}`;
  if (!kind) return <span className="ml-1.5 text-ink-3">{text}</span>;
  return (
    <Link
      to="/resources/$plural/$namespace/$name"
      params={{ plural: kind.plural, namespace: row.namespace || "_", name: row.name }}
      className="ml-1.5 text-ink-3 hover:text-accent"
    >
      {text}
    </Link>
  );
}
