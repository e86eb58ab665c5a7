// How many cores the broker uses is the Broker's cardinality, also while it runs.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import mqtt from 'mqtt';
import { binary, freePorts, start, temporaryFolder, waitFor } from './lib/ground.mjs';
import { brokerManifests } from './lib/plant.mjs';
import { persistent } from './lib/recording.mjs';

const workers = (count) => ({ frontend: { replicas: 1, workers: count },
  backendChain: { partitions: 1, redundancyFactor: 2, workers: count } });
const skip = os.availableParallelism() < 2 && 'one core has no two shards';

async function ground(t, spec, args = []) {
  const folder = await temporaryFolder(t);
  const [plain, websocket, metrics] = await freePorts(3);
  const apply = (added) => {
    const items = brokerManifests({ mqtt: plain, websocket });
    Object.assign(items[0].spec, { diagnostics: { metrics: { prometheusPort: metrics } } }, added);
    return writeFile(path.join(folder, 'broker.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  };
  await apply(spec);
  const child = start(t, binary, ['broker', '--resources', folder, '--data', path.join(folder, 'data'), ...args]);
  await child.waitForOutput(new RegExp(`listening for .*:${websocket}`));
  const shards = async () => {
    const page = await fetch(`http://127.0.0.1:${metrics}/metrics`).then((answer) => answer.text(), () => '');
    return Number(page.match(/^wireway_broker_shards\{[^\n]* (\d+)$/m)?.[1] ?? 0);
  };
  return { url: `mqtt://127.0.0.1:${plain}`, apply, child, shards };
}

test('another cardinality takes effect at once where a journal keeps everything', { skip }, async (t) => {
  const persistence = { maxSize: '1Gi' };
  const broker = await ground(t, { cardinality: workers(1), persistence });
  assert.equal(await broker.shards(), 1);
  const away = await mqtt.connectAsync(broker.url, persistent('away'));
  await away.subscribeAsync('line/#', { qos: 2 });
  await away.endAsync();
  const live = await mqtt.connectAsync(broker.url, persistent('live'));
  t.after(() => live.endAsync(true));
  live.on('error', () => {});
  const farewells = [];
  live.on('disconnect', (packet) => farewells.push(packet.reasonCode));
  const resumed = [];
  live.on('connect', (connack) => resumed.push(connack.sessionPresent));

  let sent = 0;
  const publishing = (async () => {
    for (; sent < 400; sent += 1) {
      // PUBREL sent again, of a message that was complete before the restart: PUBCOMP 0x92, no error of it.
      await live.publishAsync('line/1', String(sent), { qos: 2 }).catch((error) => assert.equal(error.code, 0x92));
      if (sent === 200) await broker.apply({ cardinality: workers(2), persistence });
    }
  })();
  await waitFor('two shards', async () => (await broker.shards()) === 2);
  await publishing;
  assert.deepEqual(farewells, [0x8B]);
  assert.deepEqual(resumed, [true]);
  await broker.child.waitForOutput(/the cardinality asks for 2 shards/);

  await broker.apply({ cardinality: workers(1), persistence });
  await waitFor('one shard', async () => (await broker.shards()) === 1);
  const back = mqtt.connect(broker.url, { ...persistent('away'), manualConnect: true });
  t.after(() => back.endAsync(true));
  const numbers = [];
  back.on('message', (topic, payload) => numbers.push(Number(payload)));
  back.connect();
  await waitFor('all of it', () => numbers.length >= 400);
  assert.deepEqual(numbers, Array.from({ length: 400 }, (_, i) => i));
});

test('without a journal it waits for the next start, and nobody is disconnected', { skip }, async (t) => {
  const broker = await ground(t, { cardinality: workers(1) });
  const client = await mqtt.connectAsync(broker.url, { protocolVersion: 5, reconnectPeriod: 0 });
  t.after(() => client.endAsync(true));
  let closed = false;
  client.on('close', () => { closed = true; });
  await broker.apply({ cardinality: workers(2) });
  await broker.child.waitForOutput(/run from the next start on/);
  assert.equal(await broker.shards(), 1);
  await client.publishAsync('still', 'here', { qos: 1 });
  assert.equal(closed, false);
});

test('--shards stands above it', async (t) => {
  const broker = await ground(t, { cardinality: workers(2) }, ['--shards', '1']);
  assert.equal(await broker.shards(), 1);
});
