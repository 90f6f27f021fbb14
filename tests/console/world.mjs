/* certgated of CERTGATE_BUILD with what world.py puts around it. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { canRun, here } from './browser.mjs';

const build = process.env.CERTGATE_BUILD ?? join(here, '..', '..', 'build-test');
export const skip =
  (!canRun && 'no chromium or no npm packages here') || (!existsSync(join(build, 'cmd', 'certgated')) && 'certgated is not built');

/* What world.py says, and `end`, which fails where certgated or a sanitizer complained. */
export async function startWorld(...options) {
  const child = spawn('/usr/bin/python3', [join(here, 'world.py'), ...options], {
    env: { ...process.env, CERTGATE_BUILD: build },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const line = await new Promise((done, failed) => {
    createInterface({ input: child.stdout }).once('line', done);
    child.once('exit', (code) => failed(new Error(`world.py ended with ${code}`)));
  });
  const end = async () => {
    child.removeAllListeners('exit');
    const ended = new Promise((done) => child.once('exit', done));
    child.stdin.end();
    assert.equal(await ended, 0, 'certgated or a sanitizer complains');
  };
  return { ...JSON.parse(line), end };
}

/* A command that must do; what it wrote. */
export const run = (program, ...args) =>
  new Promise((done, failed) => {
    execFile(program, args, (error, out) => (error ? failed(error) : done(out)));
  });
