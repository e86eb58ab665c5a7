// Clients that are not ours against the broker, in both versions of MQTT and at each QoS: mosquitto's
// programs and MQTT.js, over TCP and over WebSocket, among themselves and with each other.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { mqttJs, waitForMessages } from './lib/clients.mjs';
import { binary, freePorts, run, start, temporaryFolder, waitFor } from './lib/ground.mjs';
import { brokerManifests } from './lib/plant.mjs';

const versions = [['mqttv5', 5], ['mqttv311', 4]];
const numbers = (count) => Array.from({ length: count }, (_, i) => String(i));

async function startBroker(t) {
  const folder = await temporaryFolder(t);
  const [mqtt, websocket] = await freePorts(2);
  const items = brokerManifests({ mqtt, websocket });
  await writeFile(path.join(folder, 'broker.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await start(t, binary, ['broker', '--shards', '2', '--resources', folder,
    '--data', path.join(folder, 'data')]).waitForOutput(/listening for MQTT over WebSocket/);
  return {
    mqtt, url: `mqtt://127.0.0.1:${mqtt}`, web: `ws://127.0.0.1:${websocket}/mqtt`,
    to: ['-h', '127.0.0.1', '-p', String(mqtt)],
  };
}

/** mosquitto_sub that says what it does, line by line. */
const talkative = (t, broker, args) =>
  start(t, 'stdbuf', ['-oL', 'mosquitto_sub', ...broker.to, '-d', ...args]);

/** mosquitto_sub that has its SUBACK; `seen()` gives [qos, retain, topic, payload] of what came. */
async function subscriber(t, broker, args) {
  const child = talkative(t, broker, ['-F', '> %q %r %t %p', ...args]);
  await child.waitForOutput(/received SUBACK/);
  return {
    child,
    seen: () => [...child.output.matchAll(/^> (\d) (\d) (\S+) ?(.*)$/gm)].map((match) => match.slice(1)),
  };
}

async function publish(broker, args) {
  const { code, output } = await run('mosquitto_pub', [...broker.to, ...args]);
  assert.equal(code, 0, output);
}

/** One line, one message, in order. */
async function publishLines(t, broker, lines, args) {
  const child = start(t, 'mosquitto_pub', [...broker.to, '-l', ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.process.stdin.end(lines.map((line) => `${line}\n`).join(''));
  const { code } = await child.ended;
  assert.equal(code, 0, child.output);
}

test('mosquitto_pub and mosquitto_sub', async (t) => {
  const broker = await startBroker(t);
  for (const [version] of versions) {
    for (const qos of ['0', '1', '2']) {
      await t.test(`${version} at QoS ${qos}: 300 messages, whole and in order`, async (t2) => {
        const topic = `line/${version}/${qos}`;
        const { seen } = await subscriber(t2, broker, ['-V', version, '-t', topic, '-q', qos]);
        await publishLines(t2, broker, numbers(300), ['-V', version, '-t', topic, '-q', qos]);
        await waitFor('the messages', () => seen().length === 300);
        assert.deepEqual(seen().map((message) => message[3]), numbers(300));
        assert.ok(seen().every(([q, retain]) => q === qos && retain === '0'));
      });
    }

    await t.test(`${version}: retained messages, and their end`, async (t2) => {
      const topic = `kept/${version}`;
      await publish(broker, ['-V', version, '-t', topic, '-q', '1', '-r', '-m', 'old']);
      await publish(broker, ['-V', version, '-t', topic, '-q', '2', '-r', '-m', 'new']);
      const first = await subscriber(t2, broker, ['-V', version, '-t', 'kept/+', '-q', '2']);
      await waitFor('the retained message', () => first.seen().length > 0);
      await publish(broker, ['-V', version, '-t', topic, '-q', '1', '-r', '-n']);
      await waitFor('the empty message', () => first.seen().length > 1);
      assert.deepEqual(first.seen(), [['2', '1', topic, 'new'], ['1', '0', topic, '']]);
      const second = await subscriber(t2, broker, ['-V', version, '-t', topic, '-q', '2']);
      await publish(broker, ['-V', version, '-t', topic, '-m', 'live']);
      await waitFor('the live message', () => second.seen().length > 0);
      assert.deepEqual(second.seen(), [['0', '0', topic, 'live']]);
    });

    await t.test(`${version}: the will of who dies, not of who leaves`, async (t2) => {
      const { seen } = await subscriber(t2, broker, ['-V', version, '-t', `will/${version}/#`, '-q', '1']);
      const withWill = (name) => subscriber(t2, broker, ['-V', version, '-t', `go/${version}`, '-C', '1',
        '--will-topic', `will/${version}/${name}`, '--will-payload', 'gone', '--will-qos', '1']);
      const leaves = await withWill('leaves');
      await publish(broker, ['-V', version, '-t', `go/${version}`, '-m', 'now']);
      assert.equal((await leaves.child.ended).code, 0);
      const dies = await withWill('dies');
      dies.child.signal('SIGKILL');
      await waitFor('the will', () => seen().length > 0);
      assert.deepEqual(seen(), [['1', '0', `will/${version}/dies`, 'gone']]);
    });

    await t.test(`${version}: a session keeps what comes meanwhile`, async (t2) => {
      const topic = `session/${version}`;
      const args = ['-V', version, '-t', topic, '-q', '2', '-c', '-i', `session-${version}`];
      assert.equal((await run('mosquitto_sub', [...broker.to, ...args, '-E'])).code, 0);
      await publishLines(t2, broker, numbers(100), ['-V', version, '-t', topic, '-q', '2']);
      const { seen } = await subscriber(t2, broker, args);
      await waitFor('what was kept', () => seen().length === 100);
      assert.deepEqual(seen().map((message) => message[3]), numbers(100));
    });

    await t.test(`${version}: a shared subscription gives each message to one`, async (t2) => {
      const topic = `shared/${version}`;
      const members = [];
      for (let i = 0; i < 3; ++i)
        members.push(await subscriber(t2, broker, ['-V', version, '-t', `$share/group/${topic}`, '-q', '1']));
      await publishLines(t2, broker, numbers(300), ['-V', version, '-t', topic, '-q', '1']);
      const all = () => members.flatMap((member) => member.seen().map((message) => message[3]));
      await waitFor('the messages', () => all().length >= 300);
      assert.deepEqual(all().sort(), numbers(300).sort());
      for (const member of members) assert.ok(member.seen().length > 50, 'each has its share');
    });
  }

  await t.test('mqttv5: properties go through, and mosquitto_rr gets its answer', async (t2) => {
    const child = talkative(t2, broker, ['-V', 'mqttv5', '-t', 'with/properties',
      '-F', '> %P|%C|%R|%D|%E|%p']);
    await child.waitForOutput(/received SUBACK/);
    await publish(broker, ['-V', 'mqttv5', '-t', 'with/properties', '-m', 'x',
      '-D', 'publish', 'user-property', 'b', '2', '-D', 'publish', 'user-property', 'a', '1',
      '-D', 'publish', 'content-type', 'text/plain', '-D', 'publish', 'response-topic', 'answer/here',
      '-D', 'publish', 'correlation-data', 'c7', '-D', 'publish', 'message-expiry-interval', '100']);
    await child.waitForOutput(/^> b:2 a:1\|text\/plain\|answer\/here\|c7\|100\|x$/m);

    const { client } = await mqttJs(t2, broker.url, ['ask/me']);
    client.on('message', (topic, payload, { properties }) => {
      client.publish(properties.responseTopic, `${payload} yourself`,
        { properties: { correlationData: properties.correlationData } });
    });
    const { code, output } = await run('mosquitto_rr', [...broker.to, '-V', 'mqttv5', '-t', 'ask/me',
      '-e', 'answer/mosquitto', '-m', 'hello', '-W', '10']);
    assert.equal(code, 0, output);
    assert.match(output, /hello yourself/);
  });
});

test('MQTT.js', async (t) => {
  const broker = await startBroker(t);
  const carriers = [['TCP', broker.url], ['WebSocket', broker.web]];
  for (const [version, protocolVersion] of versions) {
    for (const [carrier, url] of carriers) {
      for (const qos of [0, 1, 2]) {
        await t.test(`${version} over ${carrier} at QoS ${qos}, with mosquitto both ways`, async (t2) => {
          const topic = `${version}/${carrier}/${qos}`;
          const { client, seen } = await mqttJs(t2, url, [], { protocolVersion });
          await client.subscribeAsync(`to/js/${topic}`, { qos });
          await publishLines(t2, broker, numbers(100), ['-V', version, '-t', `to/js/${topic}`, '-q', String(qos)]);
          await waitForMessages(seen, 100);
          assert.deepEqual(seen.map((message) => message.text), numbers(100));

          const other = await subscriber(t2, broker, ['-V', version, '-t', `from/js/${topic}`, '-q', '2']);
          await Promise.all(numbers(100).map((text) => client.publishAsync(`from/js/${topic}`, text, { qos })));
          await waitFor('the messages', () => other.seen().length === 100);
          assert.deepEqual(other.seen().map((message) => message[3]), numbers(100));
          assert.ok(other.seen().every((message) => message[0] === String(qos)));
        });
      }
    }

    await t.test(`${version}: a session that breaks goes on where it was`, async (t2) => {
      const options = {
        protocolVersion, clientId: `js-${version}`, clean: false,
        ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 100 } } : {}),
      };
      const { client, seen } = await mqttJs(t2, broker.url, [], options);
      await client.subscribeAsync(`js/session/${version}`, { qos: 2 });
      client.stream.destroy();
      await publishLines(t2, broker, numbers(100), ['-V', version, '-t', `js/session/${version}`, '-q', '2']);
      await waitForMessages(seen, 100);
      assert.deepEqual(seen.map((message) => message.text), numbers(100), 'each once, in order');
    });

    await t.test(`${version}: a will when the connection breaks`, async (t2) => {
      const { seen } = await mqttJs(t2, broker.web, [`js/will/${version}`], { protocolVersion });
      const { client } = await mqttJs(t2, broker.web, [], {
        protocolVersion, reconnectPeriod: 0,
        will: { topic: `js/will/${version}`, payload: Buffer.from('gone'), qos: 1, retain: false },
      });
      client.stream.destroy();
      await waitForMessages(seen, 1);
      assert.equal(seen[0].text, 'gone');
    });
  }

  await t.test('mqttv5: aliases, subscription identifiers, no local, retain handling', async (t2) => {
    const { client, seen } = await mqttJs(t2, broker.url, [], {
      autoAssignTopicAlias: true, properties: { topicAliasMaximum: 10 },
    });
    await client.subscribeAsync('js/options/#', { qos: 1, properties: { subscriptionIdentifier: 7 } });
    const said = numbers(6).map((text, i) => [`js/options/${'ab'[i % 2]}`, text]);
    for (const [topic, text] of said) await client.publishAsync(topic, text, { qos: 1, retain: true });
    await waitForMessages(seen, said.length);
    assert.deepEqual(seen.map(({ topic, text }) => [topic, text]), said);
    assert.ok(seen.every(({ properties }) => properties.subscriptionIdentifier === 7));

    const quiet = await mqttJs(t2, broker.url, []);
    await quiet.client.subscribeAsync('js/options/a', { qos: 1, nl: true, rh: 2 });
    await quiet.client.publishAsync('js/options/a', 'own', { qos: 1 });
    await client.publishAsync('js/options/a', 'other', { qos: 1 });
    await waitForMessages(quiet.seen, 1);
    assert.deepEqual(quiet.seen.map(({ text }) => text), ['other']);
  });

  await t.test('mqttv5: more messages than the client takes at once', async (t2) => {
    const { client, seen } = await mqttJs(t2, broker.url, ['js/many'], { properties: { receiveMaximum: 3 } });
    await Promise.all(numbers(500).map((text) => client.publishAsync('js/many', text, { qos: 1 })));
    await waitForMessages(seen, 500);
    assert.deepEqual(seen.map(({ text }) => text), numbers(500));
  });
});
