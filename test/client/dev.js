// What every client test needs to know: where the development server is, and
// the codes that arrive in its inbox.
import { readFileSync } from 'node:fs';
import { randomBytes, randomInt } from 'node:crypto';

const file = process.env.LATCHKEY_DEV_JSON;
if (!file) {
  throw new Error('LATCHKEY_DEV_JSON names no file: these tests are started by `go test ./test/sdk ./test/browser`');
}

/** The dev.json of the server under test. */
export const dev = JSON.parse(readFileSync(file, 'utf8'));

export const otpGrant = 'http://auth0.com/oauth/grant-type/passwordless/otp';

/** A callback that nothing listens on: tests read it from the Location header. */
export const callback = 'http://localhost:59999/callback';

/** An address nobody has used yet. */
export function newAddress(label = 'person') {
  return `${label}-${randomBytes(6).toString('hex')}@example.com`;
}

/** A telephone number nobody has used yet, as its owner types it at home. */
export function newNumber() {
  return `(202) 555-${String(randomInt(10_000)).padStart(4, '0')}`;
}

const seen = new Set();

/** The message for this address that no earlier call has returned. */
export async function readMessage(address, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    const url = new URL('messages', dev.inbox_url.replace(/\/?$/, '/'));
    url.search = new URLSearchParams({ to: address, wait: String(Math.min(seconds, 5)) });
    const answer = await fetch(url);
    if (!answer.ok) {
      throw new Error(`the inbox answered ${answer.status}: ${await answer.text()}`);
    }
    const message = (await answer.json()).find(({ id }) => !seen.has(id));
    if (message) {
      seen.add(message.id);
      return message;
    }
    // Another message for the address may have ended the wait at once.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no new message for ${address} in ${seconds} s`);
}

/** The code in the next message for this address. */
export async function readCode(address, seconds) {
  const { code, text } = await readMessage(address, seconds);
  if (!/^\d{6}$/.test(code ?? '')) {
    throw new Error(`the message for ${address} has no six-digit code but ${JSON.stringify(code)}; its text: ${text}`);
  }
  return code;
}

/** Another code than the given one. */
export function wrong(code) {
  return code.slice(0, -1) + ((Number(code.at(-1)) + 1) % 10);
}

/** The claims of a token, unverified: the clients under test verify. */
export function claims(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
}
