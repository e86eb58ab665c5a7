// The state store as a program of another hand sees it: MQTT.js asks byte for byte what the public clients ask, and
// two of it hand a lock over.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { mqttJs } from './lib/clients.mjs';
import { binary, freePorts, start, temporaryFolder, waitFor } from './lib/ground.mjs';
import { brokerManifests } from './lib/plant.mjs';

const guid = 'FA9AE35F-2F64-47CD-9BFF-08E2B32A0FE8';
const resp = (...words) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
const now = () => `${String(Date.now()).padStart(15, '0')}:00000:e2e`;
const hex = (text) => Buffer.from(text).toString('hex').toUpperCase();
const millisecondsOf = (version) => Number(version.split(':')[0]);

/** A client of the store: `ask` gives the payload of the answer, `notices` what came unasked. */
class StoreClient {
  static async connect(t, url, clientId, request = `statestore/v1/${guid}/command/invoke`) {
    const answers = `clients/${clientId}/services/${request}/response`;
    const { client, seen } = await mqttJs(t, url, [answers], { clientId });
    return Object.assign(new StoreClient(), { client, seen, clientId, request, answers });
  }

  async send(words, properties = {}) {
    const correlationData = randomBytes(16);
    await this.client.publishAsync(this.request, resp(...words), {
      qos: 1,
      properties: {
        responseTopic: this.answers, correlationData, messageExpiryInterval: 10,
        contentType: 'application/octet-stream',
        userProperties: { __ts: now(), __srcId: this.clientId, __protVer: '1.0', ...properties },
      },
    });
    return waitFor(`the answer to ${words}`, () => this.seen.find((message) =>
      message.topic === this.answers && message.properties.correlationData.equals(correlationData)));
  }

  async ask(...words) { return (await this.send(words)).text; }
  get notices() { return this.seen.filter((message) => message.topic !== this.answers); }
}

async function broker(t) {
  const folder = await temporaryFolder(t);
  const [mqtt, websocket] = await freePorts(2);
  await writeFile(path.join(folder, 'broker.json'),
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: brokerManifests({ mqtt, websocket }) }));
  const child = start(t, binary, ['broker', '--resources', folder]);
  await child.waitForOutput(/listening for MQTT/);
  return `mqtt://127.0.0.1:${mqtt}`;
}

test('the state store over MQTT.js', async (t) => {
  const url = await broker(t);
  const one = await StoreClient.connect(t, url, 'client-id1');

  await t.test('SET and GET carry versions', async () => {
    const set = await one.send(['SET', 'k', 'abcd']);
    assert.equal(set.text, '+OK\r\n');
    const { userProperties, contentType } = set.properties;
    assert.equal(contentType, 'application/octet-stream');
    assert.equal(userProperties.__stat, '200');
    assert.equal(userProperties.__protVer, '1.0');
    assert.match(userProperties.__ts, /^\d{15}:\d{5}:StateStore$/);
    const get = await one.send(['GET', 'k']);
    assert.equal(get.text, '$4\r\nabcd\r\n');
    assert.equal(get.properties.userProperties.__ts, userProperties.__ts);
    const miss = await one.send(['GET', 'none']);
    assert.equal(miss.text, '$-1\r\n');
    assert.equal(miss.properties.userProperties.__ts, undefined);
  });

  await t.test('conditions, deletion and errors', async () => {
    assert.equal(await one.ask('SET', 'c', 'a', 'NX'), '+OK\r\n');
    assert.equal(await one.ask('SET', 'c', 'b', 'NX'), ':-1\r\n');
    assert.equal(await one.ask('SET', 'c', 'a', 'NEX', 'PX', '60000'), '+OK\r\n');
    assert.equal(await one.ask('VDEL', 'c', 'b'), ':-1\r\n');
    assert.equal(await one.ask('VDEL', 'c', 'a'), ':1\r\n');
    assert.equal(await one.ask('DEL', 'c'), ':0\r\n');
    assert.equal(await one.ask('GET'), '-ERR wrong number of arguments\r\n');
    assert.equal(await one.ask('MGET', 'c'), '-ERR unknown command\r\n');
    assert.equal(await one.ask('SET', 'c', 'a', 'PX', '0.5'), '-ERR syntax error\r\n');
    assert.equal((await one.send(['SET', 'c', 'a'], { __ts: '999999999999999:0:e2e' })).text,
      '-ERR the request timestamp is too far in the future; ensure that the client and broker system clocks are '
      + 'synchronized\r\n');
  });

  await t.test('an expired key is gone, and who asked is told when it goes', async () => {
    assert.equal(await one.ask('KEYNOTIFY', 'short'), '+OK\r\n');
    const set = await one.send(['SET', 'short', 'v', 'PX', '300']);
    await waitFor('both notifications', () => one.notices.length === 2);
    const [first, second] = one.notices;
    assert.equal(first.topic, `clients/statestore/v1/${guid}/${hex('client-id1')}/command/notify/${hex('short')}`);
    assert.equal(first.text, resp('NOTIFY', 'SET', 'VALUE', 'v'));
    assert.equal(second.text, resp('NOTIFY', 'DELETE'));
    const lived = millisecondsOf(second.properties.userProperties.__ts)
      - millisecondsOf(set.properties.userProperties.__ts);
    assert.ok(lived >= 300 && lived < 1500, `lived ${lived} ms`);
    assert.equal(await one.ask('GET', 'short'), '$-1\r\n');
    assert.equal(await one.ask('KEYNOTIFY', 'short', 'STOP'), '+OK\r\n');
    assert.equal(await one.ask('KEYNOTIFY', 'short', 'STOP'), ':0\r\n');
  });

  await t.test('a lock is handed over, and the late owner is fenced off', async () => {
    const two = await StoreClient.connect(t, url, 'client-id2', `statestore/${guid}/command/invoke`);
    const held = await one.send(['SET', 'lock', 'one', 'NEX', 'PX', '60000']);
    assert.equal(held.text, '+OK\r\n');
    const oldToken = held.properties.userProperties.__ts;
    assert.equal(await two.ask('KEYNOTIFY', 'lock'), '+OK\r\n');
    assert.equal(await two.ask('SET', 'lock', 'two', 'NEX', 'PX', '60000'), ':-1\r\n');
    assert.equal((await one.send(['SET', 'shared', 'by one'], { __ft: oldToken })).text, '+OK\r\n');
    assert.equal(await one.ask('VDEL', 'lock', 'one'), ':1\r\n');
    const notice = await waitFor('the release', () => two.notices.at(-1));
    assert.equal(notice.text, resp('NOTIFY', 'DELETE'));
    assert.equal(notice.topic, `clients/statestore/${guid}/${hex('client-id2')}/command/notify/${hex('lock')}`);
    const taken = await two.send(['SET', 'lock', 'two', 'NEX', 'PX', '60000']);
    assert.equal(taken.text, '+OK\r\n');
    const newToken = taken.properties.userProperties.__ts;
    assert.equal((await two.send(['SET', 'shared', 'by two'], { __ft: newToken })).text, '+OK\r\n');
    assert.equal((await one.send(['SET', 'shared', 'late'], { __ft: oldToken })).text,
      '-ERR the request fencing token is a lower version than the fencing token protecting the resource\r\n');
    assert.equal(await one.ask('SET', 'shared', 'late'), '-ERR a fencing token is required for this request\r\n');
    assert.equal(await one.ask('GET', 'shared'), '$6\r\nby two\r\n');
  });

  await t.test('a response topic of the store itself ends the connection', async () => {
    const { client } = await mqttJs(t, url, [], { clientId: 'bad', reconnectPeriod: 0 });
    let reason;
    client.on('disconnect', (packet) => { reason = packet.reasonCode; });
    client.publish(one.request, resp('GET', 'k'), {
      qos: 1, properties: { responseTopic: one.request, correlationData: randomBytes(16) },
    });
    await waitFor('DISCONNECT', () => reason);
    assert.equal(reason, 0x90);
  });
});
