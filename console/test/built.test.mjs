/* What is committed is what the sources give, and it is small. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { root } from './load.mjs';

const FIRST_LOAD = 60000;

test('the types are right', () => {
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '--noEmit', '-p', root], { stdio: 'pipe' });
});

test('the committed build equals a fresh one', async () => {
  const fresh = await mkdtemp(join(tmpdir(), 'certgate-console-'));
  try {
    execFileSync(process.execPath, [join(root, 'tools', 'build.mjs'), fresh]);
    const names = (await readdir(fresh)).sort();
    assert.deepEqual((await readdir(join(root, 'dist'))).sort(), names);
    for (const name of names)
      assert.ok(
        (await readFile(join(fresh, name))).equals(await readFile(join(root, 'dist', name))),
        `dist/${name} is old: node console/tools/build.mjs`,
      );
  } finally {
    await rm(fresh, { recursive: true });
  }
});

test('meson links every file of the build, and no other', async () => {
  const listed = [...(await readFile(join(root, 'meson.build'), 'utf8')).matchAll(/'dist\/([^']+)'/g)].map((m) => m[1]).sort();
  assert.deepEqual(listed, (await readdir(join(root, 'dist'))).sort());
});

test('the first page takes less than 60 KB', async (t) => {
  let total = 0;
  for (const name of (await readdir(join(root, 'dist'))).filter((n) => n !== 'more.js'))
    total += gzipSync(await readFile(join(root, 'dist', name)), { level: 9 }).length;
  t.diagnostic(`${total} octets gzip`);
  assert.ok(total < FIRST_LOAD, `${total} octets`);
});

test('the pages ask nothing of other hosts, and run nothing inline', async () => {
  const html = await readFile(join(root, 'dist', 'index.html'), 'utf8');
  assert.ok(!/<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/i.test(html));
  for (const name of await readdir(join(root, 'dist'))) {
    const text = await readFile(join(root, 'dist', name), 'utf8');
    for (const [url] of text.matchAll(/\b(?:https?:)?\/\/[a-z0-9-]+\.[a-z0-9.-]+/gi))
      assert.ok(/w3\.org|this-host/.test(url), `${name}: ${url}`);
    assert.ok(!/\beval\(|new Function\(/.test(text), name);
  }
});

const build = process.env.CERTGATE_BUILD ?? join(root, '..', 'build-test');
const certgate = join(build, 'cmd', 'certgate');
test('the words are those of the library', { skip: !existsSync(certgate) && 'certgate is not built' }, async () => {
  const fresh = execFileSync('/usr/bin/python3', [join(root, 'tools', 'words'), certgate], {
    env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' },
  });
  assert.ok(
    fresh.equals(await readFile(join(root, 'src', 'words.json'))),
    'src/words.json is old: console/tools/words CERTGATE > console/src/words.json',
  );
});
