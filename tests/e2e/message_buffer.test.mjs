// The disk-backed message buffer: queues longer than memory wait on disk, in order, and nobody is refused for them.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import mqtt from 'mqtt';
import { binary, freePorts, run, start, temporaryFolder, waitFor } from './lib/ground.mjs';
import { brokerManifests } from './lib/plant.mjs';

const mebibyte = 1024 * 1024;
const payloadBytes = 20_000;

/** A broker with 16 MiB for messages (Tiny); `spec` is added to its Broker. */
async function ground(t, spec, shards = 2) {
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  const [plain, websocket, metrics] = await freePorts(3);
  const apply = (added) => {
    const items = brokerManifests({ mqtt: plain, websocket });
    Object.assign(items[0].spec, { diagnostics: { metrics: { prometheusPort: metrics }, selfCheck: { mode: 'Disabled' } } },
      added);
    return writeFile(path.join(folder, 'broker.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  };
  await apply(spec);
  const broker = { folder, data, apply, url: `mqtt://127.0.0.1:${plain}` };
  broker.begin = async () => {
    broker.child = start(t, binary, ['broker', '--shards', String(shards), '--resources', folder, '--data', data]);
    await broker.child.waitForOutput(new RegExp(`listening for .*:${websocket}`));
  };
  await broker.begin();
  broker.resident = async () =>
    Number((await readFile(`/proc/${broker.child.pid}/status`, 'utf8')).match(/VmRSS:\s+(\d+) kB/)[1]) * 1024;
  broker.metric = async (name) => (await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()).split('\n')
    .filter((line) => line.startsWith(`${name}{`)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  return broker;
}

const durable = (clientId) => ({ clientId, protocolVersion: 5, clean: false, reconnectPeriod: 0,
  properties: { sessionExpiryInterval: 3600 } });

/** A session with a subscription, and nobody there. */
async function leave(t, broker, clientId, filter) {
  const client = await mqtt.connectAsync(broker.url, durable(clientId));
  t.after(() => client.endAsync(true));
  await client.subscribeAsync(filter, { qos: 1 });
  await client.endAsync();
}

/** Publishes `count` numbered messages; resolves to the numbers that were acknowledged, in order. */
async function publish(t, broker, topic, count, from = 0) {
  const client = await mqtt.connectAsync(broker.url, { protocolVersion: 5 });
  t.after(() => client.endAsync(true));
  const acknowledged = [];
  let next = from;
  const refused = [];
  const work = async () => {
    while (next < from + count) {
      const number = next++;
      const payload = Buffer.alloc(payloadBytes, 120);
      payload.writeUInt32BE(number);
      await client.publishAsync(topic, payload, { qos: 1 }).then(() => acknowledged.push(number),
        (error) => { assert.equal(error.code, 0x97); refused.push(number); });
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  await client.endAsync();
  return { acknowledged: acknowledged.sort((a, b) => a - b), refused };
}

/** What waits for the client, as numbers, until `count` have come. */
async function drain(t, broker, clientId, count) {
  const client = mqtt.connect(broker.url, { ...durable(clientId), manualConnect: true });
  t.after(() => client.endAsync(true));
  const numbers = [];
  client.on('message', (topic, payload) => {
    assert.equal(payload.length, payloadBytes);
    numbers.push(payload.readUInt32BE());
  });
  client.connect();
  await waitFor(`${count} messages`, () => numbers.length >= count, 60_000);
  await client.endAsync();
  return numbers;
}

test('a queue six times as long as memory waits on disk, and comes back in order', async (t) => {
  const broker = await ground(t, { diskBackedMessageBuffer: { maxSize: '400M' } });
  await leave(t, broker, 'away', 'line/#');
  const before = await broker.resident();
  const { acknowledged, refused } = await publish(t, broker, 'line/1', 5000);
  assert.equal(refused.length, 0);
  const grown = (await broker.resident()) - before;
  t.diagnostic(`100 MB wait: the broker grew by ${(grown / mebibyte).toFixed(1)} MiB`);
  assert.ok(grown < 64 * mebibyte);
  await waitFor('most of it on disk', async () => (await broker.metric('wireway_broker_buffered_messages')) > 4000);
  assert.ok((await broker.metric('wireway_broker_buffer_disk_bytes')) > 80 * mebibyte);
  assert.ok((await broker.metric('aio_broker_disk_transfers_completed')) > 100);
  assert.deepEqual(await drain(t, broker, 'away', 5000), acknowledged);
  await waitFor('an empty buffer', async () => (await broker.metric('wireway_broker_buffer_disk_bytes')) === 0);
  assert.equal(await broker.metric('aio_broker_disk_transfers_failed'), 0);
});

test('full, it refuses with 0x97 and says so; a larger one, or a reader, opens it again', async (t) => {
  const broker = await ground(t, { diskBackedMessageBuffer: { maxSize: '30M' } });
  await leave(t, broker, 'away', 'line/#');
  const first = await publish(t, broker, 'line/1', 4000);
  assert.ok(first.refused.length > 0);
  assert.ok(first.acknowledged.length * payloadBytes > 25 * mebibyte, String(first.acknowledged.length));
  await broker.child.waitForOutput(/Broker default: MessageBufferTrouble: .* is full \(maxSize/);
  await broker.apply({ diskBackedMessageBuffer: { maxSize: '400M' } });
  await broker.child.waitForOutput(/Broker default: AsWished/);
  const second = await publish(t, broker, 'line/1', 1000, 4000);
  assert.equal(second.refused.length, 0);
  const acknowledged = [...first.acknowledged, ...second.acknowledged];
  assert.deepEqual(await drain(t, broker, 'away', acknowledged.length), acknowledged);
});

test('without it, memory is the limit; turned on while it runs, the same queue goes on', async (t) => {
  const broker = await ground(t, {});
  await leave(t, broker, 'away', 'line/#');
  const without = await publish(t, broker, 'line/1', 1000);
  assert.ok(without.refused.length > 0);
  await broker.apply({ diskBackedMessageBuffer: { maxSize: '400M' } });
  await waitFor('the queue on disk', async () => (await broker.metric('wireway_broker_buffered_messages')) > 0);
  const withIt = await publish(t, broker, 'line/1', 1000, 1000);
  assert.equal(withIt.refused.length, 0);
  await broker.apply({});
  await waitFor('no buffer', async () => (await broker.metric('wireway_broker_buffer_disk_bytes_max')) === 0);
  const acknowledged = [...without.acknowledged, ...withIt.acknowledged];
  assert.deepEqual(await drain(t, broker, 'away', acknowledged.length), acknowledged);
});

test('a disk that takes nothing: memory is the limit, the Broker says it, and it heals', async (t) => {
  const broker = await ground(t, { diskBackedMessageBuffer: { maxSize: '400M' } });
  const limit = async (size) => {
    const { code, output } = await run('prlimit', ['--pid', String(broker.child.pid), `--fsize=${size}:unlimited`]);
    assert.equal(code, 0, output);
  };
  await leave(t, broker, 'away', 'line/#');
  await limit(1);
  const first = await publish(t, broker, 'line/1', 1500);
  assert.ok(first.refused.length > 0);
  await broker.child.waitForOutput(/Broker default: MessageBufferTrouble: .*what would go there stays in memory/);
  await limit('unlimited');
  await broker.child.waitForOutput(/the disk-backed message buffer is written again/);
  await waitFor('the queue on disk', async () => (await broker.metric('wireway_broker_buffered_messages')) > 0);
  const second = await publish(t, broker, 'line/1', 1500, 1500);
  assert.equal(second.refused.length, 0);
  const acknowledged = [...first.acknowledged, ...second.acknowledged];
  assert.deepEqual(await drain(t, broker, 'away', acknowledged.length), acknowledged);
});

test('with persistence, what waited on disk survives SIGKILL', async (t) => {
  const broker = await ground(t, { diskBackedMessageBuffer: { maxSize: '400M' }, persistence: { maxSize: '2Gi' } });
  await leave(t, broker, 'away', 'line/#');
  const { acknowledged } = await publish(t, broker, 'line/1', 3000);
  assert.equal(acknowledged.length, 3000);
  await waitFor('a part on disk', async () => (await broker.metric('wireway_broker_buffered_messages')) > 1000);
  broker.child.signal('SIGKILL');
  await broker.child.ended;
  await broker.begin();
  assert.deepEqual(await drain(t, broker, 'away', 3000), acknowledged);
});

test('one that never reads does not close the broker to the others', async (t) => {
  const broker = await ground(t, { diskBackedMessageBuffer: { maxSize: '400M' } });
  await leave(t, broker, 'away', 'line/#');
  await leave(t, broker, 'also-away', 'line/#');
  const live = await mqtt.connectAsync(broker.url, { protocolVersion: 5 });
  t.after(() => live.endAsync(true));
  const seen = [];
  live.on('message', (topic, payload) => seen.push(payload.readUInt32BE()));
  await live.subscribeAsync('line/#', { qos: 1 });
  const { acknowledged, refused } = await publish(t, broker, 'line/1', 2000);
  assert.equal(refused.length, 0);
  await waitFor('all of it, live', () => seen.length === 2000);
  assert.deepEqual(await drain(t, broker, 'also-away', 2000), acknowledged);
  assert.deepEqual(await drain(t, broker, 'away', 2000), acknowledged);
});
