import { measureKey } from "@/live/metrics";
import { endpointOf } from "@/resource/asset";
import { isLocalBroker, sourceOf } from "@/resource/dataflow";
import type { Asset, Dataflow } from "@/resource/types";
import type { PathEdge, PathNode, Resources, Topology } from "./graph";
import {
  assetNode,
  brokerNode,
  dataflowNode,
  destinationNode,
  missingProfile,
  profileNode,
  sourceNode,
} from "./nodes";

/** Builds the path from the resources alone: what is configured, whether or not it runs. */
export function buildTopology(resources: Resources): Topology {
  const { brokers, profiles, assets, dataflows } = resources;
  const builder = new Builder(resources);
  if (brokers.length + assets.length + dataflows.length > 0) builder.addBroker();
  for (const profile of profiles) builder.add(profileNode(profile));
  for (const asset of assets) builder.addAsset(asset);
  for (const dataflow of dataflows) builder.addDataflow(dataflow);
  return builder.topology();
}

type NewEdge = Omit<PathEdge, "id" | "labelled" | "bytes" | "lost"> &
  Partial<Pick<PathEdge, "bytes" | "lost">>;

class Builder {
  private readonly nodes = new Map<string, PathNode>();
  private readonly edges: PathEdge[] = [];
  private brokerId = "";

  constructor(private readonly resources: Resources) {}

  topology(): Topology {
    return { nodes: [...this.nodes.values()], edges: this.edges };
  }

  /** The first to name a node describes it: two dataflows may share a destination. */
  add(node: PathNode): void {
    if (!this.nodes.has(node.id)) this.nodes.set(node.id, node);
  }

  addBroker(): void {
    const node = brokerNode(this.resources.brokers[0], this.resources.brokersHidden);
    this.brokerId = node.id;
    this.add(node);
  }

  addAsset(asset: Asset): void {
    const node = assetNode(asset);
    const endpoint = missingProfile(endpointOf(asset));
    const measures = [measureKey("asset", asset.metadata.name)];
    this.add(node);
    // An asset may name a profile that does not exist (yet): the gap is shown, not hidden.
    this.add(endpoint);
    this.join({ from: endpoint.id, to: node.id, measures, rate: "values", unit: "val/s" });
    this.join({
      from: node.id,
      to: this.brokerId,
      measures,
      rate: "messages",
      unit: "msg/s",
      lost: "dropped",
    });
  }

  addDataflow(dataflow: Dataflow): void {
    const { endpoints, listeners } = this.resources;
    const node = dataflowNode(dataflow);
    const measures = [measureKey("dataflow", dataflow.metadata.name)];
    const source = endpoints.find((entry) => entry.metadata.name === sourceOf(dataflow).endpoint);
    const foreign = source && !isLocalBroker(source, listeners) ? sourceNode(source) : undefined;
    const target = destinationNode(dataflow, this.resources);
    for (const each of [node, target, foreign]) if (each) this.add(each);
    this.join({
      from: foreign?.id ?? this.brokerId,
      to: node.id,
      measures,
      rate: "received",
      unit: "msg/s",
      bytes: "bytes_in",
      lost: "dropped_when_busy",
    });
    this.join({
      from: node.id,
      to: target.id,
      measures,
      rate: "delivered",
      unit: "msg/s",
      bytes: "bytes_out",
      lost: "dead_lettered",
    });
  }

  private join(edge: NewEdge): void {
    const id = `${edge.from}>${edge.to}`;
    this.edges.push({ bytes: undefined, lost: undefined, ...edge, id, labelled: edge.measures });
  }
}
