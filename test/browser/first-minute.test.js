// A newcomer's first minute with `latchkey dev`: the sample application, the
// login, the code in the inbox, and back.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { dev, newAddress, readCode } from '../client/dev.js';
import { launch, openPage } from '../client/chromium.js';
import { assertAccessible, assertFitsWidth, shoot } from '../client/look.js';
import { primary, submitIdentifier } from '../client/pages.js';

const browser = await launch();

for (const [look, options] of Object.entries({
  light: {},
  'dark-320': { colorScheme: 'dark', viewport: { width: 320, height: 568 } },
})) {
  test(`from the sample application to a greeting: ${look}`, async (t) => {
    const page = await openPage(browser, t, options);
    const check = async (where) => {
      await shoot(page, `first-minute-${look}-${where}`);
      await assertAccessible(page, where);
      await assertFitsWidth(page, where);
    };
    const email = newAddress('newcomer');

    await page.goto(dev.sample_app_url);
    await check('start');
    await page.click('a[href="/login"]');
    await page.waitForSelector('#username');
    assert.equal(new URL(page.url()).origin, new URL(dev.issuer).origin);
    await submitIdentifier(page, email);
    const code = await readCode(email);

    const inbox = await page.context().newPage();
    await inbox.goto(dev.inbox_url);
    await inbox.getByText(code).first().waitFor();
    await shoot(inbox, `first-minute-${look}-inbox`);
    await assertAccessible(inbox, 'inbox');
    await inbox.close();

    await page.fill('#code', code);
    await page.click(primary);
    await page.waitForURL((url) => url.origin === new URL(dev.sample_app_url).origin);
    await page.getByText(email).first().waitFor();
    await check('greeting');

    for (const action of ['/call-api', '/userinfo', '/refresh']) {
      await page.click(`form[action="${action}"] button`);
      await page.waitForSelector('#answer');
      assert.equal(await page.locator('#answer.failed').count(), 0, `${action}: ${await page.innerText('#answer')}`);
      await check(action.slice(1));
    }

    await page.click('form[action="/logout"] button');
    await page.waitForSelector('a[href="/login"]');
    await page.goto(new URL('/login', dev.sample_app_url).href);
    await page.waitForSelector('#username');
  });
}
