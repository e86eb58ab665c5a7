// A wish takes effect on the running stream: kubectl apply changes tags and intervals within two seconds,
// and the tags that the change does not touch go on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mqttJs, waitForMessages } from './lib/clients.mjs';
import { waitFor } from './lib/ground.mjs';
import { startOpcUaServer } from './lib/opcua.mjs';
import { Plant, asset, brokerManifests, endpointProfile, mqttGroup, space } from './lib/plant.mjs';

const tags = { a: 'ns=1;s=A', b: 'ns=1;s=B' };

/** Points of one tag in the order of their arrival: [time of arrival, value]. */
const pointsOf = (seen, tag) => seen
  .map((message) => [message.at, JSON.parse(message.text)[tag]?.Value])
  .filter(([, value]) => value !== undefined);

const longestGap = (points, from) => {
  const times = points.map(([at]) => at).filter((at) => at >= from);
  return Math.max(...times.slice(1).map((at, i) => at - times[i]));
};

test('kubectl apply on an Asset changes the live stream within 2 s without dropping other tags', async (t) => {
  const plant = await Plant.create(t);
  const server = await startOpcUaServer(t, {
    port: plant.ports.opcua, names: ['A', 'B', 'C'], folder: plant.folder,
  });
  await plant.put('broker.yaml', brokerManifests(plant.ports));
  await plant.up();
  await plant.apply(endpointProfile('plant', server.url));
  await plant.apply(asset('line', 'plant', tags));
  await plant.waitReady(mqttGroup, 'brokerlisteners', 'default');
  const { seen } = await mqttJs(t, `mqtt://127.0.0.1:${plant.ports.mqtt}`, [`${space}/data/line`]);
  await waitForMessages(seen, 5, 20_000);

  await t.test('a new tag appears', async () => {
    await plant.apply(asset('line', 'plant', { ...tags, c: 'ns=1;s=C' }));
    const applied = Date.now();
    await waitFor('tag c', () => pointsOf(seen, 'c').length > 0, { within: 2_000 });
    await waitFor('five more of tag a', () =>
      pointsOf(seen, 'a').filter(([at]) => at > applied).length >= 5);
    assert.ok(longestGap(pointsOf(seen, 'a'), applied - 1000) < 1_000, 'tag a paused');
    t.diagnostic(`new tag after ${pointsOf(seen, 'c')[0][0] - applied} ms`);
  });

  await t.test('a slower sampling interval takes effect for all, a removed tag goes', async () => {
    await plant.apply(asset('line', 'plant', { ...tags, c: 'ns=1;s=C' }, { samplingInterval: 1_000 }));
    const applied = Date.now();
    await waitFor('a pause of a second between values', () =>
      longestGap(pointsOf(seen, 'a'), applied) > 800, { within: 6_000 });
    await plant.apply(asset('line', 'plant', tags));
    const removed = Date.now();
    await waitFor('quick values again', () =>
      pointsOf(seen, 'a').filter(([at]) => at > removed + 2_000).length >= 8, { within: 10_000 });
    assert.equal(pointsOf(seen, 'c').filter(([at]) => at > removed + 2_000).length, 0);
    assert.ok(longestGap(pointsOf(seen, 'b'), removed + 2_000) < 1_000);
  });

  await t.test('a tag that the server does not know is named, the others go on', async () => {
    await plant.apply(asset('line', 'plant', { ...tags, wrong: 'ns=1;s=Nowhere' }));
    const applied = Date.now();
    const message = await waitFor('a message that names the tag', async () => {
      const object = await plant.get('deviceregistry.microsoft.com/v1', 'assets', 'line');
      return object.status?.conditions?.map((c) => c.message).find((text) => text.includes('wrong'));
    });
    assert.match(message, /BadNodeIdUnknown/);
    assert.match(message, /s=Nowhere/);
    await waitFor('tag a after the change', () => pointsOf(seen, 'a').some(([at]) => at > applied + 500));
  });
});
