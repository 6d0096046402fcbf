// Lock and auth0.js on pages of an application at another host: the proof goes to /co/authenticate, the login ticket to
// /authorize.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { claims, newAddress, newNumber, readCode, readMessage, wrong } from '../client/dev.js';
import { launch, openOrdinaryPage, openPage } from '../client/chromium.js';
import { classicTenant, newApplication, otpGrant, serveClassicApplication } from '../client/classic.js';

const browser = await launch();
const { near, far } = await serveClassicApplication();
const tenant = await classicTenant();
const app = await newApplication(tenant, [near, far]);
const own = new URL(tenant.issuer).origin;

/** Opens the application with auth0.js as window.client, in a fresh profile or the page that is given. */
async function application(t, { origin = near, page, ...options } = {}) {
  page ??= await openPage(browser, t);
  await page.goto(origin);
  await page.evaluate(
    (options) => {
      window.client = new auth0.WebAuth(options);
      // What a method gives: what its callback is called with.
      window.ask = (method, ...args) =>
        new Promise((resolve) => method.split('.').reduce(([, o], name) => [o, o[name]], [null, client]).reduce((that, f) => f.call(that, ...args, (error, result) => resolve(error ? { error: error.code, description: error.description } : { result }))));
    },
    { domain: tenant.domain, clientID: app.client_id, redirectUri: `${origin}/callback`, responseType: 'token id_token', scope: 'openid email phone', ...options },
  );
  return page;
}

const ask = (page, method, ...args) => page.evaluate(([method, args]) => ask(method, ...args), [method, args]);

/** Starts a code for an address and returns it. */
async function started(page, address) {
  const { error, description } = await ask(page, 'passwordlessStart', { connection: 'email', send: 'code', email: address });
  assert.equal(error, undefined, description);
  return readCode(address);
}

/** Gives the code and does not wait for what comes of it; hold lets the page stop before it leaves. */
function passwordlessLogin(page, params, hold = false) {
  return page.evaluate(
    ([params, hold]) =>
      new Promise((resolve) => {
        client.passwordlessLogin(
          { ...params, onRedirecting: (go) => { resolve(); if (hold) window.go = go; else go(); } },
          (error) => resolve(error && { error: error.code, description: error.description }),
        );
      }),
    [params, hold],
  );
}

/** What the callback page makes of the answer in its address. */
async function answer(page, clientID = app.client_id) {
  await page.waitForURL((url) => url.pathname === '/callback');
  return page.evaluate(
    ([domain, clientID]) =>
      new Promise((resolve) =>
        new auth0.WebAuth({ domain, clientID, responseType: 'token id_token' }).parseHash({ __enableIdPInitiatedLogin: true }, (error, result) =>
          resolve(error ? { error: error.error, description: error.errorDescription ?? error.error_description } : { result }),
        ),
      ),
    [tenant.domain, clientID],
  );
}

for (const [where, options] of Object.entries({
  'of the same site': { origin: near },
  'of another site, in a browser that keeps its cookies': { origin: far, ordinary: true },
})) {
  test(`passwordlessLogin with an e-mail code on a page ${where}`, async (t) => {
    const page = await application(t, { origin: options.origin, page: options.ordinary && (await openOrdinaryPage(t)) });
    const address = newAddress('embedded');
    const code = await started(page, address);
    assert.equal(await passwordlessLogin(page, { connection: 'email', email: address, verificationCode: code }), undefined);
    const { result, error, description } = await answer(page);
    assert.equal(error, undefined, description);
    assert.equal(result.idTokenPayload.email, address);
    assert.equal(result.idTokenPayload.iss, tenant.issuer);
    assert.equal(claims(result.idToken).email_verified, true);

    const again = await page.context().newPage();
    await again.goto(authorize({ response_type: 'code' }));
    assert.match(again.url(), /\/callback\?code=/, 'the login opened a session');
    assert.deepEqual((await page.context().cookies(own)).filter(({ name }) => /^__Host-co_/.test(name)), [], 'the cookie of the ticket is gone');
  });

  test(`a login in a hidden frame of a page ${where}`, async (t) => {
    const page = await application(t, { origin: options.origin, page: options.ordinary && (await openOrdinaryPage(t)) });
    await framed(page);
  });
}

test('a login in a hidden frame of another site, in a browser that keeps back its cookies', async (t) => {
  const page = await application(t, { origin: far });
  await framed(page);
});

/** Logs in by web_message, which leaves the page where it is. */
async function framed(page) {
  const address = newAddress('framed');
  const at = page.url();
  const code = await started(page, address);
  const { result, error, description } = await ask(page, 'popup.loginWithCredentials', {
    realm: 'email', username: address, otp: code, credentialType: otpGrant,
  });
  assert.equal(error, undefined, description);
  assert.equal(claims(result.idToken).email, address);
  assert.equal(page.url(), at);
}

test('a redirect from another site, in a browser that keeps back all its cookies, is told to log in again', async (t) => {
  const page = await application(t, { origin: far });
  const address = newAddress('kept-back');
  const code = await started(page, address);
  assert.equal(await passwordlessLogin(page, { connection: 'email', email: address, verificationCode: code }), undefined);
  assert.equal((await answer(page)).error, 'login_required');
});

test('passwordlessLogin with a text message', async (t) => {
  const page = await application(t);
  const number = `+1${newNumber().replace(/\D/g, '')}`;
  assert.equal((await ask(page, 'passwordlessStart', { connection: 'sms', send: 'code', phoneNumber: number })).error, undefined);
  const code = await readCode(number);
  assert.deepEqual(await passwordlessLogin(page, { connection: 'sms', phoneNumber: number, verificationCode: wrong(code) }), {
    error: 'access_denied', description: 'Wrong phone number or verification code.',
  });
  assert.equal(await passwordlessLogin(page, { connection: 'sms', phoneNumber: number, verificationCode: code }), undefined);
  const { result, error, description } = await answer(page);
  assert.equal(error, undefined, description);
  assert.match(result.idTokenPayload.sub, /^sms\|/);
});

test('passwordlessVerify checks a code for a page of the application, and spends none by going to an address', async (t) => {
  const page = await application(t);
  const address = newAddress('verify');
  const code = await started(page, address);
  assert.deepEqual(await ask(page, 'passwordlessVerify', { connection: 'email', email: address, verificationCode: wrong(code) }), {
    error: 'invalid_user_password', description: 'Wrong email or verification code.',
  });
  await page.evaluate(([address, code]) => void client.passwordlessVerify({ connection: 'email', email: address, verificationCode: code }, () => {}), [address, code]);
  await page.waitForURL((url) => url.pathname === '/passwordless/verify_redirect');
  const other = await application(t);
  assert.equal(await passwordlessLogin(other, { connection: 'email', email: address, verificationCode: code }), undefined, 'the code is still good');
  assert.equal((await answer(other)).result.idTokenPayload.email, address);
});

test('wrong codes, too many of them, expired tickets and foreign ones', async (t) => {
  const page = await application(t);
  const address = newAddress('wrong');
  const code = await started(page, address);
  const login = (verificationCode) => ask(page, 'passwordlessLogin', { connection: 'email', email: address, verificationCode });
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await login(wrong(code)), { error: 'access_denied', description: 'Wrong email or verification code.' });
  }
  assert.deepEqual(await login(code), {
    error: 'access_denied', description: "You've reached the maximum number of attempts. Please try to login again.",
  });
  for (const ticket of ['nothing', '']) {
    await page.goto(authorize({ response_type: 'token id_token', nonce: 'n', realm: 'email', prompt: 'none', login_ticket: ticket }));
    const { error, description } = await answer(page);
    assert.deepEqual([error, description], ticket ? ['access_denied', 'Unknown or invalid login ticket.'] : ['login_required', 'Login required']);
  }
});

test('a blocked user gets no code, so any code is wrong; what is no number is said to be none', async (t) => {
  const page = await application(t);
  const address = newAddress('blocked');
  const user = await tenant.api.users.create({ connection: 'email', email: address, email_verified: true });
  await tenant.api.users.update(user.user_id, { blocked: true });
  assert.equal((await ask(page, 'passwordlessStart', { connection: 'email', send: 'code', email: address })).error, undefined);
  assert.deepEqual(await ask(page, 'passwordlessLogin', { connection: 'email', email: address, verificationCode: '123456' }), {
    error: 'access_denied', description: 'Wrong email or verification code.',
  });
  assert.deepEqual(await ask(page, 'passwordlessStart', { connection: 'sms', send: 'code', phoneNumber: '12' }), {
    error: 'bad.phone_number', description: 'String does not match pattern: ^\\+[0-9]{1,15}$',
  });
});

test('sign-up that is off is said to be, and ends what was started', async (t) => {
  const page = await application(t);
  const address = newAddress('closed');
  const code = await started(page, address);
  const { id, options } = tenant.connections.email;
  await tenant.api.connections.update(id, { options: { ...options, disable_signup: true } });
  t.after(() => tenant.api.connections.update(id, { options }));
  assert.deepEqual(await ask(page, 'passwordlessStart', { connection: 'email', send: 'code', email: newAddress('late') }), {
    error: 'bad.connection', description: 'Public signup is disabled',
  });
  assert.deepEqual(await passwordlessLogin(page, { connection: 'email', email: address, verificationCode: code }), {
    error: 'access_denied', description: 'Wrong email or verification code.',
  });
});

test('a link that a page of the application asks for answers it, in any browser, and opens no session', async (t) => {
  const page = await application(t);
  const address = newAddress('linked');
  assert.equal((await ask(page, 'passwordlessStart', { connection: 'email', send: 'link', email: address })).error, undefined);
  const { link } = await readMessage(address);
  assert.equal((await fetch(link)).status, 200, 'a scanner sees a page');
  const elsewhere = await openPage(browser, t);
  await elsewhere.goto(link);
  assert.match(await elsewhere.textContent('body'), new RegExp(address));
  await elsewhere.click('button[data-action-button-primary="true"]');
  await elsewhere.waitForURL((url) => url.pathname === '/callback');
  assert.match(elsewhere.url(), /#.*id_token=/);
  await elsewhere.goto(authorize({ response_type: 'code', prompt: 'none' }));
  assert.match(elsewhere.url(), /error=login_required/, 'no session was opened');
});

for (const [name, loc] of [['the verification page answers for the browser', true], ['and without a verification page the application is told', false]]) {
  test(`without our cookie ${name}`, async (t) => {
    const { client_id: clientID } = await newApplication(tenant, [near], loc ? { cross_origin_loc: `${near}/verification` } : {});
    const page = await application(t, { clientID });
    const address = newAddress('verified');
    const code = await started(page, address);
    const visited = [];
    page.on('framenavigated', (frame) => visited.push(new URL(frame.url()).pathname));
    await passwordlessLogin(page, { connection: 'email', email: address, verificationCode: code }, true);
    await page.context().clearCookies({ name: /^__Host-cop?_/ });
    await page.evaluate(() => window.go());
    const { result, error, description } = await answer(page, clientID);
    assert.equal(visited.includes('/verification'), loc, `the pages on the way: ${visited}`);
    assert.equal(error, loc ? undefined : 'login_required', description);
    assert.equal(result?.idTokenPayload.email, loc ? address : undefined);
  });
}

/** The address of an authorization request. */
function authorize(params) {
  return `${own}/authorize?${new URLSearchParams({ client_id: app.client_id, redirect_uri: `${near}/callback`, scope: 'openid', ...params })}`;
}

test('Lock logs in with a code on the page of the application', async (t) => {
  const page = await openPage(browser, t, { viewport: { width: 900, height: 800 } });
  const foreign = watch(page);
  await page.goto(near);
  await showLock(page);
  const address = newAddress('lock');
  await page.fill('.auth0-lock-input[name=email]', address);
  await page.click('.auth0-lock-submit');
  await page.waitForSelector('.auth0-lock-input[name=vcode]');
  const code = await readCode(address);
  await page.fill('.auth0-lock-input[name=vcode]', wrong(code));
  await page.click('.auth0-lock-submit');
  await page.waitForSelector('.auth0-global-message-error');
  assert.match(await page.textContent('.auth0-global-message-error'), /wrong/i);
  await page.fill('.auth0-lock-input[name=vcode]', code);
  await page.click('.auth0-lock-submit');
  const { result, error, description } = await answer(page);
  assert.equal(error, undefined, description);
  assert.equal(result.idTokenPayload.email, address);
  assert.deepEqual(foreign(), [], 'nothing else is asked');
});

test('Lock logs in without leaving the page', async (t) => {
  const page = await openPage(browser, t);
  await page.goto(near);
  // Lock 14.3.0 looks for a field on the page that says it is done, and stops where it may set the focus.
  await showLock(page, { autofocus: false, auth: { redirect: false, responseType: 'token id_token', params: { scope: 'openid email' } } });
  const address = newAddress('lock-popup');
  await page.fill('.auth0-lock-input[name=email]', address);
  await page.click('.auth0-lock-submit');
  await page.waitForSelector('.auth0-lock-input[name=vcode]');
  await page.fill('.auth0-lock-input[name=vcode]', await readCode(address));
  await page.click('.auth0-lock-submit');
  await page.waitForFunction(() => window.authenticated);
  const { idTokenPayload } = await page.evaluate(() => window.authenticated);
  assert.equal(idTokenPayload.email, address);
  assert.equal(page.url(), `${near}/`);
});

/** Collects the requests to hosts that are neither the server's nor the application's. */
function watch(page) {
  const seen = [];
  page.context().on('request', (request) => {
    if (/^https?:/.test(request.url()) && ![own, near].includes(new URL(request.url()).origin)) seen.push(request.url());
  });
  return () => seen;
}

function showLock(page, options) {
  return page.evaluate(
    ([clientID, domain, origin, own, options]) => {
      const lock = new Auth0LockPasswordless(clientID, domain, {
        auth: { redirectUrl: `${origin}/callback`, responseType: 'token id_token', params: { scope: 'openid email' } },
        passwordlessMethod: 'code', languageBaseUrl: own, configurationBaseUrl: own, avatar: null, theme: { logo: 'data:image/gif;base64,R0lGODlhAQABAAAAACw=' },
        rememberLastLogin: false, ...options,
      });
      lock.on('authenticated', (result) => (window.authenticated = result));
      lock.show();
    },
    [app.client_id, tenant.domain, near, own, options],
  );
}
