// Logins by text message as people meet them: by keyboard, without script, by
// one tap, on a narrow phone, in the dark, from right to left.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { claims, dev, newAddress, newNumber, readCode, readMessage, wrong } from '../client/dev.js';
import { launch, openPage, serveCallback } from '../client/chromium.js';
import { assertAccessible, assertFitsWidth, assertTargetsLargeEnough, shoot } from '../client/look.js';
import { loginByCode, primary, proceed, submitIdentifier } from '../client/pages.js';

const browser = await launch();
const callback = await serveCallback();
const switching = 'form[data-form-secondary="true"] button';

/** The address an application sends people to. */
function authorizeURL(more = { connection: 'sms' }) {
  const url = new URL('/authorize', dev.issuer);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: dev.web.client_id,
    redirect_uri: callback,
    scope: 'openid profile phone',
    state: 'app-state',
    ...more,
  });
  return url.href;
}

/** The number that was typed, as the server keeps it. */
const canonical = (number) => `+1${number.replace(/\D/g, '')}`;

/** Waits until the login is over and returns what the ID token says. */
async function atCallback(page) {
  await page.waitForURL(`${callback}?*`);
  const code = new URL(page.url()).searchParams.get('code');
  const answer = await fetch(new URL('/oauth/token', dev.issuer), {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code', code, redirect_uri: callback, client_id: dev.web.client_id, client_secret: dev.web.client_secret,
    }),
  });
  assert.equal(answer.status, 200);
  return claims((await answer.json()).id_token);
}

test('a login by keyboard only, with a country from the list', async (t) => {
  const page = await openPage(browser, t, { locale: 'de-DE' });
  const number = newNumber();
  await page.goto(authorizeURL({ connection: 'sms', ui_locales: 'en' }));

  // The number's field has the focus; the country is the one before it.
  assert.equal(await page.inputValue('#country'), 'DE', 'the browser is in Germany');
  await page.keyboard.press('Shift+Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'country');
  await page.keyboard.type('United S');
  assert.equal(await page.inputValue('#country'), 'US', 'typing finds a country by its name');
  await page.keyboard.press('Tab');
  await page.keyboard.type(number);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#code');
  assert.equal(new URL(page.url()).pathname, '/u/login/passwordless-sms-challenge');
  const shown = await page.innerText('.identifier bdi');
  assert.match(shown, /^\+1 202-5\*\*-\*\*\d\d$/, 'the number is shown to its owner alone');

  const { code, text } = await readMessage(canonical(number));
  assert.equal(text.trim().split('\n').at(-1), `@localhost #${code}`, 'the last line lets browsers fill the code in');
  await page.keyboard.type(wrong(code));
  await page.keyboard.press('Enter');
  await page.waitForSelector('#error-element-code');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'code', 'the focus is where the mistake is');
  await page.keyboard.press('Control+A');
  await page.keyboard.type(code);
  await page.keyboard.press('Enter');
  const { phone_number, phone_number_verified, sub } = await atCallback(page);
  assert.equal(phone_number, canonical(number));
  assert.equal(phone_number_verified, true);
  assert.match(sub, /^sms\|/);
});

test('a login without script, from the page for an address to the one for a number', async (t) => {
  const page = await openPage(browser, t, { javaScriptEnabled: false });
  const number = newNumber();
  await page.goto(authorizeURL({}));
  assert.equal(await page.locator('#country').count(), 0, 'the connection that was made first asks');
  await proceed(page, switching);
  await page.selectOption('#country', 'US');
  await page.fill('#username', '12');
  await proceed(page);
  await page.waitForSelector('#error-element-username[data-error-code="invalid-phone-number"]');
  assert.equal(await page.inputValue('#username'), '12', 'what was typed is kept');
  assert.equal(await page.inputValue('#country'), 'US', 'and the country');
  await page.fill('#username', number);
  await proceed(page);
  const code = await readCode(canonical(number));
  await page.fill('#code', wrong(code));
  await proceed(page);
  await page.waitForSelector('[data-error-code="invalid-verification-code"]');
  await page.fill('#code', code);
  await page.click(primary);
  assert.equal((await atCallback(page)).phone_number, canonical(number));
});

test('a text message can be given up for an e-mail, and a number be mended', async (t) => {
  const page = await openPage(browser, t);
  const number = newNumber();
  await page.goto(authorizeURL({}));
  await proceed(page, switching);
  await page.selectOption('#country', 'US');
  await submitIdentifier(page, number);
  await page.click('a[data-link-name="edit-username"]');
  await page.waitForSelector('#country');
  assert.equal(await page.inputValue('#username'), number, 'what was typed is kept');
  assert.equal(await page.inputValue('#country'), 'US');
  await proceed(page, switching);
  assert.equal(await page.inputValue('#username'), '', 'a number is no address');
  await loginByCode(page, newAddress('gave-up'));
  assert.match((await atCallback(page)).sub, /^email\|/);
});

test('the code goes in by one tap where the browser reads the message', async (t) => {
  const page = await openPage(browser, t);
  await page.addInitScript(() => {
    window.OTPCredential = class {};
    navigator.credentials.get = ({ otp, signal }) => {
      window.asked = otp.transport.join();
      return new Promise((resolve, reject) => {
        window.tap = (code) => resolve({ type: 'otp', code });
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    };
  });
  const number = newNumber();
  await page.goto(authorizeURL());
  await page.selectOption('#country', 'US');
  await submitIdentifier(page, number);
  assert.equal(await page.evaluate(() => window.asked), 'sms');
  const code = await readCode(canonical(number));
  await page.evaluate((code) => window.tap(code), code);
  assert.equal((await atCallback(page)).phone_number, canonical(number));
});

for (const [look, options] of Object.entries({
  light: {},
  'dark-320': { colorScheme: 'dark', viewport: { width: 320, height: 640 } },
  'arabic-320': { locale: 'ar', viewport: { width: 320, height: 640 } },
  japanese: { locale: 'ja' },
})) {
  test(`the pages are accessible and fit: ${look}`, async (t) => {
    const page = await openPage(browser, t, options);
    const check = async (where) => {
      const name = `text-message-${look}-${where}`;
      await shoot(page, name);
      await assertAccessible(page, name);
      await assertFitsWidth(page, name);
      await assertTargetsLargeEnough(page, name);
    };
    const number = newNumber();
    await page.goto(authorizeURL({}));
    await check('offered');
    await proceed(page, switching);
    await check('number');
    const { direction, textAlign } = await page.locator('#username').evaluate((field) => ({ direction: getComputedStyle(field).direction, textAlign: getComputedStyle(field).textAlign }));
    assert.equal(direction, 'ltr', 'numbers run from left to right');
    assert.equal(textAlign, options.locale === 'ar' ? 'right' : 'start', 'and stand where the page begins');
    await page.fill('#username', '12');
    await proceed(page);
    await check('number-wrong');
    await page.selectOption('#country', 'US');
    await submitIdentifier(page, number);
    await check('code');
    await page.fill('#code', wrong(await readCode(canonical(number))));
    await proceed(page);
    await check('code-wrong');
    await page.goto(authorizeURL({ connection: 'sms', screen_hint: 'signup' }));
    await page.waitForSelector('#phone');
    await check('signup');
  });
}

test('the sample application offers it', async (t) => {
  const page = await openPage(browser, t);
  const number = newNumber();
  await page.goto(dev.sample_app_url);
  await page.click('a[href="/login?connection=sms"]');
  await page.waitForSelector('#country');
  await page.selectOption('#country', 'US');
  await submitIdentifier(page, number);
  const code = await readCode(canonical(number));
  const inbox = await page.context().newPage();
  await inbox.goto(dev.inbox_url);
  await inbox.getByText(code).first().waitFor();
  await shoot(inbox, 'text-message-inbox');
  await assertAccessible(inbox, 'inbox with a text message');
  await inbox.close();
  await page.fill('#code', code);
  await page.click(primary);
  await page.waitForURL((url) => url.origin === new URL(dev.sample_app_url).origin);
  await page.getByText(canonical(number)).first().waitFor();
});
