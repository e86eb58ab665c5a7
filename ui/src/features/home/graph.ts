import type { Readiness } from "@/resource/status";
import type {
  Asset,
  Broker,
  Dataflow,
  DataflowEndpoint,
  EndpointProfile,
  Listener,
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
  /** The reader's roles do not show him brokers: none listed does not mean that there is none. */
  brokersHidden?: boolean;
  brokers: readonly Broker[];
  listeners: readonly Listener[];
  dataflows: readonly Dataflow[];
  endpoints: readonly DataflowEndpoint[];
}
