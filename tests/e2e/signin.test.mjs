// People sign in on the page: users made by the command line, Debian's chromium, an end that comes while
// somebody works, and roles that hide a part of what there is.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';
import { executablePath, launchOptions, skip } from './lib/browser.mjs';
import { binary, run, waitFor } from './lib/ground.mjs';
import { Plant, asset, brokerManifests, endpointProfile } from './lib/plant.mjs';

const shots = fileURLToPath(new URL('out/', import.meta.url));
const passwords = { ann: 'correct horse battery', bob: 'staple of the plant' };

test('people sign in on the page', { skip }, async (t) => {
  const plant = await Plant.create(t);
  await plant.put('plant.yaml', [
    ...brokerManifests(plant.ports),
    endpointProfile('plant', `opc.tcp://127.0.0.1:${plant.ports.opcua}`),
    asset('tank', 'plant', { level: 'ns=1;s=Level' }),
  ]);
  await plant.up();
  await mkdir(shots, { recursive: true });
  const user = async (...args) => {
    const { code, output } = await run(binary, ['user', ...args, '--data', plant.data]);
    assert.equal(code, 0, output);
  };
  const addUser = async (name, ...args) => {
    const file = path.join(plant.folder, `password-of-${name}`);
    await writeFile(file, `${passwords[name]}\n`, { mode: 0o600 });
    await user('add', name, '--password-file', file, ...args);
  };
  const browser = await chromium.launch({ executablePath, ...launchOptions });
  t.after(() => browser.close());

  const open = async (options = {}) => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    return { context, page, errors };
  };
  const signIn = async (page, name, password = passwords[name]) => {
    await page.getByLabel('User name').fill(name);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  const shot = (page, name) => page.screenshot({ path: path.join(shots, `signin-${name}.png`) });
  const clean = async (page, where) => {
    const { violations } = await new AxeBuilder({ page }).analyze();
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    assert.deepEqual(serious.map(({ id, nodes }) => `${where}: ${id} ${nodes[0].html}`), []);
  };
  const { context, page, errors } = await open();

  await t.test('as long as there is no user, nobody is asked', async () => {
    await page.goto(`${plant.url}/assets`);
    await page.getByText('tank').first().waitFor();
    assert.equal(await page.getByTestId('user-menu').count(), 0);
  });

  await t.test('the first user closes the door, also to the page that is open', async () => {
    await addUser('ann', '--admin');
    await page.getByTestId('session-ended').waitFor({ timeout: 30_000 });
    await page.goto(`${plant.url}/assets?q=ta`);
    await page.getByTestId('sign-in').waitFor();
    assert.equal(await page.getByText('tank').count(), 0);
    await clean(page, 'sign-in');
    await shot(page, 'page');
  });

  await t.test('a wrong password is told, by keyboard alone too', async () => {
    await page.keyboard.type('ann');
    await page.keyboard.press('Tab');
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    const problem = page.getByTestId('sign-in-problem');
    await problem.waitFor();
    assert.match(await problem.innerText(), /user name or the password is wrong/);
    await clean(page, 'wrong password');
    await shot(page, 'wrong');
    await page.keyboard.type(passwords.ann);
    await page.keyboard.press('Enter');
    await page.getByTestId('user-menu').waitFor();
  });

  await t.test('leads to where one was going, with a cookie that no script can read', async () => {
    assert.equal(new URL(page.url()).search, '?q=ta');
    await page.getByText('tank').first().waitFor();
    const [cookie] = (await context.cookies()).filter(({ name }) => name === 'wireway-session');
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.sameSite, 'Strict');
    assert.equal(await page.evaluate(() => document.cookie), '');
    await page.reload();
    await page.getByTestId('user-menu').waitFor();
    await clean(page, 'signed in');
  });

  await t.test('a session that ends while somebody works loses nothing, and the watch goes on', async () => {
    await page.getByLabel('Filter assets').fill('t');
    await plant.kubectl('delete', 'secrets', '-n', 'wireway-system', '--field-selector',
      'type=wireway.io/session');
    const dialog = page.getByTestId('session-ended');
    await dialog.waitFor({ timeout: 30_000 });
    await clean(page, 'session ended');
    await shot(page, 'ended');
    await signIn(page, 'ann');
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await page.getByLabel('Filter assets').inputValue(), 't');
    await plant.apply(asset('tower', 'plant', { level: 'ns=1;s=Level' }));
    await page.getByText('tower').first().waitFor();
  });

  await t.test('tabs of one browser follow each other', async () => {
    const second = await context.newPage();
    second.on('pageerror', (error) => errors.push(error.message));
    await second.goto(`${plant.url}/assets`);
    await second.getByTestId('user-menu').waitFor();
    await plant.kubectl('delete', 'secrets', '-n', 'wireway-system', '--field-selector',
      'type=wireway.io/session');
    for (const tab of [page, second])
      await tab.getByTestId('session-ended').waitFor({ timeout: 30_000 });
    await signIn(second, 'ann');
    await page.getByTestId('session-ended').waitFor({ state: 'detached' });
    assert.equal(await page.getByLabel('Filter assets').inputValue(), 't', 'nothing typed is lost');
    await second.getByTestId('user-menu').click();
    await second.getByRole('menuitem', { name: 'Sign out' }).click();
    for (const tab of [page, second]) await tab.getByTestId('sign-in').waitFor();
    assert.equal(await page.getByText('tank').count(), 0, 'nothing is left to see after a sign-out');
    await signIn(page, 'ann');
    for (const tab of [page, second]) await tab.getByTestId('user-menu').waitFor();
    await second.close();
  });

  await t.test('signs out', async () => {
    await page.getByTestId('user-menu').click();
    await shot(page, 'menu');
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByTestId('sign-in').waitFor();
    await page.reload();
    await page.getByTestId('sign-in').waitFor();
    assert.deepEqual((await context.cookies()).map(({ name }) => name), []);
    assert.equal((await fetch(`${plant.url}/apis/authentication.k8s.io/v1/selfsubjectreviews`, {
      method: 'POST', body: '{}' })).status, 401);
  });

  await t.test('who may see assets alone sees whole screens', async () => {
    await addUser('bob', '--role', 'wireway:asset-viewer');
    await signIn(page, 'bob');
    await page.getByText('tank').first().waitFor();
    await page.goto(plant.url);
    await page.getByText('You may not see dataflows').first().waitFor();
    await shot(page, 'home-asset-viewer');
    await page.goto(`${plant.url}/resources/brokers`);
    await page.getByText('You may not see brokers').waitFor();
    await clean(page, 'forbidden');
    await shot(page, 'forbidden');
    await page.goto(`${plant.url}/resources`);
    await page.getByText('You may not see these').first().waitFor();
    await shot(page, 'resources-asset-viewer');
  });

  await t.test('too many tries have to wait', async () => {
    const { page: other } = await open({ colorScheme: 'dark', viewport: { width: 420, height: 800 } });
    await other.goto(plant.url);
    await other.getByTestId('sign-in').waitFor();
    await shot(other, 'narrow-dark');
    await waitFor('to be told to wait', async () => {
      await signIn(other, 'ann', 'guess');
      return /Too many tries/.test(await other.getByTestId('sign-in-problem').innerText());
    });
    assert.equal(await other.getByRole('button', { name: 'Sign in' }).isDisabled(), true);
    await clean(other, 'too many tries');
    await shot(other, 'narrow-dark-wait');
  });

  assert.deepEqual(errors, []);
});
