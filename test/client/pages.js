// The hosted pages, by the names Auth0's own pages give their parts.
import { readCode } from './dev.js';

export const primary = 'button[data-action-button-primary="true"]';

/** Presses a button and waits for the page that it leads to. */
export async function proceed(page, button = primary) {
  await Promise.all([page.waitForEvent('framenavigated'), page.click(button)]);
  await page.waitForLoadState();
}

/** Types the address on the first page and arrives at the page for the code. */
export async function submitIdentifier(page, address) {
  await page.fill('#username', address);
  await page.click(primary);
  await page.waitForSelector('#code');
}

/** Logs in by e-mail code on the hosted pages that the page shows or will show. */
export async function loginByCode(page, address) {
  await page.waitForSelector('#username');
  await submitIdentifier(page, address);
  await page.fill('#code', await readCode(address));
  await page.click(primary);
}
