// The configuration of a shop: something of every type that tools carry from
// one tenant to another.
import { everything, eventually } from './management.js';
import { theme } from './theme.js';

/** What replaces the markers of its secrets, which are never exported. */
export const secrets = { SMTP_USER: 'mailer', SMTP_PASS: 'hush', TWILIO_AUTH_TOKEN: 'hush', LOGSTREAMS_HTTP_SECRET: 'hush' };

/** Takes the sample applications, their API and connections out of a tenant. */
export async function empty(api, tenant) {
  for (const app of await everything(api.clients.list({ is_global: false }))) {
    if (app.client_id !== tenant.management.client_id) {
      await api.clients.delete(app.client_id);
    }
  }
  for (const server of await everything(api.resourceServers.list())) {
    if (!server.is_system) {
      await api.resourceServers.delete(server.id);
    }
  }
  for (const connection of await everything(api.connections.list())) {
    await api.connections.delete(connection.id);
  }
  await api.tenants.settings.update({ enabled_locales: ['en'] });
}

/** Sets a tenant up as a shop. It speaks one language: the deploy CLI asks for some forty texts in each. */
export async function shop(api, tenant) {
  await api.tenants.settings.update({
    friendly_name: 'Example Shop', support_email: 'help@shop.example', support_url: 'https://shop.example/help', enabled_locales: ['de'],
    session_lifetime: 100, idle_session_lifetime: 50, flags: { revoke_refresh_token_grant: true },
    session_cookie: { mode: 'persistent' },
    error_page: { html: '<h1>Something went wrong</h1>', show_log_link: false, url: '' },
  });

  await api.resourceServers.create({
    name: 'Orders', identifier: 'https://orders.example/v1', token_lifetime: 3600, allow_offline_access: true,
    enforce_policies: true, token_dialect: 'access_token_authz',
    scopes: [{ value: 'read:orders', description: 'See orders' }, { value: 'write:orders', description: 'Place orders' }],
  });
  const spa = await api.clients.create({
    name: 'Shop SPA', app_type: 'spa', oidc_conformant: true, token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'],
    callbacks: ['https://shop.example/callback'], allowed_logout_urls: ['https://shop.example'], web_origins: ['https://shop.example'],
    jwt_configuration: { alg: 'RS256', lifetime_in_seconds: 3600 }, client_metadata: { team: 'web' },
    refresh_token: {
      rotation_type: 'rotating', expiration_type: 'expiring', leeway: 0, token_lifetime: 2592000, idle_token_lifetime: 1296000,
      infinite_token_lifetime: false, infinite_idle_token_lifetime: false,
    },
  });
  const robot = await api.clients.create({ name: 'Shop Robot', app_type: 'non_interactive', oidc_conformant: true, grant_types: ['client_credentials'] });
  await api.clientGrants.create({ client_id: robot.client_id, audience: 'https://orders.example/v1', scope: ['read:orders'] });
  await api.clientGrants.create({ client_id: robot.client_id, audience: tenant.management.audience, scope: ['read:users', 'update:users'] });

  const email = await api.connections.create({
    name: 'email', strategy: 'email',
    options: {
      name: 'email', disable_signup: false, brute_force_protection: true, totp: { length: 6, time_step: 180 },
      email: { from: 'Shop <login@shop.example>', subject: '{{ code }} is your code', syntax: 'liquid', body: '<p>Your code: <b>{{ code }}</b></p>\n' },
    },
  });
  const sms = await api.connections.create({
    name: 'sms', strategy: 'sms',
    options: {
      name: 'sms', disable_signup: true, brute_force_protection: true, totp: { length: 6, time_step: 300 }, template: 'Code: @@password@@', syntax: 'md_with_macros',
      provider: 'sms_gateway', gateway_url: 'https://sms.example/send', from: '+15005550006', forward_req_info: true,
    },
  });
  const members = await api.connections.create({
    name: 'members', strategy: 'auth0',
    options: {
      brute_force_protection: true, disable_self_service_change_password: true,
      authentication_methods: {
        password: { enabled: false, api_behavior: 'optional', signup_behavior: 'block' }, passkey: { enabled: false }, email_otp: { enabled: true }, phone_otp: { enabled: true },
      },
      attributes: {
        email: {
          identifier: { active: true, default_method: 'email_otp' }, unique: true, profile_required: false, verification_method: 'otp',
          signup: { status: 'required', verification: { active: true } },
        },
        phone_number: { identifier: { active: true, default_method: 'phone_otp' }, profile_required: false, signup: { status: 'optional', verification: { active: true } } },
      },
    },
  });
  for (const { id } of [email, sms, members]) {
    await api.connections.clients.update(id, [{ client_id: spa.client_id, status: true }]);
  }
  await api.tenants.settings.update({ default_directory: 'members' });

  const clerk = await api.roles.create({ name: 'Clerk', description: 'Serves customers' });
  await api.roles.permissions.add(clerk.id, { permissions: [{ resource_server_identifier: 'https://orders.example/v1', permission_name: 'read:orders' }] });
  await api.roles.create({ name: 'Auditor', description: 'Looks on' });
  await api.organizations.create({ name: 'branch', display_name: 'The branch', metadata: { city: 'Berlin' } });

  const action = await api.actions.create({
    name: 'add-login-method', supported_triggers: [{ id: 'post-login', version: 'v3' }], runtime: 'node22',
    code: "exports.onExecutePostLogin = async (event, api) => {\n  api.idToken.setCustomClaim('https://shop.example/connection', event.connection.name);\n};\n",
    dependencies: [{ name: 'lodash', version: '4.17.21' }],
  });
  await eventually(() => api.actions.get(action.id), ({ status }) => status === 'built');
  await api.actions.deploy(action.id);
  await api.actions.triggers.bindings.updateMany('post-login', { bindings: [{ ref: { type: 'action_id', value: action.id }, display_name: 'Login method' }] });

  await api.emails.provider.create({
    name: 'smtp', enabled: true, default_from_address: 'login@shop.example', credentials: { smtp_host: 'mail.shop.example', smtp_port: 587, smtp_user: 'mailer', smtp_pass: 'hush' },
  });
  for (const [template, more] of [['verify_email', { urlLifetimeInSeconds: 432000, resultUrl: 'https://shop.example/verified' }], ['verify_email_by_code', {}], ['welcome_email', {}]]) {
    await api.emailTemplates.create({ template, subject: `Subject of ${template}`, body: `<p>{{ user.email }} ${template}</p>\n`, syntax: 'liquid', from: 'login@shop.example', enabled: true, ...more });
  }
  await api.branding.phone.providers.create({
    name: 'twilio', configuration: { sid: 'AC0123456789abcdef0123456789abcdef', default_from: '+15005550006', delivery_methods: ['text'] }, credentials: { auth_token: 'hush' },
  });
  await api.branding.phone.templates.create({ type: 'otp_verify', disabled: false, content: { syntax: 'liquid', from: '+15005550006', body: { text: '{{ code }}', voice: '{{ code }}' } } });

  await api.branding.update({ colors: { primary: '#0A5C36', page_background: '#F4F4F4' }, logo_url: 'https://shop.example/logo.png', font: { url: 'https://shop.example/font.woff' } });
  await api.branding.themes.create(theme);
  await api.prompts.updateSettings({ identifier_first: true });
  await api.prompts.customText.set('login-id', 'de', { 'login-id': { title: 'Willkommen im Laden' } });
  await api.prompts.partials.set('login-id', { 'login-id': { 'form-content-start': '<p>Hello</p>' } });

  await api.attackProtection.bruteForceProtection.update({ max_attempts: 7, allowlist: ['10.0.0.1'] });
  await api.attackProtection.suspiciousIpThrottling.update({ allowlist: ['10.0.0.2'], stage: { 'pre-login': { max_attempts: 50, rate: 864000 } } });
  await api.guardian.factors.set('otp', { enabled: true });
  await api.guardian.factors.phone.setMessageTypes({ message_types: ['sms'] });
  await api.logStreams.create({
    name: 'archive', type: 'http', sink: { httpEndpoint: 'https://logs.example/in', httpContentType: 'application/json', httpContentFormat: 'JSONLINES', httpAuthorization: 'hush' },
  });
  const [everywhere] = await everything(api.clients.list({ is_global: true }));
  await api.clients.update(everywhere.client_id, { custom_login_page: '<html>Log in</html>\n', custom_login_page_on: true });
}
