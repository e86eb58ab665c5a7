/** A kind of resource and where the API serves it. */
export interface Kind {
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
}

const DEVICE_REGISTRY = "deviceregistry.microsoft.com";
const BROKER = "mqttbroker.iotoperations.azure.com";
const CONNECTIVITY = "connectivity.iotoperations.azure.com";

function namespaced(group: string, plural: string, kind: string): Kind {
  return { group, version: "v1", plural, kind, namespaced: true };
}

/** The kinds that screens know by heart; every other kind is found by discovery. */
export const KINDS = {
  endpointProfile: namespaced(DEVICE_REGISTRY, "assetendpointprofiles", "AssetEndpointProfile"),
  asset: namespaced(DEVICE_REGISTRY, "assets", "Asset"),
  broker: namespaced(BROKER, "brokers", "Broker"),
  listener: namespaced(BROKER, "brokerlisteners", "BrokerListener"),
  dataflow: namespaced(CONNECTIVITY, "dataflows", "Dataflow"),
  dataflowEndpoint: namespaced(CONNECTIVITY, "dataflowendpoints", "DataflowEndpoint"),
  event: namespaced("", "events", "Event"),
} as const;

/** Core kinds worth a place in the list; the rest of the core group is not ours. */
export const CORE_PLURALS = ["namespaces", "secrets", "configmaps", "events"];

export function isOurGroup(group: string): boolean {
  return group === DEVICE_REGISTRY || group.endsWith(".iotoperations.azure.com");
}

/** Where Wireway's own resources are unless somebody says otherwise. */
export const DEFAULT_NAMESPACE = "azure-iot-operations";

/** The list of a kind: of all namespaces, or of one. */
export function kindPath(kind: Kind, namespace?: string): string {
  const root = kind.group === "" ? "/api" : `/apis/${kind.group}`;
  const space = namespace === undefined ? "" : `/namespaces/${namespace}`;
  return `${root}/${kind.version}${space}/${kind.plural}`;
}

/** The heading under which a group's kinds stand in the navigation. */
export function groupTitle(group: string): string {
  if (group === "") return "Core";
  if (group === DEVICE_REGISTRY) return "Device registry";
  if (group === BROKER) return "MQTT broker";
  if (group === CONNECTIVITY) return "Connectivity";
  return group.replace(".iotoperations.azure.com", "");
}
