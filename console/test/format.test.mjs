import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const f = await load('src/format.ts');
const w = await load('src/words.ts');

for (const [subject, name] of [
  ['CN=phone-0012', 'phone-0012'],
  ['O=Example, CN=Anna Smith, OU=Desk', 'Anna Smith'],
  ['CN=Smith\\, Anna,O=Example', 'Smith, Anna'],
  ['O=Example', 'O=Example'],
  ['O=NOTCN=x', 'O=NOTCN=x'],
  ['', '(no subject)'],
  [undefined, '(no subject)'],
  ['OU=a + CN=b', 'b'],
])
  test(`common name of ${subject}`, () => assert.equal(f.commonName(subject), name));

for (const [seconds, text] of [
  [125, '2:05'],
  [59.2, '1:00'],
  [9, '0:09'],
  [0, '0:00'],
  [-5, '0:00'],
  [3600, '1:00:00'],
  [3725, '1:02:05'],
])
  test(`countdown of ${seconds} s`, () => assert.equal(f.formatCountdown(seconds), text));

for (const [peer, address] of [
  ['192.0.2.1:5555', '192.0.2.1'],
  ['[2001:db8::1]:99', '2001:db8::1'],
  ['unix', 'unix'],
  [null, ''],
])
  test(`address of ${peer}`, () => assert.equal(f.peerAddress(peer), address));

for (const [value, cell] of [
  ['plain', 'plain'],
  ['a,b', '"a,b"'],
  ['say "x"', '"say ""x"""'],
  ['two\nlines', '"two\nlines"'],
  [null, ''],
  [-3, '-3'],
  ['=HYPERLINK("x")', '"\'=HYPERLINK(""x"")"'],
  ['+1', "'+1"],
  ['@cmd', "'@cmd"],
  ['-x', "'-x"],
])
  test(`CSV cell of ${JSON.stringify(value)}`, () => assert.equal(f.csvCell(value), cell));

test('days left', () => {
  assert.equal(f.formatDaysLeft(1), '1 day');
  assert.equal(f.formatDaysLeft(-1), 'ended 1 day ago');
  assert.equal(f.formatDaysLeft(-12), 'ended 12 days ago');
  assert.equal(f.formatDaysLeft(null), '–');
});

test('UTC on hover', () => assert.equal(f.utc('2026-11-25T08:46:07.199Z'), '2026-11-25 08:46:07 UTC'));

test('ago', () => {
  const now = Date.parse('2026-11-25T08:00:00Z');
  assert.match(f.formatAgo('2026-11-25T07:59:20Z', now), /40 sec/);
  assert.match(f.formatAgo('2026-11-25T05:00:00Z', now), /3 hours/);
});

test('every reason of the library is a sentence with a way out', () => {
  for (const reason of w.reasonNames) {
    assert.match(w.reasonMeans(reason), /^[A-Z].{10}/, reason);
    assert.match(w.remedyOf(reason), /^[A-Z].{10}/, reason);
  }
  assert.equal(w.reasonMeans('reason-of-tomorrow'), 'Reason-of-tomorrow');
});

test('each check is first asked at one level, in page order', () => {
  assert.equal(w.firstLevelOf('in-date'), 'none');
  assert.equal(w.firstLevelOf('chain'), 'medium');
  assert.equal(w.firstLevelOf('in-tcs'), 'high');
  assert.equal(w.firstLevelOf('host-name'), 'medium+remote');
});

test('roles', () => {
  assert.ok(w.roleAtLeast('administrator', 'operator'));
  assert.ok(w.roleAtLeast('auditor', 'auditor'));
  assert.ok(!w.roleAtLeast('operator', 'administrator'));
});
