// The real binary as a person uses it: files in, history, rollback, snapshots, check and a support bundle,
// against a running `wireway up`.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { binary, freePorts, run, start, waitFor } from './lib/ground.mjs';
import { Plant, asset, brokerManifests, endpointProfile, mqttGroup } from './lib/plant.mjs';

test('the command line against a running instance', async (t) => {
  const plant = await Plant.create(t);
  await plant.up();
  const environment = { ...process.env, KUBECONFIG: '' };
  const cli = (...args) => run(binary, [...args, '--data', plant.data], { env: environment });
  const ok = async (...args) => {
    const { code, output } = await cli(...args);
    assert.equal(code, 0, `wireway ${args.join(' ')}: ${output}`);
    return output;
  };
  const file = path.join(plant.folder, 'oven.json');
  const write = (description) => {
    const object = asset('oven', 'plc', { level: 'ns=1;s=Level' });
    object.spec.description = description;
    return writeFile(file, JSON.stringify(object));
  };

  await t.test('apply, diff, get and delete', async () => {
    await write('hot');
    assert.match(await ok('apply', '-f', file), /oven created/);
    assert.match(await ok('apply', '-f', file), /oven unchanged/);
    assert.equal((await cli('diff', '-f', file)).code, 0);
    await write('cold');
    const diff = await cli('diff', '-f', file);
    assert.equal(diff.code, 1);
    assert.match(diff.output, /\n- {2}description: hot\n\+ {2}description: cold\n/);
    await ok('apply', '-f', file);
    assert.match(await ok('get', 'assets'), /^NAME .*\noven /);
    assert.equal(JSON.parse(await ok('get', 'asset/oven', '-o', 'json')).spec.description, 'cold');
    assert.equal((await cli('get', 'asset/none')).code, 3);
    assert.equal((await cli('get')).code, 2);
  });

  await t.test('conflicts are told and can be forced', async () => {
    await plant.kubectl('patch', 'asset', 'oven', '--type=merge', '--field-manager=someone',
      '-p', '{"spec":{"description":"by hand"}}');
    const refused = await cli('apply', '-f', file);
    assert.equal(refused.code, 4);
    assert.match(refused.output, /spec\.description {2}belongs to someone/);
    await ok('apply', '-f', file, '--force-conflicts');
  });

  await t.test('history and rollback, after a deletion too', async () => {
    const list = JSON.parse(await ok('history', 'asset/oven', '-o', 'json'));
    assert.deepEqual(list.items.map((item) => item.change), ['updated', 'updated', 'updated', 'created']);
    const first = String(list.items.at(-1).revision);
    assert.match(await ok('diff', 'asset/oven', '--from', first).catch((e) => e.message), /description: hot/);
    assert.match(await ok('rollback', 'asset/oven', '--to', first, '--yes'), /rolled back/);
    assert.equal(JSON.parse(await ok('get', 'asset/oven', '-o', 'json')).spec.description, 'hot');
    await ok('delete', 'asset/oven');
    await ok('rollback', 'asset/oven', '--to', first, '--yes');
    await ok('get', 'asset/oven');
  });

  await t.test('snapshot and restore', async () => {
    const snapshot = path.join(plant.folder, 'all.jsonl');
    await ok('snapshot', snapshot);
    const [head] = (await readFile(snapshot, 'utf8')).split('\n');
    assert.equal(JSON.parse(head).kind, 'Snapshot');
    await ok('delete', 'asset/oven');
    assert.match(await ok('restore', snapshot, '--dry-run'), /create asset\.\S+\/oven/);
    assert.match(await ok('restore', snapshot, '--yes'), /1 created, 0 updated, 0 deleted/);
    await ok('get', 'asset/oven');
  });

  await t.test('a backup of the running instance is a database that starts', async () => {
    const copy = path.join(plant.folder, 'restored');
    await mkdir(copy);
    await ok('backup', path.join(copy, 'wireway.db'));
    const [port] = await freePorts(1);
    const second = start(t, binary, ['up', '--data', copy, '--port', String(port)]);
    await waitFor('the restored instance', async () =>
      (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    const { code, output } = await run(binary, ['get', 'asset/oven', '--data', copy], { env: environment });
    assert.equal(code, 0, output);
    await second.end();
  });

  await t.test('check names what is wrong and is content when it is mended', async () => {
    const bad = await cli('check', '--svc', 'deviceregistry');
    assert.equal(bad.code, 1);
    assert.match(bad.output, /assetEndpointProfileRef: there is no .* plc\n\s+-> create plc/);
    await plant.apply(endpointProfile('plc', `opc.tcp://127.0.0.1:${plant.ports.opcua}`));
    const object = JSON.parse((await cli('check', '--as-object', '--post')).output);
    assert.ok(object.postDeployment.some((check) => check.name === 'evalAssets'));
  });

  await t.test('a support bundle has the log of a service and no secret', async () => {
    await plant.put('broker.yaml', brokerManifests(plant.ports));
    await plant.waitReady(mqttGroup, 'brokerlisteners', 'default');
    await plant.kubectl('create', 'secret', 'generic', 'pass', '--from-literal=word=planted-word');
    await plant.kubectl('annotate', 'asset', 'oven', 'note=the planted-word is here');
    const folder = await mkdtemp(path.join(plant.folder, 'bundle-'));
    const name = (await ok('support-bundle', '--bundle-dir', folder)).split('\n')[0];
    await waitFor('the bundle', () => readFile(name));
    const listed = await run('python3', ['-c',
      'import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\n'
      + 'for n in z.namelist():\n  print("==",n); print(z.read(n).decode())', name]);
    assert.match(listed.output, /== azure-iot-operations\/broker\/service\.broker\.log\n\d{4}-/);
    assert.match(listed.output, /== azure-iot-operations\/deviceregistry\/asset\.v1\.oven\.yaml/);
    assert.match(listed.output, /the \(redacted\) is here/);
    assert.doesNotMatch(listed.output, /planted-word/);
  });

  await t.test('completion offers commands, kinds and names', async () => {
    const offered = async (...words) =>
      (await run(binary, ['__complete', '--', ...words], { env: environment })).output.split('\n');
    assert.ok((await offered('rol')).includes('rollback'));
    assert.ok((await offered('get', '--data', plant.data, 'asset/o')).includes('asset/oven'));
    assert.match((await run(binary, ['completion', 'bash'])).output, /complete -F _wireway wireway/);
  });
});
