import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { Database, Hash } from "lucide-react";
import { Age } from "@/components/age";
import { Card } from "@/components/card";
import { formatCount } from "@/components/format";
import { useNow } from "@/live/clock";
import { useMeasure } from "@/live/hooks";
import { type Measure, measureKey } from "@/live/metrics";
import { METRICS_STALE_MS } from "@/live/quality";
import { destinationOf } from "@/resource/dataflow";
import type { Dataflow } from "@/resource/types";

interface DestinationsProps {
  /** Undefined until they are known. */
  dataflows: readonly Dataflow[] | undefined;
  forbidden: boolean;
}

/** What each dataflow has delivered so far, and what went wrong last. */
export function Destinations(props: DestinationsProps) {
  const { dataflows, forbidden } = props;
  return (
    <Card title="Delivered" aside="since each dataflow started">
      {!dataflows?.length ? (
        <p className="px-4 py-8 text-center text-ink-3">
          {dataflows
            ? "No dataflow delivers anything yet."
            : forbidden
              ? "You may not see dataflows."
              : "The dataflows are not known yet."}
        </p>
      ) : (
        <ul className="divide-y divide-line">
          {dataflows.map((dataflow) => (
            <Row key={dataflow.metadata.name} dataflow={dataflow} />
          ))}
        </ul>
      )}
    </Card>
  );
}

interface Delivery {
  delivered: number;
  filtered: number;
  deadLettered: number;
  error: string;
  table: string;
}

/** Reads the fields of a dataflow's metrics; absent numbers count as none. */
export function deliveryOf(measure: Measure): Delivery {
  const { fields } = measure;
  const number = (value: unknown) => (typeof value === "number" ? value : 0);
  const destination = (fields.destination ?? {}) as Record<string, unknown>;
  const parts = [
    typeof destination.rows === "number" && `${formatCount(destination.rows)} rows`,
    typeof destination.files === "number" && `${formatCount(destination.files)} files`,
    typeof destination.version === "number" && `table version ${destination.version}`,
  ];
  return {
    delivered: number(fields.delivered),
    filtered: number(fields.filtered),
    deadLettered: number(fields.dead_lettered),
    error: typeof fields.last_error === "string" ? fields.last_error : "",
    table: parts.filter(Boolean).join(" · "),
  };
}

function Row({ dataflow }: { dataflow: Dataflow }) {
  const { name, namespace } = dataflow.metadata;
  const measure = useMeasure(measureKey("dataflow", name));
  const now = useNow();
  const stale = measure && now - measure.arrivedAt > METRICS_STALE_MS;
  const delivery = measure && deliveryOf(measure);
  const Icon = delivery?.table ? Database : Hash;
  return (
    <li className={clsx("flex items-start gap-3 px-4 py-2.5", stale && "text-ink-3")}>
      <Icon aria-hidden className="mt-0.5 size-4 shrink-0 text-ink-3" />
      <div className="min-w-0 flex-1">
        <Link
          to="/resources/$plural/$namespace/$name"
          params={{ plural: "dataflows", namespace: namespace ?? "_", name }}
          className="font-medium hover:text-accent"
        >
          {name}
        </Link>
        <p className="truncate text-ink-3 text-xs" title={destinationOf(dataflow).target}>
          {delivery?.table || destinationOf(dataflow).target}
        </p>
        {delivery?.error && <p className="text-bad text-xs">{delivery.error}</p>}
      </div>
      <div className="text-right text-xs tabular-nums">
        <p>
          <b className="font-semibold text-sm">
            {delivery ? formatCount(delivery.delivered) : "–"}
          </b>{" "}
          <span className="text-ink-3">delivered</span>
        </p>
        <p className="text-ink-3">
          {stale ? (
            <>
              Stale, <Age time={measure.arrivedAt} />
            </>
          ) : (
            delivery && <Rest delivery={delivery} />
          )}
        </p>
      </div>
    </li>
  );
}

function Rest({ delivery }: { delivery: Delivery }) {
  return (
    <>
      {formatCount(delivery.filtered)} filtered ·{" "}
      <span className={delivery.deadLettered > 0 ? "font-medium text-bad" : undefined}>
        {formatCount(delivery.deadLettered)} dead letters
      </span>
    </>
  );
}
