// A broker that records: what it has acknowledged is there after SIGKILL at any moment, comes in order, and QoS 2
// comes once. WIREWAY_KILLS sets how often it is killed under load.

import assert from 'node:assert/strict';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import mqtt from 'mqtt';
import { mqttJs } from './lib/clients.mjs';
import { binary, start, waitFor } from './lib/ground.mjs';
import { ground, persistent } from './lib/recording.mjs';

const kills = Number(process.env.WIREWAY_KILLS ?? 8);
/** Numbers per topic as they came. */
async function listener(t, url, clientId, filter) {
  const client = await mqtt.connectAsync(url, persistent(clientId));
  t.after(() => client.endAsync(true));
  const came = new Map();
  client.on('message', (topic, payload) => {
    if (!came.has(topic)) came.set(topic, []);
    came.get(topic).push(Number(payload));
  });
  client.on('error', () => {});
  await client.subscribeAsync(filter, { qos: 2 });
  return { client, came };
}

/** Publishes numbers until it is stopped; `acknowledged` are those that the broker has confirmed. */
async function talker(t, url, clientId, qos) {
  const client = await mqtt.connectAsync(url, persistent(clientId));
  t.after(() => client.endAsync(true));
  client.on('error', () => {});
  const self = { topic: `t/${clientId}/${qos}`, acknowledged: new Set(), stopped: false, last: 0 };
  const lane = async () => {
    while (!self.stopped) {
      const number = ++self.last;
      try {
        await client.publishAsync(self.topic, String(number), { qos });
        self.acknowledged.add(number);
      } catch { /* refused: not acknowledged */ }
    }
  };
  self.done = Promise.all(Array.from({ length: 10 }, lane));
  return self;
}

function check(came, talk, exactlyOnce) {
  const numbers = came.get(talk.topic) ?? [];
  const known = new Set();
  let last = 0;
  for (const number of numbers) {
    if (known.has(number)) {
      assert.ok(!exactlyOnce, `${talk.topic}: ${number} came twice`);
      continue;
    }
    known.add(number);
    assert.ok(number > last, `${talk.topic}: ${number} came behind ${last}`);
    last = number;
  }
  for (const number of talk.acknowledged) assert.ok(known.has(number), `${talk.topic}: ${number} was lost`);
}

for (const shards of [1, 2])
  test(`SIGKILL under load, ${shards} shard(s), ${kills} times`, async (t) => {
    const broker = await ground(t, ['--shards', String(shards)]);
    // Several of each, so that messages stay on a shard and cross from one to the other.
    const ears = await Promise.all(['ear', 'ear-2', 'ear-3'].map((name) => listener(t, broker.url, name, 't/#')));
    const talkers = await Promise.all([['one', 1], ['two', 2], ['three', 2], ['four', 2]].map(
      ([name, qos]) => talker(t, broker.url, name, qos)));
    for (let i = 0; i < kills; ++i) {
      const before = talkers.map((talk) => talk.acknowledged.size);
      const more = Math.floor(Math.random() * 200);
      await waitFor('acknowledgements', () =>
        talkers.every((talk, k) => talk.acknowledged.size > before[k] + more));
      await broker.restart();
    }
    for (const talk of talkers) talk.stopped = true;
    await Promise.all(talkers.map((talk) => talk.done));
    await waitFor('everything that was acknowledged', () => ears.every((ear) => talkers.every((talk) => {
      const came = new Set(ear.came.get(talk.topic));
      return [...talk.acknowledged].every((number) => came.has(number));
    }))).catch(() => {});  // check() says what is missing
    for (const ear of ears) for (const talk of talkers) check(ear.came, talk, talk.topic.endsWith('/2'));
  });

test('sessions, retained messages, wills and keys survive', async (t) => {
  const broker = await ground(t);
  const away = await mqtt.connectAsync(broker.url, persistent('away'));
  await away.subscribeAsync('away/#', { qos: 1 });
  await away.subscribeAsync('$share/group/shared/#', { qos: 1 });
  await away.endAsync(true);
  const doomed = await mqtt.connectAsync(broker.url, {
    ...persistent('doomed'), will: { topic: 'away/will', payload: 'gone', qos: 1 } });
  t.after(() => doomed.endAsync(true));
  doomed.on('error', () => {});
  const { client } = await mqttJs(t, broker.url, [], { clientId: 'writer' });
  await client.publishAsync('away/1', 'queued', { qos: 1 });
  await client.publishAsync('shared/1', 'shared', { qos: 1 });
  await client.publishAsync('kept/secret-topic', 'plain words', { qos: 1, retain: true });
  await client.publishAsync('kept/removed', 'x', { qos: 1, retain: true });
  await client.publishAsync('kept/removed', '', { qos: 1, retain: true });
  await client.endAsync(true);
  doomed.options.reconnectPeriod = 0;
  await broker.restart();

  const back = mqtt.connect(broker.url, { ...persistent('away'), manualConnect: true });
  t.after(() => back.endAsync(true));
  const seen = [];
  back.on('message', (topic, payload) => seen.push(`${topic} ${payload}`));
  await new Promise((resolve) => {
    back.once('connect', (connack) => resolve(assert.equal(connack.sessionPresent, true)));
    back.connect();
  });
  await waitFor('what waited', () => seen.length >= 3);
  assert.deepEqual(seen.sort(), ['away/1 queued', 'away/will gone', 'shared/1 shared']);
  const { seen: kept } = await mqttJs(t, broker.url, ['kept/#'], { clientId: 'reader' });
  await waitFor('the retained message', () => kept.length > 0);
  assert.deepEqual(kept.map((message) => message.topic), ['kept/secret-topic']);

  // At rest it is encrypted: neither topic nor payload can be read from the disk.
  const folder = path.join(broker.data, 'broker/journal');
  for (const name of await readdir(folder)) {
    const bytes = await readFile(path.join(folder, name));
    assert.equal(bytes.indexOf('secret-topic'), -1);
    assert.equal(bytes.indexOf('plain words'), -1);
  }
});

test('a journal whose key is lost lets nobody in and says why', async (t) => {
  const broker = await ground(t);
  const { client } = await mqttJs(t, broker.url, [], { clientId: 'writer', reconnectPeriod: 0 });
  client.on('error', () => {});
  await client.publishAsync('kept', 'x', { qos: 1, retain: true });
  await broker.kill();
  await writeFile(path.join(broker.data, 'broker/journal.key'), Buffer.alloc(32, 7));
  const child = start(t, binary, broker.child.process.spawnargs.slice(1));
  await child.waitForOutput(/JournalUnusable/);
  await assert.rejects(mqtt.connectAsync(broker.url, { connectTimeout: 1000, reconnectPeriod: 0 }));
});
