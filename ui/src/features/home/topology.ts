import { measureKey } from "@/live/metrics";
import { endpointOf, tagsOf, topicsOf } from "@/resource/asset";
import {
  destinationOf,
  endpointTypeOf,
  isLocalBroker,
  sourceOf,
  stagesOf,
} from "@/resource/dataflow";
import { type Readiness, readinessOf } from "@/resource/status";
import type {
  Asset,
  Broker,
  Dataflow,
  DataflowEndpoint,
  EndpointProfile,
  Listener,
  Resource,
} from "@/resource/types";

/** The five stations of a value's way, left to right. */
export const STATIONS = ["endpoint", "asset", "broker", "dataflow", "destination"] as const;
export type Station = (typeof STATIONS)[number];

/** What stands at a station; `storage` and `topic` are the two kinds of destination, `source` a foreign broker. */
export type NodeKind =
  | "endpoint"
  | "asset"
  | "source"
  | "broker"
  | "dataflow"
  | "storage"
  | "topic"
  | "more";

export interface PathNode {
  id: string;
  station: Station;
  kind: NodeKind;
  title: string;
  note: string;
  /** The whole of what title or note shortens; shown on hover. */
  detail: string;
  /** Undefined for what has no resource of its own, such as a topic. */
  readiness: Readiness | undefined;
  link: { to: string; params: Record<string, string> } | undefined;
  /** How many resources this node stands for; more than one only for `more`. */
  count: number;
}

export interface PathEdge {
  id: string;
  from: string;
  to: string;
  /** The measures whose rates are summed on this edge, and which of their counters. */
  measures: string[];
  /** What the label sums up: the same, or nothing where another edge of the same row says it. */
  labelled: string[];
  rate: string;
  unit: string;
  bytes: string | undefined;
  /** The counter of what was lost on the way, where there is one. */
  lost: string | undefined;
}

export interface Topology {
  nodes: PathNode[];
  edges: PathEdge[];
}

export interface Resources {
  profiles: readonly EndpointProfile[];
  assets: readonly Asset[];
  brokers: readonly Broker[];
  listeners: readonly Listener[];
  dataflows: readonly Dataflow[];
  endpoints: readonly DataflowEndpoint[];
}

/** Builds the path from the resources alone: what is configured, whether or not it runs. */
export function buildTopology(resources: Resources): Topology {
  const nodes = new Map<string, PathNode>();
  const edges = new Map<string, PathEdge>();
  const add = (node: PathNode) => void (nodes.has(node.id) || nodes.set(node.id, node));
  const join = (edge: NewEdge) => {
    const id = `${edge.from}>${edge.to}`;
    edges.set(id, { id, labelled: edge.measures, bytes: undefined, lost: undefined, ...edge });
  };
  const builder: Builder = { ...resources, add, join, brokerId: "" };
  builder.brokerId = addBroker(builder);
  for (const profile of resources.profiles) add(profileNode(profile));
  for (const asset of resources.assets) addAsset(builder, asset);
  for (const dataflow of resources.dataflows) addDataflow(builder, dataflow);
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

type NewEdge = Omit<PathEdge, "id" | "labelled" | "bytes" | "lost"> &
  Partial<Pick<PathEdge, "bytes" | "lost">>;

interface Builder extends Resources {
  add: (node: PathNode) => void;
  join: (edge: NewEdge) => void;
  brokerId: string;
}

function addBroker({ brokers, assets, dataflows, add }: Builder): string {
  const broker = brokers[0];
  if (!broker && assets.length + dataflows.length === 0) return "";
  const name = broker?.metadata.name ?? "default";
  add({
    ...bare(`broker/${name}`, "broker", "broker", broker ? name : "Broker"),
    note: broker ? "MQTT broker" : "no Broker resource",
    readiness: broker ? readinessOf(broker) : undefined,
    link: broker ? resourceLink("brokers", broker) : undefined,
  });
  return `broker/${name}`;
}

function profileNode(profile: EndpointProfile): PathNode {
  return {
    ...bare(`endpoint/${profile.metadata.name}`, "endpoint", "endpoint", profile.metadata.name),
    note: profile.spec?.targetAddress?.trim().replace(/^opc\.tcp:\/\//, "") ?? "",
    detail: profile.spec?.targetAddress?.trim() ?? "",
    readiness: readinessOf(profile),
    link: resourceLink("assetendpointprofiles", profile),
  };
}

function addAsset({ add, join, brokerId }: Builder, asset: Asset): void {
  const { name, namespace } = asset.metadata;
  const id = `asset/${name}`;
  const endpoint = `endpoint/${endpointOf(asset)}`;
  const tags = tagsOf(asset).length;
  add({
    ...bare(id, "asset", "asset", asset.spec?.displayName || name),
    note: `${tags} ${tags === 1 ? "tag" : "tags"}`,
    readiness: readinessOf(asset),
    link: { to: "/assets/$namespace/$name", params: { namespace: namespace ?? "_", name } },
  });
  // An asset may name a profile that does not exist (yet): the gap is shown, not hidden.
  add({ ...bare(endpoint, "endpoint", "endpoint", endpointOf(asset) || "–"), note: "not found" });
  const measures = [measureKey("asset", name)];
  join({ from: endpoint, to: id, measures, rate: "values", unit: "val/s" });
  join({ from: id, to: brokerId, measures, rate: "messages", unit: "msg/s" });
}

function addDataflow(builder: Builder, dataflow: Dataflow): void {
  const { add, join, endpoints, listeners, brokerId } = builder;
  const { name } = dataflow.metadata;
  const id = `dataflow/${name}`;
  const measures = [measureKey("dataflow", name)];
  add({
    ...bare(id, "dataflow", "dataflow", name),
    note: stagesOf(dataflow).join(" + ") || "pass through",
    readiness: readinessOf(dataflow),
    link: resourceLink("dataflows", dataflow),
  });
  const source = sourceOf(dataflow);
  const find = (endpoint: string) => endpoints.find((entry) => entry.metadata.name === endpoint);
  const from = find(source.endpoint);
  const local = !from || isLocalBroker(from, listeners);
  const entry = local ? brokerId : `source/${source.endpoint}`;
  if (!local) add(sourceNode(from));
  join({ from: entry, to: id, measures, rate: "received", unit: "msg/s", bytes: "bytes_in" });
  const target = destinationNode(builder, dataflow);
  add(target);
  join({
    from: id,
    to: target.id,
    measures,
    rate: "delivered",
    unit: "msg/s",
    bytes: "bytes_out",
    lost: "dead_lettered",
  });
}

function sourceNode(endpoint: DataflowEndpoint): PathNode {
  return {
    ...bare(`source/${endpoint.metadata.name}`, "asset", "source", endpoint.metadata.name),
    note: endpointTypeOf(endpoint),
    readiness: readinessOf(endpoint),
    link: resourceLink("dataflowendpoints", endpoint),
  };
}

function destinationNode({ endpoints, listeners }: Builder, dataflow: Dataflow): PathNode {
  const { endpoint: name, target } = destinationOf(dataflow);
  const endpoint = endpoints.find((entry) => entry.metadata.name === name);
  const local = isLocalBroker(endpoint, listeners);
  const mqtt = /^(mqtt|kafka)$/i.test(endpointTypeOf(endpoint));
  const kind = mqtt ? "topic" : "storage";
  return {
    ...bare(`destination/${name}/${target}`, "destination", kind, mqtt ? shorten(target) : target),
    detail: target,
    note: endpoint
      ? `${local ? "topic" : endpointTypeOf(endpoint)} · ${name}`
      : `${name}: not found`,
    readiness: endpoint ? readinessOf(endpoint) : undefined,
    link: endpoint ? resourceLink("dataflowendpoints", endpoint) : undefined,
  };
}

/** The end of a topic says what it is about; its beginning is mostly the same for all. */
export function shorten(topic: string): string {
  const levels = topic.split("/");
  return levels.length > 2 ? `…/${levels.slice(-2).join("/")}` : topic;
}

function bare(id: string, station: Station, kind: NodeKind, title: string): PathNode {
  return {
    id,
    station,
    kind,
    title,
    note: "",
    detail: "",
    readiness: undefined,
    link: undefined,
    count: 1,
  };
}

function resourceLink(plural: string, resource: Resource): PathNode["link"] {
  const { namespace, name } = resource.metadata;
  const params = { plural, namespace: namespace ?? "_", name };
  return { to: "/resources/$plural/$namespace/$name", params };
}

/** Topics of all assets: what the home screen listens to for the age of the newest value. */
export function assetTopics(assets: readonly Asset[]): string[] {
  return assets.flatMap(topicsOf);
}
