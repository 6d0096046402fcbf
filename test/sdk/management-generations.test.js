// Two earlier generations of ManagementClient: version 4, which today's package
// carries as auth0/legacy, and version 6, which the deploy CLI brings along.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { ManagementApiError, ManagementClient } from 'auth0/legacy';
import { newAddress } from '../client/dev.js';
import { eventually, everything, has, manager, newTenant } from '../client/management.js';

const tenant = await newTenant();
const options = { domain: tenant.domain, clientId: tenant.management.client_id, clientSecret: tenant.management.client_secret };

test('version 4', async (t) => {
  const api = new ManagementClient(options);

  const { data: app } = await api.clients.create({ name: 'Four', app_type: 'spa' });
  assert.equal((await api.clients.update({ client_id: app.client_id }, { description: 'old' })).data.description, 'old');
  const { data: page } = await api.clients.getAll({ include_totals: true, page: 0, per_page: 2 });
  has(page, { start: 0, limit: 2 });
  assert.equal(page.clients.length, 2);
  assert.ok((await api.clients.getAll({ app_type: 'spa' })).data.some(({ client_id: id }) => id === app.client_id));
  await api.clients.delete({ client_id: app.client_id });

  const { data: connections } = await api.connections.getAll({ take: 1 });
  assert.equal(connections.connections.length, 1);
  const { data: rest } = await api.connections.getAll({ from: connections.next, take: 50 });
  assert.ok(rest.connections.every(({ id }) => id !== connections.connections[0].id));
  const [email] = (await api.connections.getAll({ name: 'email' })).data;
  assert.equal(email.strategy, 'email');

  const address = newAddress('four');
  const { data: user } = await api.users.create({ connection: 'email', email: address, email_verified: true, app_metadata: { four: true } });
  assert.match(user.user_id, /^email\|/);
  assert.deepEqual((await api.usersByEmail.getByEmail({ email: address })).data.map(({ user_id: id }) => id), [user.user_id]);
  assert.deepEqual((await api.users.update({ id: user.user_id }, { user_metadata: { a: 1 } })).data.user_metadata, { a: 1 });
  const found = await api.users.getAll({ q: `email:"${address}"`, include_totals: true });
  assert.equal(found.data.total, 1);
  const { data: role } = await api.roles.create({ name: 'Four' });
  await api.users.assignRoles({ id: user.user_id }, { roles: [role.id] });
  assert.deepEqual((await api.users.getRoles({ id: user.user_id })).data.map(({ name }) => name), ['Four']);
  await api.users.delete({ id: user.user_id });
  await assert.rejects(api.users.get({ id: user.user_id }), (error) => {
    assert.ok(error instanceof ManagementApiError);
    has(error, { statusCode: 404, errorCode: 'inexistent_user', error: 'Not Found', msg: 'The user does not exist.' });
    return true;
  });

  await t.test('logs are followed from one entry to the next', async () => {
    const { data: newest } = await eventually(() => api.logs.getAll({ per_page: 50, sort: 'date:1' }), ({ data }) => data.length > 5);
    const seen = [newest[0].log_id];
    // An entry is given a moment after it was written, so that none is passed by.
    await eventually(async () => {
      const { data: next } = await api.logs.getAll({ from: seen.at(-1), take: 2 });
      assert.ok(next.length <= 2);
      seen.push(...next.map(({ log_id: id }) => id));
      return seen;
    }, (ids) => newest.every(({ log_id: id }) => ids.includes(id)));
    assert.equal(new Set(seen).size, seen.length, 'none came twice');
  });

  assert.equal((await api.tenants.getSettings()).data.enabled_locales.includes('en'), true);
  assert.ok((await api.keys.getAll()).data.some(({ current }) => current));
  assert.equal((await api.actions.getAllTriggers()).data.triggers.some(({ id }) => id === 'post-login'), true);
});

test('version 6', async () => {
  const require = createRequire(createRequire(import.meta.url).resolve('auth0-deploy-cli'));
  const { ManagementClient: Six, ManagementError } = require('auth0');
  assert.notEqual(Six, ManagementClient);
  const api = new Six(options);

  const app = await api.clients.create({ name: 'Six', app_type: 'regular_web' });
  assert.equal((await api.clients.get(app.client_id)).name, 'Six');
  assert.ok((await everything(api.clients.list({ per_page: 2 }))).some(({ name }) => name === 'Six'));
  await api.clients.delete(app.client_id);
  await assert.rejects(api.clients.get(app.client_id), (error) => {
    assert.ok(error instanceof ManagementError);
    has(error.body, { statusCode: 404, errorCode: 'inexistent_client' });
    return true;
  });
  assert.ok((await everything(api.connections.list({ take: 1 }))).length >= 2);
  const user = await api.users.create({ connection: 'email', email: newAddress('six') });
  assert.deepEqual((await api.users.update(user.user_id, { app_metadata: { six: true } })).app_metadata, { six: true });
  assert.deepEqual((await everything(api.users.list({ q: `user_id:"${user.user_id}"` }))).map(({ user_id: id }) => id), [user.user_id]);
  await api.users.delete(user.user_id);
  assert.deepEqual(await everything(api.roles.list()), await everything(manager(tenant).roles.list()));
  assert.equal((await api.branding.get()) !== undefined, true);
});
