// ManagementClient of `auth0` for Node: users and what belongs to them, roles,
// organizations, jobs, tickets and logs; and what a user's own token may do.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { callback, claims, newAddress, readMessage } from '../client/dev.js';
import { errors, eventually, everything, has, manager, newTenant, refused } from '../client/management.js';
import { Visitor } from '../client/visitor.js';

const tenant = await newTenant();
const api = manager(tenant);
const members = await api.connections.create({ name: 'members', strategy: 'auth0' });
await api.connections.clients.update(members.id, [{ client_id: tenant.management.client_id, status: true }]);

/** A user of the database. */
const newUser = (more) => api.users.create({ connection: 'members', email: newAddress('user'), password: 'Correct-horse-7-battery', verify_email: false, ...more });
const ids = (list) => list.map(({ user_id: id }) => id).sort();

test('users', async () => {
  const email = newAddress('Ada').toLowerCase();
  const made = await newUser({ email, given_name: 'Ada', user_metadata: { colour: 'green', size: 4 }, app_metadata: { plan: 'gold' } });
  assert.match(made.user_id, /^auth0\|[0-9a-f]{24}$/);
  has(made, { email, email_verified: false, given_name: 'Ada', name: email, user_metadata: { colour: 'green', size: 4 } });
  has(made.identities[0], { connection: 'members', provider: 'auth0', isSocial: false });
  assert.deepEqual(await api.users.get(made.user_id), made);
  assert.deepEqual(await api.users.get(made.user_id, { fields: 'email', include_fields: true }), { email, user_id: made.user_id });
  assert.deepEqual(await api.users.listUsersByEmail({ email }), [made]);

  const changed = await api.users.update(made.user_id, { nickname: 'countess', user_metadata: { size: null, hat: true } });
  has(changed, { nickname: 'countess', user_metadata: { colour: 'green', hat: true }, app_metadata: { plan: 'gold' } });
  assert.equal((await api.users.update(made.user_id, { blocked: true })).blocked, true);
  await assert.rejects(
    api.users.update(made.user_id, { email: newAddress(), password: 'Another-horse-9-battery' }),
    refused(errors.BadRequestError, 'invalid_body', 'Cannot update password and email simultaneously.'),
  );
  await assert.rejects(newUser({ email }), refused(errors.ConflictError, 'auth0_idp_error', 'The user already exists.'));
  await assert.rejects(api.users.create({ email }), refused(errors.BadRequestError, 'invalid_body', "Payload validation error: 'Missing required property: connection'."));

  await api.users.delete(made.user_id);
  await assert.rejects(api.users.get(made.user_id), refused(errors.NotFoundError, 'inexistent_user', 'The user does not exist.'));
  await api.users.delete(made.user_id);
});

test('users are searched and paged', async () => {
  const crew = randomBytes(4).toString('hex');
  const made = [];
  for (let n = 0; n < 5; n++) {
    made.push(await newUser({ name: `${crew} sailor ${n}`, app_metadata: { crew, rank: n } }));
  }
  const found = (q, more) => everything(api.users.list({ q, ...more })).then(ids);
  assert.deepEqual(await found(`app_metadata.crew:"${crew}"`), ids(made));
  assert.deepEqual(await found(`app_metadata.crew:"${crew}"`, { per_page: 2 }), ids(made));
  assert.deepEqual(await found(`name:"${crew} sailor 3"`), [made[3].user_id]);
  assert.deepEqual(await found(`email:"${made[1].email}" OR email:"${made[2].email}"`), ids([made[1], made[2]]));
  assert.deepEqual(await found(`name:${crew}*`), ids(made));
  assert.deepEqual(await found(`app_metadata.crew:"${crew}" AND app_metadata.rank:[3 TO *]`), ids(made.slice(3)));
  const sorted = await everything(api.users.list({ q: `app_metadata.crew:"${crew}"`, sort: 'email:-1', per_page: 2 }));
  assert.deepEqual(sorted.map(({ email }) => email), made.map(({ email }) => email).sort().reverse());
  assert.equal((await api.users.list({ q: `app_metadata.crew:"${crew}"`, per_page: 1 })).response.total, 5);
  await assert.rejects(found('email:('), refused(errors.BadRequestError, 'invalid_query_string'));
});

test('identities are linked and unlinked', async () => {
  const primary = await newUser();
  const phone = `+1555${String(Date.now()).slice(-7)}`;
  const secondary = await api.users.create({ connection: 'sms', phone_number: phone, phone_verified: true });
  const linked = await api.users.identities.link(primary.user_id, { provider: 'sms', user_id: secondary.user_id });
  assert.deepEqual(linked.map(({ provider }) => provider), ['auth0', 'sms']);
  assert.equal(linked[1].profileData.phone_number, phone);
  await assert.rejects(api.users.get(secondary.user_id), refused(errors.NotFoundError, 'inexistent_user'));
  const left = await api.users.identities.delete(primary.user_id, 'sms', linked[1].user_id);
  assert.deepEqual(left.map(({ provider }) => provider), ['auth0']);
  assert.equal((await api.users.get(secondary.user_id)).phone_number, phone);
});

test('roles, permissions and organizations', async () => {
  const identifier = 'https://ships.example';
  await api.resourceServers.create({ identifier, name: 'Ships', scopes: [{ value: 'steer', description: 'Turn the wheel' }, { value: 'sink' }] });
  const role = await api.roles.create({ name: 'Captain', description: 'Leads' });
  assert.match(role.id, /^rol_[A-Za-z0-9]{16}$/);
  has(await api.roles.update(role.id, { description: 'Leads a ship' }), { name: 'Captain', description: 'Leads a ship' });
  assert.equal((await api.roles.get(role.id)).description, 'Leads a ship');
  const permission = (name) => ({ resource_server_identifier: identifier, permission_name: name });
  await api.roles.permissions.add(role.id, { permissions: [permission('steer'), permission('sink')] });
  await api.roles.permissions.delete(role.id, { permissions: [permission('sink')] });
  assert.deepEqual((await everything(api.roles.permissions.list(role.id))).map(({ permission_name: name }) => name), ['steer']);

  const user = await newUser();
  await api.users.roles.assign(user.user_id, { roles: [role.id] });
  assert.deepEqual((await everything(api.users.roles.list(user.user_id))).map(({ id }) => id), [role.id]);
  assert.deepEqual(ids(await everything(api.roles.users.list(role.id, { take: 1 }))), [user.user_id]);
  const other = await newUser();
  await api.roles.users.assign(role.id, { users: [other.user_id] });
  assert.deepEqual(ids(await everything(api.roles.users.list(role.id, { take: 1 }))), ids([user, other]));
  await api.users.permissions.create(user.user_id, { permissions: [permission('sink')] });
  const permissions = async () => (await everything(api.users.permissions.list(user.user_id))).map(({ permission_name: name }) => name).sort();
  assert.ok((await permissions()).includes('sink'));
  await api.users.permissions.delete(user.user_id, { permissions: [permission('sink')] });
  assert.equal((await permissions()).includes('sink'), false);
  await api.users.roles.delete(user.user_id, { roles: [role.id] });
  assert.deepEqual(await everything(api.users.roles.list(user.user_id)), []);
  for (let n = 0; n < 4; n++) {
    await api.roles.create({ name: `Mate ${n}` });
  }
  assert.equal((await everything(api.roles.list({ per_page: 2 }))).length, 5);
  assert.equal((await everything(api.roles.list({ name_filter: 'mate' }))).length, 4);
  await api.roles.delete(role.id);
  await assert.rejects(api.roles.get(role.id), ({ statusCode }) => statusCode === 404);

  const made = await api.organizations.create({ name: 'fleet', display_name: 'The fleet' });
  assert.match(made.id, /^org_[A-Za-z0-9]{16}$/);
  has(await api.organizations.update(made.id, { metadata: { ocean: 'north' } }), { name: 'fleet', metadata: { ocean: 'north' } });
  assert.equal((await api.organizations.getByName('fleet')).id, made.id);
  await assert.rejects(api.organizations.create({ name: 'fleet' }), refused(errors.ConflictError, 'organization_conflict'));
  await api.organizations.create({ name: 'harbour' });
  assert.deepEqual((await everything(api.organizations.list({ take: 1 }))).map(({ name }) => name).sort(), ['fleet', 'harbour']);
  assert.deepEqual(await everything(api.organizations.members.list(made.id)), []);
  await api.organizations.delete(made.id);
  await assert.rejects(api.organizations.get(made.id), ({ statusCode }) => statusCode === 404);
});

test('authentication methods and blocks', async () => {
  const user = await newUser();
  const { authenticationMethods } = api.users;
  const phone = await authenticationMethods.create(user.user_id, { type: 'phone', name: 'mine', phone_number: '+15555550123', preferred_authentication_method: 'sms' });
  has(phone, { type: 'phone', name: 'mine' });
  assert.ok((await everything(authenticationMethods.list(user.user_id))).some(({ id }) => id === phone.id));
  has(await authenticationMethods.update(user.user_id, phone.id, { name: 'work' }), { name: 'work' });
  has(await authenticationMethods.get(user.user_id, phone.id), { id: phone.id, type: 'phone', name: 'work' });
  await authenticationMethods.set(user.user_id, [{ type: 'email', email: user.email, name: 'letters' }]);
  assert.ok((await everything(authenticationMethods.list(user.user_id))).some(({ name }) => name === 'letters'));
  await authenticationMethods.deleteAll(user.user_id);
  assert.deepEqual((await everything(authenticationMethods.list(user.user_id))).filter(({ name }) => name), []);

  assert.deepEqual((await api.userBlocks.list(user.user_id)).blocked_for, []);
  assert.deepEqual((await api.userBlocks.listByIdentifier({ identifier: user.email })).blocked_for, []);
  await api.userBlocks.delete(user.user_id);
  await api.userBlocks.deleteByIdentifier({ identifier: user.email });
  assert.deepEqual(await api.users.enrollments.get(user.user_id), []);
  await assert.rejects(api.userBlocks.list('auth0|nobody'), refused(errors.NotFoundError, 'inexistent_user'));
});

test('jobs: users come in, go out, and verify their address', async (t) => {
  const done = (id) => eventually(() => api.jobs.get(id), ({ status }) => status === 'completed' || status === 'failed');
  const [first, second] = [newAddress('first'), newAddress('second')];

  await t.test('import', async () => {
    const users = new Blob([JSON.stringify([
      { email: first, given_name: 'First', app_metadata: { imported: true }, password_hash: '$2b$10$abcdefghijklmnopqrstuuCJO8nKOvOa6pAh4HLgZqWAbZxbFvQIi' },
      { email: second, email_verified: true },
    ])], { type: 'application/json' });
    const job = await api.jobs.usersImports.create({ users, connection_id: members.id, external_id: 'ours', send_completion_email: false });
    has(job, { type: 'users_import', connection_id: members.id, external_id: 'ours' });
    const finished = await done(job.id);
    has(finished, { status: 'completed', summary: { failed: 0, updated: 0, inserted: 2, total: 2 } });
    const [user] = await api.users.listUsersByEmail({ email: first });
    has(user, { given_name: 'First', app_metadata: { imported: true } });

    const again = await api.jobs.usersImports.create({ users, connection_id: members.id, send_completion_email: false });
    has(await done(again.id), { summary: { failed: 2, updated: 0, inserted: 0, total: 2 } });
    const failures = await api.jobs.errors.get(again.id);
    assert.deepEqual(failures.map(({ user: { email } }) => email).sort(), [first, second].sort());
    assert.equal(failures[0].errors[0].code, 'DUPLICATED_USER');
    await assert.rejects(
      api.jobs.usersImports.create({ users, connection_id: 'con_0000000000000000' }),
      refused(errors.BadRequestError, 'inexistent_connection', 'The connection does not exist.'),
    );
  });

  await t.test('export', async () => {
    const job = await api.jobs.usersExports.create({ connection_id: members.id, format: 'json', fields: [{ name: 'email' }, { name: 'user_id' }] });
    const { location, status } = await done(job.id);
    assert.equal(status, 'completed');
    const file = Buffer.from(await (await fetch(location)).arrayBuffer());
    const text = (file[0] === 0x1f ? gunzipSync(file) : file).toString();
    const lines = text.trim().split('\n').map((line) => JSON.parse(line));
    assert.ok([first, second].every((email) => lines.some((line) => line.email === email)));
  });

  await t.test('verification', async () => {
    const user = await newUser();
    const job = await api.jobs.verificationEmail.create({ user_id: user.user_id });
    has(await done(job.id), { type: 'verification_email', status: 'completed' });
    assert.match((await readMessage(user.email)).link, /\/u\/email-verification\?ticket=/);

    const { ticket } = await api.tickets.verifyEmail({ user_id: user.user_id, result_url: 'https://shop.example/verified', ttl_sec: 60 });
    assert.ok(ticket.startsWith(`${tenant.issuer}u/email-verification?ticket=`));
    await assert.rejects(api.tickets.verifyEmail({ user_id: 'auth0|nobody' }), refused(errors.NotFoundError, 'inexistent_user'));
  });

  await assert.rejects(api.jobs.get('job_0000000000000000'), refused(errors.NotFoundError, undefined, 'The job does not exist'));
});

test('logs and statistics', async () => {
  const user = await newUser();
  const wrote = (entries) => entries.filter(({ type, description }) => type === 'sapi' && /user/i.test(description));
  const entries = await eventually(() => everything(api.logs.list({ per_page: 20 }), 5000), (all) => wrote(all).length > 0);
  const [entry] = wrote(entries);
  has(await api.logs.get(entry.log_id), { log_id: entry.log_id, type: 'sapi', client_id: tenant.management.client_id });
  const writes = await everything(api.logs.list({ search: 'type:"sapi"', per_page: 20 }), 5000);
  assert.ok(writes.length > 0 && writes.every(({ type }) => type === 'sapi'));
  assert.ok(Array.isArray(await everything(api.users.logs.list(user.user_id))));
  await assert.rejects(api.logs.get('90020000000000000000000000000000000000000000000000000000'), refused(errors.NotFoundError, 'inexistent_log'));

  assert.equal(typeof (await api.stats.getActiveUsersCount()), 'number');
  assert.ok(Array.isArray(await api.stats.getDaily()));
});

/** Logs a new person in by e-mail code; returns their tokens. */
async function login(visitor, scope, more = {}) {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL('authorize', tenant.issuer);
  url.search = new URLSearchParams({
    client_id: tenant.spa.client_id, response_type: 'code', redirect_uri: callback, scope, state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256', ...more,
  });
  let next = await visitor.login(url, newAddress('person'));
  if (next.url?.pathname === '/u/consent') {
    next = await visitor.submit(next, { action: 'accept' });
  }
  const answer = await fetch(new URL('oauth/token', tenant.issuer), {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code', client_id: tenant.spa.client_id, redirect_uri: callback, code: next.location.searchParams.get('code'), code_verifier: verifier,
    }),
  });
  const tokens = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(tokens));
  return { ...tokens, user: claims(tokens.id_token) };
}

test('sessions, refresh tokens and what they leave in the log', async () => {
  const { user, refresh_token: refreshToken } = await login(new Visitor(tenant.issuer), 'openid profile email offline_access');
  const [session] = await everything(api.users.sessions.list(user.sub, { take: 1 }));
  has(session, { id: user.sid, user_id: user.sub });
  has(await api.sessions.get(session.id), { id: session.id, user_id: user.sub });
  const [token] = await everything(api.users.refreshToken.list(user.sub, { take: 1 }));
  has(token, { user_id: user.sub, client_id: tenant.spa.client_id, session_id: session.id });
  has(await api.refreshTokens.get(token.id), { id: token.id });
  assert.deepEqual((await everything(api.refreshTokens.list({ user_id: user.sub, take: 1 }))).map(({ id }) => id), [token.id]);
  const devices = await everything(api.deviceCredentials.list({ user_id: user.sub, per_page: 1 }));
  assert.deepEqual(devices.map(({ client_id: id, user_id: owner }) => [id, owner]), [[tenant.spa.client_id, user.sub]]);
  await eventually(() => everything(api.users.logs.list(user.sub)), (entries) => entries.some(({ type, user_id: id }) => type === 's' && id === user.sub));
  const read = await api.users.get(user.sub);
  assert.equal(read.logins_count, 1);

  await api.refreshTokens.delete(token.id);
  await assert.rejects(api.refreshTokens.get(token.id), ({ statusCode }) => statusCode === 404);
  const renewed = await fetch(new URL('oauth/token', tenant.issuer), {
    method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', client_id: tenant.spa.client_id, refresh_token: refreshToken }),
  });
  assert.equal((await renewed.json()).error, 'invalid_grant');
  await api.sessions.delete(session.id);
  await eventually(() => everything(api.users.sessions.list(user.sub)), (list) => list.length === 0);
});

test('what a person consented to is seen and taken back', async () => {
  const { user } = await login(new Visitor(tenant.issuer), 'openid read:current_user', { audience: tenant.management.audience });
  const grants = () => everything(api.userGrants.list({ user_id: user.sub, per_page: 1 }));
  const [grant, ...more] = await grants();
  assert.deepEqual(more, []);
  has(grant, { clientID: tenant.spa.client_id, user_id: user.sub, audience: tenant.management.audience });
  assert.ok(grant.scope.includes('read:current_user'));
  await api.userGrants.delete(grant.id);
  assert.deepEqual(await grants(), []);
  await api.userGrants.deleteByUserId({ user_id: user.sub });
});

test('a person’s own token reads them, changes their metadata, and nothing else', async () => {
  const scope = 'openid profile email read:current_user update:current_user_metadata';
  const { user, access_token: token } = await login(new Visitor(tenant.issuer), scope, { audience: tenant.management.audience });
  const own = manager(tenant, { token });
  assert.equal((await own.users.get(user.sub)).email, user.email);
  const changed = await own.users.update(user.sub, { user_metadata: { colour: 'green' } });
  assert.deepEqual(changed.user_metadata, { colour: 'green' });
  assert.deepEqual((await api.users.get(user.sub)).user_metadata, { colour: 'green' });

  const other = await newUser();
  for (const attempt of [
    () => own.users.get(other.user_id),
    () => own.users.update(other.user_id, { user_metadata: { colour: 'red' } }),
    () => own.users.update(user.sub, { app_metadata: { admin: true } }),
    () => own.users.update(user.sub, { email_verified: true }),
    () => own.users.delete(user.sub),
    () => own.users.list(),
    () => own.clients.create({ name: 'mine' }),
    () => own.tenants.settings.get(),
  ]) {
    await assert.rejects(attempt, ({ statusCode }) => statusCode === 403 || statusCode === 401, String(attempt));
  }
  has(await api.users.get(user.sub), { user_metadata: { colour: 'green' }, app_metadata: undefined });
});
