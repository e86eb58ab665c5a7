// Every fault has one defined outcome: a clear line, a condition, an Event; nothing else stops.

import assert from 'node:assert/strict';
import { appendFile, chmod, mkdir, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { mqttJs, waitForMessages } from './lib/clients.mjs';
import { alive, binary, freePorts, run, start, temporaryFolder, waitFor } from './lib/ground.mjs';
import { startOpcUaServer } from './lib/opcua.mjs';
import {
  Plant, asset, assetGroup, brokerManifests, endpointProfile, flowGroup, lakeManifests, mqttGroup,
  readyOf, space,
} from './lib/plant.mjs';

async function runningPlant(t) {
  const plant = await Plant.create(t);
  const server = await startOpcUaServer(t, {
    port: plant.ports.opcua, names: ['A', 'B'], folder: plant.folder,
  });
  await plant.put('broker.yaml', brokerManifests(plant.ports));
  await plant.put('line.yaml', [
    endpointProfile('plant', server.url),
    asset('line', 'plant', { a: 'ns=1;s=A', b: 'ns=1;s=B' }),
  ]);
  await plant.put('lake.yaml', lakeManifests(plant.ports, 'line', { a: { inputs: ['a.Value'] } }));
  await plant.up();
  await plant.waitReady(mqttGroup, 'brokerlisteners', 'default');
  const { seen } = await mqttJs(t, `mqtt://127.0.0.1:${plant.ports.mqtt}`, [`${space}/data/line`]);
  await waitForMessages(seen, 3, 20_000);
  return { plant, server, seen };
}

const goesOn = (seen, within) => {
  const before = seen.length;
  return waitFor('three more values', () => seen.length >= before + 3, { within });
};

test('kill -9 of each child: back within 3 s, the others go on, status and Events say it', async (t) => {
  const { plant, seen } = await runningPlant(t);
  await plant.waitReady(flowGroup, 'dataflows', 'line-to-lake');
  for (const name of ['broker', 'opcua', 'dataflow']) {
    await t.test(name, async () => {
      const before = await waitFor(`child ${name}`, async () => {
        const children = await plant.children();
        return children.broker && children.opcua && children.dataflow ? children : null;
      });
      const killed = Date.now();
      process.kill(before[name], 'SIGKILL');
      const after = await waitFor(`${name} to be back`, async () => {
        const children = await plant.children();
        return children[name] && children[name] !== before[name] ? children : null;
      }, { within: 3_000 });
      t.diagnostic(`${name} process back after ${Date.now() - killed} ms`);
      for (const other of Object.keys(before).filter((key) => key !== name))
        assert.equal(after[other], before[other], `${other} kept running`);
      const event = await waitFor('an Event that names the end', async () => {
        const { items } = await plant.get('v1', 'events');
        return items.find((item) => item.message.includes(`pid ${before[name]}`));
      });
      assert.equal(event.type, 'Warning');
      assert.match(event.message, /signal 9/);
      await goesOn(seen, 10_000);
      t.diagnostic(`values again ${Date.now() - killed} ms after kill -9 of ${name}`);
      await plant.waitReady(mqttGroup, 'brokers', 'default');
      await plant.waitReady(assetGroup, 'assets', 'line');
      await plant.waitReady(flowGroup, 'dataflows', 'line-to-lake');
    });
  }
});

test('kill -9 of the parent leaves no child behind', async (t) => {
  const { plant } = await runningPlant(t);
  const children = Object.values(await plant.children());
  assert.ok(children.length >= 3);
  plant.child.signal('SIGKILL');
  await plant.child.ended;
  await waitFor('all children to be gone', () => !children.some(alive), { within: 5_000 });
});

test('the connector survives a restart of the OPC UA server', async (t) => {
  const { plant, server, seen } = await runningPlant(t);
  await server.stop();
  await waitFor('the endpoint to say that the server is away', async () =>
    readyOf(await plant.get(assetGroup, 'assetendpointprofiles', 'plant'))?.status === 'False',
  { within: 20_000 });
  const again = await startOpcUaServer(t, {
    port: plant.ports.opcua, names: ['A', 'B'], folder: plant.folder,
  });
  assert.ok(again);
  await goesOn(seen, 30_000);
  await plant.waitReady(assetGroup, 'assetendpointprofiles', 'plant');
});

test('malformed packets cost their sender the connection and nobody else anything', async (t) => {
  const { plant, seen } = await runningPlant(t);
  const connect = Buffer.from('101000044d5154540502003c000003616263', 'hex');
  const garbage = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from('ffffffffff', 'hex'),
    Buffer.from('100f00044d51545405c2003c000002', 'hex'), Buffer.alloc(4096, 0x30),
    Buffer.concat([connect, Buffer.from('3006000361ff6200', 'hex')]),
  ];
  for (const bytes of garbage) {
    await new Promise((resolve, reject) => {
      const socket = net.connect(plant.ports.mqtt, '127.0.0.1', () => socket.end(bytes));
      socket.on('error', () => {});
      socket.on('close', resolve);
      socket.resume();
      socket.setTimeout(15_000, () => reject(new Error(`not closed after ${bytes.toString('hex')}`)));
    });
  }
  await goesOn(seen, 5_000);
});

test('a manifest with an unknown field or a wrong type is refused by name; the rest goes on', async (t) => {
  const { plant, seen } = await runningPlant(t);
  const wrong = asset('line', 'plant', { a: 'ns=1;s=A' });
  wrong.spec.enabled = 'perhaps';
  await plant.put('wrong.yaml', [{ ...wrong, metadata: { ...wrong.metadata, name: 'wrong' } }]);
  await plant.child.waitForOutput(/wrong\.yaml.*spec\.enabled/);
  const unknown = asset('unknown', 'plant', { a: 'ns=1;s=A' });
  unknown.spec.colour = 'green';
  await plant.put('unknown.yaml', [unknown]);
  await plant.child.waitForOutput(/unknown\.yaml.*spec\.colour/);
  await assert.rejects(plant.apply({ ...wrong }), /spec\.enabled/);
  await writeFile(path.join(plant.resources, 'broken.yaml'), 'kind: Asset\n  spec: [\n');
  await plant.child.waitForOutput(/broken\.yaml.*line 2/);
  await goesOn(seen, 5_000);
});

test('a port in use is one clear condition and the other port serves', async (t) => {
  const plant = await Plant.create(t);
  const taken = net.createServer().listen(plant.ports.mqtt, '127.0.0.1');
  t.after(() => taken.close());
  await plant.put('broker.yaml', brokerManifests(plant.ports));
  await plant.up();
  const ready = await waitFor('a condition about the port', async () => {
    const condition = readyOf(await plant.get(mqttGroup, 'brokerlisteners', 'default'));
    return condition?.status === 'False' && condition.message.includes(String(plant.ports.mqtt))
      ? condition : null;
  });
  assert.match(ready.message, /in use/);
  const web = await mqttJs(t, `ws://127.0.0.1:${plant.ports.websocket}/mqtt`, ['x']);
  await web.client.publishAsync('x', 'still here', { qos: 1 });
  await waitForMessages(web.seen, 1);
  taken.close();
  await plant.waitReady(mqttGroup, 'brokerlisteners', 'default', 30_000);
});

test('a taken API port ends `up` with one line that names port and option', async (t) => {
  const [port] = await freePorts(1);
  const taken = net.createServer().listen(port, '127.0.0.1');
  t.after(() => taken.close());
  const folder = await temporaryFolder(t);
  const { code, output } = await run(binary, ['up', '--data', folder, '--port', String(port)]);
  assert.notEqual(code, 0);
  assert.match(output, new RegExp(`${port}.*in use.*--port|--port.*${port}`, 's'));
});

test('a read-only data folder ends `up` with one line that names it', async (t) => {
  if (process.getuid() === 0) {
    // Root may write anywhere, so the folder is put where even root cannot: below a file.
    const folder = await temporaryFolder(t);
    await writeFile(path.join(folder, 'file'), '');
    const { code, output } = await run(binary, ['up', '--data', path.join(folder, 'file/data')]);
    assert.notEqual(code, 0);
    assert.match(output, /file\/data/);
    return;
  }
  const folder = await temporaryFolder(t);
  await mkdir(path.join(folder, 'data'));
  await chmod(path.join(folder, 'data'), 0o500);
  const { code, output } = await run(binary, ['up', '--data', path.join(folder, 'data')]);
  assert.notEqual(code, 0);
  assert.match(output, new RegExp(path.join(folder, 'data')));
});

test('unreachable and garbage-speaking servers are named; a healthy endpoint goes on', async (t) => {
  const { plant, seen } = await runningPlant(t);
  const noise = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write('I do not speak OPC UA\r\n'));
  }).listen(0, '127.0.0.1');
  t.after(() => noise.close());
  const [closed] = await freePorts(1);
  await plant.put('bad.yaml', [
    endpointProfile('noise', `opc.tcp://127.0.0.1:${noise.address().port}`),
    endpointProfile('closed', `opc.tcp://127.0.0.1:${closed}`),
    asset('on-noise', 'noise', { a: 'ns=1;s=A' }), asset('on-closed', 'closed', { a: 'ns=1;s=A' }),
  ]);
  for (const name of ['noise', 'closed']) {
    const condition = await waitFor(`${name} to be not Ready`, async () => {
      const ready = readyOf(await plant.get(assetGroup, 'assetendpointprofiles', name));
      return ready?.status === 'False' ? ready : null;
    }, { within: 30_000 });
    assert.match(condition.message, /127\.0\.0\.1/, JSON.stringify(condition));
    t.diagnostic(`${name}: ${condition.reason}: ${condition.message}`);
  }
  await goesOn(seen, 5_000);
});

test('services run alone from a folder of manifests, without an API server', async (t) => {
  const folder = await temporaryFolder(t);
  const [mqtt, websocket] = await freePorts(2);
  const file = path.join(folder, 'broker.yaml');
  await writeFile(file, brokerManifests({ mqtt, websocket }).map((o) => JSON.stringify(o)).join('\n---\n'));
  const broker = start(t, binary, ['broker', '--resources', folder]);
  await waitFor('the broker to accept', () => new Promise((resolve) => {
    if (!broker.running) throw new Error(broker.output);
    const socket = net.connect(mqtt, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  }));
  const { client, seen } = await mqttJs(t, `mqtt://127.0.0.1:${mqtt}`, ['alone']);
  await client.publishAsync('alone', 'yes', { qos: 2 });
  await waitForMessages(seen, 1);
  await appendFile(file, '\n---\nkind: Nonsense\n');
  await broker.waitForOutput(/broker\.yaml.*Nonsense|broker\.yaml.*apiVersion/);
  await client.publishAsync('alone', 'still', { qos: 1 });
  await waitForMessages(seen, 2);
});
