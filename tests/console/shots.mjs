#!/usr/bin/env node
/*
 * Screenshots of every page, in both themes and both widths, to be looked at:
 *
 *   node tests/console/shots.mjs [FOLDER [VIEW…]]     into build-test/console-shots, against the mock
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Mock } from '../../console/test/mock.mjs';
import { closeDialog, here, launch, openPage, VIEWS, visit } from './browser.mjs';

const out = process.argv[2] ?? join(here, '..', '..', 'build-test', 'console-shots');
const wanted = process.argv.slice(3);
await mkdir(out, { recursive: true });
const browser = await launch();
const wants = (name) => wanted.length === 0 || wanted.includes(name);

async function shoot(page, name) {
  // The frame scrolls inside: the whole page is seen where the window is as high as it.
  const size = page.viewportSize();
  const height = await page.evaluate(() => {
    const main = document.querySelector('main');
    return Math.max(innerHeight, (main?.scrollHeight ?? 0) + (main?.offsetTop ?? 0));
  });
  await page.setViewportSize({ width: size.width, height: Math.min(height, 4000) });
  await page.screenshot({ path: join(out, `${name}.png`) });
  await page.setViewportSize(size);
}

for (const theme of ['light', 'dark']) {
  for (const width of ['wide', 'narrow']) {
    const mock = await Mock.start();
    const page = await openPage(browser, { theme, width });
    for (const view of VIEWS.filter((v) => wants(v.name))) {
      await visit(page, mock.url, view.place);
      await view.open?.(page);
      await shoot(page, `${view.name}-${width}-${theme}`);
      await closeDialog(page);
    }
    if (wants('pending')) {
      mock.change({ edits: [{ op: 'set', name: 'expiry.warning-days', value: 90 }], confirm_within: 275, comment: '' });
      await visit(page, mock.url, 'overview');
      await page.waitForSelector('.pending');
      await shoot(page, `pending-${width}-${theme}`);
    }
    for (const place of ['overview', 'peers', 'tcs', 'audit'].filter((p) => wants(`empty-${p}`))) {
      mock.empty = true;
      const fresh = await openPage(browser, { theme, width });
      await visit(fresh, mock.url, place);
      await shoot(fresh, `empty-${place}-${width}-${theme}`);
      await fresh.context().close();
    }
    if (wants('login')) {
      mock.signedOut = true;
      const fresh = await openPage(browser, { theme, width });
      await fresh.goto(mock.url);
      await fresh.waitForSelector('.login');
      await shoot(fresh, `login-${width}-${theme}`);
      await fresh.context().close();
    }
    await page.context().close();
    await mock.stop();
  }
}
await browser.close();
console.log(out);
