import { type RefObject, useLayoutEffect, useMemo, useRef, useState } from "react";
import { formatCount, formatRate } from "@/components/format";
import { useNow } from "@/live/clock";
import { useMeasure, useMetricsVersion } from "@/live/hooks";
import { useLive } from "@/live/live";
import { measureKey } from "@/live/metrics";
import { METRICS_STALE_MS } from "@/live/quality";
import { collapse } from "./collapse";
import { EdgeRate } from "./edge-rate";
import { type Flow, flowOf, flowWidth } from "./flow";
import type { Topology } from "./graph";
import { type Layout, layOut, type PlacedEdge, type PlacedNode } from "./layout";
import { NodeCard } from "./node-card";

const ROWS_MAX = 5;
const HEADINGS = ["Endpoints", "Assets", "Broker", "Dataflows", "Destinations"];

/** The live picture of the way from PLC to destination. */
export function Path({ topology }: { topology: Topology }) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const layout = useMemo(() => layOut(collapse(topology, ROWS_MAX), width), [topology, width]);
  return (
    <div className="px-3 pt-3 pb-4 wide:px-4">
      <div ref={frame} data-testid="home-path">
        {width > 0 && <Picture layout={layout} />}
      </div>
    </div>
  );
}

function Picture({ layout }: { layout: Layout }) {
  const { metrics } = useLive();
  const now = useNow();
  useMetricsVersion();
  const flows = layout.edges.map((edge) => ({ edge, flow: flowOf(edge, metrics, now) }));
  return (
    <>
      <div className="relative mb-1 h-5" aria-hidden>
        {layout.columns.map((column, i) => (
          <span
            key={HEADINGS[i]}
            className="absolute text-ink-3 text-xs"
            style={{ left: column.x, width: column.width }}
          >
            {HEADINGS[i]}
          </span>
        ))}
      </div>
      <div className="relative" style={{ height: layout.height }}>
        <svg
          width={layout.width}
          height={layout.height}
          className="absolute inset-0 overflow-visible"
          aria-hidden="true"
        >
          {flows.map(({ edge, flow }) => (
            <Wire key={edge.id} edge={edge} flow={flow} />
          ))}
        </svg>
        {flows.map(({ edge, flow }) => (
          <FlowDot key={edge.id} path={edge.path} flow={flow} />
        ))}
        {layout.nodes.map((node) => (
          <NodeCard key={node.id} node={node}>
            {node.kind === "broker" && <BrokerNumbers node={node} now={now} />}
          </NodeCard>
        ))}
        {layout.edges.map((edge) => (
          <EdgeRate key={edge.id} edge={edge} now={now} />
        ))}
      </div>
    </>
  );
}

function Wire({ edge, flow }: { edge: PlacedEdge; flow: Flow }) {
  const live = flow.state === "live" && flow.rate > 0;
  const losing = flow.state === "live" && flow.lost > 0;
  return (
    <path
      d={edge.path}
      fill="none"
      strokeWidth={flowWidth(flow)}
      strokeDasharray={flow.state === "live" ? undefined : "4 4"}
      className={losing ? "stroke-bad" : live ? "stroke-accent/45" : "stroke-line-strong"}
    />
  );
}

/** A full turn takes between three seconds (a trickle) and one (a flood). */
function FlowDot({ path, flow }: { path: string; flow: Flow }) {
  if (flow.state !== "live" || flow.rate <= 0) return null;
  const seconds = flow.rate > 100 ? 1.2 : flow.rate > 10 ? 1.8 : 2.6;
  return (
    <span
      aria-hidden
      className="flow-dot absolute size-1.5 rounded-full bg-accent"
      style={{ offsetPath: `path("${path}")`, animationDuration: `${seconds}s` }}
    />
  );
}

function BrokerNumbers({ node, now }: { node: PlacedNode; now: number }) {
  const measure = useMeasure(measureKey("broker", node.id.slice("broker/".length)));
  if (!measure) return <span className="mt-2 text-ink-3 text-xs">No metrics yet</span>;
  const stale = now - measure.arrivedAt > METRICS_STALE_MS;
  const rate = (name: string) => {
    const value = measure.rates[name];
    return stale || value === undefined ? "–" : formatRate(value);
  };
  const gauge = (name: string) => {
    const value = measure.fields[name];
    return stale || typeof value !== "number" ? "–" : formatCount(value);
  };
  return (
    <dl className="mt-2 grid grid-cols-[1fr_auto] gap-x-2 border-line border-t pt-2 text-xs">
      <Pair name="In" value={rate("messages_in")} unit="msg/s" />
      <Pair name="Out" value={rate("messages_out")} unit="msg/s" />
      <Pair name="Clients" value={gauge("connections")} />
    </dl>
  );
}

function Pair({ name, value, unit }: { name: string; value: string; unit?: string }) {
  return (
    <>
      <dt className="text-ink-3">{name}</dt>
      <dd className="num whitespace-nowrap">
        {value} {unit && <span className="hidden text-ink-3 wide:inline">{unit}</span>}
      </dd>
    </>
  );
}

function useWidth(ref: RefObject<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}
