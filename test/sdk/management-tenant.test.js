// ManagementClient of `auth0` for Node: what a tenant is set to, from its
// settings and looks to its messages, protection, keys and Actions.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ManagementError } from 'auth0';
import { errors, eventually, everything, has, manager, managerWith, newTenant, refused } from '../client/management.js';
import { theme } from '../client/theme.js';

const tenant = await newTenant();
const api = manager(tenant);

test('tenant settings', async () => {
  has(await api.tenants.settings.update({
    friendly_name: 'Example Shop', support_email: 'help@shop.example', session_lifetime: 100, flags: { revoke_refresh_token_grant: true }, enabled_locales: ['en', 'de'],
  }), { friendly_name: 'Example Shop', session_lifetime: 100, enabled_locales: ['en', 'de'] });
  const read = await api.tenants.settings.get();
  has(read, { friendly_name: 'Example Shop', support_email: 'help@shop.example' });
  assert.equal(read.flags.revoke_refresh_token_grant, true);
  assert.deepEqual(await api.tenants.settings.get({ fields: 'support_email', include_fields: true }), { support_email: 'help@shop.example' });
  await assert.rejects(
    api.tenants.settings.update({ session_lifetime: 'long' }),
    refused(errors.BadRequestError, 'invalid_body', /^Payload validation error: 'Expected type integer but found type string' on property session_lifetime /),
  );
  const reader = await managerWith(tenant, ['read:tenant_settings']);
  assert.equal((await reader.tenants.settings.get()).friendly_name, 'Example Shop');
  await assert.rejects(
    reader.tenants.settings.update({ friendly_name: 'Mine' }),
    refused(errors.ForbiddenError, 'insufficient_scope', 'Insufficient scope, expected any of: update:tenant_settings'),
  );
});

test('prompts, their texts and partials', async () => {
  has(await api.prompts.updateSettings({ identifier_first: true }), { identifier_first: true, universal_login_experience: 'new' });
  assert.equal((await api.prompts.getSettings()).identifier_first, true);

  const texts = { 'login-id': { title: 'Welcome to the shop', description: 'Log in' } };
  await api.prompts.customText.set('login-id', 'en', texts);
  assert.deepEqual(await api.prompts.customText.get('login-id', 'en'), texts);
  assert.deepEqual(await api.prompts.customText.get('login-id', 'de'), {});
  await api.prompts.customText.set('login-id', 'en', {});
  assert.deepEqual(await api.prompts.customText.get('login-id', 'en'), {});

  const partials = { 'login-id': { 'form-content-start': '<p>Hello</p>' } };
  await api.prompts.partials.set('login-id', partials);
  assert.deepEqual(await api.prompts.partials.get('login-id'), partials);

  assert.deepEqual(await everything(api.prompts.rendering.list()), []);
});

test('branding, theme and page template', async () => {
  has(await api.branding.update({ colors: { primary: '#0A5C36', page_background: '#F4F4F4' }, logo_url: 'https://shop.example/logo.png' }), {
    colors: { primary: '#0A5C36', page_background: '#F4F4F4' }, logo_url: 'https://shop.example/logo.png',
  });
  assert.equal((await api.branding.get()).colors.primary, '#0A5C36');
  await assert.rejects(api.branding.update({ colors: { primary: 'no colour' } }), refused(errors.BadRequestError, 'invalid_body'));

  await assert.rejects(api.branding.themes.getDefault(), refused(errors.NotFoundError, 'theme_not_found'));
  const made = await api.branding.themes.create(theme);
  has(made, theme);
  assert.deepEqual(await api.branding.themes.getDefault(), made);
  assert.deepEqual(await api.branding.themes.get(made.themeId), made);
  const round = { ...theme, borders: { ...theme.borders, button_border_radius: 10 } };
  assert.equal((await api.branding.themes.update(made.themeId, round)).borders.button_border_radius, 10);
  await api.branding.themes.delete(made.themeId);
  await assert.rejects(api.branding.themes.get(made.themeId), refused(errors.NotFoundError, 'theme_not_found'));

  const page = '<html><head>{%- auth0:head -%}</head><body>{%- auth0:widget -%}</body></html>';
  await assert.rejects(api.branding.templates.getUniversalLogin(), refused(errors.NotFoundError, 'inexistent_templates_universal_login'));
  await api.branding.templates.updateUniversalLogin({ template: page });
  assert.equal((await api.branding.templates.getUniversalLogin()).body, page);
  await assert.rejects(api.branding.templates.updateUniversalLogin({ template: '<html></html>' }), refused(errors.BadRequestError, 'invalid_body'));
  await api.branding.templates.deleteUniversalLogin();
  await assert.rejects(api.branding.templates.getUniversalLogin(), refused(errors.NotFoundError, 'inexistent_templates_universal_login'));
  assert.deepEqual(await api.customDomains.list(), []);
});

test('phone providers and templates', async () => {
  const provider = await api.branding.phone.providers.create({
    name: 'twilio', configuration: { sid: 'AC0123456789abcdef0123456789abcdef', default_from: '+15005550006', delivery_methods: ['text'] }, credentials: { auth_token: 'hush' },
  });
  has(provider, { name: 'twilio', disabled: false });
  assert.equal(JSON.stringify(provider).includes('hush'), false, 'the credentials are not returned');
  assert.deepEqual((await api.branding.phone.providers.list()).providers.map(({ id }) => id), [provider.id]);
  has(await api.branding.phone.providers.update(provider.id, { disabled: true }), { disabled: true });
  assert.equal((await api.branding.phone.providers.get(provider.id)).disabled, true);

  const template = await api.branding.phone.templates.create({
    type: 'otp_verify', disabled: false, content: { syntax: 'liquid', from: '+15005550006', body: { text: '{{ code }}' } },
  });
  has(template, { type: 'otp_verify', channel: 'phone' });
  assert.equal((await api.branding.phone.templates.get(template.id)).content.body.text, '{{ code }}');
  assert.deepEqual((await api.branding.phone.templates.list()).templates.map(({ id }) => id), [template.id]);
  assert.equal((await api.branding.phone.templates.update(template.id, { content: { body: { text: 'Code {{ code }}' } } })).content.body.text, 'Code {{ code }}');
  await api.branding.phone.templates.delete(template.id);
  await api.branding.phone.providers.delete(provider.id);
  assert.deepEqual((await api.branding.phone.providers.list()).providers, []);
});

test('e-mail provider and templates', async () => {
  await assert.rejects(api.emails.provider.get(), refused(errors.NotFoundError, 'inexistent_email_provider'));
  const smtp = { smtp_host: 'mail.shop.example', smtp_port: 587, smtp_user: 'mailer' };
  const made = await api.emails.provider.create({ name: 'smtp', default_from_address: 'login@shop.example', credentials: { ...smtp, smtp_pass: 'hush' } });
  has(made, { name: 'smtp', enabled: true });
  assert.equal(made.credentials.smtp_pass, undefined);
  await assert.rejects(
    api.emails.provider.create({ name: 'smtp', default_from_address: 'login@shop.example', credentials: { ...smtp, smtp_pass: 'hush' } }),
    refused(errors.ConflictError),
  );
  has(await api.emails.provider.update({ default_from_address: 'hello@shop.example' }), { default_from_address: 'hello@shop.example' });
  const read = await api.emails.provider.get({ fields: 'name,credentials,default_from_address', include_fields: true });
  has(read, { name: 'smtp', default_from_address: 'hello@shop.example' });
  has(read.credentials, smtp);
  await api.emails.provider.delete();
  await assert.rejects(api.emails.provider.get(), refused(errors.NotFoundError, 'inexistent_email_provider'));

  await assert.rejects(api.emailTemplates.get('verify_email'), refused(ManagementError, 'inexistent_email_template'));
  const template = { template: 'verify_email', subject: 'Confirm', body: '<a href="{{ url }}">Confirm</a>', syntax: 'liquid', from: 'login@shop.example', enabled: true };
  has(await api.emailTemplates.create(template), template);
  await assert.rejects(api.emailTemplates.create(template), refused(errors.ConflictError));
  has(await api.emailTemplates.update('verify_email', { subject: 'Please confirm' }), { subject: 'Please confirm', body: template.body });
  has(await api.emailTemplates.set('verify_email', template), { subject: 'Confirm' });
  has(await api.emailTemplates.get('verify_email'), template);
});

test('attack protection', async () => {
  const { attackProtection } = api;
  has(await attackProtection.bruteForceProtection.update({ max_attempts: 5, allowlist: ['10.0.0.1'] }), { enabled: true, max_attempts: 5, allowlist: ['10.0.0.1'] });
  assert.equal((await attackProtection.bruteForceProtection.get()).max_attempts, 5);
  has(await attackProtection.suspiciousIpThrottling.update({ enabled: false }), { enabled: false });
  assert.equal((await attackProtection.suspiciousIpThrottling.get()).enabled, false);
  has(await attackProtection.breachedPasswordDetection.update({ enabled: true, method: 'standard' }), { enabled: true, method: 'standard' });
  assert.equal((await attackProtection.breachedPasswordDetection.get()).enabled, true);
  has(await attackProtection.botDetection.update({ bot_detection_level: 'low' }), { bot_detection_level: 'low' });
  assert.equal((await attackProtection.botDetection.get()).bot_detection_level, 'low');
  await attackProtection.captcha.update({ active_provider_id: 'auth_challenge', auth_challenge: { fail_open: true } });
  has(await attackProtection.captcha.get(), { active_provider_id: 'auth_challenge', auth_challenge: { fail_open: true } });
  await assert.rejects(attackProtection.bruteForceProtection.update({ max_attempts: 0 }), refused(errors.BadRequestError, 'invalid_body'));
  await api.anomaly.blocks.unblockIp('203.0.113.7');
  await assert.rejects(api.anomaly.blocks.checkIp('203.0.113.7'), ({ statusCode }) => statusCode === 404);
});

test('guardian', async () => {
  const factors = await api.guardian.factors.list();
  assert.ok(factors.some(({ name }) => name === 'otp'));
  assert.equal((await api.guardian.factors.set('otp', { enabled: true })).enabled, true);
  assert.equal((await api.guardian.factors.list()).find(({ name }) => name === 'otp').enabled, true);
  assert.deepEqual(await api.guardian.policies.set(['all-applications']), ['all-applications']);
  assert.deepEqual(await api.guardian.policies.list(), ['all-applications']);
  assert.deepEqual(await api.guardian.policies.set([]), []);
  has(await api.guardian.factors.phone.setMessageTypes({ message_types: ['sms'] }), { message_types: ['sms'] });
  has(await api.guardian.factors.phone.getMessageTypes(), { message_types: ['sms'] });
  await api.guardian.factors.phone.setProvider({ provider: 'auth0' });
  has(await api.guardian.factors.phone.getSelectedProvider(), { provider: 'auth0' });
  await api.guardian.factors.phone.setTwilioProvider({ from: '+15005550006', sid: 'AC0123456789abcdef0123456789abcdef', auth_token: 'hush' });
  assert.equal((await api.guardian.factors.phone.getTwilioProvider()).from, '+15005550006');
  const templates = { enrollment_message: '{{ code }} to enrol', verification_message: '{{ code }} to log in' };
  await api.guardian.factors.phone.setTemplates(templates);
  has(await api.guardian.factors.phone.getTemplates(), templates);
});

test('Actions, their versions and bindings', async () => {
  const trigger = (await api.actions.triggers.list()).triggers.find(({ id }) => id === 'post-login');
  const made = await api.actions.create({
    name: 'add-claim', supported_triggers: [{ id: 'post-login', version: trigger.version }], runtime: 'node22',
    code: 'exports.onExecutePostLogin = async () => {};', secrets: [{ name: 'KEY', value: 'hush' }],
  });
  has(made, { name: 'add-claim', all_changes_deployed: false });
  assert.deepEqual(made.secrets.map(({ name }) => name), ['KEY']);
  assert.equal(JSON.stringify(made).includes('hush'), false);
  const built = () => eventually(() => api.actions.get(made.id), ({ status }) => status === 'built');
  await built();
  const first = await api.actions.deploy(made.id);
  assert.equal(first.number, 1);
  const changed = await api.actions.update(made.id, { code: 'exports.onExecutePostLogin = async () => { /* second */ };' });
  assert.equal(changed.all_changes_deployed, false);
  await built();
  const second = await api.actions.deploy(made.id);
  assert.equal(second.number, 2);
  const versions = await everything(api.actions.versions.list(made.id, { per_page: 1 }));
  assert.deepEqual(versions.map(({ number }) => number).sort(), [1, 2]);
  assert.equal((await api.actions.versions.get(made.id, first.id)).code, made.code);
  const rolledBack = await api.actions.versions.deploy(made.id, first.id);
  assert.equal(rolledBack.code, made.code);
  assert.equal((await api.actions.get(made.id)).deployed_version.code, made.code);

  await api.actions.triggers.bindings.updateMany('post-login', { bindings: [{ ref: { type: 'action_name', value: 'add-claim' }, display_name: 'Adds a claim' }] });
  const bindings = await everything(api.actions.triggers.bindings.list('post-login'));
  assert.deepEqual(bindings.map(({ display_name: name, action }) => [name, action.id]), [['Adds a claim', made.id]]);
  await assert.rejects(api.actions.delete(made.id), ({ statusCode }) => statusCode === 409 || statusCode === 400);
  assert.deepEqual((await everything(api.actions.list({ triggerId: 'post-login', deployed: true }))).map(({ id }) => id), [made.id]);
  await api.actions.triggers.bindings.updateMany('post-login', { bindings: [] });

  for (let n = 0; n < 4; n++) {
    await api.actions.create({ name: `more-${n}`, supported_triggers: [{ id: 'post-login', version: trigger.version }], code: '' });
  }
  assert.equal((await everything(api.actions.list({ per_page: 2 }))).length, 5);
  await api.actions.delete(made.id);
  await assert.rejects(api.actions.get(made.id), ({ statusCode }) => statusCode === 404);
});

test('log streams', async () => {
  const made = await api.logStreams.create({
    name: 'archive', type: 'http',
    sink: { httpEndpoint: 'https://logs.example/in', httpContentType: 'application/json', httpContentFormat: 'JSONLINES', httpAuthorization: 'hush' },
  });
  has(made, { name: 'archive', type: 'http', status: 'active' });
  has(await api.logStreams.update(made.id, { status: 'paused' }), { status: 'paused' });
  assert.deepEqual((await api.logStreams.list()).map(({ id }) => id), [made.id]);
  assert.equal((await api.logStreams.get(made.id)).sink.httpEndpoint, 'https://logs.example/in');
  await api.logStreams.delete(made.id);
  assert.deepEqual(await api.logStreams.list(), []);
});

test('what is not built answers as an empty tenant does', async () => {
  const empty = [
    api.rules.list(), api.hooks.list(), api.flows.list(), api.forms.list(), api.flows.vault.connections.list(), api.selfServiceProfiles.list(), api.networkAcls.list(),
    api.userAttributeProfiles.list({ take: 10 }), api.connectionProfiles.list({ take: 10 }), api.tokenExchangeProfiles.list(), api.eventStreams.list(), api.actions.modules.list(),
  ];
  assert.deepEqual(await Promise.all(empty.map((list) => everything(list))), empty.map(() => []));
  assert.deepEqual(await api.rulesConfigs.list(), []);
  has(await api.riskAssessments.settings.get(), { enabled: false });
});

// The last of all: it ends the tokens that are under way.
test('signing keys', async () => {
  const before = await api.keys.signing.list();
  const current = before.find((key) => key.current);
  assert.match(current.cert, /^-----BEGIN CERTIFICATE-----/);
  assert.equal((await api.keys.signing.get(current.kid)).kid, current.kid);
  const jwks = async () => (await (await fetch(`${tenant.issuer}.well-known/jwks.json`)).json()).keys.map(({ kid }) => kid);
  assert.ok((await jwks()).includes(current.kid));

  const { kid } = await api.keys.signing.rotate();
  const after = await api.keys.signing.list();
  assert.equal(after.find((key) => key.current).kid, kid);
  assert.equal(after.find((key) => key.previous).kid, current.kid);
  const fresh = manager(tenant); // its token is signed by the new key
  assert.equal((await fresh.keys.signing.revoke(current.kid)).kid, current.kid);
  assert.equal((await fresh.keys.signing.get(current.kid)).revoked, true);
  assert.equal((await jwks()).includes(current.kid), false);
  await assert.rejects(fresh.keys.signing.get('nobody'), ({ statusCode }) => statusCode === 404);
});
