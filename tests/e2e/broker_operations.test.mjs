// What programs read of a running broker: metrics, health and $SYS, with figures of real traffic.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { mqttJs } from './lib/clients.mjs';
import { binary, freePorts, run, start, temporaryFolder, waitFor } from './lib/ground.mjs';
import { brokerManifests } from './lib/plant.mjs';

test('metrics, health and $SYS of a broker', async (t) => {
  const folder = await temporaryFolder(t);
  const [mqtt, websocket, metrics] = await freePorts(3);
  const items = brokerManifests({ mqtt, websocket });
  items[0].spec.diagnostics = { metrics: { prometheusPort: metrics } };
  await writeFile(path.join(folder, 'broker.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await start(t, binary, ['broker', '--shards', '2', '--resources', folder,
    '--data', path.join(folder, 'data')]).waitForOutput(/listening for MQTT/);
  const get = async (where) => {
    const answer = await fetch(`http://127.0.0.1:${metrics}${where}`);
    return { status: answer.status, text: await answer.text() };
  };
  await waitFor('the first self-check', async () => (await get('/readyz')).status === 200);
  assert.equal((await get('/healthz')).text, 'ok\n');

  const { client } = await mqttJs(t, `mqtt://127.0.0.1:${mqtt}`, ['plant/#'], {
    clientId: 'reader', properties: { userProperties: { metriccategory: 'line-1' } },
  });
  for (let i = 0; i < 10; ++i) await client.publishAsync('plant/oven', 'hot', { qos: 1 });
  const value = (page, name, labels) => Number(page.split('\n').find((line) =>
    line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))?.split(' ').at(-1));

  await t.test('metrics count by category under both prefixes', async () => {
    const { text } = await get('/metrics');
    for (const prefix of ['aio_broker_', 'aio_mq_']) {
      assert.equal(value(text, `${prefix}publishes_received`, ['category="line-1"']), 10);
      assert.equal(value(text, `${prefix}payload_bytes_received`, ['category="line-1"']), 30);
      assert.equal(value(text, `${prefix}connected_sessions`, ['category="line-1"']), 1);
      for (const route of ['shard-0', 'shard-1'])
        assert.equal(value(text, `${prefix}publish_route_replication_correctness`, [`route="${route}"`]), 1);
    }
    assert.ok(value(text, 'wireway_broker_packets_received', []) >= 12);
    assert.match(text, /^process_resident_memory_bytes \d+$/m);
  });

  await t.test('$SYS has version, uptime and load', async () => {
    const sys = await mqttJs(t, `mqtt://127.0.0.1:${mqtt}`, ['$SYS/#']);
    const said = (topic) => sys.seen.find((message) => message.topic === `$SYS/broker/${topic}`)?.text;
    await waitFor('$SYS', () => said('version'));
    assert.match(said('version'), /^wireway version \d/);
    assert.match(said('uptime'), /^\d+ seconds$/);
    assert.match(said('load/messages/received/15min'), /^\d+\.\d\d$/);
    assert.ok(Number(said('heap/current')) > 10_000);
  });

  await t.test('wireway clients and wireway retained', async () => {
    const wireway = async (...args) => {
      const { code, output } = await run(binary, [...args, '--data', path.join(folder, 'data')]);
      return { code, output };
    };
    const list = await wireway('clients', 'list', '--search', 'reader');
    assert.match(list.output, /^CLIENT +STATE +PROTOCOL.*\nreader +connected +MQTT 5 +127\.0\.0\.1:\d+ /);
    assert.match((await wireway('clients', 'show', 'reader')).output, /filters:\n *- "plant\/#"/);
    assert.equal((await wireway('clients', 'show', 'nobody')).code, 3);
    await wireway('clients', 'trace', 'reader', '--once');
    await client.publishAsync('plant/oven', 'hot', { qos: 1 });
    assert.match((await wireway('clients', 'trace', 'reader', '--once')).output,
      /in {2}PUBLISH +\d+ B plant\/oven\n(.*\n)*.*out PUBLISH +\d+ B plant\/oven/);
    for (let i = 0; i < 5; ++i) await client.publishAsync(`plant/kept/${i}`, 'x', { qos: 1, retain: true });
    assert.match((await wireway('retained', 'list', 'plant/#')).output, /plant\/kept\/4 +1 +1\n/);
    assert.equal((await wireway('retained', 'delete', 'plant/kept/+', '--yes')).output, '5 retained messages deleted\n');
    assert.doesNotMatch((await wireway('retained', 'list')).output, /plant\/kept/);
    let reason;
    client.on('disconnect', (packet) => { reason = packet.reasonCode; });
    assert.equal((await wireway('clients', 'kick', 'reader')).code, 0);
    await waitFor('the end of the connection', () => reason);
    assert.equal(reason, 0x98);
  });
});
