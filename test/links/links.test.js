// Magic links as people and programs open them: in the browser of the login, on
// another device, in a mail app's own view, without script, by a scanner that
// runs scripts; on narrow and dark pages, from right to left, by keyboard.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { claims, dev, newAddress, readMessage } from '../client/dev.js';
import { launch, openPage, serveCallback } from '../client/chromium.js';
import { assertAccessible, assertFitsWidth, assertTargetsLargeEnough, shoot } from '../client/look.js';
import { manager } from '../client/management.js';
import { primary, proceed } from '../client/pages.js';

const browser = await launch();
const callback = await serveCallback();

// Connections of this file's own, so that the others keep sending codes.
for (const send of ['link', 'link_and_code']) {
  const connection = await manager(dev).connections.create({
    name: send.replaceAll('_', '-'), strategy: 'email', enabled_clients: [dev.web.client_id, dev.native.client_id],
    options: { send, brute_force_protection: true, totp: { time_step: 600, length: 6 } },
  });
  assert.equal(connection.options.send, send);
}

function authorizeURL(connection, more = {}) {
  const url = new URL('/authorize', dev.issuer);
  url.search = new URLSearchParams({
    response_type: 'code', client_id: dev.web.client_id, redirect_uri: callback, scope: 'openid email', state: 'app-state', connection, ...more,
  });
  return url.href;
}

/** Begins a login and waits for its mail. */
async function begin(page, email, connection = 'link', more = {}) {
  await page.goto(authorizeURL(connection, more));
  await page.fill('#username', email);
  await page.click(primary);
  await page.waitForSelector('.number');
  const number = await page.innerText('.number');
  assert.match(number, /^\d\d$/);
  const { link } = await readMessage(email);
  assert.ok(link, 'the mail has a link');
  return { link, number };
}

/** Waits until the login is over and says whose it is. */
async function atCallback(page) {
  await page.waitForURL(`${callback}?*`);
  const answer = new URL(page.url()).searchParams;
  assert.equal(answer.get('state'), 'app-state');
  const tokens = await fetch(new URL('/oauth/token', dev.issuer), {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code', code: answer.get('code'), redirect_uri: callback, client_id: dev.web.client_id,
      client_secret: dev.web.client_secret,
    }),
  });
  assert.equal(tokens.status, 200);
  return claims((await tokens.json()).id_token).email;
}

const cookies = async (page) => (await page.context().cookies()).map(({ name }) => name);

test('in the browser of the login the link goes on by itself, and the tab that waited says so', async (t) => {
  const waiting = await openPage(browser, t);
  const email = newAddress('same-browser');
  const { link } = await begin(waiting, email);
  const tab = await waiting.context().newPage();
  await tab.goto(link);
  assert.equal(await atCallback(tab), email);
  await waiting.waitForSelector('.badge.good');
  assert.match(await waiting.innerText('h1'), /logged in/i);
  assert.equal(await waiting.locator('form[data-form-primary]').count(), 0);
});

test('on another device only the first browser is logged in, and only after the number', async (t) => {
  const waiting = await openPage(browser, t);
  const phone = await openPage(browser, t, { viewport: { width: 390, height: 844 } });
  const email = newAddress('other-device');
  const { link, number } = await begin(waiting, email);

  await phone.goto(link);
  await phone.waitForSelector('#number');
  assert.match(await phone.innerText('dl'), /Chrome on Linux/);
  await phone.fill('#number', number === '10' ? '11' : '10');
  await proceed(phone);
  await phone.waitForSelector('#error-element-number[data-error-code="wrong-number"]');
  assert.equal(await phone.evaluate(() => document.activeElement.id), 'number', 'the focus is where the mistake is');
  await waiting.waitForTimeout(2500);
  assert.ok(waiting.url().includes('/u/login/passwordless-email-link'), 'nothing goes on before the number');
  assert.ok(!(await cookies(waiting)).includes('auth0'));

  await phone.fill('#number', number);
  await phone.keyboard.press('Enter');
  await phone.waitForSelector('.badge.good');
  assert.equal(await atCallback(waiting), email);
  assert.ok((await cookies(waiting)).includes('auth0'));
  assert.deepEqual(await cookies(phone), [], 'the other device has no cookie at all');
});

test('"It wasn\'t me" ends the login on its first screen', async (t) => {
  const waiting = await openPage(browser, t);
  const phone = await openPage(browser, t);
  const { link, number } = await begin(waiting, newAddress('denied'), 'link-and-code');
  await phone.goto(link);
  await proceed(phone, 'button[value="deny"]');
  assert.match(await phone.innerText('h1'), /stopped/);
  await waiting.waitForFunction(() => !document.querySelector('[data-poll]'));
  assert.match(await waiting.innerText('main'), /no longer work/);
  await phone.goto(link);
  assert.equal(await phone.locator('#number').count(), 0, `${number} is of no use any more`);
});

test('the page with code and link takes either', async (t) => {
  for (const way of ['code', 'link']) {
    const waiting = await openPage(browser, t);
    const email = newAddress(way);
    await waiting.goto(authorizeURL('link-and-code'));
    await waiting.fill('#username', email);
    await waiting.click(primary);
    await waiting.waitForSelector('#code');
    const { link, code } = await readMessage(email);
    if (way === 'code') {
      await waiting.fill('#code', code);
      await waiting.keyboard.press('Enter'); // Continue, not the button of the other device
    } else {
      const number = await waiting.innerText('.number');
      const phone = await openPage(browser, t);
      await phone.goto(link);
      await phone.fill('#number', number);
      await proceed(phone);
    }
    assert.equal(await atCallback(waiting), email);
  }
});

test('without script buttons do it all', async (t) => {
  const waiting = await openPage(browser, t, { javaScriptEnabled: false });
  const phone = await openPage(browser, t, { javaScriptEnabled: false });
  const email = newAddress('no-script');
  const { link, number } = await begin(waiting, email);
  await proceed(waiting, 'button[value="continue"]');
  assert.equal(await waiting.locator('#prompt-alert').getAttribute('data-error-code'), 'not-approved');
  await phone.goto(link);
  await phone.fill('#number', number);
  await proceed(phone);
  await waiting.click('button[value="continue"]');
  assert.equal(await atCallback(waiting), email);

  const own = await openPage(browser, t, { javaScriptEnabled: false });
  const other = newAddress('no-script-own');
  const { link: second } = await begin(own, other);
  await own.goto(second);
  await own.click(primary);
  assert.equal(await atCallback(own), other);
});

test('a scanner that runs scripts, follows redirects and waits spends nothing', async (t) => {
  const waiting = await openPage(browser, t);
  const email = newAddress('scanned');
  const { link } = await begin(waiting, email);
  const start = await fetch(new URL('/passwordless/start', dev.issuer), {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_id: dev.native.client_id, connection: 'link', email: newAddress('scanned-api'), send: 'link', authParams: { redirect_uri: callback } }),
  });
  const { email: apiAddress, ...rest } = await start.json();
  assert.equal(start.status, 200, JSON.stringify(rest));
  const { link: apiLink } = await readMessage(apiAddress);
  for (const address of [link, link.replace('verify_redirect', 'verify-redirect'), apiLink]) {
    for (const method of ['HEAD', 'GET', 'HEAD']) {
      const answer = await fetch(address, { method });
      assert.equal(answer.status, 200);
      assert.equal(answer.redirected, false);
      assert.deepEqual(answer.headers.getSetCookie(), []);
    }
    const scanner = await openPage(browser, t, { userAgent: 'MailScanner/1.0' });
    const posts = [];
    scanner.on('request', (request) => request.method() !== 'GET' && posts.push(request.url()));
    await scanner.goto(address);
    await scanner.waitForTimeout(3000);
    assert.deepEqual(posts, [], 'no script submits anything');
    assert.equal(scanner.url(), address, 'nothing redirects');
    assert.deepEqual(await cookies(scanner), []);
  }
  await waiting.goto(link);
  assert.equal(await atCallback(waiting), email, 'the person still gets in');
  const person = await openPage(browser, t);
  await person.goto(apiLink);
  await Promise.all([person.waitForRequest((request) => new URL(request.url()).searchParams.has('code')).catch(() => {}), person.click(primary)]);
  assert.ok(!(await cookies(person)).includes('auth0'), 'a link of the API leaves no session');
});

test('a mail app\'s own view is another browser: typing the number is all it costs', async (t) => {
  const waiting = await openPage(browser, t);
  const view = await openPage(browser, t, {
    viewport: { width: 375, height: 667 },
    userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148',
  });
  const email = newAddress('in-app');
  const { link, number } = await begin(waiting, email);
  await view.goto(link);
  // By keyboard: the field, the primary button by Enter.
  await view.focus('#number');
  await view.keyboard.type(number);
  await view.keyboard.press('Enter');
  await view.waitForSelector('.badge.good');
  assert.equal(await atCallback(waiting), email);
});

const looks = {
  light: {},
  dark: { colorScheme: 'dark' },
  'phone-320': { viewport: { width: 320, height: 568 } },
  'arabic-320': { viewport: { width: 320, height: 568 }, locale: 'ar' },
  'german': { locale: 'de' },
  'japanese-dark': { locale: 'ja', colorScheme: 'dark' },
};

describe('the pages of links look right', { concurrency: 2 }, () => {
  for (const [name, options] of Object.entries(looks)) {
    test(name, async (t) => {
      const waiting = await openPage(browser, t, options);
      const phone = await openPage(browser, t, options);
      const look = async (page, what) => {
        const where = `${name}: ${what}`;
        await shoot(page, `${name}-${what}`);
        await assertFitsWidth(page, where);
        await assertTargetsLargeEnough(page, where);
        await assertAccessible(page, where);
      };
      const { link, number } = await begin(waiting, newAddress(`a-rather-long-name-for-${name}`));
      await look(waiting, 'link');
      await phone.goto(link);
      await look(phone, 'link-elsewhere');
      await phone.fill('#number', number === '10' ? '11' : '10');
      await proceed(phone);
      await look(phone, 'link-elsewhere-wrong');
      await phone.fill('#number', number === '10' ? '11' : '10');
      await proceed(phone);
      await look(phone, 'link-stopped');
      await waiting.waitForFunction(() => !document.querySelector('[data-poll]'));
      await look(waiting, 'link-dead');
      await phone.goto(link);
      await look(phone, 'link-invalid');

      const both = await openPage(browser, t, options);
      await begin(both, newAddress(`both-${name}`), 'link-and-code');
      await look(both, 'code-and-link');

      const still = await openPage(browser, t, options);
      const { link: own } = await begin(still, newAddress(`own-${name}`));
      await still.route('**/u/assets/page.*.js', (route) => route.abort()); // the page would be gone at once
      await still.goto(own);
      await look(still, 'link-own');
    });
  }
});
