// Runs the end-to-end tests one file after the other (each starts whole plants; side by side they would
// only time each other) and closes with one line of counts.
//
//   WIREWAY=build/release/wireway node tests/e2e/run.mjs [name...]

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { binary } from './lib/ground.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(here).filter((name) => name.endsWith('.test.mjs')).sort()
  .filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)));

if (!existsSync(binary)) {
  console.error(`e2e: no binary at ${binary}; run "make build" first or set WIREWAY`);
  process.exit(2);
}
if (files.length === 0) {
  console.error(`e2e: no test file matches ${wanted.join(' ')}`);
  process.exit(2);
}

/** The demo wants its documented ports; a network namespace of its own gives them on any machine. */
function commandFor(file) {
  const node = [process.execPath, '--test', '--test-reporter=spec', '--test-timeout=180000',
    path.join(here, file)];
  if (!file.startsWith('demo')) return node;
  const probe = spawnSync('unshare', ['-rn', 'sh', '-c', 'ip link set lo up']);
  if (probe.status !== 0) return node;
  return ['unshare', '-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...node];
}

const sum = { pass: 0, fail: 0, skipped: 0 };
for (const file of files) {
  const [command, ...args] = commandFor(file);
  const result = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, FORCE_COLOR: '0' } });
  process.stdout.write(result.stdout);
  process.stderr.write(result.stderr);
  const counted = (word) => Number(result.stdout.match(new RegExp(`^ℹ ${word} (\\d+)$`, 'm'))?.[1] ?? 0);
  for (const word of Object.keys(sum)) sum[word] += counted(word);
  sum.fail += counted('cancelled');
  if (result.status !== 0 && counted('fail') + counted('cancelled') === 0) sum.fail += 1;
}
console.log(`e2e: ${sum.pass} passed, ${sum.fail} failed, ${sum.skipped} skipped`);
process.exit(sum.fail > 0 || sum.pass === 0 ? 1 : 0);
