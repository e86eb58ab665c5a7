// The page as a person sees it: Debian's chromium opens the URL that `up` prints and waits for a value.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';
import { executablePath, launchOptions, skip } from './lib/browser.mjs';
import { waitFor } from './lib/ground.mjs';
import { startOpcUaServer } from './lib/opcua.mjs';
import { Plant, asset, brokerManifests, endpointProfile, lakeManifests } from './lib/plant.mjs';

const shots = fileURLToPath(new URL('out/', import.meta.url));

test('the page shows live values, rates and resources', { skip }, async (t) => {
  const plant = await Plant.create(t);
  const server = await startOpcUaServer(t, {
    port: plant.ports.opcua, names: ['Level', 'Flow'], folder: plant.folder,
  });
  await plant.put('broker.yaml', brokerManifests(plant.ports));
  await plant.put('tank.yaml', [
    endpointProfile('plant', server.url),
    asset('tank', 'plant', { level: 'ns=1;s=Level', flow: 'ns=1;s=Flow' }),
  ]);
  await plant.put('lake.yaml', lakeManifests(plant.ports, 'tank', { level: { inputs: ['level.Value'] } }));
  await plant.up();
  await mkdir(shots, { recursive: true });

  const browser = await chromium.launch({ executablePath, ...launchOptions });
  t.after(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const errors = [];
  const foreign = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && hostname !== '127.0.0.1') foreign.push(request.url());
  });

  await t.test('first data on the page', async () => {
    const opened = Date.now();
    await page.goto(`${plant.url}/assets/tank`);
    const value = page.getByTestId('tag-value').first();
    await value.waitFor({ timeout: 30_000 });
    await waitFor('a number', async () => /\d/.test(await value.innerText()), { within: 30_000 });
    t.diagnostic(`first data on the page after ${Date.now() - opened} ms`);
    const first = await value.innerText();
    await waitFor('the number to change', async () => (await value.innerText()) !== first);
    assert.match(await page.getByTestId('tag-quality').first().innerText(), /good/i);
    await page.screenshot({ path: path.join(shots, 'asset.png') });
  });

  await t.test('the home page shows the path with live rates', async () => {
    await page.goto(plant.url);
    await page.getByTestId('home-path').waitFor();
    await waitFor('a rate above zero on an edge', async () => {
      const rates = await page.getByTestId('edge-rate').allInnerTexts();
      return rates.length >= 2 && rates.every((text) => /[1-9]/.test(text));
    }, { within: 30_000 });
    await page.screenshot({ path: path.join(shots, 'home.png') });
  });

  await t.test('resources show their YAML and conditions', async () => {
    await page.goto(`${plant.url}/resources`);
    await page.getByText('brokerlisteners', { exact: false }).first().waitFor();
    await page.screenshot({ path: path.join(shots, 'resources.png') });
  });

  await t.test('accessible by axe, no page errors, no request leaves the machine', async () => {
    for (const at of ['/', '/assets', '/assets/tank', '/resources']) {
      await page.goto(plant.url + at);
      await page.locator('main').waitFor();
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      assert.deepEqual(serious.map(({ id, nodes }) => `${at}: ${id} ${nodes[0].html}`), []);
    }
    assert.deepEqual(errors, []);
    assert.deepEqual(foreign, []);
  });
});
