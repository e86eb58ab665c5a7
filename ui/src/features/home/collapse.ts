import { type PathEdge, type PathNode, STATIONS, type Topology } from "./graph";

const LIST_OF: Record<string, string> = {
  endpoint: "/resources/assetendpointprofiles",
  asset: "/assets",
  dataflow: "/resources/dataflows",
  destination: "/resources/dataflowendpoints",
};

/** How much a node wants to be seen: trouble first, then what is switched off, then the rest. */
const URGENCY = {
  "not-ready": 0,
  degraded: 1,
  pending: 1,
  none: 2,
  ready: 2,
  disabled: 3,
} as const;

/**
 * Limits every station to `rowsMax` nodes. What does not fit is summed up in one node "n more" that
 * keeps the edges, so that the rates still add up; whatever is in trouble stays visible longest.
 */
export function collapse(topology: Topology, rowsMax: number): Topology {
  const replaced = new Map<string, string>();
  const nodes: PathNode[] = [];
  for (const station of STATIONS) {
    const here = topology.nodes.filter((node) => node.station === station);
    if (here.length <= rowsMax) {
      nodes.push(...here);
      continue;
    }
    const ranked = [...here].sort((a, b) => urgency(a) - urgency(b));
    const shown = new Set(ranked.slice(0, rowsMax - 1));
    const rest = here.filter((node) => !shown.has(node));
    const more = moreNode(station, rest);
    for (const node of rest) replaced.set(node.id, more.id);
    nodes.push(...here.filter((node) => shown.has(node)), more);
  }
  return { nodes, edges: merge(topology.edges, replaced) };
}

function urgency(node: PathNode): number {
  return node.readiness ? URGENCY[node.readiness.state] : URGENCY.none;
}

function moreNode(station: PathNode["station"], rest: PathNode[]): PathNode {
  const troubled = rest.filter((node) => node.readiness?.state === "not-ready").length;
  return {
    id: `more/${station}`,
    station,
    kind: "more",
    title: `${rest.length} more`,
    note: troubled > 0 ? `${troubled} not ready` : "",
    detail: "",
    readiness: undefined,
    link: { to: LIST_OF[station] ?? "/resources", params: {} },
    count: rest.length,
  };
}

function merge(edges: PathEdge[], replaced: Map<string, string>): PathEdge[] {
  const merged = new Map<string, PathEdge>();
  for (const edge of edges) {
    const from = replaced.get(edge.from) ?? edge.from;
    const to = replaced.get(edge.to) ?? edge.to;
    const id = `${from}>${to}`;
    const measures = union(merged.get(id)?.measures ?? [], edge.measures);
    merged.set(id, { ...edge, id, from, to, measures, labelled: measures });
  }
  return labelOncePerRow([...merged.values()]);
}

/** A node "n more" may have edges to several neighbours, all in one row: the first says the sum of all. */
function labelOncePerRow(edges: PathEdge[]): PathEdge[] {
  const first = new Map<string, PathEdge>();
  for (const edge of edges) {
    const row = rowOf(edge);
    const known = first.get(row);
    if (!known) first.set(row, edge);
    else {
      known.labelled = union(known.labelled, edge.measures);
      edge.labelled = [];
    }
  }
  return edges;
}

/** The node in whose row the label stands, and on which side of it. */
function rowOf(edge: PathEdge): string {
  const leftOfAsset = edge.from.split("/").includes("endpoint");
  return leftOfAsset || edge.from.startsWith("broker/") ? `>${edge.to}` : `${edge.from}>`;
}

function union(a: string[], b: string[]): string[] {
  return [...new Set([...a, ...b])];
}
