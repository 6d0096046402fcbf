// Asking for another code: the wait is shown, kept by the server, and ends in a
// code that replaces the first. In a file of its own because it waits in earnest.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { dev, newAddress, readCode } from '../client/dev.js';
import { launch, openPage, serveCallback } from '../client/chromium.js';
import { primary, proceed, submitIdentifier } from '../client/pages.js';

const browser = await launch();
const callback = await serveCallback();
const resend = 'button[name="action"][value^="resend"]';

function authorizeURL() {
  const url = new URL('/authorize', dev.issuer);
  url.search = new URLSearchParams({ response_type: 'code', client_id: dev.web.client_id, redirect_uri: callback });
  return url.href;
}

describe('waiting for a new code', { concurrency: true }, () => {
  for (const javaScriptEnabled of [true, false]) {
    test(`a new code replaces the old one; script: ${javaScriptEnabled}`, async (t) => {
      const page = await openPage(browser, t, { javaScriptEnabled });
      const email = newAddress('resend');
      await page.goto(authorizeURL());
      await submitIdentifier(page, email);
      const first = await readCode(email);

      if (javaScriptEnabled) {
        assert.match(await page.innerText(resend), /0:(30|2\d)/, 'the button counts down');
      } else {
        await proceed(page, resend);
        assert.equal(new URL(page.url()).pathname, '/u/login/passwordless-email-challenge');
        await assert.rejects(readCode(email, 2), 'the server keeps the wait, whatever the page shows');
      }
      await page.waitForTimeout(31_000);
      await proceed(page, resend);
      const second = await readCode(email);
      await page.waitForSelector('[role=status]');

      if (first !== second) {
        await page.fill('#code', first);
        await proceed(page);
        assert.equal(await page.locator('#error-element-code').getAttribute('data-error-code'), 'invalid-verification-code');
      }
      await page.fill('#code', second);
      await page.click(primary);
      await page.waitForURL(`${callback}?code=*`);
    });
  }
});
