// Lock and auth0.js on the tenant's own login page.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { newAddress, newNumber, readCode, readMessage, wrong } from '../client/dev.js';
import { launch, openPage } from '../client/chromium.js';
import { classicTenant, newApplication, serveClassicApplication } from '../client/classic.js';

const browser = await launch();
const { near: origin } = await serveClassicApplication();
const tenant = await classicTenant();
const own = new URL(tenant.issuer).origin;
const app = await newApplication(tenant, [origin]);

/** The address of an authorization request. */
function authorize(params, client = app) {
  return `${own}/authorize?${new URLSearchParams({
    client_id: client.client_id, response_type: 'code', redirect_uri: `${origin}/callback`, scope: 'openid email', state: 'the application’s own', ...params,
  })}`;
}

/** Collects the requests to hosts that are neither the server's nor the application's. */
function watch(page) {
  const seen = [];
  page.context().on('request', (request) => {
    if (/^https?:/.test(request.url()) && ![own, origin].includes(new URL(request.url()).origin)) seen.push(request.url());
  });
  return seen;
}

/** Arrives at the callback and gives the parameters of the answer. */
async function answer(page) {
  await page.waitForURL((url) => url.origin === origin && url.pathname === '/callback');
  return Object.fromEntries(new URL(page.url()).searchParams);
}

const email = '.auth0-lock-input[name=email]';
const number = '.auth0-lock-input[name=phoneNumber]';
const vcode = '.auth0-lock-input[name=vcode]';
const submit = '.auth0-lock-submit';
const mistake = '.auth0-global-message-error';

/** Waits for what Lock says of a mistake. */
async function says(page, words) {
  await page.waitForSelector(mistake);
  assert.match(await page.textContent(mistake), words);
}

async function fill(page, field, text) {
  await page.waitForSelector(field);
  await page.fill(field, text);
  await page.waitForSelector(`${submit}:not([disabled])`);
  await page.click(submit);
}

test('Lock asks for a code that came by e-mail', async (t) => {
  const page = await openPage(browser, t);
  const foreign = watch(page);
  const address = newAddress('hosted');
  await page.goto(authorize());
  const at = new URL(page.url());
  assert.equal(at.pathname, '/login');
  assert.equal(at.searchParams.get('client'), app.client_id);
  assert.equal(at.searchParams.get('protocol'), 'oauth2');
  await page.waitForSelector(email);
  await fill(page, email, address);
  const code = await readCode(address);
  await fill(page, vcode, wrong(code));
  await says(page, /wrong/i);
  await fill(page, vcode, code);
  const { code: grant, state } = await answer(page);
  assert.ok(grant);
  assert.equal(state, 'the application’s own');
  assert.deepEqual(foreign, [], 'nothing is asked of another host');

  await page.goto(authorize());
  assert.match(page.url(), /\/callback\?code=/, 'the login opened a session');
  await page.goto(at.href);
  assert.equal(await page.locator(email).count(), 0, 'the page of a finished login is over');
});

test('Lock asks for a code that came by text message, and says which number is none', async (t) => {
  const page = await openPage(browser, t, { locale: 'en-US' });
  await page.goto(authorize({ connection: 'sms' }));
  await fill(page, number, '1234567');
  await says(page, /phone number is invalid/);
  const local = newNumber().replace(/\D/g, '');
  await fill(page, number, local);
  await fill(page, vcode, await readCode(`+1${local}`));
  assert.ok((await answer(page)).code);
});

test('too many wrong codes end in their own words', async (t) => {
  const page = await openPage(browser, t);
  const address = newAddress('many');
  await page.goto(authorize());
  await fill(page, email, address);
  const code = await readCode(address);
  for (let i = 0; i < 3; i++) {
    const [checked] = await Promise.all([page.waitForResponse(/passwordless\/verify$/), fill(page, vcode, wrong(code))]);
    assert.equal(checked.status(), 401);
    assert.equal((await checked.json()).error_description, 'Wrong email or verification code.');
  }
  const [checked] = await Promise.all([page.waitForResponse(/passwordless\/verify$/), fill(page, vcode, code)]);
  assert.equal((await checked.json()).error_description, "You've reached the maximum number of attempts. Please try to login again.");
});

test('a link in Lock is opened in the same browser', async (t) => {
  const linked = await newApplication(tenant, [origin], { custom_login_page_on: true, custom_login_page: lockPage("passwordlessMethod: 'link', autofocus: false") });
  const page = await openPage(browser, t);
  const address = newAddress('link');
  await page.goto(authorize({}, linked));
  await fill(page, email, address);
  const { link } = await readMessage(address);
  assert.ok(link.startsWith(`${own}/passwordless/verify_redirect?`), link);

  // Whoever only looks at it spends nothing: a scanner has no cookies.
  for (const method of ['GET', 'HEAD', 'GET']) {
    assert.equal((await fetch(link, { method, redirect: 'manual' })).status, 200);
  }
  const stranger = await openPage(browser, t);
  await stranger.goto(link);
  assert.match(await stranger.textContent('body'), /on the device and in the browser where you entered/);

  const mail = await page.context().newPage();
  await mail.goto(link);
  const { code, state } = await answer(mail);
  assert.ok(code);
  assert.equal(state, 'the application’s own');
});

for (const method of ['passwordlessLogin', 'passwordlessVerify']) {
  test(`${method} on a page of the tenant’s own, with a wrong code first`, async (t) => {
    const own = await newApplication(tenant, [origin], { custom_login_page_on: true, custom_login_page: auth0Page(method) });
    const page = await openPage(browser, t);
    const address = newAddress('own-page');
    await page.goto(authorize({ login_hint: address }, own));
    assert.equal(await page.inputValue('#address'), address, 'the page reads its configuration');
    await page.click('#send');
    const code = await readCode(address);
    await page.fill('#code', wrong(code));
    await page.click('#enter');
    await page.waitForFunction(() => document.querySelector('#said').textContent.includes('invalid_user_password'));
    await page.fill('#code', code);
    await page.click('#enter');
    const { code: grant, state } = await answer(page);
    assert.ok(grant);
    assert.equal(state, 'the application’s own');
  });
}

test('our own page around auth0.js, which applications may copy', async (t) => {
  const custom = await newApplication(tenant, [origin], {
    custom_login_page_on: true, custom_login_page: readFileSync(process.env.LATCHKEY_CUSTOM_PAGE, 'utf8'),
  });
  const page = await openPage(browser, t);
  const foreign = watch(page);
  const address = newAddress('custom');
  await page.goto(authorize({}, custom));
  await page.fill('#address', address);
  await page.click('#view-start > .button');
  const code = await readCode(address);
  await page.fill('#code', wrong(code));
  await page.click('#view-code > .button');
  await page.waitForSelector('#code-error:not([hidden])');
  await page.fill('#code', code);
  await page.click('#view-code > .button');
  assert.ok((await answer(page)).code);
  assert.deepEqual(foreign, [], 'nothing is asked of another host');
});

test('a confidential client logs people in from the tenant’s page, without the grant of the API', async (t) => {
  const web = await newApplication(tenant, [origin], {
    app_type: 'regular_web', token_endpoint_auth_method: 'client_secret_post', grant_types: ['authorization_code'],
  });
  const page = await openPage(browser, t);
  const address = newAddress('web');
  await page.goto(authorize({}, web));
  await fill(page, email, address);
  await fill(page, vcode, await readCode(address));
  const { code } = await answer(page);
  const tokens = await fetch(`${own}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', client_id: web.client_id, client_secret: web.client_secret, code, redirect_uri: `${origin}/callback` }),
  });
  assert.equal(tokens.status, 200, await tokens.clone().text());

  // Without the page, the same start needs the secret.
  const start = await fetch(`${own}/passwordless/start`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_id: web.client_id, connection: 'email', send: 'code', email: address }),
  });
  assert.equal(start.status, 403);
});

test('a blocked user is asked for a code that never comes', async (t) => {
  const page = await openPage(browser, t);
  const address = newAddress('blocked');
  const { user_id: id } = await tenant.api.users.create({ connection: 'email', email: address, email_verified: true });
  await tenant.api.users.update(id, { blocked: true });
  await page.goto(authorize());
  await fill(page, email, address);
  await fill(page, vcode, '123456');
  await says(page, /wrong/i);
});

test('mail speaks the language that the page asks for', async (t) => {
  const page = await openPage(browser, t);
  const address = newAddress('sprache');
  await page.goto(authorize());
  await page.waitForSelector(email);
  const status = await page.evaluate(
    async ([clientID, address]) =>
      (
        await fetch('/passwordless/start', {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', 'X-Request-Language': 'de' },
          body: JSON.stringify({ client_id: clientID, connection: 'email', send: 'code', email: address, authParams: { state: new URLSearchParams(location.search).get('state') } }),
        })
      ).status,
    [app.client_id, address],
  );
  assert.equal(status, 200);
  const { subject, text } = await readMessage(address);
  assert.match(`${subject} ${text}`, /Code/);
  assert.match(text, /Minuten/);
});

test('Lock logs in with a password, refuses a wrong one, and locks after many', async (t) => {
  const directory = await tenant.api.connections.create({ name: `members-${Date.now()}`, strategy: 'auth0' });
  const members = await newApplication(tenant, [origin], { names: [] });
  await tenant.api.connections.clients.update(directory.id, [{ client_id: members.client_id, status: true }]);
  const address = newAddress('member');
  await tenant.api.users.create({ connection: directory.name, email: address, email_verified: true, password: 'correct-Horse-7' });
  const page = await openPage(browser, t);
  await page.goto(authorize({}, members));
  await page.waitForSelector(email);
  await page.fill(email, address);
  await fill(page, '.auth0-lock-input[name=password]', 'wrong-Horse-7');
  await says(page, /wrong email or password/i);
  await fill(page, '.auth0-lock-input[name=password]', 'correct-Horse-7');
  assert.ok((await answer(page)).code);
});

/** A page as tenants write it: Lock, with its configuration. */
function lockPage(options) {
  return `<!doctype html><html><body>
<script src="${own}/_/assets/lock/14.3.0/lock.min.js"></script>
<script>
  var config = JSON.parse(decodeURIComponent(escape(window.atob('@@config@@'))));
  config.extraParams = config.extraParams || {};
  var lock = new Auth0LockPasswordless(config.clientID, config.auth0Domain, {
    auth: { redirectUrl: config.callbackURL, responseType: (config.internalOptions || {}).response_type || 'code', params: config.internalOptions },
    overrides: { __tenant: config.auth0Tenant, __token_issuer: config.authorizationServer.issuer },
    assetsUrl: config.assetsUrl, configurationBaseUrl: config.clientConfigurationBaseUrl, languageBaseUrl: config.languageBaseUrl,
    avatar: null, theme: { logo: 'data:image/gif;base64,R0lGODlhAQABAAAAACw=' }, closable: false, ${options}
  });
  lock.show();
</script></body></html>`;
}

/** A page as tenants write it: a form of their own around auth0.js. */
const auth0Page = (method) => `<!doctype html><html><body>
<input id="address"><button id="send">Send</button><input id="code"><button id="enter">Enter</button><p id="said"></p>
<script src="/_/assets/auth0js/10.2.1/auth0.min.js"></script>
<script>
  var config = JSON.parse(decodeURIComponent(escape(window.atob('@@config@@'))));
  var params = Object.assign({
    domain: config.auth0Domain, clientID: config.clientID, redirectUri: config.callbackURL, responseType: 'code',
    overrides: { __tenant: config.auth0Tenant, __token_issuer: config.authorizationServer.issuer }
  }, config.internalOptions);
  var client = new auth0.WebAuth(params);
  var by = function (id) { return document.getElementById(id); };
  var said = function (error) { by('said').textContent = error ? error.code + ': ' + error.description : 'sent'; };
  by('address').value = config.extraParams.login_hint || '';
  by('send').onclick = function () {
    client.passwordlessStart({ connection: 'email', send: 'code', email: by('address').value, authParams: config.internalOptions }, said);
  };
  by('enter').onclick = function () {
    client.${method}({ connection: 'email', email: by('address').value, verificationCode: by('code').value }, said);
  };
</script></body></html>`;
