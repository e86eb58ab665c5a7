/** The shapes of the resources as this page reads them: every field optional that an old dialect may lack. */

export type ConditionStatus = "True" | "False" | "Unknown";

export interface Condition {
  type: string;
  status: ConditionStatus;
  reason?: string;
  message?: string;
  /** What to do about it, in a sentence. */
  recommendedAction?: string;
  observedGeneration?: number;
  lastTransitionTime?: string;
}

export interface Metadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  managedFields?: unknown[];
}

export interface Resource<Spec = unknown> {
  apiVersion?: string;
  kind?: string;
  metadata: Metadata;
  spec?: Spec;
  status?: { conditions?: Condition[] };
  [other: string]: unknown;
}

export interface EndpointProfileSpec {
  targetAddress?: string;
  endpointProfileType?: string;
}

export interface DataPoint {
  name?: string;
  dataSource?: string;
  dataPointConfiguration?: string;
}

export interface Topic {
  path?: string;
}

export interface Dataset {
  name?: string;
  dataPoints?: DataPoint[];
  datasetConfiguration?: string;
  topic?: Topic;
}

export interface AssetSpec {
  /** v1beta1 spells the reference "Uri", though it always held a name. */
  assetEndpointProfileUri?: string;
  assetEndpointProfileRef?: string;
  displayName?: string;
  description?: string;
  enabled?: boolean;
  topic?: Topic;
  defaultTopic?: Topic;
  dataPoints?: DataPoint[];
  datasets?: Dataset[];
  defaultDataPointsConfiguration?: string;
  defaultDatasetsConfiguration?: string;
}

export interface ListenerPort {
  port: number;
  nodePort?: number;
  protocol?: string;
  tls?: object | null;
}

export interface ListenerSpec {
  brokerRef?: string;
  serviceType?: string;
  ports?: ListenerPort[];
}

export interface DataflowOperation {
  operationType?: string;
  sourceSettings?: { endpointRef?: string; dataSources?: string[]; assetRef?: string };
  builtInTransformationSettings?: { filter?: unknown[]; map?: unknown[]; datasets?: unknown[] };
  destinationSettings?: { endpointRef?: string; dataDestination?: string };
}

export interface DataflowSpec {
  mode?: string;
  profileRef?: string;
  operations?: DataflowOperation[];
}

export interface DataflowEndpointSpec {
  endpointType?: string;
  mqttSettings?: { host?: string };
  kafkaSettings?: { host?: string };
  localStorageSettings?: { persistentVolumeClaimRef?: string; persistentVolumeClaimName?: string };
}

export type EndpointProfile = Resource<EndpointProfileSpec>;
export type Asset = Resource<AssetSpec>;
export type Broker = Resource;
export type Listener = Resource<ListenerSpec>;
export type Dataflow = Resource<DataflowSpec>;
export type DataflowEndpoint = Resource<DataflowEndpointSpec>;

/** `namespace/name`: unique within a kind, and readable in a list key. */
export function keyOf(resource: Resource): string {
  return `${resource.metadata.namespace ?? ""}/${resource.metadata.name}`;
}
