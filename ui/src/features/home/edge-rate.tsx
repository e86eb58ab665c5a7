import { Clock } from "lucide-react";
import { formatAge, formatBytes, formatInstant, formatRate } from "@/components/format";
import { useLive } from "@/live/live";
import { type Flow, flowOf } from "./flow";
import type { PlacedEdge } from "./layout";

/** The numbers of an edge: the rate above the wire, what goes with it below. The box never changes. */
export function EdgeRate({ edge, now }: { edge: PlacedEdge; now: number }) {
  const { metrics } = useLive();
  if (edge.labelled.length === 0) return null;
  const flow = flowOf({ ...edge, measures: edge.labelled }, metrics, now);
  const { x, y } = edge.label;
  return (
    <div
      data-testid="edge-rate"
      data-edge={edge.id}
      data-state={flow.state}
      style={{ left: x, top: y }}
      className="-translate-x-1/2 -translate-y-1/2 pointer-events-none absolute flex h-11 w-[84px] flex-col items-center justify-between whitespace-nowrap text-xs tabular-nums"
    >
      <Text flow={flow} unit={edge.unit} now={now} />
    </div>
  );
}

function Text({ flow, unit, now }: { flow: Flow; unit: string; now: number }) {
  if (flow.state === "none") return <Quiet top="No metrics" bottom="yet" />;
  if (flow.state === "starting") return <Quiet top="Measuring" bottom="" />;
  if (flow.state === "stale") {
    return (
      <>
        <span
          title={`Last metrics ${formatInstant(flow.since)}`}
          className="pointer-events-auto flex items-center gap-1 rounded bg-mute-soft px-1 font-medium text-ink-2"
        >
          <Clock aria-hidden className="size-3" />
          Stale
        </span>
        <span className="text-ink-2">{formatAge(now - flow.since)}</span>
      </>
    );
  }
  return (
    <>
      <span className={flow.rate > 0 ? "text-ink" : "text-ink-3"}>
        <b className="font-semibold">{formatRate(flow.rate)}</b>{" "}
        <span className="text-ink-3">{unit}</span>
      </span>
      {flow.lost > 0 ? (
        <span className="font-medium text-bad">{formatRate(flow.lost)} lost/s</span>
      ) : (
        <span className="text-ink-3">
          {flow.bytes !== undefined && `${formatBytes(flow.bytes)}/s`}
        </span>
      )}
    </>
  );
}

function Quiet({ top, bottom }: { top: string; bottom: string }) {
  return (
    <>
      <span className="text-ink-3">{top}</span>
      <span className="text-ink-3">{bottom}</span>
    </>
  );
}
