import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import {
  Boxes,
  CloudDownload,
  Cpu,
  Database,
  Ellipsis,
  Hash,
  type LucideIcon,
  Waypoints,
  Workflow,
} from "lucide-react";
import type { ReactNode } from "react";
import { StateBadge } from "@/components/state-badge";
import { Tooltip } from "@/components/tooltip";
import type { NodeKind } from "./graph";
import type { PlacedNode } from "./layout";

const ICONS: Record<NodeKind, LucideIcon> = {
  endpoint: Cpu,
  asset: Boxes,
  source: CloudDownload,
  broker: Waypoints,
  dataflow: Workflow,
  storage: Database,
  topic: Hash,
  more: Ellipsis,
};

/** One station's node: what it is, and the state its resource reports with the reason as written. */
export function NodeCard({ node, children }: { node: PlacedNode; children?: ReactNode }) {
  const { box, readiness } = node;
  const alarmed = readiness?.state === "not-ready";
  const className = clsx(
    "absolute flex flex-col justify-center rounded-lg border bg-surface px-2 py-2 text-left wide:px-3 shadow-card",
    alarmed ? "border-bad" : "border-line",
    node.link && "hover:border-line-strong hover:bg-hover",
  );
  const style = { left: box.x, top: box.y, width: box.width, height: box.height };
  const content = <Content node={node}>{children}</Content>;
  const card = node.link ? (
    <Link to={node.link.to} params={node.link.params} className={className} style={style}>
      {content}
    </Link>
  ) : (
    <div className={className} style={style}>
      {content}
    </div>
  );
  return (
    <Tooltip content={<Details node={node} />} side="bottom">
      {card}
    </Tooltip>
  );
}

function Content({ node, children }: { node: PlacedNode; children: ReactNode }) {
  const Icon = ICONS[node.kind];
  return (
    <>
      <span className="flex min-w-0 items-center gap-1.5">
        <Icon aria-hidden className="hidden size-3.5 shrink-0 text-ink-3 wide:block" />
        <span className="truncate font-medium">{node.title}</span>
      </span>
      <span className="truncate text-ink-3 text-xs">{node.note}</span>
      {node.readiness && (
        <span className="flex min-w-0">
          <StateBadge readiness={node.readiness} withReason />
        </span>
      )}
      {children}
    </>
  );
}

function Details({ node }: { node: PlacedNode }) {
  return (
    <span className="block">
      <b className="font-semibold text-ink">{node.title}</b>
      {node.detail && <span className="block break-all">{node.detail}</span>}
      {node.readiness?.reason && (
        <span className="block">
          {node.readiness.reason}
          {node.readiness.message && `: ${node.readiness.message}`}
        </span>
      )}
    </span>
  );
}
