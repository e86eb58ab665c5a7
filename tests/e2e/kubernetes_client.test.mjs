// The official JavaScript client against `wireway up`: what controllers and operators written for
// Kubernetes do must work here unchanged.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as k8s from '@kubernetes/client-node';
import { waitFor } from './lib/ground.mjs';
import { Plant, asset, space } from './lib/plant.mjs';

const group = 'deviceregistry.microsoft.com';
const listPath = `/apis/${group}/v1/namespaces/${space}/assets`;

function clientsOf(plant) {
  const config = new k8s.KubeConfig();
  config.loadFromFile(plant.kubeconfig);
  return {
    config,
    objects: k8s.KubernetesObjectApi.makeApiClient(config),
    custom: config.makeApiClient(k8s.CustomObjectsApi),
    core: config.makeApiClient(k8s.CoreV1Api),
    leases: config.makeApiClient(k8s.CoordinationV1Api),
  };
}

async function runningPlant(t) {
  const plant = await Plant.create(t);
  await plant.up();
  return plant;
}

const codeOf = (promise) => promise.then(() => 200, (error) => error.code ?? error.statusCode);
const named = (custom, name) => ({ group, version: 'v1', namespace: space, plural: 'assets', name });

/** An informer as controllers use it: what it has in its cache, and how it was told. */
async function startInformer(t, clients) {
  const seen = [];
  const informer = k8s.makeInformer(clients.config, listPath, () =>
    clients.custom.listNamespacedCustomObject({ group, version: 'v1', namespace: space, plural: 'assets' }));
  for (const event of ['add', 'update', 'delete'])
    informer.on(event, (object) => seen.push(`${event} ${object.metadata.name}`));
  let stopped = false;
  // As its documentation says: after an error the user starts it again, and it lists anew.
  informer.on('error', () => { if (!stopped) setTimeout(() => informer.start().catch(() => {}), 50); });
  t.after(() => { stopped = true; return informer.stop(); });
  await informer.start();
  return { seen, names: () => informer.list().map((object) => object.metadata.name).sort() };
}

test('objects: create, read, all patches, status, delete, and the codes of refusals', async (t) => {
  const clients = clientsOf(await runningPlant(t));
  const { custom, objects } = clients;
  const body = asset('press', 'plant', { a: 'ns=1;s=A' });
  const created = await objects.create(body);
  assert.equal(created.metadata.generation, 1);
  assert.equal(await codeOf(objects.create(body)), 409);
  assert.equal(await codeOf(custom.getNamespacedCustomObject(named(custom, 'nobody'))), 404);

  const header = { apiVersion: body.apiVersion, kind: body.kind };
  const patch = (spec, strategy) => objects.patch(
    { ...header, metadata: { name: 'press', namespace: space }, spec }, undefined, undefined,
    'tests', true, strategy);
  const merged = await patch({ displayName: 'Press' }, k8s.PatchStrategy.MergePatch);
  assert.equal(merged.spec.displayName, 'Press');
  const applied = await patch({ displayName: 'Press 2' }, k8s.PatchStrategy.ServerSideApply);
  assert.equal(applied.spec.displayName, 'Press 2');
  assert.ok(applied.metadata.managedFields.some((entry) =>
    entry.manager === 'tests' && entry.operation === 'Apply'));

  const stale = structuredClone(created);
  stale.spec.displayName = 'from an old copy';
  assert.equal(await codeOf(objects.replace(stale)), 409);

  await objects.delete({ ...header, metadata: { name: 'press', namespace: space } });
  assert.equal(await codeOf(custom.getNamespacedCustomObject(named(custom, 'press'))), 404);
});

test('core kinds, a namespace with what is in it, pages', async (t) => {
  const { core } = clientsOf(await runningPlant(t));
  await core.createNamespace({ body: { metadata: { name: 'line-7' } } });
  for (let i = 0; i < 7; i += 1)
    await core.createNamespacedConfigMap({ namespace: 'line-7',
      body: { metadata: { name: `c${i}`, labels: { odd: String(i % 2) } }, data: { i: String(i) } } });
  const found = [];
  let next;
  do {
    const page = await core.listNamespacedConfigMap({ namespace: 'line-7', limit: 3, _continue: next });
    found.push(...page.items.map((item) => item.metadata.name));
    next = page.metadata._continue;
  } while (next);
  assert.deepEqual(found, ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6']);
  const odd = await core.listNamespacedConfigMap({ namespace: 'line-7', labelSelector: 'odd=1' });
  assert.equal(odd.items.length, 3);
  await core.deleteNamespace({ name: 'line-7' });
  await waitFor('the namespace to be gone', async () =>
    await codeOf(core.readNamespace({ name: 'line-7' })) === 404);
});

test('an informer follows, and after a restart of the server it has what is true then', async (t) => {
  const plant = await runningPlant(t);
  const clients = clientsOf(plant);
  const header = { apiVersion: `${group}/v1`, kind: 'Asset' };
  const remove = (name) => clients.objects.delete({ ...header, metadata: { name, namespace: space } });
  await clients.objects.create(asset('before', 'plant', {}));
  const informer = await startInformer(t, clients);
  await waitFor('the first list', () => informer.names().includes('before'));
  await clients.objects.create(asset('during', 'plant', {}));
  await waitFor('an add', () => informer.seen.includes('add during'));
  await remove('before');
  await waitFor('a delete', () => informer.seen.includes('delete before'));

  await plant.child.end();
  await plant.up();
  await remove('during');
  await clients.objects.create(asset('after', 'plant', {}));
  await waitFor('the state after the restart', () =>
    JSON.stringify(informer.names()) === JSON.stringify(['after']), { within: 30_000 });
});

test('leader election by Lease: of two candidates with the same copy one wins', async (t) => {
  const { leases } = clientsOf(await runningPlant(t));
  const at = { namespace: space };
  const lease = (holderIdentity) => ({ metadata: { name: 'leader' },
    spec: { holderIdentity, leaseDurationSeconds: 5, renewTime: new k8s.V1MicroTime() } });
  const first = await leases.createNamespacedLease({ ...at, body: lease('a') });
  const claim = (holderIdentity) => leases.replaceNamespacedLease({ ...at, name: 'leader',
    body: { ...first, spec: { ...first.spec, holderIdentity } } });
  const codes = await Promise.all([codeOf(claim('b')), codeOf(claim('c'))]);
  assert.deepEqual(codes.sort(), [200, 409]);
});
