// A broker that records what it promises, and clients whose sessions stay.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { binary, freePorts, start, temporaryFolder } from './ground.mjs';
import { brokerManifests } from './plant.mjs';

const forever = 0xFFFFFFFF;

/** A broker with persistence; `restart` kills it and starts it again on the same folder,
 * with another spec.persistence if one is given. */
export async function ground(t, args = [], persistence = { maxSize: '1Gi' }, dataFolder = null) {
  const folder = await temporaryFolder(t);
  const [port, websocket, prometheusPort] = await freePorts(3);
  const items = brokerManifests({ mqtt: port, websocket });
  Object.assign(items[0].spec, { persistence, diagnostics: { metrics: { prometheusPort } } });
  const manifests = path.join(folder, 'manifests');
  await mkdir(manifests);
  const apply = () =>
    writeFile(path.join(manifests, 'broker.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await apply();
  const data = dataFolder ?? path.join(folder, 'data');
  const launch = async () => {
    const child = start(t, binary, ['broker', '--resources', manifests, '--data', data, ...args]);
    await child.waitForOutput(/listening for MQTT on/);
    return child;
  };
  const self = { url: `mqtt://127.0.0.1:${port}`, data, child: await launch() };
  self.setPersistence = (wanted) => {
    items[0].spec.persistence = wanted;
    return apply();
  };
  self.kill = async () => {
    self.child.signal('SIGKILL');
    await self.child.ended;
  };
  self.restart = async (persistence) => {
    await self.kill();
    if (persistence !== undefined) await self.setPersistence(persistence);
    self.child = await launch();
  };
  return self;
}

export const persistent = (clientId) => ({
  protocolVersion: 5, clientId, clean: false, reconnectPeriod: 20,
  properties: { sessionExpiryInterval: forever, receiveMaximum: 50 },
});
