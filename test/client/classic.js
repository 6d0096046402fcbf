// Tenants with Classic login, and an application on another host whose pages hold Lock and auth0.js as npm has them.
import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after } from 'node:test';
import * as esbuild from 'esbuild';
import { manager, newTenant } from './management.js';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);

export const otpGrant = 'http://auth0.com/oauth/grant-type/passwordless/otp';

/** A tenant whose login page is Lock's, with its connections by name. */
export async function classicTenant() {
  const tenant = await newTenant();
  const api = manager(tenant);
  await api.prompts.updateSettings({ universal_login_experience: 'classic' });
  const connections = Object.fromEntries((await (await api.connections.list()).data).map((c) => [c.name, c]));
  return { ...tenant, api, connections };
}

/** A new application of the tenant whose pages stand at these origins, with these connections. */
export async function newApplication({ api, connections }, origins, { names = ['email', 'sms'], ...settings } = {}) {
  const made = await api.clients.create({
    name: 'Classic application',
    app_type: 'spa',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'implicit', otpGrant],
    callbacks: origins.flatMap((origin) => [`${origin}/callback`, `${origin}/`]),
    web_origins: origins,
    allowed_logout_urls: origins.map((origin) => `${origin}/`),
    cross_origin_authentication: true,
    oidc_conformant: true,
    ...settings,
  });
  for (const name of names) {
    await api.connections.clients.update(connections[name].id, [{ client_id: made.client_id, status: true }]);
  }
  return made;
}

// auth0-js says that its files are modules and writes them as scripts.
const scripts = {
  name: 'auth0-js',
  setup(build) {
    build.onResolve({ filter: /^(auth0-js|.*\/auth0-js\/dist)(\/|$)/ }, ({ path, resolveDir }) => ({
      path: createRequire(join(resolveDir, 'entry.js')).resolve(path === 'auth0-js' ? 'auth0-js/dist/auth0.min.js' : path),
      namespace: 'auth0-js',
    }));
    build.onLoad({ filter: /./, namespace: 'auth0-js' }, ({ path }) => ({ contents: readFileSync(path) }));
  },
};

/** Lock in one file, as an application's own build makes it. */
async function bundleLock() {
  const { outputFiles } = await esbuild.build({
    stdin: {
      contents: `window.Auth0Lock = require('auth0-lock').default; window.Auth0LockPasswordless = require('auth0-lock').Auth0LockPasswordless;`,
      resolveDir: here,
    },
    plugins: [scripts],
    bundle: true,
    minify: true,
    write: false,
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
    logLevel: 'error',
  });
  return outputFiles[0].contents;
}

const pages = {
  '/': '<script src="/auth0.js"></script><script src="/lock.js"></script><h1>Application</h1><div id="lock"></div>',
  '/callback': '<script src="/auth0.js"></script><h1>Callback</h1>',
  '/verification': `<script src="/auth0.js"></script><script>
    new auth0.WebAuth({ clientID: 'verification', domain: 'any.example' }).crossOriginVerification();
  </script>`,
};

/**
 * Serves an application. Its pages stand at two origins: near is https://localhost, the server's own site, and far is
 * https://127.0.0.1, another site.
 */
export async function serveClassicApplication() {
  const files = {
    '/auth0.js': readFileSync(require.resolve('auth0-js/dist/auth0.min.js')),
    '/lock.js': await bundleLock(),
  };
  const serve = async (host) => {
    const server = createServer(
      { cert: readFileSync(process.env.LATCHKEY_APP_CERT), key: readFileSync(process.env.LATCHKEY_APP_KEY) },
      (request, answer) => {
        const { pathname } = new URL(request.url, 'https://localhost');
        if (files[pathname]) {
          answer.writeHead(200, { 'Content-Type': 'text/javascript' }).end(files[pathname]);
        } else if (pages[pathname]) {
          answer
            .writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' })
            .end(`<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Application</title>${pages[pathname]}`);
        } else {
          answer.writeHead(404).end();
        }
      },
    );
    after(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    await new Promise((resolve) => server.listen(0, host, resolve));
    return `https://${host}:${server.address().port}`;
  };
  return { near: await serve('localhost'), far: await serve('127.0.0.1') };
}
