// Auth0's deploy CLI, unmodified: what it exports from one tenant makes an empty
// one equal, and our own export and apply speak its formats.
//
// It paces itself (eight calls a second) and compiles its schema for ten seconds
// at every import, so each run here proves several things.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { everything, has, manager, newTenant } from '../client/management.js';
import { empty, secrets, shop } from '../client/shop.js';

const run = promisify(execFile);
const cli = createRequire(import.meta.url).resolve('auth0-deploy-cli');
const folder = await mkdtemp(join(tmpdir(), 'latchkey-deploy-'));
test.after(() => rm(folder, { recursive: true, force: true }));

const [source, target] = await Promise.all([newTenant(), newTenant()]);
const [from, to] = [manager(source), manager(target)];

/** Runs the deploy CLI as a command against a tenant. With --env, variables replace the markers in files. */
async function a0deploy(tenant, ...args) {
  const { client_id: AUTH0_CLIENT_ID, client_secret: AUTH0_CLIENT_SECRET } = tenant.management;
  const { PATH, NODE_EXTRA_CA_CERTS } = process.env;
  const env = {
    PATH, NODE_EXTRA_CA_CERTS, AUTH0_DOMAIN: tenant.domain, AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET, AUTH0_ALLOW_DELETE: 'true',
    ISSUER: tenant.issuer, ...secrets,
  };
  return told(run(process.execPath, [cli, ...args, '--env'], { env }), ['a0deploy', ...args]);
}

/** Runs our own command against a tenant; returns what it printed. */
async function latchkey(tenant, command, ...args) {
  const env = {
    LATCHKEY_CLIENT_ID: tenant.management.client_id, LATCHKEY_CLIENT_SECRET: tenant.management.client_secret,
    LATCHKEY_URL: tenant.issuer, LATCHKEY_CA_FILE: process.env.NODE_EXTRA_CA_CERTS,
  };
  return told(run(process.env.LATCHKEY_BINARY, [command, ...args], { env }), ['latchkey', command, ...args]);
}

/** The output of a command, which is also the error when it fails. */
async function told(running, words) {
  try {
    return (await running).stdout;
  } catch ({ code, stdout, stderr }) {
    throw new Error(`${words.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
  }
}

async function exported(tenant, name, ...args) {
  const path = join(folder, name);
  await mkdir(path);
  await a0deploy(tenant, 'export', '-o', path, '-f', 'directory', ...args);
  return path;
}

/** Every file below a folder, by its path. */
async function* filesOf(path) {
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      yield join(entry.parentPath ?? entry.path, entry.name);
    }
  }
}

/** Puts a marker where files name the tenant: only the audience of its own Management API does. */
async function portable(path, tenant) {
  for await (const file of filesOf(path)) {
    const text = await readFile(file, 'utf8');
    if (text.includes(tenant.issuer)) {
      await writeFile(file, text.replaceAll(tenant.issuer, '##ISSUER##'));
    }
  }
  return path;
}

/** The content of a folder: what each file says. */
async function content(path) {
  const found = {};
  for await (const file of filesOf(path)) {
    const text = await readFile(file, 'utf8');
    found[relative(path, file)] = file.endsWith('.json') ? JSON.parse(text) : text;
  }
  return found;
}

test('a shop is carried from one tenant to another', { timeout: 600_000 }, async (t) => {
  await Promise.all([empty(from, source).then(() => shop(from, source)), empty(to, target)]);
  const yaml = join(folder, 'source-yaml');
  await mkdir(yaml);
  const [directory] = await Promise.all([exported(source, 'source'), a0deploy(source, 'export', '-o', yaml, '-f', 'yaml')]);
  const wanted = await content(await portable(directory, source));

  await t.test('everything is in the files, and nothing secret', () => {
    for (const path of [
      'tenant.json', 'clients/Shop SPA.json', 'clients/Shop Robot.json', 'grants/Shop Robot-Orders.json', 'grants/Shop Robot-Auth0 Management API.json',
      'connections/email.json', 'connections/email.html', 'connections/sms.json', 'database-connections/members/database.json', 'resource-servers/Orders.json',
      'roles/Clerk.json', 'organizations/branch.json', 'actions/add-login-method/code.js', 'triggers/triggers.json', 'emails/provider.json',
      'emails/verify_email.html', 'phone-providers/provider.json', 'phone-templates/otp_verify.json', 'branding/branding.json', 'themes/theme.json',
      'prompts/custom-text.json', 'prompts/partials.json', 'attack-protection/brute-force-protection.json', 'guardian/factors/otp.json', 'log-streams/archive.json',
      'pages/login.html', 'pages/error_page.html',
    ]) {
      assert.ok(path in wanted, `${path} was not exported`);
    }
    assert.equal(JSON.stringify(wanted).includes('hush'), false);
  });

  await t.test('our apply has nothing to do with either format on the same tenant', async () => {
    const variables = join(folder, 'config.json');
    await writeFile(variables, JSON.stringify({ AUTH0_KEYWORD_REPLACE_MAPPINGS: { ISSUER: source.issuer } }));
    for (const input of [directory, join(yaml, 'tenant.yaml')]) {
      assert.match(await latchkey(source, 'apply', '--dry-run', '--allow-delete', '--config-json', variables, '--input', input), /^No changes\.$/m);
    }
  });

  await t.test('imported into an empty tenant and exported again it is the same', async () => {
    await a0deploy(target, 'import', '-i', directory);
    assert.deepEqual(await content(await portable(await exported(target, 'target'), target)), wanted);
    const shopper = (await everything(to.clients.list())).find(({ name }) => name === 'Shop SPA');
    const enabled = await everything(to.clients.connections.get(shopper.client_id));
    assert.deepEqual(enabled.map(({ name }) => name).sort(), ['email', 'members', 'sms']);
    const [action] = await everything(to.actions.list());
    has(action, { name: 'add-login-method', all_changes_deployed: true });
  });

  await t.test('an import of our own export takes back what was changed, added and removed since', async () => {
    await to.tenants.settings.update({ friendly_name: 'Changed', session_lifetime: 7 });
    await to.roles.create({ name: 'Extra' });
    await to.clients.create({ name: 'Extra', app_type: 'spa' });
    await to.prompts.customText.set('login-id', 'de', {});
    await to.actions.triggers.bindings.updateMany('post-login', { bindings: [] });
    await to.connections.create({ name: 'extra', strategy: 'auth0' });
    for (const { id, name } of await everything(to.roles.list())) {
      if (name === 'Auditor') {
        await to.roles.delete(id);
      }
    }
    const ours = join(folder, 'ours');
    await latchkey(source, 'export', '--output', ours, '--format', 'yaml');
    await portable(ours, source);
    await a0deploy(target, 'import', '-i', join(ours, 'tenant.yaml'));
    assert.deepEqual(await content(await portable(await exported(target, 'again'), target)), wanted);
  });
});
