// An OPC UA server that is not ours (node-opcua), with variables that count, so that a lost or a
// repeated value shows.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import {
  DataType, OPCUACertificateManager, OPCUAServer, MessageSecurityMode, SecurityPolicy, StatusCodes,
  Variant,
} from 'node-opcua';

/**
 * Serves `ns=1;s=<name>` for each of `names`; each value is UInt32 and rises by one every `period` ms.
 * `server.values[name]` can be read, `server.hold = true` stops the counting.
 */
export async function startOpcUaServer(t, { port, names, period = 100, folder }) {
  const pki = path.join(folder, 'pki');
  await mkdir(pki, { recursive: true });
  const server = new OPCUAServer({
    port,
    hostname: '127.0.0.1',
    resourcePath: '/plant',
    allowAnonymous: true,
    securityModes: [MessageSecurityMode.None],
    securityPolicies: [SecurityPolicy.None],
    serverInfo: { applicationUri: 'urn:foreign:plant', productUri: 'urn:foreign:plant' },
    serverCertificateManager: new OPCUACertificateManager({
      rootFolder: pki, automaticallyAcceptUnknownCertificate: true,
    }),
  });
  await server.initialize();
  const space = server.engine.addressSpace.getOwnNamespace();
  const values = Object.fromEntries(names.map((name) => [name, 0]));
  const variables = names.map((name) => space.addVariable({
    organizedBy: server.engine.addressSpace.rootFolder.objects,
    browseName: name,
    nodeId: `s=${name}`,
    dataType: 'UInt32',
    value: new Variant({ dataType: DataType.UInt32, value: 0 }),
  }));
  const state = { values, hold: false, server, url: `opc.tcp://127.0.0.1:${port}/plant` };
  const timer = setInterval(() => {
    if (state.hold) return;
    names.forEach((name, i) => {
      values[name] += 1;
      variables[i].setValueFromSource({ dataType: DataType.UInt32, value: values[name] },
        StatusCodes.Good, new Date());
    });
  }, period);
  await server.start();
  let stopped = false;
  state.stop = async () => {
    if (stopped) return;
    stopped = true;
    clearInterval(timer);
    await server.shutdown(0);
  };
  t.after(() => state.stop());
  return state;
}
