// How a client that asks too much is slowed down. A development server knows no
// such limits for its own machine, so this starts one for production.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { errors, everything, manager, managerWith, refused } from '../client/management.js';

/** Runs a program that ends when its standard input does, whatever ended this process. */
const leash = 'exec 3<&0; "$@" </dev/null 3<&- & server=$!; { cat <&3 >/dev/null; kill -TERM $server; } 2>/dev/null & wait $server';

/** Starts a server with one tenant on plain HTTP, as behind a proxy that ends TLS; returns the tenant. */
async function production(t) {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-limits-'));
  const program = process.env.LATCHKEY_BINARY;
  const env = { PATH: process.env.PATH, LATCHKEY_DATABASE: join(folder, 'data.db'), LATCHKEY_MASTER_KEYSET: join(folder, 'keyset.json') };
  const run = (...args) => promisify(execFile)(program, args, { env });
  await run('migrate');
  await run('keys', 'create', 'master');
  const server = spawn('/bin/sh', ['-c', leash, 'sh', program, 'serve', '--listen', '127.0.0.1:0', '--log-format', 'json'], { env, stdio: ['pipe', 'ignore', 'pipe'] });
  const ended = once(server, 'exit');
  t.after(async () => {
    server.stdin.end();
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  const lines = createInterface({ input: server.stderr });
  const address = await new Promise((resolve, reject) => {
    ended.then(() => reject(new Error('the server ended before it listened')));
    lines.on('line', (line) => {
      const { msg, address: at } = JSON.parse(line);
      if (msg === 'listening') {
        resolve(at);
      }
    });
  });
  const { stdout } = await run('tenant', 'create', 'acme', '--domain', address);
  const printed = (name) => stdout.match(new RegExp(`${name} +(\\S+)`))[1];
  return {
    domain: address, issuer: printed('issuer'),
    management: { client_id: printed('client_id'), client_secret: printed('client_secret'), audience: printed('audience') },
  };
}

test('a client that asks too much waits as it is told, and loses nothing', { timeout: 120_000 }, async (t) => {
  const tenant = await production(t);
  let limited = 0;
  const counting = async (url, init) => {
    const answer = await fetch(String(url).replace('https:', 'http:'), init);
    limited += answer.status === 429;
    return answer;
  };
  const plain = { fetch: counting };
  assert.deepEqual(await everything(manager(tenant, plain).roles.list()), []);

  /** Calls in bursts until one meets the limit. A machine that is slower than the limit refills, 50 a second, never does. */
  async function hurry(api) {
    const before = limited;
    const start = performance.now();
    let answers = [];
    for (let round = 1; round <= 10 && limited === before; round++) {
      answers = await Promise.all(Array.from({ length: 150 }, () => api.roles.list().catch((error) => error)));
      const rate = (round * 150_000) / (performance.now() - start);
      if (limited === before && rate < 60) {
        t.skip(`this machine makes ${Math.round(rate)} calls a second, too few to meet the limit`);
        return [];
      }
    }
    assert.ok(limited > before, 'no limit was met');
    return answers;
  }

  const patient = await managerWith(tenant, ['read:roles'], { ...plain, maxRetries: 10 });
  for (const answer of await hurry(patient)) {
    assert.equal(answer.response?.total, 0, answer);
  }

  const impatient = await managerWith(tenant, ['read:roles'], { ...plain, maxRetries: 0 });
  const refusal = (await hurry(impatient)).find((answer) => answer instanceof Error);
  if (refusal) {
    refused(errors.TooManyRequestsError, 'too_many_requests', 'Global limit has been reached')(refusal);
    for (const [header, form] of [['retry-after', /^\d+$/], ['x-ratelimit-limit', /^100$/], ['x-ratelimit-remaining', /^0$/], ['x-ratelimit-reset', /^\d{10}$/]]) {
      assert.match(refusal.rawResponse.headers.get(header), form, header);
    }
  }
});
