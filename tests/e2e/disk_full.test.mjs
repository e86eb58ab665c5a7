// A disk that takes nothing more: what cannot be recorded is refused and never acknowledged, what was acknowledged
// stays, the Broker says it, and everything goes on when there is room.

import assert from 'node:assert/strict';
import { mkdtemp, open, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import mqtt from 'mqtt';
import { run, waitFor } from './lib/ground.mjs';
import { ground, persistent } from './lib/recording.mjs';

const storeTopic = 'statestore/v1/FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8/command/invoke';
const quotaExceeded = { code: 0x97 };

async function connect(t, url, options) {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5, reconnectPeriod: 20, ...options });
  t.after(() => client.endAsync(true));
  client.on('error', () => {});
  return client;
}

const set = (client, key) => client.publishAsync(storeTopic,
  `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$1\r\n1\r\n`, { qos: 1, properties: {
    responseTopic: `clients/${client.options.clientId}/answers`, correlationData: Buffer.alloc(16, 1),
    userProperties: { __ts: `${String(Date.now()).padStart(15, '0')}:00000:e2e`, __protVer: '1.0' } } });

/** The whole course; `fill` and `makeRoom` are those of the disk. */
async function course(t, broker, { fill, makeRoom }) {
  const away = await connect(t, broker.url, persistent('away'));
  await away.subscribeAsync('away/#', { qos: 1 });
  await away.endAsync(true);
  const writer = await connect(t, broker.url, { clientId: 'writer' });
  const seen = [];
  writer.on('message', (topic) => seen.push(topic));
  await writer.subscribeAsync(['live', 'clients/writer/#'], { qos: 1 });
  await writer.publishAsync('away/before', 'x', { qos: 1 });
  await set(writer, 'before');
  await waitFor('the answer of the state store', () => seen.length === 1);

  await fill();
  let acknowledged = false;
  const first = writer.publishAsync('away/held', Buffer.alloc(256 * 1024), { qos: 1 })
    .then(() => { acknowledged = true; });
  await broker.child.waitForOutput(/what would have to be recorded is refused/);
  await broker.child.waitForOutput(/Broker default: PersistenceTrouble: /);
  for (const qos of [1, 2])
    await assert.rejects(writer.publishAsync('away/refused', 'x', { qos }), quotaExceeded);
  await assert.rejects(writer.publishAsync('kept/refused', 'x', { qos: 1, retain: true }), quotaExceeded);
  await assert.rejects(set(writer, 'refused'), quotaExceeded);
  await assert.rejects(connect(t, broker.url, { ...persistent('new'), reconnectPeriod: 0 }), quotaExceeded);
  const old = await connect(t, broker.url, { protocolVersion: 4, clientId: 'old', reconnectPeriod: 0 });
  const closed = new Promise((resolve) => old.once('close', resolve));
  let told = null;
  old.publish('away/refused', 'x', { qos: 1 }, (error) => { told = error ?? 'acknowledged'; });
  await closed;
  assert.notEqual(told, 'acknowledged');
  await writer.publishAsync('live', 'x');
  await waitFor('QoS 0 to a client that is there', () => seen.includes('live'));
  assert.equal(acknowledged, false, 'what waits for the disk is not acknowledged');

  await makeRoom();
  await first;
  await broker.child.waitForOutput(/the journal is written again/);
  await writer.publishAsync('away/after', 'x', { qos: 1 });
  await set(writer, 'after');
  await broker.child.waitForOutput(/Broker default: AsWished/);
}

async function arrives(t, broker) {
  const back = mqtt.connect(broker.url, { ...persistent('away'), manualConnect: true });
  t.after(() => back.endAsync(true));
  const topics = [];
  back.on('message', (topic) => topics.push(topic));
  back.connect();
  await waitFor('what was acknowledged', () => topics.length >= 3);
  assert.deepEqual(topics, ['away/before', 'away/held', 'away/after']);
  await back.endAsync();
}

test('files may not grow (RLIMIT_FSIZE)', async (t) => {
  const broker = await ground(t);
  const limit = async (size) => {
    const { code, output } = await run('prlimit', ['--pid', String(broker.child.pid), `--fsize=${size}:unlimited`]);
    assert.equal(code, 0, output);
  };
  await course(t, broker, { fill: () => limit(1), makeRoom: () => limit('unlimited') });
  await broker.restart();
  await arrives(t, broker);
});

test('a file system without room, also at the start', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'wireway-e2e-full-'));
  t.after(async () => {
    await run('umount', ['-l', folder]);
    await rm(folder, { recursive: true });
  });
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
  if (mounted.code !== 0) return t.skip(`no file system of its own: ${mounted.output}`);
  const filler = path.join(folder, 'filler');
  const fill = async () => {
    const file = await open(filler, 'w');
    for (const size of [1 << 20, 4096]) {
      const piece = Buffer.alloc(size);
      for (let full = false; !full;) {
        await file.write(piece).then(({ bytesWritten }) => { full = bytesWritten < size; }, (error) => {
          assert.equal(error.code, 'ENOSPC');
          full = true;
        });
      }
    }
    await file.close();
  };
  const broker = await ground(t, [], { maxSize: '1Gi' }, path.join(folder, 'data'));
  await course(t, broker, { fill, makeRoom: () => rm(filler) });
  await fill();
  await broker.restart();
  await arrives(t, broker);
});
