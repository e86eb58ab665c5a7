// Who may use the broker: the documented manifests of listener, authentication and authorization with a
// real API server, real tokens and certificates, mosquitto's and MQTT.js' clients.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { test } from 'node:test';
import mqtt from 'mqtt';
import { Authority } from './lib/certificates.mjs';
import { binary, freePorts, run, waitFor } from './lib/ground.mjs';
import { Plant, brokerManifests, mqttGroup, space } from './lib/plant.mjs';

const object = (kind, name, spec) =>
  ({ apiVersion: mqttGroup, kind, metadata: { name, namespace: space }, spec });
const secret = (name, data) => ({
  apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: space },
  data: Object.fromEntries(Object.entries(data).map(([key, text]) =>
    [key, Buffer.from(text).toString('base64')])),
});
const configMap = (name, data) =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: space }, data });

test('who may use the broker', async (t) => {
  const plant = await Plant.create(t);
  const [tls, secureWeb, customPort, metrics] = await freePorts(4);
  const plantCa = await Authority.create(plant.folder, 'ca', '/CN=Plant CA/O=Contoso');
  const makeServer = (name) => plantCa.issue(name, '/CN=broker',
    { names: ['DNS:localhost', 'IP:127.0.0.1'] });
  const server = await makeServer('server');
  const ca = await readFile(plantCa.crt);
  const serverSecret = async (pair) => secret('plant-tls',
    { 'tls.crt': await readFile(pair.crt), 'tls.key': await readFile(pair.key) });

  // A server of the user's own: ann may come in with her password; bob it knows and refuses with a reason.
  const asked = [];
  let answers = true;
  const custom = https.createServer({ key: await readFile(server.key), cert: await readFile(server.crt) },
    (request, response) => {
      let body = '';
      request.on('data', (chunk) => { body += chunk; });
      request.on('end', () => {
        const question = JSON.parse(body);
        asked.push({ url: request.url, header: request.headers.site, question });
        if (!answers) return response.destroy();
        const password = Buffer.from(question.password ?? '', 'base64').toString();
        if (question.username === 'ann' && password === 'annual') {
          response.end(JSON.stringify({ attributes: { hall: 'north' } }));
        } else {
          response.statusCode = 403;
          response.end(JSON.stringify({ reason: question.username === 'bob' ? 138 : 0, message: 'no' }));
        }
      });
    });
  await new Promise((listening) => custom.listen(customPort, '127.0.0.1', listening));
  t.after(() => { custom.closeAllConnections(); custom.close(); });

  const passwords = (await run('sh', ['-c',
    `echo 'press the button' | ${binary} user hash press-1 --password-file -`])).output;
  const items = brokerManifests(plant.ports);
  items[0].spec.diagnostics = { metrics: { prometheusPort: metrics } };
  await plant.put('broker.yaml', items);
  await plant.up();
  await plant.apply({ apiVersion: 'v1', kind: 'List', items: [
    object('BrokerListener', 'plant', { brokerRef: 'default', serviceType: 'ClusterIp', ports: [
      { port: tls, authenticationRef: 'plant', authorizationRef: 'plant',
        tls: { mode: 'Manual', manual: { secretRef: 'plant-tls' } } },
      { port: secureWeb, protocol: 'WebSockets', authenticationRef: 'plant',
        authorizationRef: 'plant', tls: { mode: 'Manual', manual: { secretRef: 'plant-tls' } } },
    ] }),
    object('BrokerAuthentication', 'plant', { authenticationMethods: [
      { method: 'ServiceAccountToken', serviceAccountTokenSettings: { audiences: ['aio-internal'] } },
      { method: 'X509', x509Settings: { trustedClientCaCert: 'client-ca', authorizationAttributes: {
        presses: { subject: 'O = Contoso, CN = press-7', attributes: { hall: 'north' } } } } },
      { method: 'Custom', customSettings: { endpoint: `https://localhost:${customPort}`,
        caCertConfigMap: 'custom-ca', headers: { site: 'north' } } },
      { method: 'UsernamePassword', usernamePasswordSettings: { secretRef: 'mqtt-users',
        attributes: { 'press-1': { hall: 'north' } } } },
    ] }),
    object('BrokerAuthorization', 'plant', { authorizationPolicies: { rules: [
      { principals: { attributes: [{ hall: 'north' }] }, brokerResources: [
        { method: 'Connect' },
        { method: 'Publish', topics: ['telemetry/{principal.username}/#'] },
        { method: 'Subscribe', topics: ['telemetry/#'] }] },
      { principals: { attributes: [{ role: 'reader' }] }, brokerResources: [
        { method: 'Connect', clientIds: ['reader-*'] },
        { method: 'Subscribe', topics: ['telemetry/#'] }] },
    ] } }),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader', namespace: space,
      annotations: { 'aio-broker-auth/role': 'reader' } } },
    configMap('client-ca', { 'client_ca.pem': ca.toString() }),
    configMap('custom-ca', { 'ca.crt': ca.toString() }),
  ] });
  const condition = async (plural, name, type = 'Ready') =>
    (await plant.get(mqttGroup, plural, name)).status?.conditions?.find((each) => each.type === type);

  const comesTo = (plural, type, reason) => waitFor(`${plural} to be ${reason}`, async () => {
    const said = await condition(plural, 'plant', type);
    if (said?.reason !== reason) throw new Error(JSON.stringify(said ?? null));
    return said;
  });

  /** Connects; the reason code of a refusal, or the client. */
  const connect = async (url, options) => {
    const client = mqtt.connect(url, { ca, reconnectPeriod: 0, protocolVersion: 5, connectTimeout: 8000,
      clean: true, ...options });
    t.after(() => client.endAsync(true));
    const seen = [];
    client.on('message', (topic) => seen.push(topic));
    return new Promise((resolve, reject) => {
      client.once('connect', (connack) => resolve({ client, seen, connack }));
      client.once('error', (error) => (typeof error.code === 'number'
        ? resolve({ refused: error.code }) : reject(error)));
      client.once('close', () => reject(new Error('closed before CONNACK')));
    });
  };
  const url = `mqtts://localhost:${tls}`;
  const token = async (audience = 'aio-internal', life = '10m') =>
    (await plant.kubectl('create', 'token', 'reader', '-n', space, `--audience=${audience}`,
      `--duration=${life}`)).trim();
  const withToken = (secretToken) => ({ clientId: 'reader-1', properties: {
    authenticationMethod: 'K8S-SAT', authenticationData: Buffer.from(secretToken) } });

  await t.test('a port waits for its certificate and for what it names', async () => {
    await comesTo('brokerlisteners', 'Ready', 'AuthenticationNotReady');
    assert.match((await condition('brokerauthentications', 'plant')).message,
      /authenticationMethods\[3\].*Secret mqtt-users, which does not exist/);
    await plant.apply(secret('mqtt-users', { passwords }));
    await comesTo('brokerauthentications', 'Ready', 'InForce');
    await comesTo('brokerlisteners', 'Ready', 'CertificateMissing');
    assert.match((await condition('brokerlisteners', 'plant')).message,
      /Server certificate plant-tls not found. Awaiting creation of secret./);
    await plant.apply(await serverSecret(server));
    await plant.waitReady(mqttGroup, 'brokerlisteners', 'plant');
    await plant.waitReady(mqttGroup, 'brokerauthentications', 'plant');
    await plant.waitReady(mqttGroup, 'brokerauthorizations', 'plant');
  });

  await t.test('ServiceAccountToken: enhanced authentication, attributes, renewal, the end of an account',
    async () => {
      const reader = await connect(url, withToken(await token()));
      assert.equal(reader.connack.properties.authenticationMethod, 'K8S-SAT');
      assert.equal((await reader.client.subscribeAsync('telemetry/#', { qos: 1 }))[0].qos, 1);
      await assert.rejects(reader.client.publishAsync('telemetry/x', '1', { qos: 1 }), { code: 135 });
      assert.equal((await connect(url, withToken(await token('elsewhere')))).refused, 135);
      assert.equal((await connect(url, withToken('nonsense'))).refused, 135);
      assert.equal((await connect(url, { ...withToken(await token()), clientId: 'writer-1' })).refused, 135);
      // MQTT 3.1.1, as mosquitto's tools can: the token as the password.
      const old = await run('mosquitto_sub', ['--cafile', plantCa.crt, '-h', 'localhost', '-p', String(tls),
        '-i', 'reader-2', '-V', '311', '-u', 'K8S-SAT', '-P', await token(), '-t', 'telemetry/#', '-E']);
      assert.equal(old.code, 0, old.output);
      const answer = new Promise((resolve) => reader.client.once('packetreceive', (packet) => resolve(packet)));
      const renewal = { cmd: 'auth', reasonCode: 0x19, properties: {
        authenticationMethod: 'K8S-SAT', authenticationData: Buffer.from(await token()) } };
      reader.client._sendPacket(renewal);
      assert.deepEqual({ cmd: (await answer).cmd, code: (await answer).reasonCode }, { cmd: 'auth', code: 0 });
      assert.ok(reader.client.connected);
      const ended = new Promise((resolve) => reader.client.once('disconnect', resolve));
      await plant.kubectl('annotate', 'serviceaccount', 'reader', '-n', space, '--overwrite',
        'aio-broker-auth/role=nobody');
      assert.equal((await ended).reasonCode, 0x98);
      assert.equal((await connect(url, withToken(await token()))).refused, 135);
      await plant.kubectl('annotate', 'serviceaccount', 'reader', '-n', space, '--overwrite',
        'aio-broker-auth/role=reader');
      await waitFor('the account to be good again',
        async () => (await connect(url, withToken(await token()))).client);
    });

  await t.test('X509: common name and attributes of a client certificate', async () => {
    const press = await plantCa.issue('press-7', '/CN=press-7/O=Contoso');
    const shown = { cert: await readFile(press.crt), key: await readFile(press.key) };
    const machine = await connect(url, { ...shown, clientId: 'm' });
    assert.equal((await machine.client.publishAsync('telemetry/press-7/x', '1', { qos: 1 })).reasonCode ?? 0, 0);
    await assert.rejects(machine.client.publishAsync('telemetry/press-8/x', '1', { qos: 1 }), { code: 135 });
    const stranger = await plantCa.issue('stranger', '/CN=press-8/O=Contoso');
    const unknown = { cert: await readFile(stranger.crt), key: await readFile(stranger.key) };
    assert.equal((await connect(url, { ...unknown, clientId: 's' })).refused, 135, 'has no attributes');
    const foreign = await Authority.create(plant.folder, 'foreign', '/CN=Foreign CA');
    const forged = await foreign.issue('forged', '/CN=press-7/O=Contoso');
    await assert.rejects(connect(url, { clientId: 'f', cert: await readFile(forged.crt),
      key: await readFile(forged.key) }), /alert|ECONNRESET|closed|unknown ca/);
  });

  await t.test('Custom: a server of the user\'s own decides, and is passed over when it is away', async () => {
    const ann = await connect(url, { clientId: 'a', username: 'ann', password: 'annual' });
    assert.equal((await ann.client.publishAsync('telemetry/ann/x', '1', { qos: 1 })).reasonCode ?? 0, 0);
    assert.deepEqual(asked.at(-1), { url: '/?api-version=0.5.0', header: 'north', question: {
      type: 'connect', username: 'ann', password: Buffer.from('annual').toString('base64') } });
    assert.equal((await connect(url, { clientId: 'b', username: 'bob', password: 'x' })).refused, 138);
    assert.equal((await connect(url, { clientId: 'c', username: 'eve', password: 'x' })).refused, 135,
      'reason 0 is no yes');
    answers = false;
    const press = await connect(url, { clientId: 'p', username: 'press-1', password: 'press the button' });
    assert.ok(press.client.connected, 'the next method was asked');
    assert.equal((await connect(url, { clientId: 'q', username: 'press-1', password: 'wrong' })).refused, 135);
    assert.equal((await connect(url, { clientId: 'n' })).refused, 136, 'nobody could be asked');
    answers = true;
  });

  await t.test('a changed right ends only whom it concerns', async () => {
    answers = false;
    const press = await connect(url, { clientId: 'p', username: 'press-1', password: 'press the button' });
    const reader = await connect(url, withToken(await token()));
    const anybody = await connect(`mqtt://127.0.0.1:${plant.ports.mqtt}`, { clientId: 'anybody', ca: undefined });
    const ended = new Promise((resolve) => press.client.once('disconnect', resolve));
    await plant.kubectl('patch', 'brokerauthorization', 'plant', '-n', space, '--type=json', '-p',
      '[{"op":"replace","path":"/spec/authorizationPolicies/rules/0/brokerResources/1/topics","value":["other/#"]}]');
    assert.equal((await ended).reasonCode, 0x98);
    assert.ok(reader.client.connected && anybody.client.connected);
    const back = await connect(url, { clientId: 'p', username: 'press-1', password: 'press the button' });
    await assert.rejects(back.client.publishAsync('telemetry/press-1/x', '1', { qos: 1 }), { code: 135 });
    answers = true;
  });

  await t.test('a renewed certificate is in force at once, and nobody is disconnected', async () => {
    const reader = await connect(url, withToken(await token()));
    const serial = async () => {
      const shown = (await run('sh', ['-c',
        `openssl s_client -connect localhost:${tls} -alpn mqtt -CAfile ${plantCa.crt} </dev/null`])).output;
      await writeFile(`${plant.folder}/shown`, shown);
      return shown + (await run('openssl', ['x509', '-noout', '-serial', '-in', `${plant.folder}/shown`])).output;
    };
    const before = await serial();
    assert.match(before, /ALPN protocol: mqtt/);
    assert.match(before, /Verification: OK/);
    await plant.apply(await serverSecret(await makeServer('server2')));
    const of = (text) => text.match(/serial=\w+/)[0];
    await waitFor('the new certificate', async () => of(await serial()) !== of(before));
    assert.ok(reader.client.connected);
    await plant.apply(secret('plant-tls', { 'tls.crt': 'nonsense', 'tls.key': 'nonsense' }));
    await comesTo('brokerlisteners', 'Degraded', 'CertificateInvalid');
    assert.ok(reader.client.connected);
    assert.ok((await connect(url, withToken(await token()))).client, 'the one before is still served');
    await plant.apply(await serverSecret(server));
    await comesTo('brokerlisteners', 'Degraded', 'AsWished');
  });

  await t.test('what was refused is counted', async () => {
    const page = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
    const value = (name) => Number(page.match(new RegExp(`^aio_broker_${name}\\{.*\\} (\\d+)$`, 'm'))[1]);
    const of = Object.fromEntries(['authentication_successes', 'authentication_deny',
      'authentication_failures', 'authorization_allow', 'authorization_deny'].map((name) => [name, value(name)]));
    assert.ok(Object.values(of).every((count) => count > 0), JSON.stringify(of));
    assert.ok(of.authorization_allow <= of.authentication_successes, JSON.stringify(of));
  });

  await t.test('secure WebSocket', async () => {
    const reader = await connect(`wss://localhost:${secureWeb}/mqtt`, withToken(await token()));
    const anybody = await connect(`mqtt://127.0.0.1:${plant.ports.mqtt}`, { clientId: 'anybody', ca: undefined });
    await reader.client.subscribeAsync('telemetry/#', { qos: 1 });
    await anybody.client.publishAsync('telemetry/a', '1', { qos: 1 });
    await waitFor('the message', () => reader.seen.includes('telemetry/a'));
  });
});
