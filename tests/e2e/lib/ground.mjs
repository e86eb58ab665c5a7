// The ground under every end-to-end test: free ports, own folders, waiting for a condition, and children
// that are always ended. Nothing here sleeps to synchronise: each wait has a condition and a deadline.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const projectRoot = root;
export const binary = process.env.WIREWAY ?? path.join(root, 'build/release/wireway');

/** Ports that were free a moment ago; held together so that no two are alike. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((resolve, reject) => {
      const server = net.createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(server));
    })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** Looks every 25 ms until `probe` returns something truthy; its last error or value is in the failure. */
export async function waitFor(what, probe, { within = 15_000 } = {}) {
  const deadline = Date.now() + within;
  let last;
  for (;;) {
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`waited ${within} ms for: ${what}; last seen: ${seen}`);
    }
    await new Promise((done) => setTimeout(done, 25));
  }
}

/** A folder that goes when the test ends. */
export async function temporaryFolder(t) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'wireway-e2e-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** A child process whose output is kept for failure messages; ended with SIGTERM, then SIGKILL. */
export class Child {
  constructor(command, args, options = {}) {
    this.command = `${path.basename(command)} ${args.join(' ')}`;
    this.output = '';
    this.process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream.on('data', (data) => { this.output = (this.output + data).slice(-200_000); });
    this.ended = new Promise((resolve) => {
      this.process.once('error', (error) => { this.output += `\n${error}`; resolve({ error }); });
      this.process.once('exit', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid() { return this.process.pid; }
  get running() { return this.process.exitCode === null && this.process.signalCode === null; }
  signal(name) { this.process.kill(name); }

  async waitForOutput(pattern, within = 15_000) {
    return waitFor(`${pattern} in the output of ${this.command}:\n${this.output.slice(-3000)}`,
      () => this.output.match(pattern) ?? (this.running ? null : Promise.reject(
        new Error(`${this.command} ended: ${this.output.slice(-3000)}`))), { within });
  }

  async end() {
    if (this.running) this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), 10_000);
    const result = await this.ended;
    clearTimeout(timer);
    return result;
  }
}

export function start(t, command, args, options) {
  const child = new Child(command, args, options);
  t.after(() => child.end());
  return child;
}

/** Runs a command to its end and gives code and output. */
export async function run(command, args, options = {}) {
  const child = new Child(command, args, options);
  const timer = setTimeout(() => child.signal('SIGKILL'), options.within ?? 30_000);
  const { code } = await child.ended;
  clearTimeout(timer);
  return { code, output: child.output };
}
