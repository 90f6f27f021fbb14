import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { target } = await load('src/target.ts');

for (const [text, service, wanted] of [
  ['pbx.example.com', 'https', 'pbx.example.com:443'],
  ['pbx.example.com', 'sip', 'pbx.example.com:5061'],
  ['pbx.example.com:443', 'sip', 'pbx.example.com:443'],
  [' PBX.example.com:8443 ', 'line', 'pbx.example.com:8443'],
  ['https://pbx.example.com/manager?a=b', 'https', 'pbx.example.com:443'],
  ['wss://pbx.example.com:9443/line/hq', 'line', 'pbx.example.com:9443'],
  ['sips:anna@pbx.example.com;transport=tls', 'sip', 'pbx.example.com:5061'],
  ['sip:pbx.example.com:5071', 'sip', 'pbx.example.com:5071'],
  ['bücher.example', 'https', 'xn--bcher-kva.example:443'],
  ['192.0.2.7:5061', 'https', '192.0.2.7:5061'],
  ['2001:db8::1', 'sip', '[2001:db8::1]:5061'],
  ['[2001:db8::1]:444', 'sip', '[2001:db8::1]:444'],
  ['', 'https', null],
  ['   ', 'https', null],
  ['two words', 'https', null],
  ['pbx.example.com:99999', 'https', null],
  ['pbx.example.com:sip', 'https', null],
  ['anna@pbx.example.com', 'https', null],
])
  test(`server ${text}, ${service}`, () => assert.equal(target(text, service), wanted));
