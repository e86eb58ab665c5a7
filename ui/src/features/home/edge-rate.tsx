import { clsx } from "clsx";
import { Clock } from "lucide-react";
import { formatAge, formatBytes, formatInstant, formatRate } from "@/components/format";
import type { Flow } from "./flow";
import type { PlacedEdge } from "./layout";

/** The label on an edge. Its box keeps its size whatever it says. */
export function EdgeRate({ edge, flow, now }: { edge: PlacedEdge; flow: Flow; now: number }) {
  const { x, y } = edge.label;
  return (
    <div
      data-testid="edge-rate"
      data-edge={edge.id}
      data-state={flow.state}
      style={{ left: x, top: y }}
      className="-translate-x-1/2 -translate-y-1/2 absolute flex h-[34px] w-[74px] flex-col items-center justify-center rounded-md border border-line bg-surface text-center leading-none wide:w-[82px]"
    >
      <Text flow={flow} unit={edge.unit} now={now} />
    </div>
  );
}

function Text({ flow, unit, now }: { flow: Flow; unit: string; now: number }) {
  if (flow.state === "none") return <Quiet first="No metrics" second="yet" />;
  if (flow.state === "starting") return <Quiet first="Measuring" second="…" />;
  if (flow.state === "stale") {
    return (
      <span title={`Last metrics ${formatInstant(flow.since)}`} className="text-ink-2 text-xs">
        <span className="flex items-center justify-center gap-1 font-medium leading-[15px]">
          <Clock aria-hidden className="size-3" />
          Stale
        </span>
        <span className="block leading-[14px] tabular-nums">{formatAge(now - flow.since)}</span>
      </span>
    );
  }
  return (
    <>
      <span
        className={clsx(
          "whitespace-nowrap text-xs leading-[15px] tabular-nums",
          flow.rate > 0 ? "text-ink" : "text-ink-3",
        )}
      >
        <b className="font-semibold">{formatRate(flow.rate)}</b> {unit}
      </span>
      {flow.bytes !== undefined && (
        <span className="whitespace-nowrap text-[11px] text-ink-3 leading-[14px] tabular-nums">
          {formatBytes(flow.bytes)}/s
        </span>
      )}
    </>
  );
}

function Quiet({ first, second }: { first: string; second: string }) {
  return (
    <span className="text-ink-3 text-xs leading-[15px]">
      {first} {second}
    </span>
  );
}
