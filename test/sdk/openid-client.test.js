// openid-client, a certified relying party: it checks what OpenID Connect says
// where Auth0's own SDKs look away.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import * as oidc from 'openid-client';
import { callback, dev, newAddress, otpGrant, readCode, wrong } from '../client/dev.js';
import { Visitor, expectPath } from '../client/visitor.js';

const scope = 'openid profile email offline_access';
const secret = dev.web.client_secret;

const discover = (authentication = oidc.ClientSecretPost(secret)) =>
  oidc.discovery(new URL(dev.issuer), dev.web.client_id, undefined, authentication);

/** An authorization request and what its answer is checked against. */
async function request(config, more = {}) {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const expectedState = oidc.randomState();
  const expectedNonce = oidc.randomNonce();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope,
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...more,
  });
  return { url, checks: { pkceCodeVerifier, expectedState, expectedNonce } };
}

async function login(config, visitor = new Visitor(), more = {}, email = newAddress('oidc')) {
  const { url, checks } = await request(config, more);
  const { location } = await visitor.login(url, email);
  return { email, tokens: await oidc.authorizationCodeGrant(config, location, checks) };
}

/** The POST that a browser makes of the page which answers a form_post. */
function posted(page) {
  const { action, fields } = page.form();
  assert.equal(action.href, callback);
  return new Request(action, { method: 'POST', body: new URLSearchParams(fields) });
}

test('discovery names this issuer and what the tests below use', async () => {
  const metadata = (await discover()).serverMetadata();
  assert.equal(metadata.issuer, dev.issuer);
  assert.equal(metadata.issuer, `https://${dev.domain}/`);
  assert.equal(metadata.end_session_endpoint, `${dev.issuer}oidc/logout`);
  assert.ok(metadata.code_challenge_methods_supported.includes('S256'));
});

test('a public client passes the hosted pages step by step', async () => {
  const config = await oidc.discovery(new URL(dev.issuer), dev.native.client_id, undefined, oidc.None());
  const email = newAddress('public');
  const visitor = new Visitor();
  const { url, checks } = await request(config);

  const authorize = await visitor.fetch(url);
  assert.equal(authorize.status, 302);
  const identifierURL = new URL(authorize.headers.get('location'), url);
  assert.equal(identifierURL.pathname, '/u/login/identifier');
  const state = identifierURL.searchParams.get('state');
  assert.ok(state);

  const identifier = await visitor.follow(identifierURL);
  assert.equal(identifier.status, 200);
  const started = await visitor.fetch(identifierURL, {
    method: 'POST',
    body: new URLSearchParams({ state, username: email, action: 'default' }),
  });
  assert.equal(started.status, 302);
  const challengeURL = new URL(started.headers.get('location'), url);
  assert.equal(challengeURL.pathname, '/u/login/passwordless-email-challenge');

  const code = await readCode(email);
  const next = challengeURL.searchParams.get('state');
  const answer = (code) =>
    visitor.fetch(challengeURL, { method: 'POST', body: new URLSearchParams({ state: next, code, action: 'default' }) });
  const refused = await answer(wrong(code));
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /data-error-code="invalid-verification-code"/);

  const accepted = await answer(code);
  assert.equal(accepted.status, 302);
  const resume = new URL(accepted.headers.get('location'), url);
  assert.equal(resume.pathname, '/authorize/resume');
  const back = await visitor.fetch(resume);
  assert.equal(back.status, 302);
  const tokens = await oidc.authorizationCodeGrant(config, new URL(back.headers.get('location')), checks);
  assert.equal(tokens.claims().email, email);
  assert.ok(visitor.cookie('auth0'), 'the browser holds a session');
});

for (const [name, authentication] of Object.entries({
  client_secret_basic: oidc.ClientSecretBasic(secret),
  client_secret_post: oidc.ClientSecretPost(secret),
})) {
  test(`${name}: code, refresh, userinfo, revocation`, async () => {
    const config = await discover(authentication);
    const { email, tokens } = await login(config);
    const { sub } = tokens.claims();
    assert.equal(tokens.claims().email, email);

    const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    assert.equal(renewed.claims().sub, sub);
    const info = await oidc.fetchUserInfo(config, renewed.access_token, sub);
    assert.equal(info.email, email);

    const last = renewed.refresh_token ?? tokens.refresh_token;
    await oidc.tokenRevocation(config, last);
    await assert.rejects(oidc.refreshTokenGrant(config, last), { error: 'invalid_grant' });
  });
}

test('a wrong secret opens nothing', async () => {
  for (const authentication of [oidc.ClientSecretPost(`${secret}x`), oidc.None()]) {
    await assert.rejects(oidc.refreshTokenGrant(await discover(authentication), 'v1.anything'), {
      status: 401,
      error: 'access_denied',
      error_description: 'Unauthorized',
    });
  }
  await assert.rejects(oidc.refreshTokenGrant(await discover(oidc.ClientSecretBasic(`${secret}x`)), 'v1.anything'), ({ cause }) => {
    assert.deepEqual(cause.map(({ scheme }) => scheme), ['basic'], 'it is told which scheme was refused');
    return true;
  });
});

test('a public client logs in by code from the API, and its tokens are its own', async () => {
  const native = await oidc.discovery(new URL(dev.issuer), dev.native.client_id, undefined, oidc.None());
  const email = newAddress('native');
  const start = await fetch(new URL('/passwordless/start', dev.issuer), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_id: dev.native.client_id, connection: 'email', email, send: 'code' }),
  });
  assert.equal(start.status, 200);
  const code = await readCode(email);
  const grant = (config, otp) =>
    oidc.genericGrantRequest(config, otpGrant, { realm: 'email', username: email, otp, scope });
  await assert.rejects(grant(native, wrong(code)), {
    status: 403,
    error: 'invalid_grant',
    error_description: 'Wrong email or verification code.',
  });
  const tokens = await grant(native, code);
  assert.equal(tokens.claims().email, email);

  await assert.rejects(oidc.refreshTokenGrant(await discover(), tokens.refresh_token), {
    error: 'invalid_grant',
    error_description: 'Unknown or invalid refresh token.',
  });
  assert.ok((await oidc.refreshTokenGrant(native, tokens.refresh_token)).access_token, 'the attempt cost its owner nothing');
});

test('a code cannot be redeemed with another verifier, and dies of the attempt', async () => {
  const config = await discover();
  const { url, checks } = await request(config);
  const { location } = await new Visitor().login(url, newAddress('pkce'));
  await assert.rejects(
    oidc.authorizationCodeGrant(config, location, { ...checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() }),
    { error: 'invalid_grant', error_description: 'Failed to verify code verifier' },
  );
  await assert.rejects(oidc.authorizationCodeGrant(config, location, checks), {
    error: 'invalid_grant',
    error_description: 'Invalid authorization code',
  });
});

test('implicit flow by form_post', async () => {
  const config = await discover();
  oidc.useIdTokenResponseType(config);
  const { url, checks } = await request(config, { response_mode: 'form_post' });
  const email = newAddress('implicit');
  const page = await new Visitor().login(url, email);
  const idToken = await oidc.implicitAuthentication(config, posted(page), checks.expectedNonce, {
    expectedState: checks.expectedState,
  });
  assert.equal(idToken.email, email);
});

for (const response_mode of ['form_post', 'fragment']) {
  test(`hybrid flow by ${response_mode}`, async () => {
    const config = await discover();
    oidc.useCodeIdTokenResponseType(config);
    const { url, checks } = await request(config, { response_mode });
    const email = newAddress('hybrid');
    const answer = await new Visitor().login(url, email);
    const tokens = await oidc.authorizationCodeGrant(config, answer.location ?? posted(answer), checks);
    assert.equal(tokens.claims().email, email);
  });
}

test('prompt=none answers login_required without a session and a code with one', async () => {
  const config = await discover();
  const visitor = new Visitor();
  const silent = { prompt: 'none' };

  const before = await request(config, silent);
  const refusal = await visitor.follow(before.url);
  await assert.rejects(oidc.authorizationCodeGrant(config, refusal.location, before.checks), {
    error: 'login_required',
    error_description: 'Login required',
  });

  const { email, tokens } = await login(config, visitor);
  const after = await request(config, silent);
  const { location } = await visitor.follow(after.url);
  const renewed = await oidc.authorizationCodeGrant(config, location, after.checks);
  assert.equal(renewed.claims().email, email);
  assert.equal(renewed.claims().sid, tokens.claims().sid, 'it is the same session');
});

test('a session does not answer a request that names the e-mail connection', async () => {
  const config = await discover();
  const visitor = new Visitor();
  await login(config, visitor);
  const { url } = await request(config, { connection: 'email' });
  expectPath(await visitor.follow(url), '/u/login/identifier');
});

test('max_age and prompt=login ask again and tell when that was', async () => {
  const config = await discover();
  const visitor = new Visitor();
  const { email } = await login(config, visitor);
  for (const more of [{ prompt: 'login' }, { max_age: '0' }]) {
    const { url, checks } = await request(config, more);
    const { location } = await visitor.login(url, email);
    const tokens = await oidc.authorizationCodeGrant(config, location, { ...checks, maxAge: 60 });
    assert.ok(Date.now() / 1000 - tokens.claims().auth_time < 60);
  }
});

test('logout with an ID token needs no question and brings state back', async () => {
  const config = await discover();
  const visitor = new Visitor();
  const { tokens } = await login(config, visitor);
  const { location } = await visitor.follow(
    oidc.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: callback, state: 'bye' }),
  );
  assert.equal(location?.href, `${callback}?state=bye`);
  const { url } = await request(config);
  expectPath(await visitor.follow(url), '/u/login/identifier');
});

test('a callback that is not registered is never visited', async () => {
  const config = await discover();
  for (const redirect_uri of ['https://attacker.example/', 'https://localhost.attacker.example/', 'javascript:alert(1)']) {
    const { url } = await request(config, { redirect_uri });
    const page = await new Visitor().follow(url);
    assert.equal(page.location, undefined, redirect_uri);
    assert.equal(page.status, 403, redirect_uri);
    assert.match(page.html, /unauthorized_client/, redirect_uri);
  }
});

test('another browser cannot go on with a login', async () => {
  const config = await discover();
  const email = newAddress('stolen');
  const victim = new Visitor();
  const { url } = await request(config);
  const challenge = await victim.submit(await victim.follow(url), { username: email, action: 'default' });
  const code = await readCode(email);
  const thief = await new Visitor().submit(challenge, { code, action: 'default' });
  assert.equal(thief.location, undefined);
  assert.equal(thief.status, 403);
  const { location } = await victim.submit(challenge, { code, action: 'default' });
  assert.ok(location.searchParams.get('code'), 'the attempt cost the owner nothing');
});
