import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const api = await load('src/api.ts');

const answers = (status, body) => async () => ({ ok: status < 400, status, statusText: 'text', json: async () => body });

test('an error is the sentence that the server says', async () => {
  globalThis.fetch = answers(409, { error: { code: 'lockout', message: 'you would be shut out', details: [{ a: 1 }] } });
  await assert.rejects(api.get('/x'), (e) => e.message === 'you would be shut out' && e.code === 'lockout' && e.details[0].a === 1);
});

test('an answer that is no JSON is an error with its status', async () => {
  globalThis.fetch = async () => ({
    ok: false,
    status: 502,
    statusText: 'Bad Gateway',
    json: async () => {
      throw new Error('no');
    },
  });
  await assert.rejects(api.get('/x'), /502 Bad Gateway/);
});

test('a node that does not answer says what to do', async () => {
  globalThis.fetch = async () => {
    throw new TypeError('failed');
  };
  await assert.rejects(api.get('/x'), /look at its log/);
});

test('401 signs out', async () => {
  globalThis.fetch = answers(401, { error: { code: 'unauthenticated', message: 'sign in first' } });
  api.signedOut.value = false;
  await assert.rejects(api.get('/x'));
  assert.equal(api.signedOut.value, true);
});

test('a change carries the token and JSON, a read neither', async () => {
  const seen = [];
  globalThis.fetch = async (url, how) => {
    seen.push({ url, ...how });
    return answers(200, {})();
  };
  api.whoami.value = { user: 'anna', role: 'administrator', via: 'session', csrf: 'secret', certificate: null };
  await api.post('/changes', { a: 1 });
  await api.get('/status');
  assert.equal(seen[0].headers['X-Csrf-Token'], 'secret');
  assert.equal(seen[0].headers['Content-Type'], 'application/json');
  assert.equal(seen[0].url, '/api/v1/changes');
  assert.equal(seen[1].headers['X-Csrf-Token'], undefined);
  assert.equal(seen[1].body, null);
});

test('every page of a list is read, and one that repeats ends it', async () => {
  const pages = { null: { items: [1, 2], next: 'b' }, b: { items: [3], next: null } };
  const grown = [];
  assert.deepEqual(
    await api.everyPage(
      async (after) => pages[after],
      (n) => grown.push(n),
    ),
    [1, 2, 3],
  );
  assert.deepEqual(grown, [2, 3]);
  await assert.rejects(
    api.everyPage(
      async () => ({ items: [1], next: 'same' }),
      () => undefined,
    ),
    /repeats/,
  );
});

test('a query leaves out what is not there', () => {
  assert.equal(api.query({ a: 'x y', b: null, c: '', d: 0 }), '?a=x+y&d=0');
  assert.equal(api.query({}), '');
});
