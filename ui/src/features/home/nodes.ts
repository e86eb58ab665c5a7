import { tagsOf } from "@/resource/asset";
import { destinationOf, endpointTypeOf, isLocalBroker, stagesOf } from "@/resource/dataflow";
import { readinessOf } from "@/resource/status";
import type {
  Asset,
  Broker,
  Dataflow,
  DataflowEndpoint,
  EndpointProfile,
  Resource,
} from "@/resource/types";
import type { NodeKind, PathNode, Resources, Station } from "./graph";

/** Stands for the broker even where no Broker resource exists yet. */
export function brokerNode(broker: Broker | undefined, hidden = false): PathNode {
  const name = broker?.metadata.name ?? "default";
  return {
    ...bare(`broker/${name}`, "broker", "broker", broker ? name : "Broker"),
    note: broker ? "MQTT broker" : hidden ? "MQTT broker, not yours to see" : "no Broker resource",
    readiness: broker ? readinessOf(broker) : undefined,
    link: broker ? resourceLink("brokers", broker) : undefined,
  };
}

export function missingProfile(name: string): PathNode {
  return { ...bare(`endpoint/${name}`, "endpoint", "endpoint", name || "–"), note: "not found" };
}

export function assetNode(asset: Asset): PathNode {
  const { name, namespace } = asset.metadata;
  const tags = tagsOf(asset).length;
  return {
    ...bare(`asset/${name}`, "asset", "asset", asset.spec?.displayName || name),
    note: `${tags} ${tags === 1 ? "tag" : "tags"}`,
    readiness: readinessOf(asset),
    link: { to: "/assets/$namespace/$name", params: { namespace: namespace ?? "_", name } },
  };
}

export function dataflowNode(dataflow: Dataflow): PathNode {
  const { name } = dataflow.metadata;
  return {
    ...bare(`dataflow/${name}`, "dataflow", "dataflow", name),
    note: stagesOf(dataflow).join(" + ") || "pass through",
    readiness: readinessOf(dataflow),
    link: resourceLink("dataflows", dataflow),
  };
}

export function profileNode(profile: EndpointProfile): PathNode {
  return {
    ...bare(`endpoint/${profile.metadata.name}`, "endpoint", "endpoint", profile.metadata.name),
    note: profile.spec?.targetAddress?.trim().replace(/^opc\.tcp:\/\//, "") ?? "",
    detail: profile.spec?.targetAddress?.trim() ?? "",
    readiness: readinessOf(profile),
    link: resourceLink("assetendpointprofiles", profile),
  };
}

export function sourceNode(endpoint: DataflowEndpoint): PathNode {
  return {
    ...bare(`source/${endpoint.metadata.name}`, "asset", "source", endpoint.metadata.name),
    note: endpointTypeOf(endpoint),
    readiness: readinessOf(endpoint),
    link: resourceLink("dataflowendpoints", endpoint),
  };
}

export function destinationNode(
  dataflow: Dataflow,
  resources: Pick<Resources, "endpoints" | "listeners">,
): PathNode {
  const { endpoint: name, target } = destinationOf(dataflow);
  const endpoint = resources.endpoints.find((entry) => entry.metadata.name === name);
  const local = isLocalBroker(endpoint, resources.listeners);
  const type = local ? "topic" : endpointTypeOf(endpoint);
  const mqtt = /^(mqtt|kafka)$/i.test(endpointTypeOf(endpoint));
  const kind = mqtt ? "topic" : "storage";
  return {
    ...bare(`destination/${name}/${target}`, "destination", kind, mqtt ? shorten(target) : target),
    detail: target,
    note: endpoint ? `${type} · ${name}` : `${name}: not found`,
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
