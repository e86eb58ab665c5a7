// Goal: a plant follows its Git repository as docs/guide/gitops.md says: pushed, changed, pruned, a mistake, a hand,
// a repository that is away, a server that is killed.
// Method: the real `wireway up`, repositories by `git`, served over smart HTTP with a password by `git http-backend`.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { run, waitFor } from './lib/ground.mjs';
import { Plant, assetGroup, readyOf } from './lib/plant.mjs';

const gitGroup = 'wireway.io/v1';
const source = 'wireway.io/source';

const oven = (displayName) => `apiVersion: ${assetGroup}
kind: Asset
metadata: {name: oven}
spec: {assetEndpointProfileRef: plc, displayName: ${displayName}}
`;

/** A bare repository as a forge has it, and a clone that a person pushes from. */
class Repository {
  constructor(folder) {
    this.bare = path.join(folder, 'config.git');
    this.work = path.join(folder, 'work');
  }

  static async create(folder) {
    const repository = new Repository(folder);
    await repository.sh('git', 'init', '-q', '--bare', '-b', 'main', repository.bare);
    await repository.sh('git', 'init', '-q', '-b', 'main', repository.work);
    await repository.git('remote', 'add', 'origin', repository.bare);
    return repository;
  }

  async sh(command, ...args) {
    const result = await run(command, args, { env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' } });
    if (result.code !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.output}`);
    return result.output.trim();
  }

  git(...args) {
    return this.sh('git', '-C', this.work, '-c', 'user.name=plant', '-c', 'user.email=plant@example.com', ...args);
  }

  async write(file, text) {
    await mkdir(path.dirname(path.join(this.work, file)), { recursive: true });
    await writeFile(path.join(this.work, file), text);
  }

  async push(message) {
    await this.git('add', '-A');
    await this.git('commit', '-q', '-m', message);
    return this.pushHead();
  }

  async pushHead() {
    await this.git('push', '-q', 'origin', 'main');
    return this.git('rev-parse', 'HEAD');
  }
}

/** Gives the repositories of a folder to who knows the password. */
async function startForge(t, folder) {
  const authorization = `Basic ${Buffer.from('plant:secret').toString('base64')}`;
  const server = http.createServer((request, response) => {
    if (request.headers.authorization !== authorization) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="plant"' }).end();
      return;
    }
    const url = new URL(request.url, 'http://forge');
    const child = spawn('git', ['http-backend'], { env: { ...process.env, GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: url.pathname, QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method, CONTENT_TYPE: request.headers['content-type'] ?? '',
      REMOTE_ADDR: '127.0.0.1' } });
    request.pipe(child.stdin);
    const parts = [];
    child.stdout.on('data', (part) => parts.push(part));
    child.on('close', () => {
      const answer = Buffer.concat(parts);
      const end = answer.indexOf('\r\n\r\n');
      const headers = Object.fromEntries(answer.subarray(0, end).toString().split('\r\n')
        .map((line) => line.split(': ')));
      response.writeHead(Number.parseInt(headers.Status ?? '200', 10), headers);
      response.end(answer.subarray(end + 4));
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}`;
}

async function plantWithRepository(t) {
  const plant = await Plant.create(t);
  const repository = await Repository.create(plant.folder);
  await plant.up();
  const gitRepository = (spec) => plant.apply({ apiVersion: gitGroup, kind: 'GitRepository',
    metadata: { name: 'config', namespace: 'azure-iot-operations' }, spec });
  const get = () => plant.get(gitGroup, 'gitrepositories', 'config');
  const inForce = (commit) => waitFor(`commit ${commit} in force`, async () => {
    const object = await get();
    if (object.status?.appliedCommit === commit && readyOf(object)?.status === 'True') return object;
    throw new Error(JSON.stringify(readyOf(object) ?? null));
  });
  const degraded = (reason) => waitFor(`Degraded by ${reason}`, async () => {
    const object = await get();
    const found = object.status?.conditions?.find((each) => each.type === 'Degraded');
    if (found?.status === 'True' && found.reason === reason) return found.message;
    throw new Error(JSON.stringify(found ?? null));
  });
  const display = async () => (await plant.get(assetGroup, 'assets', 'oven')).spec.displayName;
  const displays = (text) => waitFor(`displayName ${text}`, async () => (await display()) === text);
  const pullNow = () => plant.kubectl('annotate', '--overwrite', 'gitrepo/config',
    `wireway.io/requested-at=${Date.now()}`);
  return { plant, repository, gitRepository, get, inForce, degraded, display, displays, pullNow };
}

test('a plant follows its repository over HTTP with a password', async (t) => {
  const all = await plantWithRepository(t);
  const { plant, repository, inForce, degraded, displays, pullNow } = all;
  const forge = await startForge(t, plant.folder);
  await repository.write('line1/oven.yaml', oven('first'));
  await repository.write('line1/press.yaml', oven('press').replace('name: oven', 'name: press'));
  const first = await repository.push('first');

  await t.test('pushed: applied and marked', async () => {
    await plant.kubectl('create', 'secret', 'generic', 'config-login', '--from-literal=username=plant',
      '--from-literal=password=secret');
    await all.gitRepository({ url: `${forge}/config.git`, path: 'line1', interval: '5s',
      secretRef: { name: 'config-login' } });
    await inForce(first);
    const object = await plant.get(assetGroup, 'assets', 'oven');
    assert.equal(object.metadata.annotations[source], 'git:azure-iot-operations/config:line1/oven.yaml');
    assert.match(await plant.kubectl('get', 'gitrepo'), new RegExp(`config .*line1 +${first} +True +Applied`));
  });

  await t.test('changed: by itself, at the interval', async () => {
    await repository.write('line1/oven.yaml', oven('second'));
    await inForce(await repository.push('second'));
    await displays('second');
  });

  await t.test('deleted: pruned', async () => {
    await repository.git('rm', '-q', 'line1/press.yaml');
    const commit = await repository.push('no press');
    await pullNow();
    await inForce(commit);
    await assert.rejects(plant.get(assetGroup, 'assets', 'press'), /HTTP 404/);
  });

  await t.test('a mistake: the last good commit stays, and git revert mends it', async () => {
    const good = await repository.git('rev-parse', 'HEAD');
    await repository.write('line1/oven.yaml', `${oven('third')}  colour: green\n`.replace('spec: {', 'spec: {colour: 1, '));
    await repository.push('broken');
    await pullNow();
    const message = await degraded('InvalidManifests');
    assert.match(message, /line1\/oven\.yaml/);
    assert.match(message, new RegExp(`commit ${good.slice(0, 10)} stays in force`));
    assert.equal(await all.display(), 'second');
    await repository.git('revert', '--no-edit', 'HEAD');
    const mended = await repository.pushHead();
    await pullNow();
    await inForce(mended);
  });

  await t.test('a hand: put back, and said', async () => {
    await plant.kubectl('patch', 'assets.deviceregistry.microsoft.com', 'oven', '--type=merge', '-p',
      '{"spec":{"displayName":"by hand"}}');
    await displays('second');
    await waitFor('lastDrift', async () => (await all.get()).status.lastDrift?.paths[0] === 'spec.displayName');
    await waitFor('the Event', async () => /DriftCorrected/.test(await plant.kubectl('get', 'events')));
  });

  await t.test('deleted with its objects', async () => {
    await plant.kubectl('delete', 'gitrepo', 'config', '--timeout=20s');
    await assert.rejects(plant.get(assetGroup, 'assets', 'oven'), /HTTP 404/);
  });
});

test('what is away or killed takes nothing with it', async (t) => {
  const all = await plantWithRepository(t);
  const { plant, repository, inForce, degraded, displays } = all;
  await repository.write('oven.yaml', oven('first'));
  const first = await repository.push('first');
  await all.gitRepository({ url: `file://${repository.bare}`, interval: '5s' });
  await inForce(first);

  await t.test('a repository that is away: Degraded, nothing lost, back by itself', async () => {
    await rename(repository.bare, `${repository.bare}.away`);
    const message = await degraded('FetchFailed');
    assert.match(message, new RegExp(`commit ${first.slice(0, 10)} stays in force`));
    assert.equal(await all.display(), 'first');
    await rename(`${repository.bare}.away`, repository.bare);
    await inForce(first);
  });

  await t.test('killed in the midst of a commit: the next start goes on', async () => {
    for (let i = 0; i < 200; ++i)
      await repository.write(`many/${i}.yaml`, oven(`asset ${i}`).replace('name: oven', `name: asset-${i}`));
    await repository.write('oven.yaml', oven('second'));
    const second = await repository.push('many');
    await all.pullNow();
    await waitFor('a part of the commit', async () =>
      (await plant.get(assetGroup, 'assets')).items.length > 5);
    plant.child.signal('SIGKILL');
    await plant.child.ended;
    await plant.up();
    await inForce(second);
    await displays('second');
    assert.equal((await plant.get(assetGroup, 'assets')).items.length, 201);
  });

  await t.test('killed, the repository and the mirror gone: what was in force is in force', async () => {
    plant.child.signal('SIGKILL');
    await plant.child.ended;
    await rename(repository.bare, `${repository.bare}.away`);
    await rm(path.join(plant.data, 'git'), { recursive: true });
    await plant.up();
    await degraded('FetchFailed');
    assert.equal((await plant.get(assetGroup, 'assets')).items.length, 201);
    await rename(`${repository.bare}.away`, repository.bare);
    await inForce(await repository.git('rev-parse', 'HEAD'));
  });
});
