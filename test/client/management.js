// Tenants of a test's own, and what tests of the Management API share.
import assert from 'node:assert/strict';
import { Management, ManagementClient, ManagementError } from 'auth0';
import { dev } from './dev.js';

export const errors = Management;

/** Makes a tenant that nobody else changes; returns its description, which has the form of dev.json. */
export async function newTenant() {
  const answer = await fetch(`${dev.inbox_url}/tenants`, { method: 'POST' });
  assert.equal(answer.status, 201, 'the development server makes tenants');
  return answer.json();
}

/** The ManagementClient of a tenant's management application. */
export function manager({ domain, management }, options) {
  const { client_id: clientId, client_secret: clientSecret } = management;
  return new ManagementClient({ domain, clientId, clientSecret, ...options });
}

/** The ManagementClient of a new application that has these scopes and no others. */
export async function managerWith(tenant, scope, options) {
  const api = manager(tenant, options);
  const app = await api.clients.create({ name: `only ${scope.join(' ')}`, app_type: 'non_interactive' });
  await api.clientGrants.create({ client_id: app.client_id, audience: tenant.management.audience, scope });
  return manager({ ...tenant, management: app }, options);
}

/** Follows a list to its end, which must come. */
export async function everything(list, most = 300) {
  const found = [];
  for await (const item of await list) {
    found.push(item);
    assert.ok(found.length <= most, `the list did not end after ${most} items`);
  }
  return found;
}

/** Whether an error is of a class, with this errorCode and message. */
export function refused(kind, errorCode, message) {
  return (error) => {
    assert.ok(error instanceof ManagementError, error);
    assert.equal(error.name, kind.name, error);
    assert.equal(error.body.errorCode, errorCode);
    assert.equal(error.body.statusCode, error.statusCode);
    if (message instanceof RegExp) {
      assert.match(error.body.message, message);
    } else if (message) {
      assert.equal(error.body.message, message);
    }
    return true;
  };
}

/** Asserts that an object has these values, whatever else it has. */
export function has(object, expected) {
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, object[key]])), expected);
}

/** Asks again until an answer is as wanted; the server works on jobs and writes logs after it has answered. */
export async function eventually(ask, wanted, seconds = 30) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) {
      return answer;
    }
    assert.ok(Date.now() < deadline, `not in ${seconds} s; the last answer: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
