import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { KEEP, matches, noFilter, Rows } = await load('src/rows.ts');

let serial = 0;
const record = (more = {}) => {
  const n = serial++;
  return {
    time: new Date(1.7e12 + n * 1000).toISOString(),
    incident: `i${n}`,
    class: null,
    verdict: 'accept',
    reason: null,
    interface: 'web',
    peer: '192.0.2.1:5555',
    certificate: { subject: 'CN=Anna Smith', sha256: 'ab12' },
    allowances: [],
    ...more,
  };
};
const incidents = (rows) => Array.from({ length: rows.count }, (_, i) => rows.at(i).incident);

test('the newest is row 0, and nothing is shown twice', () => {
  const rows = new Rows();
  const [a, b, c] = [record(), record(), record()];
  rows.append([a, b]);
  rows.append([b, c]);
  assert.deepEqual(
    incidents(rows),
    [c, b, a].map((r) => r.incident),
  );
  assert.equal(rows.at(3), undefined);
});

test('two decisions on one connection are two rows', () => {
  const rows = new Rows();
  const a = record();
  rows.append([a, { ...a, class: 'carrier' }]);
  assert.equal(rows.count, 2);
});

for (const [why, filter, more, fits] of [
  ['nothing asked', {}, {}, true],
  ['verdict', { verdict: 'reject' }, {}, false],
  ['verdict that fits', { verdict: 'reject' }, { verdict: 'reject' }, true],
  ['an allowance is an admission', { verdict: 'accept' }, { allowances: ['allow-sha1-chain'] }, true],
  ['with allowance', { verdict: 'allowance' }, { allowances: ['allow-sha1-chain'] }, true],
  ['without allowance', { verdict: 'allowance' }, {}, false],
  ['interface', { interface: 'sip' }, {}, false],
  ['reason', { reason: 'expired' }, { verdict: 'reject', reason: 'expired' }, true],
  ['address', { text: '192.0.2.' }, {}, true],
  ['the port is no part of the address', { text: '5555' }, {}, false],
  ['IPv6 without brackets', { text: '2001:db8::1' }, { peer: '[2001:db8::1]:99' }, true],
  ['subject, in any case', { text: 'anna s' }, {}, true],
  ['fingerprint', { text: 'AB1' }, {}, true],
  ['no certificate', { text: 'anna' }, { certificate: undefined }, false],
])
  test(`filter: ${why}`, () => assert.equal(matches(record(more), { ...noFilter, ...filter }), fits));

test('what comes while the reader looks elsewhere waits, and is there afterwards', () => {
  const rows = new Rows();
  rows.append([record(), record()]);
  rows.hold(true);
  const late = record();
  rows.append([late]);
  assert.equal(rows.count, 2);
  assert.equal(rows.waiting, 1);
  rows.hold(false);
  assert.equal(rows.at(0), late);
  assert.equal(rows.waiting, 0);
});

test('older pages come below, and between where they belong', () => {
  const rows = new Rows();
  const all = Array.from({ length: 6 }, () => record());
  rows.append([all[4], all[5]]);
  rows.prepend([all[1], all[0]]); // read under a filter: reaches back further
  rows.prepend([all[5], all[4], all[3], all[2]]);
  assert.deepEqual(
    incidents(rows),
    all.toReversed().map((r) => r.incident),
  );
});

test('an older page does not move what the reader looks at', () => {
  const rows = new Rows();
  const all = Array.from({ length: 5 }, () => record());
  rows.append(all.slice(3));
  rows.hold(true);
  rows.append([record()]);
  rows.prepend(all.slice(0, 3).reverse());
  assert.equal(rows.at(0), all[4]);
  assert.equal(rows.count, 5);
  assert.equal(rows.waiting, 1);
});

test('a filter shows what it fits of all, and what comes after it', () => {
  const rows = new Rows();
  rows.append([record(), record({ verdict: 'reject', reason: 'expired' })]);
  rows.setFilter({ ...noFilter, verdict: 'reject' });
  assert.equal(rows.count, 1);
  rows.append([record(), record({ verdict: 'reject', reason: 'expired' })]);
  assert.equal(rows.count, 2);
  assert.equal(rows.total, 4);
});

test('live decisions are bounded, and those forgotten may come again', () => {
  const rows = new Rows();
  const first = record();
  rows.append([first]);
  for (let i = 0; i < 3; i++) rows.append(Array.from({ length: KEEP / 2 }, () => record()));
  assert.ok(rows.total <= KEEP * 1.1, `${rows.total}`);
  assert.notEqual(rows.oldest, first);
  rows.prepend([first]);
  assert.equal(rows.oldest, first);
});

test('the latest that fit, newest first', () => {
  const rows = new Rows();
  rows.append([record({ reason: 'a' }), record({ reason: 'b' }), record({ reason: 'a' })]);
  assert.deepEqual(
    rows.latest((r) => r.reason === 'a', 5).map((r) => r.reason),
    ['a', 'a'],
  );
  assert.equal(rows.latest(() => true, 2).length, 2);
});

test('200 decisions a second cost a small part of one', () => {
  const rows = new Rows();
  rows.setFilter({ ...noFilter, verdict: 'reject', text: 'anna' });
  const seconds = Array.from({ length: 100 }, () =>
    Array.from({ length: 200 }, (_, i) => record({ verdict: i % 4 ? 'accept' : 'reject' })),
  );
  const start = performance.now();
  for (const second of seconds) for (let i = 0; i < 10; i++) rows.append(second.slice(i * 20, i * 20 + 20));
  const spent = (performance.now() - start) / seconds.length;
  assert.ok(spent < 100, `${spent} ms for each second`);
});
