// People of a company's sign-in: a real OpenID provider gives ID tokens, kubectl brings them along.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { freePorts, run, waitFor } from './lib/ground.mjs';
import { Issuer } from './lib/issuer.mjs';
import { Plant } from './lib/plant.mjs';

/** Certificates for 127.0.0.1 are what a first start leaves behind; another plant lends its own. */
async function lentKeys(t) {
  const lender = await Plant.create(t);
  const child = await lender.up();
  await child.end();
  const file = (name) => readFile(path.join(lender.data, 'keys', name), 'utf8');
  return { cert: await file('server.crt'), key: await file('server.key'), ca: await file('ca.crt'),
    caFile: path.join(lender.data, 'keys', 'ca.crt') };
}

test('ID tokens of an OpenID provider', async (t) => {
  const keys = await lentKeys(t);
  const [port] = await freePorts(1);
  const issuer = new Issuer(t, { port, keys, clientId: 'wireway',
    groups: { ann: ['operators'], eve: ['system:masters'] } });
  const plant = await Plant.create(t);
  const options = ['--oidc-issuer-url', issuer.url, '--oidc-client-id', 'wireway',
    '--oidc-groups-claim', 'groups', '--oidc-ca-file', keys.caFile];
  const kubectl = (token, ...args) =>
    run('kubectl', ['--kubeconfig', plant.kubeconfig, '--token', token, ...args]);
  const whoami = async (token) => {
    const { code, output } = await kubectl(token, 'auth', 'whoami', '-o', 'json');
    if (code !== 0) throw new Error(output);
    return JSON.parse(output).status.userInfo;
  };
  const refusal = async (token) => {
    const response = await fetch(`${plant.url}/api/v1/namespaces`,
      { headers: { authorization: `Bearer ${token}` } });
    return `${response.status} ${(await response.json()).message}`;
  };
  await issuer.start();
  const ann = await issuer.signIn('ann');
  await issuer.stop();

  await t.test('a provider that is away keeps nobody waiting, and is named', async () => {
    const started = Date.now();
    await plant.up(options);
    t.diagnostic(`ready ${Date.now() - started} ms after the start, without the provider`);
    const asked = Date.now();
    assert.match(await refusal(ann), new RegExp(
      `^401 Unauthorized: the keys of the token's issuer ${issuer.url} cannot be had: .*connect`));
    assert.ok(Date.now() - asked < 2000);
    await plant.kubectl('get', 'namespaces');
  });

  await t.test('once it is there, kubectl is known by its token', async () => {
    await issuer.start();
    const who = await waitFor('the token to be accepted', () => whoami(ann), { within: 20_000 });
    assert.equal(who.username, `${issuer.url}#ann`);
    assert.deepEqual(who.groups.sort(), ['operators', 'system:authenticated']);
  });

  await t.test('roles bound to a group of the token hold', async () => {
    assert.match((await kubectl(ann, 'get', 'brokers', '-A')).output, /Forbidden/);
    await plant.kubectl('create', 'clusterrolebinding', 'operators', '--clusterrole=wireway:viewer',
      '--group=operators');
    assert.equal((await kubectl(ann, 'get', 'brokers', '-A')).code, 0);
    assert.match((await kubectl(ann, 'create', 'namespace', 'x')).output, /Forbidden/);
  });

  await t.test('nobody becomes one of the system', async () => {
    assert.match(await refusal(await issuer.signIn('eve')),
      /^401 .*group "system:masters" is reserved; set --oidc-groups-prefix/);
  });

  await t.test('a new key of the provider is found by the first token that names it', async () => {
    issuer.rotate('second');
    const token = await issuer.signIn('ann');
    await waitFor('the new key', () => whoami(token), { within: 20_000 });
    await waitFor('the old key to be refused', async () => /^401 .*signature/.test(await refusal(ann)));
    await issuer.stop();
    assert.equal((await whoami(token)).username, `${issuer.url}#ann`, 'a known key needs no provider');
  });

  await t.test('changed tokens and tokens for others are refused', async () => {
    await issuer.start();
    const token = await issuer.signIn('ann');
    const [head, claims, signature] = token.split('.');
    const said = JSON.parse(Buffer.from(claims, 'base64url'));
    const forged = Buffer.from(JSON.stringify({ ...said, sub: 'root' })).toString('base64url');
    assert.match(await refusal(`${head}.${forged}.${signature}`), /^401 .*signature/);
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    assert.match(await refusal(`${none}.${claims}.`), /^401 .*not signed by RS256/);
    await issuer.stop();
    const other = new Issuer(t, { port, keys, clientId: 'another-app', groups: {} });
    await other.start();
    const foreign = await other.signIn('ann');
    await waitFor('its key', async () => / for another-app, not for wireway/.test(await refusal(foreign)));
  });
});
