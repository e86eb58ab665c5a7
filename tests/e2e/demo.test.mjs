// What a newcomer does: `make run` starts `wireway up --demo` with its documented ports.

import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { mosquittoSub, readDeltaLog } from './lib/clients.mjs';
import { binary, run, start, temporaryFolder, waitFor } from './lib/ground.mjs';
import { space } from './lib/plant.mjs';

const ports = [1883, 8083, 8088, 50000];

const isFree = (port) => new Promise((resolve) => {
  const server = net.createServer().once('error', () => resolve(false))
    .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
});

test('`wireway up --demo` alone gives values, a table and Ready resources', async (t) => {
  const busy = [];
  for (const port of ports) if (!(await isFree(port))) busy.push(port);
  if (busy.length) {
    t.skip(`ports ${busy.join(', ')} are in use and this machine allows no network namespace`);
    return;
  }
  const folder = await temporaryFolder(t);
  const data = path.join(folder, '.wireway');
  const started = Date.now();
  const up = start(t, binary, ['up', '--demo', '--data', data]);
  const sub = await waitFor('the broker', async () => {
    if (!up.running) throw new Error(up.output);
    return (await isFree(1883)) ? null : mosquittoSub(t, 1883, '#');
  }, { within: 20_000 });
  await waitFor('a value of the oven', () =>
    sub.lines().find((line) => line.startsWith(`${space}/data/oven `)), { within: 20_000 });
  t.diagnostic(`first value ${Date.now() - started} ms after the start`);
  await waitFor('a value of the boiler', () =>
    sub.lines().find((line) => line.startsWith(`${space}/data/boiler `)), { within: 20_000 });
  assert.match(up.output, /http:\/\/127\.0\.0\.1:8088/);

  await t.test('all of the demo is Ready', async () => {
    const kubeconfig = path.join(data, 'kubeconfig');
    await waitFor('every line of kubectl get to be Ready', async () => {
      const { code, output } = await run('kubectl',
        ['--kubeconfig', kubeconfig, 'get', 'assets,dataflows,brokerlisteners', '-A', '--no-headers']);
      if (code !== 0) throw new Error(output);
      const lines = output.trim().split('\n').filter(Boolean);
      return lines.length >= 5 && lines.every((line) => /\sTrue\s/.test(line)) ? lines : Promise.reject(
        new Error(output));
    }, { within: 30_000 });
  });

  await t.test('the table grows', async () => {
    const table = path.join(data, 'volumes/lake/oven');
    await waitFor('two commits', async () => (await readDeltaLog(table)).version >= 2, { within: 40_000 });
  });

  const { code } = await up.end();
  assert.equal(code, 0, up.output.slice(-2000));
});
