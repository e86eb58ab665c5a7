import { type PathEdge, type PathNode, STATIONS, type Topology } from "./graph";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedNode extends PathNode {
  box: Box;
}

export interface PlacedEdge extends PathEdge {
  /** An SVG path from the right side of one node to the left side of the other. */
  path: string;
  /** Where the label is centred. */
  label: { x: number; y: number };
}

export interface Layout {
  width: number;
  height: number;
  columns: { x: number; width: number }[];
  nodes: PlacedNode[];
  edges: PlacedEdge[];
}

export const ROW_HEIGHT = 92;
export const NODE_HEIGHT = 74;
/** The part of a column's width that the gap to the next one has. */
const GAP_RATIO = 0.74;
const GAP_MAX = 132;

/** Places nodes in five columns; the broker spans all rows like the bus that it is. */
export function layOut(topology: Topology, width: number): Layout {
  const unit = width / (STATIONS.length + (STATIONS.length - 1) * GAP_RATIO);
  const gap = Math.min(GAP_MAX, unit * GAP_RATIO);
  const column = (width - gap * (STATIONS.length - 1)) / STATIONS.length;
  const columns = STATIONS.map((_, i) => ({ x: i * (column + gap), width: column }));
  const stations = STATIONS.map((station) => ordered(topology, station));
  const rows = Math.max(1, ...stations.map((nodes) => nodes.length));
  const height = rows * ROW_HEIGHT - (ROW_HEIGHT - NODE_HEIGHT);
  const nodes = stations.flatMap((here, i) =>
    place(here, columns[i] ?? { x: 0, width: 0 }, height),
  );
  const boxes = new Map(nodes.map((node) => [node.id, node]));
  const edges = topology.edges.flatMap((edge) => {
    const from = boxes.get(edge.from);
    const to = boxes.get(edge.to);
    return from && to ? [connect(edge, from, to)] : [];
  });
  return { width, height, columns, nodes, edges };
}

/** Nodes follow the order of their neighbours on the left, which keeps edges from crossing. */
function ordered(topology: Topology, station: PathNode["station"]): PathNode[] {
  const here = topology.nodes.filter((node) => node.station === station);
  if (station !== "destination" && station !== "asset") return here;
  const rank = (node: PathNode) => {
    if (node.kind === "more") return Number.MAX_SAFE_INTEGER;
    const sources = topology.edges.filter((edge) => edge.to === node.id).map((edge) => edge.from);
    const ranks = sources.map((id) => topology.nodes.findIndex((other) => other.id === id));
    return Math.min(Number.MAX_SAFE_INTEGER - 1, ...ranks);
  };
  const ranked = here.map((node) => ({ node, rank: rank(node) }));
  return ranked.sort((a, b) => a.rank - b.rank).map(({ node }) => node);
}

function place(nodes: PathNode[], column: { x: number; width: number }, height: number) {
  if (nodes.length === 1 && nodes[0]?.kind === "broker") {
    return [{ ...nodes[0], box: { ...column, y: 0, height } }];
  }
  const used = nodes.length * ROW_HEIGHT - (ROW_HEIGHT - NODE_HEIGHT);
  const top = (height - used) / 2;
  return nodes.map((node, i) => ({
    ...node,
    box: { ...column, y: top + i * ROW_HEIGHT, height: NODE_HEIGHT },
  }));
}

/**
 * Straight along the row of the side that has one neighbour (an asset has one endpoint, a dataflow one
 * destination), so that every label has a row of its own; the bend sits close to the other side.
 */
function connect(edge: PathEdge, from: PlacedNode, to: PlacedNode): PlacedEdge {
  const startX = from.box.x + from.box.width;
  const endX = to.box.x;
  const fromY = middle(from);
  const toY = middle(to);
  const label = (y: number) => ({ x: (startX + endX) / 2, y });
  if (from.kind === "broker") return { ...edge, path: line(startX, toY, endX), label: label(toY) };
  if (to.kind === "broker")
    return { ...edge, path: line(startX, fromY, endX), label: label(fromY) };
  const early = from.station === "endpoint";
  const bend = Math.min(22, (endX - startX) / 4);
  const path = early
    ? `M${startX},${fromY} C${startX + bend},${fromY} ${startX},${toY} ${startX + bend},${toY} L${endX},${toY}`
    : `M${startX},${fromY} L${endX - bend},${fromY} C${endX},${fromY} ${endX - bend},${toY} ${endX},${toY}`;
  return { ...edge, path, label: label(early ? toY : fromY) };
}

function middle(node: PlacedNode): number {
  return node.box.y + node.box.height / 2;
}

function line(startX: number, y: number, endX: number): string {
  return `M${startX},${y} L${endX},${y}`;
}
