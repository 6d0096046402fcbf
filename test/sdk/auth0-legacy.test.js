// AuthenticationClient and UserInfoClient of `auth0` for Node up to version 4,
// which later versions carry as auth0/legacy.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { AuthenticationClient, UserInfoClient } from 'auth0/legacy';
import { claims, callback, dev, newAddress, readCode, readMessage, wrong } from '../client/dev.js';
import { Visitor } from '../client/visitor.js';

const { domain } = dev;
const web = new AuthenticationClient({ domain, clientId: dev.web.client_id, clientSecret: dev.web.client_secret });
const scope = 'openid profile email offline_access';

function refused(error, message) {
  return (err) => {
    assert.equal(err.error, error);
    assert.equal(err.message, message);
    return true;
  };
}

test('a login by e-mail code; the SDK verifies the ID token', async () => {
  const email = newAddress('web');
  const start = await web.passwordless.sendEmail({ email, send: 'code' });
  assert.equal(start.status, 200);
  const code = await readCode(email);
  await assert.rejects(
    web.passwordless.loginWithEmail({ email, code: wrong(code), scope }),
    refused('invalid_grant', 'Wrong email or verification code.'),
  );
  const { data } = await web.passwordless.loginWithEmail({ email, code, scope });
  assert.equal(data.token_type, 'Bearer');
  assert.equal(data.expires_in, 86400);
  assert.equal(claims(data.id_token).email, email);
  assert.equal(claims(data.id_token).sid, undefined, 'no browser took part, so there is no session');
});

for (const send of [undefined, 'link']) {
  test(`send ${send} sends a link to the first callback; its code is good as well`, async () => {
    const email = newAddress('link');
    await web.passwordless.sendEmail({ email, send });
    const { code, link } = await readMessage(email);
    const asked = new URL(link).searchParams;
    assert.equal(asked.get('email'), email);
    const { data } = await web.passwordless.loginWithEmail({ email, code, scope });
    assert.equal(claims(data.id_token).email, email);
    const spent = await fetch(link);
    assert.equal(spent.status, 400, 'whatever spends the code spends the link');
  });
}

test('a confidential client that proves nothing is refused', async () => {
  const email = newAddress('nameless');
  // The SDK refuses this by itself, so the request is made by hand.
  const answer = await fetch(`https://${domain}/passwordless/start`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_id: dev.web.client_id, connection: 'email', email, send: 'code' }),
  });
  assert.equal(answer.status, 403);
  assert.deepEqual(await answer.json(), { error: 'unauthorized_client', error_description: 'Client authentication is required' });
});

test('refresh tokens are exchanged and revoked', async () => {
  const email = newAddress('refresh');
  await web.passwordless.sendEmail({ email, send: 'code' });
  const { data: first } = await web.passwordless.loginWithEmail({ email, code: await readCode(email), scope });
  const { data: second } = await web.oauth.refreshTokenGrant({ refresh_token: first.refresh_token });
  assert.notEqual(second.access_token, first.access_token);
  const last = second.refresh_token ?? first.refresh_token;
  assert.equal((await web.oauth.revokeRefreshToken({ token: last })).status, 200);
  await assert.rejects(
    web.oauth.refreshTokenGrant({ refresh_token: last }),
    refused('invalid_grant', 'Unknown or invalid refresh token.'),
  );
});

test('UserInfoClient reads the profile, with the words Auth0 uses', async () => {
  const email = newAddress('userinfo');
  await web.passwordless.sendEmail({ email, send: 'code' });
  const { data: tokens } = await web.passwordless.loginWithEmail({ email, code: await readCode(email), scope });
  const userinfo = new UserInfoClient({ domain });
  const { data } = await userinfo.getUserInfo(tokens.access_token);
  assert.equal(data.sub, claims(tokens.id_token).sub);
  assert.equal(data.name, email);
  assert.equal(data.nickname, email.split('@')[0]);
  assert.equal(data.email, email);
  assert.equal(data.email_verified, true);
  assert.match(data.updated_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  await assert.rejects(userinfo.getUserInfo('nonsense'), ({ statusCode }) => {
    assert.equal(statusCode, 401);
    return true;
  });
});

test('the code of the hosted pages is exchanged with the secret', async () => {
  const email = newAddress('web-code');
  const url = new URL(`https://${domain}/authorize`);
  url.search = new URLSearchParams({
    response_type: 'code', client_id: dev.web.client_id, redirect_uri: callback, scope, state: 's', nonce: 'n-1',
  });
  const { location } = await new Visitor().login(url, email);
  const code = location.searchParams.get('code');
  const { data } = await web.oauth.authorizationCodeGrant(
    { code, redirect_uri: callback },
    { idTokenValidateOptions: { nonce: 'n-1' } },
  );
  assert.equal(claims(data.id_token).email, email);
  await assert.rejects(
    web.oauth.authorizationCodeGrant({ code, redirect_uri: callback }),
    refused('invalid_grant', 'Invalid authorization code'),
  );
});

test('client credentials, and the refusal of an unknown API', async () => {
  const { client_id: clientId, client_secret: clientSecret, audience } = dev.management;
  const machine = new AuthenticationClient({ domain, clientId, clientSecret });
  const { data } = await machine.oauth.clientCredentialsGrant({ audience });
  assert.equal(claims(data.access_token).sub, `${clientId}@clients`);
  assert.equal(data.id_token, undefined);
  assert.equal(data.refresh_token, undefined);
  await assert.rejects(
    machine.oauth.clientCredentialsGrant({ audience: 'https://nobody.example/' }),
    refused('access_denied', 'Service not enabled within domain: https://nobody.example/'),
  );
});
