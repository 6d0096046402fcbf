// The hosted pages as people meet them: by keyboard, without script, on a
// narrow phone, in the dark, in other scripts; and as axe-core sees them.
// Screenshots go to test/screenshots for people to look at.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { dev, newAddress, readCode, wrong } from '../client/dev.js';
import { launch, openPage, serveCallback } from '../client/chromium.js';
import { assertAccessible, assertFitsWidth, assertTargetsLargeEnough, shoot } from '../client/look.js';
import { loginByCode, primary, proceed, submitIdentifier } from '../client/pages.js';

const browser = await launch();
const callback = await serveCallback();

/** The address an application sends people to. */
function authorizeURL(more = {}) {
  const url = new URL('/authorize', dev.issuer);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: dev.web.client_id,
    redirect_uri: callback,
    scope: 'openid profile email',
    state: 'app-state',
    ...more,
  });
  return url.href;
}

/** Waits until the login is over and returns what the application receives. */
async function atCallback(page) {
  await page.waitForURL(`${callback}?*`);
  const answer = new URL(page.url()).searchParams;
  assert.equal(answer.get('state'), 'app-state');
  assert.ok(answer.get('code'), `want a code, got ${answer}`);
}

test('a login by keyboard only', async (t) => {
  const page = await openPage(browser, t);
  const email = newAddress('keyboard');
  await page.goto(authorizeURL());

  // The field has the focus already; Enter goes on.
  await page.keyboard.type(email);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#code');
  const code = await readCode(email);
  await page.keyboard.type(wrong(code));
  await page.keyboard.press('Enter');
  await page.waitForSelector('#error-element-code');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'code', 'the focus is where the mistake is');

  // Every control is reached by Tab, in the order of the page, and shows it.
  const reached = await tabThrough(page);
  assert.ok(reached.some(({ name }) => name === 'action=default'), 'Continue is reached');
  assert.ok(reached.some(({ link }) => link === 'edit-username'), 'Edit is reached');
  for (const { outlined, html } of reached) {
    assert.ok(outlined, `no visible focus on ${html}`);
  }

  await page.focus('#code');
  await page.keyboard.press('Control+A');
  await page.keyboard.type(code);
  await page.keyboard.press('Enter');
  await atCallback(page);
});

/** Presses Tab until the page has been gone through once. */
async function tabThrough(page) {
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus(); // the next Tab begins at the top
    document.body.removeAttribute('tabindex');
  });
  const reached = [];
  for (let n = 0; n < 40; n++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      if (!e || e === document.body) {
        return null;
      }
      const style = getComputedStyle(e);
      return {
        html: e.outerHTML.slice(0, 120),
        name: e.name && `${e.name}=${e.value}`,
        link: e.dataset.linkName,
        outlined: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none',
      };
    });
    if (!at || reached.some(({ html }) => html === at.html)) {
      break;
    }
    reached.push(at);
  }
  return reached;
}

test('a login without script', async (t) => {
  const page = await openPage(browser, t, { javaScriptEnabled: false });
  const email = newAddress('no-script');
  await page.goto(authorizeURL());
  await page.fill('#username', email);
  await page.click(primary);
  await page.waitForSelector('#code');
  const code = await readCode(email);
  await page.fill('#code', wrong(code));
  await page.click(primary);
  await page.waitForSelector('[data-error-code="invalid-verification-code"]');
  await shoot(page, 'no-script-wrong-code');
  await page.fill('#code', code);
  await page.click(primary);
  await atCallback(page);
});

test('edit goes back and keeps what was typed', async (t) => {
  const page = await openPage(browser, t);
  const email = newAddress('edit');
  await page.goto(authorizeURL());
  await submitIdentifier(page, `x${email}`);
  await page.click('a[data-link-name="edit-username"]');
  await page.waitForSelector('#username');
  assert.equal(await page.inputValue('#username'), `x${email}`);
  await loginByCode(page, email);
  await atCallback(page);
});

test('login_hint fills the field', async (t) => {
  const page = await openPage(browser, t);
  await page.goto(authorizeURL({ login_hint: 'hinted@example.com' }));
  assert.equal(await page.inputValue('#username'), 'hinted@example.com');
});

test('fields carry what browsers and password managers look for', async (t) => {
  const page = await openPage(browser, t);
  await page.goto(authorizeURL());
  const attributes = (selector, names) =>
    page.locator(selector).evaluate((e, names) => Object.fromEntries(names.map((name) => [name, e.getAttribute(name)])), names);
  const username = await attributes('#username', ['name', 'inputmode', 'autocapitalize', 'spellcheck', 'autocomplete']);
  assert.deepEqual({ ...username, autocomplete: username.autocomplete.split(' ')[0] }, {
    name: 'username', inputmode: 'email', autocapitalize: 'none', spellcheck: 'false', autocomplete: 'username',
  });
  assert.equal(await page.locator('main._widget.login-id section._prompt-box-outer form[data-form-primary="true"]').count(), 1);
  await submitIdentifier(page, newAddress('fields'));
  assert.deepEqual(await attributes('#code', ['name', 'type', 'inputmode', 'pattern', 'autocomplete']), {
    name: 'code', type: 'text', inputmode: 'numeric', pattern: '[0-9]*', autocomplete: 'one-time-code',
  });
});

// Every screen a login by e-mail code can show, in the looks that break pages.
const looks = {
  light: {},
  dark: { colorScheme: 'dark' },
  'phone-320': { viewport: { width: 320, height: 568 } },
  'arabic-320': { viewport: { width: 320, height: 568 }, locale: 'ar' },
  german: { locale: 'de' },
  'japanese-dark': { locale: 'ja', colorScheme: 'dark' },
};

for (const [look, options] of Object.entries(looks)) {
  test(`every screen: ${look}`, async (t) => {
    const page = await openPage(browser, t, options);
      const screen = async (name) => {
      await shoot(page, `${look}-${name}`);
      await assertAccessible(page, `${look} ${name}`);
      await assertFitsWidth(page, `${look} ${name}`);
      await assertTargetsLargeEnough(page, `${look} ${name}`);
      const { lang, dir } = await page.evaluate(() => ({ lang: document.documentElement.lang, dir: document.documentElement.dir }));
      const language = (options.locale ?? 'en').split('-')[0];
      assert.equal(lang.split('-')[0], language, name);
      assert.equal(dir || 'ltr', language === 'ar' ? 'rtl' : 'ltr', name);
    };
    const email = newAddress(look);

    await page.goto(authorizeURL());
    await screen('identifier');
    await submitIdentifier(page, email);
    const code = await readCode(email);
    await screen('code');
    await page.fill('#code', wrong(code));
    await proceed(page);
    await screen('code-wrong');
    for (let n = 0; n < 3; n++) {
      await page.fill('#code', wrong(code));
      await proceed(page);
    }
    assert.equal(await page.locator('[data-error-code]').first().getAttribute('data-error-code'), 'too-many-failures');
    await screen('code-too-many');

    await page.goto(authorizeURL({ screen_hint: 'signup' }));
    assert.equal(new URL(page.url()).pathname, '/u/signup/identifier');
    await screen('signup');
    await page.goto(authorizeURL({ redirect_uri: 'https://attacker.example/' }));
    await screen('error');
    await page.goto(new URL('/oidc/logout', dev.issuer).href);
    await screen('logout');
  });
}

test('consent is asked and can be denied', async (t) => {
  const page = await openPage(browser, t);
  await page.goto(authorizeURL({ prompt: 'consent' }));
  const email = newAddress('consent');
  await loginByCode(page, email);
  await page.waitForURL((url) => url.pathname === '/u/consent');
  await shoot(page, 'consent');
  await assertAccessible(page, 'consent');
  await page.click('button[name="action"][value="deny"]');
  await page.waitForURL(`${callback}?*`);
  const refusal = new URL(page.url()).searchParams;
  assert.equal(refusal.get('error'), 'access_denied');
  assert.equal(refusal.get('error_description'), 'User did not authorize the request');

  // A login that was denied leaves no session, so it starts from the beginning.
  await page.goto(authorizeURL({ prompt: 'consent' }));
  await loginByCode(page, email);
  await page.waitForURL((url) => url.pathname === '/u/consent');
  await page.click('button[name="action"][value="accept"]');
  await atCallback(page);
});

test('logging out without a token asks first, and no means no', async (t) => {
  const page = await openPage(browser, t);
  await page.goto(authorizeURL());
  await loginByCode(page, newAddress('logout'));
  await atCallback(page);

  const logout = new URL('/oidc/logout', dev.issuer).href;
  await page.goto(logout);
  await shoot(page, 'logout-question');
  await assertAccessible(page, 'logout question');
  await proceed(page, 'button[name="action"][value="deny"]');
  await shoot(page, 'logout-aborted');
  await assertAccessible(page, 'logout aborted');
  await page.goto(authorizeURL());
  await atCallback(page);

  await page.goto(logout);
  await proceed(page, 'button[name="action"][value="accept"]');
  await shoot(page, 'logout-complete');
  await assertAccessible(page, 'logout complete');
  await page.goto(authorizeURL());
  assert.equal(new URL(page.url()).pathname, '/u/login/identifier');
});

test('a page without a live login explains itself', async (t) => {
  const page = await openPage(browser, t);
  for (const path of ['/u/login/identifier?state=made-up', '/u/login/passwordless-email-challenge', '/authorize/resume?state=x']) {
    const answer = await page.goto(new URL(path, dev.issuer).href);
    assert.ok([400, 403, 404].includes(answer.status()), `${path}: ${answer.status()}`);
    await assertAccessible(page, path);
  }
  await shoot(page, 'error-no-transaction');
});

test('an address that is none is named as the mistake', async (t) => {
  const page = await openPage(browser, t);
  await page.goto(authorizeURL());
  await page.locator('form[data-form-primary="true"]').evaluate((form) => (form.noValidate = true));
  await page.fill('#username', 'not an address');
  await proceed(page);
  assert.ok(await page.locator('#error-element-username').getAttribute('data-error-code'));
  assert.equal(await page.inputValue('#username'), 'not an address', 'what was typed is kept');
  assert.match(await page.title(), /^Error: /);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'username');
  await assertAccessible(page, 'identifier with an error');
});

test('the pages ask nobody else for anything and stay light', async (t) => {
  const page = await openPage(browser, t);
  const foreign = [];
  let bytes = 0;
  page.on('response', async (response) => {
    const url = new URL(response.url());
    if (url.origin !== new URL(dev.issuer).origin) {
      foreign.push(response.url());
    } else if (response.status() === 200) {
      bytes += (await response.body()).length;
    }
  });
  await page.goto(authorizeURL());
  await page.waitForLoadState('networkidle');
  assert.deepEqual(foreign, []);
  assert.ok(bytes > 1000 && bytes < 30 * 1024, `the identifier page weighs ${bytes} bytes, want under 30 KB in all`);
});

test('the page’s own policy is not broken by it', async (t) => {
  const page = await openPage(browser, t);
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.goto(authorizeURL());
  await submitIdentifier(page, newAddress('policy'));
  assert.deepEqual(complaints, []);
});
