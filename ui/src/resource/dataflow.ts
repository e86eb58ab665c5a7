import type { Dataflow, DataflowEndpoint, DataflowOperation, Listener } from "./types";

export interface DataflowSource {
  endpoint: string;
  topics: string[];
  asset: string;
}

export interface DataflowDestination {
  endpoint: string;
  target: string;
}

/** Names under which the samples of every era address the broker of the same cluster. */
const LOCAL_HOSTS = ["aio-broker", "aio-mq-dmqtt-frontend", "localhost", "127.0.0.1", "[::1]"];

export function sourceOf(dataflow: Dataflow): DataflowSource {
  const settings = operation(dataflow, "source")?.sourceSettings;
  return {
    endpoint: settings?.endpointRef ?? "",
    topics: settings?.dataSources ?? [],
    asset: settings?.assetRef?.split("/").at(-1) ?? "",
  };
}

export function destinationOf(dataflow: Dataflow): DataflowDestination {
  const settings = operation(dataflow, "destination")?.destinationSettings;
  return { endpoint: settings?.endpointRef ?? "", target: settings?.dataDestination ?? "" };
}

/** What the transformation does, in the order in which it runs. */
export function stagesOf(dataflow: Dataflow): string[] {
  const settings = operation(dataflow, "builtintransformation")?.builtInTransformationSettings;
  const stages: [string, unknown[] | undefined][] = [
    ["enrich", settings?.datasets],
    ["filter", settings?.filter],
    ["map", settings?.map],
  ];
  return stages.filter(([, rules]) => rules?.length).map(([name]) => name);
}

function operation(dataflow: Dataflow, type: string): DataflowOperation | undefined {
  return dataflow.spec?.operations?.find((entry) => entry.operationType?.toLowerCase() === type);
}

export function endpointTypeOf(endpoint: DataflowEndpoint | undefined): string {
  return endpoint?.spec?.endpointType ?? "";
}

/** True where the endpoint is a door of our own broker: no host at all, or a name of the broker. */
export function isLocalBroker(
  endpoint: DataflowEndpoint | undefined,
  listeners: readonly Listener[],
): boolean {
  if (endpointTypeOf(endpoint).toLowerCase() !== "mqtt") return false;
  const host = endpoint?.spec?.mqttSettings?.host;
  if (!host) return true;
  const [name = "", port = ""] = splitHost(host);
  if (!LOCAL_HOSTS.includes(name.toLowerCase())) return false;
  const ports = listeners.flatMap((listener) => listener.spec?.ports ?? []);
  if (name.startsWith("aio-") || ports.length === 0) return true;
  return ports.some((entry) => String(entry.port) === port);
}

function splitHost(host: string): [string, string] {
  const bare = host.replace(/^[a-z]+:\/\//i, "").replace(/\/.*$/, "");
  const colon = bare.lastIndexOf(":");
  return colon > bare.lastIndexOf("]") ? [bare.slice(0, colon), bare.slice(colon + 1)] : [bare, ""];
}
