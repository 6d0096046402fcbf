// Headless Chromium, and a page of a single-page application to run in it.
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);

// What Debian's Chromium needs to be quiet on a machine without a network, and
// to run as root.
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts the machine's Chromium for a test file; closes it after the last test. */
export async function launch() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: flags,
  });
  after(() => browser.close());
  return browser;
}

/**
 * A fresh browser profile that trusts the development certificates, with a page
 * whose script errors fail the test.
 */
export async function openPage(browser, t, options) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB', ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error));
  t.after(async () => {
    await context.close();
    if (errors.length > 0) {
      throw new AggregateError(errors, 'the page threw');
    }
  });
  return page;
}

/** A page in a profile that keeps cookies of other sites, as ordinary windows do and the fresh profiles of tests do not. */
export async function openOrdinaryPage(t) {
  const folder = mkdtempSync(join(tmpdir(), 'profile-'));
  mkdirSync(join(folder, 'Default'));
  writeFileSync(
    join(folder, 'Default', 'Preferences'),
    JSON.stringify({ profile: { cookie_controls_mode: 0, block_third_party_cookies: false } }),
  );
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: flags,
    ignoreHTTPSErrors: true,
    locale: 'en-GB',
  });
  context.setDefaultTimeout(15_000);
  t.after(async () => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return context.newPage();
}

const spa = readFileSync(require.resolve('@auth0/auth0-spa-js/dist/auth0-spa-js.production.js'));

/**
 * Serves a page that holds auth0-spa-js and nothing else on https://localhost,
 * which is what makes the silent iframe same-site. Returns its origin.
 */
export async function serveApplication() {
  const server = createSecureServer(
    { cert: readFileSync(process.env.LATCHKEY_APP_CERT), key: readFileSync(process.env.LATCHKEY_APP_KEY) },
    (request, answer) => {
      const { pathname } = new URL(request.url, 'https://localhost');
      if (pathname === '/auth0-spa-js.js') {
        answer.writeHead(200, { 'Content-Type': 'text/javascript' }).end(spa);
      } else if (pathname === '/') {
        answer
          .writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' })
          .end('<!doctype html><title>Application</title><script src="/auth0-spa-js.js"></script>');
      } else {
        answer.writeHead(404).end();
      }
    },
  );
  return `https://${await listen(server)}`;
}

/** Serves the callback of an application that only says it was reached. */
export async function serveCallback() {
  const server = createServer((request, answer) =>
    answer.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>Application</title>'),
  );
  return `http://${await listen(server)}/callback`;
}

/** Listens on any port until the last test of the file; returns host and port. */
async function listen(server) {
  after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));
  return `localhost:${server.address().port}`;
}
