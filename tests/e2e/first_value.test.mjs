// A value's whole journey through processes of ours between a server, clients and a reader that are not:
// node-opcua -> connector -> broker -> {mosquitto_sub, MQTT.js} and -> dataflow -> Delta table -> DuckDB.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import {
  lastJson, mosquittoSub, mqttJs, queryDelta, readDeltaLog, waitForMessages,
} from './lib/clients.mjs';
import { waitFor } from './lib/ground.mjs';
import { startOpcUaServer } from './lib/opcua.mjs';
import {
  Plant, asset, assetGroup, brokerManifests, endpointProfile, flowGroup, lakeManifests, mqttGroup, space,
} from './lib/plant.mjs';

async function plantWithOneAsset(t) {
  const plant = await Plant.create(t);
  const server = await startOpcUaServer(t, {
    port: plant.ports.opcua, names: ['Level', 'Flow'], folder: plant.folder,
  });
  await plant.put('broker.yaml', brokerManifests(plant.ports));
  await plant.put('tank.yaml', [
    endpointProfile('plant', server.url),
    asset('tank', 'plant', { level: 'ns=1;s=Level', flow: 'ns=1;s=Flow' }),
  ]);
  await plant.put('lake.yaml', lakeManifests(plant.ports, 'tank', {
    level: { inputs: ['level.Value'] },
    at: { inputs: ['level.SourceTimestamp'] },
    twice: { inputs: ['level.Value'], expression: '$1 * 2' },
  }));
  await plant.up();
  return { plant, server };
}

test('values of a foreign OPC UA server reach foreign MQTT clients and a Delta table', async (t) => {
  const { plant } = await plantWithOneAsset(t);
  await plant.waitReady(mqttGroup, 'brokerlisteners', 'default');
  const topic = `${space}/data/tank`;

  await t.test('mosquitto_sub sees the documented JSON', async (t2) => {
    const { lines } = mosquittoSub(t2, plant.ports.mqtt, '#');
    const line = await waitFor('a line with the level', () =>
      lines().find((text) => text.startsWith(`${topic} `) && text.includes('"level"')), { within: 20_000 });
    const value = JSON.parse(line.slice(topic.length + 1));
    assert.equal(typeof value.level.Value, 'number');
    assert.match(value.level.SourceTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$/);
    assert.equal(value.level.StatusCode, undefined, 'a good value carries no StatusCode');
  });

  await t.test('MQTT.js over MQTT 5 sees the documented properties', async (t2) => {
    const { seen } = await mqttJs(t2, `mqtt://127.0.0.1:${plant.ports.mqtt}`, [topic]);
    await waitForMessages(seen, 3);
    const { properties } = seen.at(-1);
    assert.equal(properties.contentType, 'application/json');
    const user = properties.userProperties;
    assert.equal(user.specversion, '1.0');
    assert.equal(user.source, 'urn:foreign:plant');
    assert.equal(user.subject, 'tank');
    assert.match(user.type, /^ua-(delta|key)frame$/);
    const sequence = seen.map((message) => Number(message.properties.userProperties.sequence));
    assert.deepEqual(sequence, sequence.map((_, i) => sequence[0] + i), 'sequence has no gap');
  });

  await t.test('MQTT.js over MQTT 3.1.1 and over WebSocket see values', async (t2) => {
    const old = await mqttJs(t2, `mqtt://127.0.0.1:${plant.ports.mqtt}`, [topic], { protocolVersion: 4 });
    const web = await mqttJs(t2, `ws://127.0.0.1:${plant.ports.websocket}/mqtt`, [topic]);
    await waitForMessages(old.seen, 1);
    await waitForMessages(web.seen, 1);
    assert.ok(lastJson(old.seen));
    assert.ok(lastJson(web.seen));
  });

  await t.test('the Delta table grows and reads back', async () => {
    const table = path.join(plant.data, 'volumes/lake/tank');
    await waitFor('three commits', async () => (await readDeltaLog(table)).version >= 3,
      { within: 30_000 });
    const log = await readDeltaLog(table);
    assert.equal(log.protocol.minReaderVersion, 1);
    assert.deepEqual(JSON.parse(log.metaData.schemaString).fields.map((field) => field.name).sort(),
      ['at', 'level', 'twice']);
    const [row] = await queryDelta(table,
      'select count(*)::int n, count(distinct level)::int d, bool_and(twice = level * 2) ok from TABLE');
    assert.ok(row.n >= 5, JSON.stringify(row));
    assert.equal(row.ok, true);
    assert.ok(row.d >= row.n - 1, `values change: ${JSON.stringify(row)}`);
  });

  await t.test('kubectl shows assets and dataflows with a Ready column', async () => {
    await plant.waitReady(assetGroup, 'assets', 'tank');
    await plant.waitReady(flowGroup, 'dataflows', 'tank-to-lake');
    const shown = await plant.kubectl('get', 'assets,dataflows', '-A');
    assert.match(shown, /NAME.*READY/);
    assert.match(shown, /asset\S*\/tank\s.*True/);
    assert.match(shown, /dataflow\S*\/tank-to-lake\s.*True/);
  });
});

test('a restart of the whole plant finds everything as it was and goes on', async (t) => {
  const { plant } = await plantWithOneAsset(t);
  const table = path.join(plant.data, 'volumes/lake/tank');
  await waitFor('a first commit', async () => (await readDeltaLog(table)).version >= 1, { within: 30_000 });
  const before = await plant.get(assetGroup, 'assets', 'tank');
  const versionBefore = (await readDeltaLog(table)).version;
  const { code } = await plant.child.end();
  assert.equal(code, 0, plant.child.output.slice(-2000));

  await plant.up();
  const after = await plant.get(assetGroup, 'assets', 'tank');
  assert.equal(after.metadata.uid, before.metadata.uid);
  assert.equal(after.metadata.generation, before.metadata.generation);
  await waitFor('the table to grow after the restart',
    async () => (await readDeltaLog(table)).version > versionBefore + 1, { within: 30_000 });
  const [row] = await queryDelta(table, 'select count(*)::int n from TABLE');
  assert.ok(row.n > 0);
});
