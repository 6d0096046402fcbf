// @auth0/auth0-auth-js: what server-side SDKs of Auth0 stand on today.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { AuthClient } from '@auth0/auth0-auth-js';
import { callback, claims, dev, newAddress, readCode, wrong } from '../client/dev.js';
import { Visitor } from '../client/visitor.js';

const web = () => new AuthClient({ domain: dev.domain, clientId: dev.web.client_id, clientSecret: dev.web.client_secret });
const scope = 'openid profile email offline_access';

async function loggedIn(client, options) {
  const email = newAddress('auth-js');
  await client.passwordless.sendEmail({ email, send: 'code' });
  const tokens = await client.getTokenByPasswordlessEmail({ email, code: await readCode(email), scope, ...options });
  return { email, tokens };
}

test('a code from the e-mail becomes verified tokens', async () => {
  const { email, tokens } = await loggedIn(web());
  assert.match(tokens.claims.sub, /^email\|[0-9a-f]{24}$/);
  assert.equal(tokens.claims.iss, dev.issuer);
  assert.equal(tokens.claims.aud, dev.web.client_id);
  assert.equal(tokens.claims.email, email);
  assert.equal(tokens.claims.email_verified, true);
  assert.ok(tokens.refreshToken, 'offline_access was granted, so there is a refresh token');
  assert.equal(tokens.scope, scope);
});

test('a public client starts without a secret and learns nothing about the address', async () => {
  const email = newAddress('native');
  const start = await fetch(new URL('/passwordless/start', dev.issuer), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_id: dev.native.client_id, connection: 'email', email, send: 'code' }),
  });
  assert.equal(start.status, 200);
  const { _id, ...rest } = await start.json();
  assert.match(_id, /^[0-9a-f]{24}$/);
  assert.deepEqual(rest, { email, email_verified: false });
});

test('an audience gives an access token for that API', async () => {
  const { tokens } = await loggedIn(web(), { audience: dev.api.audience });
  const access = claims(tokens.accessToken);
  assert.deepEqual([].concat(access.aud).sort(), [dev.api.audience, `${dev.issuer}userinfo`].sort());
  assert.equal(access.azp, dev.web.client_id);
  assert.equal(access.iss, dev.issuer);
});

test('a wrong code is refused in Auth0’s words, and the right one still works after it', async () => {
  const client = web();
  const email = newAddress('wrong');
  await client.passwordless.sendEmail({ email, send: 'code' });
  const code = await readCode(email);
  await assert.rejects(client.getTokenByPasswordlessEmail({ email, code: wrong(code), scope }), ({ cause }) => {
    assert.equal(cause.error, 'invalid_grant');
    assert.equal(cause.error_description, 'Wrong email or verification code.');
    return true;
  });
  const tokens = await client.getTokenByPasswordlessEmail({ email, code, scope });
  assert.equal(tokens.claims.email, email);
});

test('a code works once', async () => {
  const client = web();
  const email = newAddress('once');
  await client.passwordless.sendEmail({ email, send: 'code' });
  const code = await readCode(email);
  await client.getTokenByPasswordlessEmail({ email, code, scope });
  await assert.rejects(client.getTokenByPasswordlessEmail({ email, code, scope }), ({ cause }) => {
    assert.equal(cause.error, 'invalid_grant');
    assert.equal(cause.error_description, 'Wrong email or verification code.');
    return true;
  });
});

test('three wrong codes kill the code', async () => {
  const client = web();
  const email = newAddress('tries');
  await client.passwordless.sendEmail({ email, send: 'code' });
  const code = await readCode(email);
  for (let n = 0; n < 3; n++) {
    await assert.rejects(client.getTokenByPasswordlessEmail({ email, code: wrong(code), scope }));
  }
  await assert.rejects(client.getTokenByPasswordlessEmail({ email, code, scope }), ({ cause }) => {
    assert.equal(cause.error, 'invalid_grant');
    assert.equal(cause.error_description, "You've reached the maximum number of attempts. Please try to login again.");
    return true;
  });
});

test('a new code makes the one before it worthless', async () => {
  const client = web();
  const email = newAddress('resend');
  await client.passwordless.sendEmail({ email, send: 'code' });
  const first = await readCode(email);
  await client.passwordless.sendEmail({ email, send: 'code' });
  const second = await readCode(email);
  if (first !== second) {
    await assert.rejects(client.getTokenByPasswordlessEmail({ email, code: first, scope }));
  }
  assert.ok((await client.getTokenByPasswordlessEmail({ email, code: second, scope })).accessToken);
});

test('a malformed address is refused with the code Lock looks for', async () => {
  await assert.rejects(web().passwordless.sendEmail({ email: 'nobody', send: 'code' }), ({ cause }) => {
    assert.equal(cause.error, 'bad.email');
    return true;
  });
});

test('an authorization code is exchanged after the hosted pages', async () => {
  const client = web();
  const email = newAddress('code');
  const { authorizationUrl, codeVerifier } = await client.buildAuthorizationUrl({
    authorizationParams: { redirect_uri: callback, scope },
  });
  const { location } = await new Visitor().login(authorizationUrl, email);
  const tokens = await client.getTokenByCode(location, { codeVerifier });
  assert.equal(tokens.claims.email, email);
  assert.ok(tokens.claims.sid, 'a login in the browser has a session');
  assert.ok(tokens.refreshToken);

  await assert.rejects(client.getTokenByCode(location, { codeVerifier }), ({ cause }) => {
    assert.equal(cause.error, 'invalid_grant');
    assert.equal(cause.error_description, 'Invalid authorization code');
    return true;
  });
});

test('a pushed authorization request leads to the same login', async () => {
  const client = web();
  const email = newAddress('par');
  const { authorizationUrl, codeVerifier } = await client.buildAuthorizationUrl({
    pushedAuthorizationRequests: true,
    authorizationParams: { redirect_uri: callback, scope },
  });
  assert.match(authorizationUrl.searchParams.get('request_uri'), /^urn:ietf:params:oauth:request_uri:/);
  const { location } = await new Visitor().login(authorizationUrl, email);
  assert.equal((await client.getTokenByCode(location, { codeVerifier })).claims.email, email);
});

test('a refresh token gives new tokens until it is revoked', async () => {
  const client = web();
  const { email, tokens } = await loggedIn(client);
  const renewed = await client.getTokenByRefreshToken({ refreshToken: tokens.refreshToken });
  assert.notEqual(renewed.accessToken, tokens.accessToken);
  assert.equal(renewed.claims.email, email);
  assert.equal(renewed.claims.sub, tokens.claims.sub);

  const last = renewed.refreshToken ?? tokens.refreshToken;
  await client.revokeToken({ token: last, tokenTypeHint: 'refresh_token' });
  await assert.rejects(client.getTokenByRefreshToken({ refreshToken: last }), ({ cause }) => {
    assert.equal(cause.error, 'invalid_grant');
    assert.equal(cause.error_description, 'Unknown or invalid refresh token.');
    return true;
  });
});

test('the access token opens /userinfo for its own user only', async () => {
  const client = web();
  const { email, tokens } = await loggedIn(client);
  const info = await client.getUserInfo({ accessToken: tokens.accessToken, expectedSubject: tokens.claims.sub });
  assert.equal(info.email, email);
  await assert.rejects(client.getUserInfo({ accessToken: tokens.accessToken, expectedSubject: 'email|000000000000000000000000' }));
  await assert.rejects(client.getUserInfo({ accessToken: tokens.accessToken.slice(0, -4) }));
});

test('client credentials give a token for an API', async () => {
  const { client_id: clientId, client_secret: clientSecret, audience } = dev.management;
  const tokens = await new AuthClient({ domain: dev.domain, clientId, clientSecret }).getTokenByClientCredentials({ audience });
  const access = claims(tokens.accessToken);
  assert.equal(access.sub, `${clientId}@clients`);
  assert.equal(access.gty, 'client-credentials');
  assert.equal(access.aud, audience);
  assert.equal(audience, `${dev.issuer}api/v2/`);

  const thief = new AuthClient({ domain: dev.domain, clientId, clientSecret: clientSecret.slice(0, -1) });
  await assert.rejects(thief.getTokenByClientCredentials({ audience }), ({ cause }) => {
    assert.equal(cause.error, 'access_denied');
    assert.equal(cause.error_description, 'Unauthorized');
    return true;
  });
});

test('logging out ends the session in the browser', async () => {
  const client = web();
  const visitor = new Visitor();
  const parameters = { authorizationParams: { redirect_uri: callback, scope } };
  await visitor.login((await client.buildAuthorizationUrl(parameters)).authorizationUrl, newAddress('logout'));

  const again = await visitor.follow((await client.buildAuthorizationUrl(parameters)).authorizationUrl);
  assert.ok(again.location?.searchParams.get('code'), 'the session answers the second request without a page');

  // The SDK gives no hint about who asks, so the person is asked first.
  const question = await visitor.follow(await client.buildLogoutUrl({ returnTo: callback }));
  const { location } = await visitor.submit(question, { action: 'accept' });
  assert.equal(location?.href, callback);
  const after = await visitor.follow((await client.buildAuthorizationUrl(parameters)).authorizationUrl);
  assert.equal(after.url?.pathname, '/u/login/identifier');
});
