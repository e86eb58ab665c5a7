// Debian's chromium, driven as a person drives it.

import { existsSync } from 'node:fs';

const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];

export const executablePath = candidates.find((file) => file && existsSync(file));

export const skip = executablePath ? false
  : 'no chromium found (install the package chromium, or set CHROMIUM to a browser)';

export const launchOptions = {
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-first-run'],
};
