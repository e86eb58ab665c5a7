// Persistence is changed while clients are there: turned off and on, encrypted, resized, extended. Nobody is
// disconnected, nothing acknowledged is lost, and a journal that cannot be read is tried again.

import assert from 'node:assert/strict';
import { chmod, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import mqtt from 'mqtt';
import { binary, start, waitFor } from './lib/ground.mjs';
import { ground, persistent } from './lib/recording.mjs';

const words = 'plain-words-in-a-payload';

/** A session with a subscription, and nobody there. */
async function leave(t, broker, id) {
  const client = await mqtt.connectAsync(broker.url, persistent(id));
  t.after(() => client.endAsync(true));
  await client.subscribeAsync('line/#', { qos: 2 });
  await client.endAsync();
}

/** Publishes numbers at QoS 1 and 2 until it is told to stop; `acknowledged` grows. */
async function writer(t, broker) {
  const client = await mqtt.connectAsync(broker.url, { ...persistent('writer') });
  t.after(() => client.endAsync(true));
  client.on('error', () => {});
  const self = { acknowledged: 0, closed: 0, client };
  client.on('close', () => { self.closed += 1; });
  let stopped = false;
  const work = (async () => {
    while (!stopped) {
      await client.publishAsync('line/1', `${self.acknowledged} ${words}`, { qos: 1 + (self.acknowledged % 2) });
      self.acknowledged += 1;
    }
  })();
  self.more = async (count = 30) => {
    const target = self.acknowledged + count;
    await waitFor(`${count} more messages`, () => self.acknowledged >= target);
  };
  self.stop = async () => {
    stopped = true;
    await work;
    client.removeAllListeners('close');
    await client.endAsync();
  };
  t.after(() => { stopped = true; });
  return self;
}

/** All that waits for the client, sorted: MQTT.js hands on QoS 2 later than QoS 1. */
async function drain(t, broker, id, count) {
  const client = mqtt.connect(broker.url, { ...persistent(id), manualConnect: true });
  t.after(() => client.endAsync(true));
  const numbers = [];
  let present = null;
  client.on('connect', (connack) => { present = connack.sessionPresent; });
  client.on('message', (topic, payload) => numbers.push(Number.parseInt(payload, 10)));
  client.connect();
  await waitFor('the session', () => present !== null);
  await waitFor('what waits', () => numbers.length >= count);
  await client.endAsync();
  return { numbers: numbers.sort((a, b) => a - b), present };
}

const upTo = (count) => Array.from({ length: count }, (_, i) => i);

/** Whether a file of the journal has the payload's words as they are. */
async function readable(broker) {
  const folder = path.join(broker.data, 'broker/journal');
  for (const name of await readdir(folder)) {
    const bytes = await readFile(path.join(folder, name)).catch((error) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    if (bytes.includes(words)) return true;
  }
  return false;
}

test('turned off and on again: nobody is disconnected, and from then on it survives again', async (t) => {
  const broker = await ground(t);
  await leave(t, broker, 'away');
  const source = await writer(t, broker);
  await source.more();
  for (const round of [1, 2]) {
    await broker.setPersistence(undefined);
    await waitFor(`off ${round}`, () => broker.child.output.split('turned off').length > round);
    await source.more();
    await broker.setPersistence({ maxSize: '1Gi' });
    await waitFor(`on ${round}`, () => broker.child.output.split('records read from').length > round + 1);
    await source.more();
  }
  await source.stop();
  assert.equal(source.closed, 0);
  await broker.restart();
  const { numbers, present } = await drain(t, broker, 'away', source.acknowledged);
  assert.equal(present, true);
  assert.deepEqual(numbers, upTo(source.acknowledged));
});

test('turned off and killed: what was recorded before does not come back', async (t) => {
  const broker = await ground(t);
  await leave(t, broker, 'away');
  const source = await writer(t, broker);
  await source.more();
  await broker.setPersistence(undefined);
  await broker.child.waitForOutput(/turned off/);
  await source.more();
  await source.stop();
  await broker.child.waitForOutput(/nothing is left of the journal/);
  await broker.setPersistence({ maxSize: '1Gi' });
  await broker.child.waitForOutput(/0 records read from[^]*0 records read from/);
  await broker.setPersistence(undefined);
  await broker.child.waitForOutput(/nothing is left[^]*nothing is left/);
  await broker.kill();
  await broker.setPersistence({ maxSize: '1Gi' });
  await broker.restart();
  const { numbers, present } = await drain(t, broker, 'away', 0);
  assert.equal(present, false);
  assert.deepEqual(numbers, []);
});

test('encrypted, plain and encrypted again, read back in each form', async (t) => {
  const broker = await ground(t, [], { maxSize: '1Gi', encryption: { mode: 'Disabled' } });
  await leave(t, broker, 'away');
  const source = await writer(t, broker);
  await source.more();
  assert.equal(await readable(broker), true);
  await broker.setPersistence({ maxSize: '1Gi', encryption: { mode: 'Enabled' } });
  await waitFor('nothing to read on the disk', async () => !(await readable(broker)));
  await source.more();
  await broker.setPersistence({ maxSize: '1Gi', encryption: { mode: 'Disabled' } });
  await waitFor('all to read on the disk', () => readable(broker));
  await source.more();
  await broker.setPersistence({ maxSize: '1Gi', encryption: { mode: 'Enabled' } });
  await source.more();
  await source.stop();
  assert.equal(source.closed, 0);
  await broker.restart();
  await waitFor('nothing to read on the disk', async () => !(await readable(broker)));
  const { numbers } = await drain(t, broker, 'away', source.acknowledged);
  assert.deepEqual(numbers, upTo(source.acknowledged));
});

test('another maxSize holds at once: too small it refuses and says so, larger it goes on', async (t) => {
  const broker = await ground(t);
  await leave(t, broker, 'away');
  const client = await mqtt.connectAsync(broker.url, { protocolVersion: 5, reconnectPeriod: 0 });
  t.after(() => client.endAsync(true));
  for (const number of upTo(20))
    await client.publishAsync('line/1', `${number} ${'x'.repeat(50_000)}`, { qos: 1 });
  await broker.setPersistence({ maxSize: '1Mi' });
  await broker.child.waitForOutput(/Broker default: PersistenceTrouble: .*its quota is 1048576/);
  await assert.rejects(client.publishAsync('line/1', 'refused', { qos: 1 }), { code: 0x97 });
  await broker.setPersistence({ maxSize: '1Gi' });
  await broker.child.waitForOutput(/Broker default: AsWished/);
  await client.publishAsync('line/1', '20', { qos: 1 });
  const { numbers } = await drain(t, broker, 'away', 21);
  assert.deepEqual(numbers, upTo(21));
});

test('what is newly to be kept is kept from then on', async (t) => {
  const none = { mode: 'None' };
  const broker = await ground(t, [], { maxSize: '1Gi', subscriberQueue: none, retain: none });
  await leave(t, broker, 'away');
  const client = await mqtt.connectAsync(broker.url, { protocolVersion: 5 });
  t.after(() => client.endAsync(true));
  client.on('error', () => {});
  await client.publishAsync('line/1', '0', { qos: 1 });
  await client.publishAsync('kept/before', 'x', { qos: 1, retain: true });
  await broker.restart();
  assert.deepEqual((await drain(t, broker, 'away', 0)).numbers, []);
  for (const number of [1, 2]) await client.publishAsync('line/1', String(number), { qos: 1 });
  await client.publishAsync('kept/too', 'x', { qos: 1, retain: true });
  await broker.setPersistence({ maxSize: '1Gi' });
  await broker.child.waitForOutput(/all of the journal is now as spec.persistence says/);
  await client.publishAsync('line/1', '3', { qos: 1 });
  await broker.restart();
  const reader = await mqtt.connectAsync(broker.url, { protocolVersion: 5 });
  t.after(() => reader.endAsync(true));
  const topics = [];
  reader.on('message', (topic) => topics.push(topic));
  await reader.subscribeAsync(['kept/#', 'end'], { qos: 1 });
  await reader.publishAsync('end', 'x', { qos: 1 });
  await waitFor('the end', () => topics.includes('end'));
  assert.deepEqual(topics, ['kept/too', 'end']);
  assert.deepEqual((await drain(t, broker, 'away', 3)).numbers, [1, 2, 3]);
});

test('what is to be kept after a restart with another mode is kept, for who was away then too', async (t) => {
  const broker = await ground(t, [], { maxSize: '1Gi', subscriberQueue: { mode: 'None' } });
  await leave(t, broker, 'away');
  await broker.restart({ maxSize: '1Gi' });
  const client = await mqtt.connectAsync(broker.url, { protocolVersion: 5 });
  t.after(() => client.endAsync(true));
  client.on('error', () => {});
  for (const number of [0, 1]) await client.publishAsync('line/1', String(number), { qos: 1 });
  await broker.restart();
  assert.deepEqual((await drain(t, broker, 'away', 2)).numbers, [0, 1]);
});

test('a journal that cannot be read is tried again: the right key, a folder that is open again', async (t) => {
  const broker = await ground(t);
  await leave(t, broker, 'away');
  const source = await writer(t, broker);
  await source.more();
  await source.stop();
  await broker.kill();
  const key = path.join(broker.data, 'broker/journal.key');
  const right = await readFile(key);
  await writeFile(key, Buffer.alloc(32, 7));
  broker.child = start(t, binary, broker.child.process.spawnargs.slice(1));
  await broker.child.waitForOutput(/JournalUnusable: .*is encrypted with the key/);
  await writeFile(key, right);
  await chmod(key, 0o600);
  await broker.child.waitForOutput(/listening for MQTT on/);
  const { numbers } = await drain(t, broker, 'away', source.acknowledged);
  assert.deepEqual(numbers, upTo(source.acknowledged));
});
