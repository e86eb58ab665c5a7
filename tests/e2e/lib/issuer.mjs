// An OpenID provider that is not ours (oidc-provider), over HTTPS on loopback, and a browser's way through
// its sign-in: authorization code flow with the provider's own forms.

import { generateKeyPairSync } from 'node:crypto';
import https from 'node:https';
import Provider from 'oidc-provider';

const callback = 'https://127.0.0.1/callback';

function signingKey(kid) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
}

export class Issuer {
  /** `keys`: {cert, key, ca} in PEM; `groups`: what each user's token says. */
  constructor(t, { port, keys, clientId, groups }) {
    Object.assign(this, { t, port, keys, clientId, groups });
    this.url = `https://127.0.0.1:${port}`;
    this.rotate('first');
  }

  /** From now on this key signs, and no other is published. */
  rotate(kid) {
    this.provider = new Provider(this.url, {
      clients: [{ client_id: this.clientId, client_secret: 'a secret of the test',
        redirect_uris: [callback], grant_types: ['authorization_code'] }],
      jwks: { keys: [signingKey(kid)] },
      cookies: { keys: ['a cookie of the test'] },
      claims: { openid: ['sub'], groups: ['groups'] },
      conformIdTokenClaims: false,
      pkce: { required: () => false },
      features: { devInteractions: { enabled: true } },
      findAccount: (_, id) => ({ accountId: id,
        claims: () => ({ sub: id, groups: this.groups[id] ?? [] }) }),
    });
    this.handler = this.provider.callback();
  }

  async start() {
    this.server = https.createServer(this.keys, (request, response) => this.handler(request, response));
    await new Promise((done, failed) => {
      this.server.once('error', failed);
      this.server.listen(this.port, '127.0.0.1', done);
    });
    this.t.after(() => this.stop());
  }

  async stop() {
    const { server } = this;
    this.server = undefined;
    if (!server) return;
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }

  ask(url, { method = 'GET', form, cookies, headers = {} } = {}) {
    return new Promise((done, failed) => {
      const jar = [...(cookies ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
      const request = https.request(new URL(url, this.url), { method, ca: this.keys.ca, agent: false, headers: {
        ...headers, cookie: jar, ...(form && { 'content-type': 'application/x-www-form-urlencoded' }) } },
      (response) => {
        let body = '';
        response.on('data', (data) => { body += data; });
        response.on('end', () => {
          for (const set of response.headers['set-cookie'] ?? []) {
            const [pair] = set.split(';');
            const at = pair.indexOf('=');
            cookies?.set(pair.slice(0, at), pair.slice(at + 1));
          }
          done({ status: response.statusCode, location: response.headers.location, body });
        });
      });
      request.on('error', failed);
      request.end(form && new URLSearchParams(form).toString());
    });
  }

  /** The ID token that a browser would bring home for this user. */
  async signIn(user) {
    const cookies = new Map();
    const query = new URLSearchParams({ client_id: this.clientId, response_type: 'code',
      redirect_uri: callback, scope: 'openid groups', state: 'x' });
    let page = await this.ask(`/auth?${query}`, { cookies });
    for (let step = 0; step < 10 && !page.location?.startsWith(callback); ++step) {
      if (page.location) {
        page = await this.ask(page.location, { cookies });
        continue;
      }
      const action = page.body.match(/<form[^>]*action="([^"]+)"/)?.[1];
      const prompt = page.body.match(/name="prompt" value="([^"]+)"/)?.[1];
      if (!action) throw new Error(`no form in ${page.status}: ${page.body.slice(0, 500)}`);
      page = await this.ask(action, { method: 'POST', cookies,
        form: { prompt, ...(prompt === 'login' && { login: user, password: 'any' }) } });
    }
    const code = new URL(page.location).searchParams.get('code');
    const basic = Buffer.from(`${this.clientId}:${encodeURIComponent('a secret of the test')}`);
    const answer = await this.ask('/token', { method: 'POST',
      headers: { authorization: `Basic ${basic.toString('base64')}` },
      form: { grant_type: 'authorization_code', code, redirect_uri: callback } });
    const { id_token: token } = JSON.parse(answer.body);
    if (!token) throw new Error(`no ID token: ${answer.body}`);
    return token;
  }
}
