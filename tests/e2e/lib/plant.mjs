// A whole plant on free ports: `wireway up` with its manifests in a folder of its own, and the means to
// look at it from outside: kubectl, plain HTTP, process ids of the children.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { binary, freePorts, run, start, temporaryFolder, waitFor } from './ground.mjs';

export const space = 'azure-iot-operations';

const manifest = (apiVersion, kind, name, spec) =>
  ({ apiVersion, kind, metadata: { name, namespace: space }, spec });

export const mqttGroup = 'mqttbroker.iotoperations.azure.com/v1';
export const assetGroup = 'deviceregistry.microsoft.com/v1';
export const flowGroup = 'connectivity.iotoperations.azure.com/v1';

/** Tags as the documented classic v1 Asset has them. */
export function asset(name, endpoint, tags, { samplingInterval = 100 } = {}) {
  const timing = JSON.stringify({ publishingInterval: 200, samplingInterval, queueSize: 1 });
  const dataPoints = Object.entries(tags).map(([tag, dataSource]) => ({ name: tag, dataSource }));
  return manifest(assetGroup, 'Asset', name, {
    assetEndpointProfileRef: endpoint,
    enabled: true,
    defaultDatasetsConfiguration: timing,
    datasets: [{ name: 'default', dataPoints }],
  });
}

export function endpointProfile(name, url) {
  return manifest(assetGroup, 'AssetEndpointProfile', name, {
    targetAddress: url,
    endpointProfileType: 'Microsoft.OpcUa',
    authentication: { method: 'Anonymous' },
  });
}

export function brokerManifests(ports) {
  return [
    manifest(mqttGroup, 'Broker', 'default', { memoryProfile: 'Tiny' }),
    manifest(mqttGroup, 'BrokerListener', 'default', {
      brokerRef: 'default',
      serviceType: 'ClusterIp',
      ports: [{ port: ports.mqtt, protocol: 'Mqtt' }, { port: ports.websocket, protocol: 'WebSockets' }],
    }),
  ];
}

export function lakeManifests(ports, assetName, columns) {
  return [
    manifest(flowGroup, 'DataflowProfile', 'default', { instanceCount: 1 }),
    manifest(flowGroup, 'DataflowEndpoint', 'default', {
      endpointType: 'Mqtt',
      mqttSettings: {
        host: `127.0.0.1:${ports.mqtt}`,
        authentication: { method: 'Anonymous' },
        tls: { mode: 'Disabled' },
      },
    }),
    manifest(flowGroup, 'DataflowEndpoint', 'lake', {
      endpointType: 'LocalStorage',
      localStorageSettings: {
        persistentVolumeClaimRef: 'lake',
        batching: { latencySeconds: 1, maxMessages: 1000 },
      },
    }),
    manifest(flowGroup, 'Dataflow', `${assetName}-to-lake`, {
      profileRef: 'default',
      operations: [
        { operationType: 'Source',
          sourceSettings: { endpointRef: 'default', dataSources: [`${space}/data/${assetName}`] } },
        { operationType: 'BuiltInTransformation',
          builtInTransformationSettings: {
            map: Object.entries(columns).map(([output, rule]) => ({ output, ...rule })) } },
        { operationType: 'Destination',
          destinationSettings: { endpointRef: 'lake', dataDestination: assetName } },
      ],
    }),
  ];
}

export class Plant {
  constructor(t, folder, ports) {
    Object.assign(this, { t, folder, ports });
    this.data = path.join(folder, 'data');
    this.resources = path.join(folder, 'resources');
    this.url = `http://127.0.0.1:${ports.http}`;
    this.kubeconfig = path.join(this.data, 'kubeconfig');
  }

  static async create(t) {
    const folder = await temporaryFolder(t);
    const [http, mqtt, websocket, opcua] = await freePorts(4);
    const plant = new Plant(t, folder, { http, mqtt, websocket, opcua });
    await mkdir(plant.resources, { recursive: true });
    return plant;
  }

  /** One file of the resources folder; JSON is YAML. */
  async put(file, objects) {
    const text = objects.map((object) => JSON.stringify(object, null, 2)).join('\n---\n');
    await writeFile(path.join(this.resources, file), text + '\n');
  }

  async up(args = []) {
    this.child = start(this.t, binary, ['up', '--data', this.data, '--resources', this.resources,
      '--port', String(this.ports.http), ...args]);
    await waitFor('the API server to be ready', async () => {
      if (!this.child.running) throw new Error(`up ended:\n${this.child.output}`);
      return (await fetch(`${this.url}/readyz`)).ok;
    });
    return this.child;
  }

  async kubectl(...args) {
    const result = await run('kubectl', ['--kubeconfig', this.kubeconfig, ...args]);
    if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.output}`);
    return result.output;
  }

  async get(group, plural, name) {
    const base = group === 'v1' ? '/api/v1' : `/apis/${group}`;
    const response = await fetch(
      `${this.url}${base}/namespaces/${space}/${plural}${name ? `/${name}` : ''}`);
    if (!response.ok) throw new Error(`${plural}/${name}: HTTP ${response.status}`);
    return response.json();
  }

  async apply(object) {
    const file = path.join(this.folder, 'apply.json');
    await writeFile(file, JSON.stringify(object));
    return this.kubectl('apply', '-f', file);
  }

  async waitReady(group, plural, name, within = 20_000) {
    return waitFor(`${plural}/${name} to be Ready`, async () => {
      const object = await this.get(group, plural, name);
      const ready = readyOf(object);
      if (ready?.status !== 'True') throw new Error(JSON.stringify(ready ?? null));
      return object;
    }, { within });
  }

  /** Child processes of `up` by subcommand, from the process table itself. */
  async children(parent = this.child.pid) {
    const listed = await run('ps', ['-o', 'pid=,args=', '--ppid', String(parent)]);
    const found = {};
    for (const line of listed.output.trim().split('\n')) {
      const match = line.trim().match(/^(\d+)\s+\S*wireway\S*\s+(\w+)/);
      if (match) found[match[2]] = Number(match[1]);
    }
    return found;
  }
}

export const readyOf = (object) =>
  object.status?.conditions?.find((condition) => condition.type === 'Ready');

