// Who comes to the broker's door with bad intentions, and how clients come in from behind a load balancer:
// real sockets, beside a client that must notice nothing.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import mqtt from 'mqtt';
import { mqttJs } from './lib/clients.mjs';
import { binary, freePorts, run, start, temporaryFolder, waitFor } from './lib/ground.mjs';
import { Plant, brokerManifests, mqttGroup, space } from './lib/plant.mjs';

const mebibyte = 1024 * 1024;

/** A CONNECT of MQTT 5 with this client identifier. */
const connectPacket = (id) => Buffer.from([0x10, 13 + id.length, 0, 4, 77, 81, 84, 84, 5, 2, 0, 60, 0, 0, id.length,
  ...Buffer.from(id)]);

/** A PROXY header of version 2 for a client 192.0.2.7:53312. */
const proxyHeader = Buffer.from('0d0a0d0a000d0a515549540a' + '2111000c' + 'c0000207' + 'c6336401' + 'd040' + '22b3', 'hex');

/** A socket whose end is counted, not thrown. */
function raw(t, port) {
  const socket = net.connect(port, '127.0.0.1');
  socket.ended = false;
  socket.on('error', () => {});
  socket.on('close', () => { socket.ended = true; });
  t.after(() => socket.destroy());
  return socket;
}

/** A broker alone; `port` has the settings of its first port. */
async function broker(t, port = {}, { files, persistence } = {}) {
  const folder = await temporaryFolder(t);
  const [plain, websocket, proxied, metrics] = await freePorts(4);
  const items = brokerManifests({ mqtt: plain, websocket });
  items[0].spec.diagnostics = { metrics: { prometheusPort: metrics }, selfCheck: { mode: 'Disabled' } };
  Object.assign(items[1].spec.ports[0], port);
  items[1].spec.ports.push({ port: proxied, proxyProtocol: { trustedSources: ['127.0.0.0/8'] } });
  if (persistence) items[0].spec.persistence = persistence;
  await writeFile(path.join(folder, 'broker.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  const args = ['broker', '--shards', '2', '--resources', folder, '--data', path.join(folder, 'data')];
  const child = files ? start(t, 'sh', ['-c', `ulimit -n ${files}; exec "$0" "$@"`, binary, ...args])
    : start(t, binary, args);
  await child.waitForOutput(new RegExp(`listening for .*:${proxied}`));
  const resident = async () =>
    Number((await readFile(`/proc/${child.pid}/status`, 'utf8')).match(/VmRSS:\s+(\d+) kB/)[1]) * 1024;
  /** The sum of a metric over its labels. */
  const metric = async (name) => (await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()).split('\n')
    .filter((line) => line.startsWith(`${name}{`)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  return { folder, plain, proxied, child, resident, metric };
}

/** A client that sends itself a message every 20 ms; `worst()` is its longest wait in ms. */
async function heartbeat(t, port) {
  const { client, seen } = await mqttJs(t, `mqtt://127.0.0.1:${port}`, ['beat']);
  let lost = 0;
  client.on('close', () => { lost += 1; });
  const timer = setInterval(() => client.publish('beat', String(Date.now()), { qos: 1 }), 20);
  t.after(() => clearInterval(timer));
  return {
    worst: () => Math.max(0, ...seen.map((message) => message.at - Number(message.text))),
    count: () => seen.length,
    lost: () => lost,
    stop: () => clearInterval(timer),
  };
}

test('300 slow clients end at the connect timeout and slow nobody down', async (t) => {
  const { plain, child } = await broker(t);
  const beat = await heartbeat(t, plain);
  const began = Date.now();
  const slow = Array.from({ length: 300 }, () => raw(t, plain));
  const packet = connectPacket('a-client-that-takes-all-the-time-of-the-world');
  let at = 0;
  const timer = setInterval(() => {
    for (const socket of slow) if (!socket.ended && at < packet.length) socket.write(packet.subarray(at, at + 1));
    at += 1;
  }, 1_000);
  t.after(() => clearInterval(timer));
  await waitFor('the end of all of them', () => slow.every((socket) => socket.ended), { within: 15_000 });
  const took = Date.now() - began;
  assert.ok(took > 9_000 && took < 13_000, `${took} ms`);
  assert.ok(beat.worst() < 500, `the good client waited ${beat.worst()} ms`);
  assert.equal(beat.lost(), 0);
  const lines = child.output.split('\n').filter((line) => line.includes('connect timeout'));
  assert.ok(lines.length > 0 && lines.length <= 60, `${lines.length} lines`);
  await child.waitForOutput(/\d+ other connections were refused/);
});

test('a flood of connections beyond the limit is refused, and the memory stays', async (t) => {
  const { plain, child, resident } = await broker(t, { maxConnections: 100 });
  const beat = await heartbeat(t, plain);
  const before = await resident();
  for (let round = 0; round < 5; ++round) {
    const flood = Array.from({ length: 600 }, () => raw(t, plain));
    await waitFor('the refusals', () => flood.filter((socket) => socket.ended).length >= 500);
    for (const socket of flood) socket.destroy();
  }
  const grown = await resident() - before;
  t.diagnostic(`3,000 connections at a limit of 100: the broker grew by ${(grown / mebibyte).toFixed(1)} MiB`);
  assert.ok(grown < 32 * mebibyte, `grew by ${grown} bytes`);
  assert.ok(beat.worst() < 500, `the good client waited ${beat.worst()} ms`);
  assert.equal(beat.lost(), 0);
  const lines = child.output.split('\n').filter((line) => line.includes('has its maxConnections of'));
  assert.ok(lines.length > 0 && lines.length < 300, `${lines.length} lines of thousands`);
  await waitFor('a place for a late client', async () => {
    const late = raw(t, plain);
    late.write(connectPacket('late'));
    const answer = await new Promise((resolve) => {
      late.once('data', resolve);
      late.once('close', () => resolve(null));
    });
    return answer?.[0] === 0x20 && answer[3] === 0;
  });
});

test('a flood beyond the open files leaves the broker what it needs for itself', async (t) => {
  const { plain, metric, folder } = await broker(t, {}, { files: 300, persistence: { maxSize: '100Mi' } });
  const { client } = await mqttJs(t, `mqtt://127.0.0.1:${plain}`, [], { clean: false, clientId: 'kept',
    properties: { sessionExpiryInterval: 3600 } });
  await client.subscribeAsync('kept/#', { qos: 1 });
  const flood = Array.from({ length: 600 }, () => raw(t, plain));
  await waitFor('the refusals', () => flood.filter((socket) => socket.ended).length >= 450);
  let got = 0;
  client.on('message', () => { got += 1; });
  for (let i = 0; i < 100; ++i) await client.publishAsync(`kept/${i}`, 'x', { qos: 1, retain: true });
  await waitFor('all that was recorded', () => got === 100);
  assert.ok(await metric('wireway_broker_connects_refused') >= 450);
  const { code } = await run(binary, ['clients', 'list', '--data', path.join(folder, 'data')]);
  assert.equal(code, 0, 'who looks after it gets in');
});

test('a subscriber that never reads costs bounded memory', async (t) => {
  const { plain, resident, metric } = await broker(t);
  const beat = await heartbeat(t, plain);
  const deaf = raw(t, plain);
  deaf.write(connectPacket('deaf'));
  deaf.write(Buffer.from([0x82, 10, 0, 1, 0, 0, 4, ...Buffer.from('loud'), 0]));
  await waitFor('its subscription', async () => await metric('aio_broker_total_subscriptions') === 2);
  deaf.pause();
  const before = await resident();
  const { client } = await mqttJs(t, `mqtt://127.0.0.1:${plain}`, []);
  const payload = Buffer.alloc(64 * 1024, 120);
  for (let i = 0; i < 2_000; ++i) await client.publishAsync('loud', payload);  // 125 MiB
  await client.publishAsync('done', '', { qos: 1 });
  const grown = await resident() - before;
  t.diagnostic(`125 MiB to a deaf subscriber: the broker grew by ${(grown / mebibyte).toFixed(1)} MiB`);
  assert.ok(grown < 48 * mebibyte, `grew by ${grown} bytes`);
  await waitFor('the count of what was dropped', async () => await metric('aio_broker_qos0_messages_dropped') > 1_500);
  assert.ok(beat.worst() < 1_000, `the good client waited ${beat.worst()} ms`);
  assert.equal(beat.lost(), 0);
});

test('100 MB of retained messages: refused with 0x97 at the budget, and deleted again', async (t) => {
  const { plain, resident } = await broker(t);
  const before = await resident();
  const { client } = await mqttJs(t, `mqtt://127.0.0.1:${plain}`, []);
  const payload = Buffer.alloc(100_000, 120);
  const codes = { taken: 0, refused: 0 };
  for (let i = 0; i < 1_000; ++i)
    await client.publishAsync(`flood/${i}`, payload, { qos: 1, retain: true })
      .then(() => { codes.taken += 1; }, (error) => {
        assert.equal(error.code, 0x97);
        codes.refused += 1;
      });
  assert.ok(codes.refused > 500 && codes.taken > 50, JSON.stringify(codes));
  const grown = await resident() - before;
  t.diagnostic(`${JSON.stringify(codes)}: the broker grew by ${(grown / mebibyte).toFixed(1)} MiB`);
  assert.ok(grown < 48 * mebibyte, `grew by ${grown} bytes`);
  for (let i = 0; i < 1_000; ++i) await client.publishAsync(`flood/${i}`, '', { qos: 1, retain: true });
  await waitFor('room for new ones', () =>
    client.publishAsync('flood/again', payload, { qos: 1, retain: true }).then(() => true));
});

test('clients behind a load balancer come in under their own address', async (t) => {
  const { folder, proxied, child } = await broker(t);
  const socket = raw(t, proxied);
  socket.write(proxyHeader);
  const client = new mqtt.MqttClient(() => socket, { clientId: 'behind', protocolVersion: 5, reconnectPeriod: 0 });
  t.after(() => client.endAsync(true));
  await new Promise((resolve) => client.once('connect', resolve));
  const { output } = await run(binary, ['clients', 'list', '--data', path.join(folder, 'data')]);
  assert.match(output, /\nbehind +connected +MQTT 5 +192\.0\.2\.7:53312 /);

  const without = raw(t, proxied);
  without.write(connectPacket('without'));
  await waitFor('the end of one without header', () => without.ended);
  assert.match(child.output, /does not begin with a PROXY header; closed/);
});

test('a port gets its certificate by itself, and another one while clients stay', async (t) => {
  const plant = await Plant.create(t);
  const [secure] = await freePorts(1);
  const manifests = brokerManifests(plant.ports);
  const listener = (dns) => ({
    ...manifests[1],
    spec: {
      ...manifests[1].spec,
      ports: [{
        port: secure,
        proxyProtocol: { trustedSources: ['127.0.0.1'] },
        tls: { mode: 'Automatic', certManagerCertificateSpec: { privateKey: { algorithm: 'Ed25519' }, san: { dns } } },
      }],
    },
  });
  await plant.put('broker.yaml', [manifests[0], listener(['mqtt.plant.example'])]);
  await plant.up();
  await plant.waitReady(mqttGroup, 'brokerlisteners', 'default');
  const bundle = await waitFor('the trust bundle', async () =>
    (await plant.get('v1', 'configmaps', `${space}-aio-ca-trust-bundle`)).data['ca.crt']);

  /** PROXY header, then TLS, then MQTT, all on one socket. */
  const connect = (servername, id) => new Promise((resolve, reject) => {
    const socket = raw(t, secure);
    socket.write(proxyHeader);
    const stream = tls.connect({ socket, servername, ca: bundle, ALPNProtocols: ['mqtt'] });
    stream.once('error', reject);
    stream.once('secureConnect', () => {
      const client = new mqtt.MqttClient(() => stream, { clientId: id, protocolVersion: 5, reconnectPeriod: 0 });
      t.after(() => client.endAsync(true));
      client.once('connect', () => resolve({ client, stream }));
      client.once('error', reject);
    });
  });
  const first = await connect('mqtt.plant.example', 'first');
  assert.equal(first.stream.alpnProtocol, 'mqtt');
  assert.ok(first.stream.authorized);
  await assert.rejects(connect('other.plant.example', 'other'), /altnames/);
  let lost = 0;
  first.client.on('close', () => { lost += 1; });

  await plant.put('broker.yaml', [manifests[0], listener(['mqtt.plant.example', 'other.plant.example'])]);
  const second = await waitFor('the new certificate', () => connect('other.plant.example', 'other'));
  assert.ok(second.stream.authorized);
  assert.equal(lost, 0, 'who was connected stays');
  const { items } = await plant.get('v1', 'events');
  assert.ok(items.some((event) => event.reason === 'CertificateIssued'));
});
