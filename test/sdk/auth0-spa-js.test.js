// @auth0/auth0-spa-js in headless Chromium, on a page of its own origin.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { claims, dev, newAddress, readCode, wrong } from '../client/dev.js';
import { launch, openPage, serveApplication } from '../client/chromium.js';
import { loginByCode, primary, submitIdentifier } from '../client/pages.js';

const browser = await launch();
const origin = await serveApplication();

/** Opens the application with a client made of these options as window.client. */
async function application(t, options = {}) {
  const page = await openPage(browser, t);
  const make = async () => {
    await page.evaluate(
      async (options) => {
        window.client = new auth0.Auth0Client(options);
      },
      {
        domain: dev.domain,
        clientId: dev.spa.client_id,
        authorizeTimeoutInSeconds: 15,
        ...options,
        authorizationParams: { redirect_uri: `${origin}/`, ...options.authorizationParams },
      },
    );
  };
  await page.goto(origin);
  await make();
  /** Logs in by redirect and returns when the application holds the tokens. */
  const login = async (address) => {
    await startRedirect(page);
    await loginByCode(page, address);
    await page.waitForURL(`${origin}/?*`);
    await finishRedirect();
  };
  /** What the application does when the browser comes back to it. */
  const finishRedirect = async () => {
    await make();
    await page.evaluate(() => client.handleRedirectCallback());
    await page.evaluate(() => history.replaceState({}, '', '/'));
  };
  return { page, make, login, finishRedirect };
}

/** Leaves the application for the login. */
async function startRedirect(page, options) {
  await Promise.all([
    page.waitForURL((url) => url.origin !== origin || url.search.includes('code=')),
    page.evaluate((options) => void client.loginWithRedirect(options), options),
  ]);
}

const user = (page) => page.evaluate(() => client.getUser());
const idToken = (page) => page.evaluate(() => client.getIdTokenClaims());

/** What a silent renewal gives: the token, or the error's own name for itself. */
const silently = (page, options = { cacheMode: 'off' }) =>
  page.evaluate(
    (options) =>
      client.getTokenSilently({ ...options, detailedResponse: true }).then(
        ({ access_token }) => ({ token: access_token }),
        ({ error, error_description }) => ({ error, error_description }),
      ),
    options,
  );

/** The paths and queries the page asked of the server from now on. */
function watch(page) {
  const seen = [];
  page.context().on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin === new URL(dev.issuer).origin) {
      seen.push({ path: url.pathname, query: url.searchParams, body: new URLSearchParams(request.postData() ?? '') });
    }
  });
  return seen;
}

test('redirect login by e-mail code', async (t) => {
  const { page, login } = await application(t);
  const email = newAddress('spa');
  await login(email);
  const profile = await user(page);
  assert.equal(profile.email, email);
  assert.equal(profile.email_verified, true);
  assert.match(profile.sub, /^email\|[0-9a-f]{24}$/);
  const token = await idToken(page);
  assert.equal(token.iss, dev.issuer);
  assert.equal(token.aud, dev.spa.client_id);
  assert.equal(await page.evaluate(() => client.isAuthenticated()), true);
});

test('a wrong code is told on the page, and the right one still works', async (t) => {
  const { page, finishRedirect } = await application(t);
  const email = newAddress('spa-wrong');
  await startRedirect(page);
  await submitIdentifier(page, email);
  const code = await readCode(email);
  await page.fill('#code', wrong(code));
  await page.click(primary);
  const error = page.locator('#error-element-code');
  await error.waitFor();
  assert.equal(await error.getAttribute('data-error-code'), 'invalid-verification-code');
  assert.equal(await page.locator('#code').getAttribute('aria-invalid'), 'true');
  assert.notEqual((await error.innerText()).trim(), '');
  await page.fill('#code', code);
  await page.click(primary);
  await page.waitForURL(`${origin}/?*`);
  await finishRedirect();
  assert.equal((await user(page)).email, email);
});

test('silent renewal by iframe while the session lives', async (t) => {
  const { page, login } = await application(t);
  assert.equal((await silently(page)).error, 'login_required', 'nobody has logged in yet');

  const email = newAddress('spa-iframe');
  await login(email);
  const first = await silently(page, {});
  const seen = watch(page);
  const second = await silently(page);
  assert.ok(second.token);
  assert.notEqual(second.token, first.token);
  const authorize = seen.find(({ path }) => path === '/authorize');
  assert.equal(authorize.query.get('prompt'), 'none');
  assert.equal(authorize.query.get('response_mode'), 'web_message');
  assert.equal((await user(page)).email, email);

  const { token } = await silently(page, { cacheMode: 'off', authorizationParams: { audience: dev.api.audience } });
  assert.ok([].concat(claims(token).aud).includes(dev.api.audience));
});

test('single sign-on: a second login shows no page', async (t) => {
  const { page, login, make, finishRedirect } = await application(t);
  const email = newAddress('spa-sso');
  await login(email);
  await page.goto(origin);
  await make();
  const paths = watch(page);
  await startRedirect(page);
  await page.waitForURL(`${origin}/?*code=*`);
  assert.deepEqual(paths.map(({ path }) => path), ['/authorize']);
  await finishRedirect();
  assert.equal((await user(page)).email, email);
});

test('silent renewal by rotating refresh tokens', async (t) => {
  const { page, login, make } = await application(t, {
    useRefreshTokens: true,
    cacheLocation: 'localstorage',
    authorizationParams: { scope: 'openid profile email offline_access' },
  });
  const email = newAddress('spa-rotation');
  await login(email);
  const seen = watch(page);
  const first = await silently(page);
  const second = await silently(page);
  assert.ok(first.token && second.token);
  assert.notEqual(second.token, first.token);
  assert.deepEqual(seen.filter(({ path }) => path === '/authorize'), [], 'no iframe took part');
  const used = seen.map(({ body }) => body.get('refresh_token')).filter(Boolean);
  assert.equal(used.length, 2);
  assert.notEqual(used[0], used[1], 'each renewal brought a new refresh token');

  // A thief uses the first one again: it is refused, and the whole family dies.
  const theft = await fetch(new URL('/oauth/token', dev.issuer), {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: dev.spa.client_id, refresh_token: used[0] }),
  });
  assert.equal(theft.status, 403);
  assert.deepEqual(await theft.json(), { error: 'invalid_grant', error_description: 'Unknown or invalid refresh token.' });
  await make();
  assert.ok((await silently(page)).error, 'the tokens that came of it are dead too');
});

test('silent renewal by refresh tokens kept in the worker', async (t) => {
  const { page, login } = await application(t, {
    useRefreshTokens: true,
    authorizationParams: { scope: 'openid profile email offline_access' },
  });
  await login(newAddress('spa-worker'));
  const first = await silently(page);
  const second = await silently(page);
  assert.ok(first.token && second.token);
  assert.notEqual(second.token, first.token);
});

test('login in a popup, which posts its answer to the opener', async (t) => {
  const { page } = await application(t);
  const email = newAddress('spa-popup');
  const opened = page.waitForEvent('popup');
  const done = page.evaluate(() => client.loginWithPopup());
  const popup = await opened;
  await loginByCode(popup, email);
  await done;
  assert.equal((await user(page)).email, email);
});

test('logout ends the session and comes back', async (t) => {
  const { page, login, make } = await application(t);
  await login(newAddress('spa-logout'));
  await Promise.all([
    page.waitForURL(`${origin}/?left`),
    page.evaluate((returnTo) => void client.logout({ logoutParams: { returnTo } }), `${origin}/?left`),
  ]);
  await make();
  assert.equal(await page.evaluate(() => client.isAuthenticated()), false);
  assert.equal((await silently(page)).error, 'login_required');
});
