// ManagementClient of `auth0` for Node: applications, connections, APIs, and
// what each call shares: tokens, lists, errors and limits.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { ManagementClient } from 'auth0';
import { AuthClient } from '@auth0/auth0-auth-js';
import { claims, dev } from '../client/dev.js';
import { errors, eventually, everything, has, manager, managerWith, newTenant, refused } from '../client/management.js';

const tenant = await newTenant();
const api = manager(tenant);

test('the token names the client and its scopes', async () => {
  const auth = new AuthClient({ domain: tenant.domain, clientId: tenant.management.client_id, clientSecret: tenant.management.client_secret });
  const { accessToken } = await auth.getTokenByClientCredentials({ audience: tenant.management.audience });
  const token = claims(accessToken);
  assert.equal(token.iss, tenant.issuer);
  assert.equal(token.aud, `${tenant.issuer}api/v2/`);
  assert.ok(token.scope.split(' ').includes('read:clients'));
  const { data, rawResponse } = await manager(tenant, { token: accessToken }).tenants.settings.get().withRawResponse();
  assert.ok(data.enabled_locales);
  assert.equal(rawResponse.headers.get('x-ratelimit-limit'), '100');
  assert.match(rawResponse.headers.get('x-ratelimit-remaining'), /^\d+$/);
  assert.match(rawResponse.headers.get('x-ratelimit-reset'), /^\d{10}$/);
});

test('errors are of the SDK’s classes', async () => {
  await assert.rejects(api.clients.get('nobody'), refused(errors.NotFoundError, 'inexistent_client', 'The client does not exist'));
  await assert.rejects(
    api.clients.create({ app_type: 'spa' }),
    refused(errors.BadRequestError, 'invalid_body', "Payload validation error: 'Missing required property: name'."),
  );
  await assert.rejects(
    api.connections.create({ name: 'email', strategy: 'email' }),
    refused(errors.ConflictError, undefined, 'A connection with the same name already exists'),
  );
  const reader = await managerWith(tenant, ['read:clients']);
  assert.ok((await everything(reader.clients.list())).length > 0);
  await assert.rejects(
    reader.clients.create({ name: 'mine' }),
    refused(errors.ForbiddenError, 'insufficient_scope', 'Insufficient scope, expected any of: create:clients'),
  );
  const stranger = manager(tenant, { token: 'nonsense' });
  await assert.rejects(stranger.clients.list(), ({ name, body }) => {
    assert.equal(name, 'UnauthorizedError');
    has(body, { statusCode: 401, error: 'Unauthorized' });
    return true;
  });
  const elsewhere = await new AuthClient({
    domain: dev.domain, clientId: dev.management.client_id, clientSecret: dev.management.client_secret,
  }).getTokenByClientCredentials({ audience: dev.management.audience });
  await assert.rejects(manager(tenant, { token: elsewhere.accessToken }).clients.list(), ({ statusCode }) => statusCode === 401);
});

test('applications', async (t) => {
  const made = await api.clients.create({
    name: 'Shop', app_type: 'regular_web', callbacks: ['https://shop.example/callback'], client_metadata: { tier: 'gold', stage: 'test' },
  });
  has(made, { name: 'Shop', app_type: 'regular_web', is_first_party: true, callbacks: ['https://shop.example/callback'] });
  assert.equal(made.client_secret.length, 64);
  assert.deepEqual(await api.clients.get(made.client_id), made);
  const { client_id: id, ...named } = await api.clients.get(made.client_id, { fields: 'name,app_type', include_fields: true });
  assert.deepEqual([id, named], [made.client_id, { name: 'Shop', app_type: 'regular_web' }]);

  const changed = await api.clients.update(made.client_id, { description: 'Sells', client_metadata: { stage: null, region: 'eu' } });
  has(changed, { name: 'Shop', description: 'Sells', client_metadata: { tier: 'gold', region: 'eu' } });

  await t.test('a rotated secret takes the place of the former', async () => {
    const rotated = await api.clients.rotateSecret(made.client_id);
    assert.notEqual(rotated.client_secret, made.client_secret);
    await api.clientGrants.create({ client_id: made.client_id, audience: tenant.management.audience, scope: ['read:roles'] });
    assert.deepEqual(await everything(manager({ ...tenant, management: rotated }).roles.list()), []);
    await assert.rejects(everything(manager({ ...tenant, management: made }).roles.list()));
  });

  await t.test('a key proves the application in place of a secret', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    const credential = await api.clients.credentials.create(made.client_id, { credential_type: 'public_key', name: 'first', pem, alg: 'RS256' });
    has(credential, { name: 'first', credential_type: 'public_key', alg: 'RS256' });
    assert.deepEqual((await api.clients.credentials.list(made.client_id)).map(({ id }) => id), [credential.id]);
    assert.equal((await api.clients.credentials.get(made.client_id, credential.id)).kid, credential.kid);
    const signed = await api.clients.update(made.client_id, {
      token_endpoint_auth_method: null,
      client_authentication_methods: { private_key_jwt: { credentials: [{ id: credential.id }] } },
    });
    assert.deepEqual(signed.client_authentication_methods, { private_key_jwt: { credentials: [{ id: credential.id }] } });
    const withKey = new ManagementClient({
      domain: tenant.domain, clientId: made.client_id, clientAssertionSigningKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    });
    assert.deepEqual(await everything(withKey.roles.list()), []);
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const limited = await api.clients.credentials.update(made.client_id, credential.id, { expires_at: until });
    assert.equal(new Date(limited.expires_at).toISOString(), until);

    await assert.rejects(api.clients.credentials.delete(made.client_id, credential.id), 'a credential in use stays');
    await api.clients.update(made.client_id, { client_authentication_methods: null, token_endpoint_auth_method: 'client_secret_post' });
    await api.clients.credentials.delete(made.client_id, credential.id);
    assert.deepEqual(await api.clients.credentials.list(made.client_id), []);
  });

  await t.test('the pages end, with every application once', async () => {
    for (let n = 0; n < 7; n++) {
      await api.clients.create({ name: `Many ${n}`, app_type: 'spa' });
    }
    const names = (list) => list.map(({ name }) => name).sort();
    const { total } = (await api.clients.list({ per_page: 1 })).response;
    for (const size of [{ per_page: 1 }, { per_page: 3 }, { per_page: total }, {}]) {
      const found = await everything(api.clients.list(size));
      assert.equal(found.length, total);
      assert.equal(new Set(found.map(({ client_id: id }) => id)).size, total, 'none came twice');
    }
    assert.equal(names(await everything(api.clients.list({ app_type: 'spa', per_page: 3 }))).filter((name) => name.startsWith('Many')).length, 7);
    const globals = await everything(api.clients.list({ is_global: true }));
    assert.deepEqual(names(globals), ['All Applications']);
  });

  await api.clients.delete(made.client_id);
  await assert.rejects(api.clients.get(made.client_id), refused(errors.NotFoundError, 'inexistent_client'));
});

test('connections', async (t) => {
  const one = await api.clients.create({ name: 'One', app_type: 'spa' });
  const two = await api.clients.create({ name: 'Two', app_type: 'spa' });
  const made = await api.connections.create({
    name: 'members', strategy: 'auth0', display_name: 'Members',
    options: {
      authentication_methods: { password: { enabled: false, api_behavior: 'optional', signup_behavior: 'block' }, email_otp: { enabled: true } },
      attributes: {
        email: {
          identifier: { active: true, default_method: 'email_otp' }, unique: true, profile_required: false, verification_method: 'otp',
          signup: { status: 'required', verification: { active: true } },
        },
      },
    },
  });
  assert.match(made.id, /^con_[A-Za-z0-9]{16}$/);
  has(made, { name: 'members', strategy: 'auth0', display_name: 'Members', realms: ['members'], is_domain_connection: false });
  assert.equal((await api.connections.get(made.id)).options.attributes.email.identifier.default_method, 'email_otp');
  assert.equal((await api.connections.get(made.id, { fields: 'name', include_fields: true })).id, made.id);

  const options = { ...made.options, disable_signup: true };
  assert.equal((await api.connections.update(made.id, { options })).options.disable_signup, true);
  await assert.rejects(
    api.connections.update(made.id, { options: { ...options, validation: { username: { min: 1, max: 5 } } } }),
    refused(errors.BadRequestError, 'invalid_body', /attributes/),
  );

  await t.test('applications are switched on and off', async () => {
    await api.connections.clients.update(made.id, [{ client_id: one.client_id, status: true }, { client_id: two.client_id, status: true }]);
    const ids = async () => (await everything(api.connections.clients.get(made.id, { take: 1 }))).map(({ client_id: id }) => id).sort();
    assert.deepEqual(await ids(), [one.client_id, two.client_id].sort());
    assert.ok((await everything(api.clients.connections.get(one.client_id, { take: 1 }))).some(({ id }) => id === made.id));
    await api.connections.clients.update(made.id, [{ client_id: one.client_id, status: false }]);
    assert.deepEqual(await ids(), [two.client_id]);
    await assert.rejects(api.connections.clients.update(made.id, [{ client_id: 'nobody', status: true }]), ({ statusCode }) => statusCode >= 400);
  });

  await t.test('e-mail and SMS', async () => {
    for (const [strategy, more] of [['email', { email: { subject: '{{ code }}', syntax: 'liquid', body: '<b>{{ code }}</b>' } }], ['sms', { template: '{{ code }}', syntax: 'md_with_macros' }]]) {
      const name = `second-${strategy}`;
      const connection = await api.connections.create({ name, strategy, options: { name, totp: { length: 6, time_step: 180 }, ...more } });
      assert.deepEqual((await api.connections.get(connection.id)).options.totp, { length: 6, time_step: 180 });
      await api.connections.checkStatus(connection.id);
      await api.connections.delete(connection.id);
    }
  });

  const listed = await everything(api.connections.list({ take: 1 }));
  assert.ok(listed.length >= 4);
  assert.equal(new Set(listed.map(({ id }) => id)).size, listed.length);
  assert.deepEqual((await everything(api.connections.list({ strategy: ['auth0'], name: 'members' }))).map(({ id }) => id), [made.id]);

  await api.connections.delete(made.id);
  await eventually(() => api.connections.get(made.id).then(() => 'there', refused(errors.NotFoundError, 'inexistent_connection')), (gone) => gone === true);
});

test('APIs and who may use them', async (t) => {
  const identifier = 'https://orders.example/v1';
  const made = await api.resourceServers.create({
    name: 'Orders', identifier, scopes: [{ value: 'read:orders', description: 'See' }, { value: 'write:orders' }], token_lifetime: 600,
  });
  has(made, { name: 'Orders', identifier, token_lifetime: 600, signing_alg: 'RS256' });
  assert.deepEqual(await api.resourceServers.get(made.id), made);
  assert.deepEqual(await api.resourceServers.get(identifier), made);
  has(await api.resourceServers.update(made.id, { allow_offline_access: true }), { allow_offline_access: true, token_lifetime: 600 });
  await assert.rejects(api.resourceServers.create({ identifier }), refused(errors.ConflictError));
  const listed = await everything(api.resourceServers.list({ per_page: 1 }));
  assert.ok(listed.some(({ is_system: system }) => system), 'the Management API itself is listed');
  assert.ok(listed.some(({ id }) => id === made.id));
  assert.deepEqual((await everything(api.resourceServers.list({ identifiers: [identifier] }))).map(({ id }) => id), [made.id]);

  await t.test('client grants', async () => {
    const app = await api.clients.create({ name: 'Robot', app_type: 'non_interactive' });
    const grant = await api.clientGrants.create({ client_id: app.client_id, audience: identifier, scope: ['read:orders'] });
    assert.match(grant.id, /^cgr_/);
    has(grant, { client_id: app.client_id, audience: identifier, scope: ['read:orders'] });
    assert.deepEqual((await api.clientGrants.get(grant.id)).scope, ['read:orders']);
    assert.deepEqual((await api.clientGrants.update(grant.id, { scope: ['read:orders', 'write:orders'] })).scope, ['read:orders', 'write:orders']);
    await assert.rejects(api.clientGrants.create({ client_id: app.client_id, audience: identifier, scope: [] }), refused(errors.ConflictError));
    for (const list of [{ take: 1 }, { client_id: app.client_id }, { audience: identifier }]) {
      assert.equal((await everything(api.clientGrants.list(list))).filter(({ id }) => id === grant.id).length, 1);
    }
    const auth = new AuthClient({ domain: tenant.domain, clientId: app.client_id, clientSecret: app.client_secret });
    const { accessToken } = await auth.getTokenByClientCredentials({ audience: identifier });
    assert.equal(claims(accessToken).scope, 'read:orders write:orders');
    await api.clientGrants.delete(grant.id);
    assert.deepEqual(await everything(api.clientGrants.list({ client_id: app.client_id })), []);
    await assert.rejects(auth.getTokenByClientCredentials({ audience: identifier }));
  });

  await api.resourceServers.delete(made.id);
  await assert.rejects(api.resourceServers.get(made.id), refused(errors.NotFoundError, 'inexistent_resource_server'));
});
