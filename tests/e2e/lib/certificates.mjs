// Certificates as a plant's IT makes them: openssl, an authority, servers and clients.

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from './ground.mjs';

async function openssl(...args) {
  const { code, output } = await run('openssl', args);
  if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${output}`);
}

export class Authority {
  /** `subject` as openssl wants it: /CN=Plant/O=Contoso */
  static async create(folder, name, subject) {
    const authority = new Authority();
    Object.assign(authority, { folder, crt: path.join(folder, `${name}.crt`),
      key: path.join(folder, `${name}.key`) });
    await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
      '-days', '30', '-subj', subject, '-keyout', authority.key, '-out', authority.crt);
    return authority;
  }

  /** A certificate with its key by this authority: files `<name>.crt`, `<name>.key`. */
  async issue(name, subject, { names = [], days = 10 } = {}) {
    const base = path.join(this.folder, name);
    await openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', subject,
      '-keyout', `${base}.key`, '-out', `${base}.csr`);
    await writeFile(`${base}.ext`, names.length ? `subjectAltName=${names.join(',')}\n` : '\n');
    await openssl('x509', '-req', '-in', `${base}.csr`, '-CA', this.crt, '-CAkey', this.key,
      '-CAcreateserial', '-days', String(days), '-extfile', `${base}.ext`, '-out', `${base}.crt`);
    return { crt: `${base}.crt`, key: `${base}.key` };
  }
}
