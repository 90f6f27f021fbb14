/* The pages in a browser against the mock: what no node can show at will. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { axeSource, canRun, closeDialog, launch, openPage, VIEWS, visit } from './browser.mjs';

const skip = !canRun && 'no chromium or no npm packages here';
let browser, Mock;

before(async () => {
  if (skip) return;
  ({ Mock } = await import('../../console/test/mock.mjs'));
  browser = await launch();
});
after(() => browser?.close());

async function opened(t, place, how = {}, prepare = () => undefined) {
  const mock = await Mock.start();
  prepare(mock);
  const page = await openPage(browser, how);
  t.after(async () => {
    await page.context().close();
    await mock.stop();
  });
  await visit(page, mock.url, place);
  return { mock, page };
}
const count = (page) => page.locator('.vrow').count();

for (const [theme, width] of [
  ['light', 'wide'],
  ['dark', 'wide'],
  ['light', 'narrow'],
  ['dark', 'narrow'],
])
  test(`axe finds nothing on any page, ${theme}, ${width}`, { skip }, async (t) => {
    const { mock, page } = await opened(t, 'overview', { theme, width });
    const axe = await readFile(axeSource(), 'utf8');
    await page.evaluate(axe);
    const found = [];
    const look = async (name) => {
      const bad = await page.evaluate(async () =>
        (await axe.run(document, { resultTypes: ['violations'] })).violations.map(
          (v) =>
            `${v.id}: ${v.nodes
              .slice(0, 3)
              .map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? ''))
              .join(' | ')}`,
        ),
      );
      found.push(...bad.map((b) => `${name}: ${b}`));
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) found.push(`${name}: ${over} pixels too wide`);
    };
    for (const view of VIEWS) {
      await visit(page, mock.url, view.place);
      await view.open?.(page);
      await look(view.name);
      await closeDialog(page);
    }
    mock.change({ edits: [{ op: 'set', name: 'expiry.warning-days', value: 90 }], confirm_within: 300 });
    await page.waitForSelector('.pending');
    await look('pending');
    mock.signedOut = true;
    await page.reload();
    await page.waitForSelector('.login');
    await page.evaluate(axe);
    await look('login');
    assert.deepEqual(found, []);
    assert.deepEqual(
      page.wrong.filter((w) => !/^401 /.test(w)),
      [],
    );
  });

test('10,000 decisions scroll, with as many rows drawn as are in sight', { skip }, async (t) => {
  const { page } = await opened(t, 'decisions', {}, (mock) => mock.fill(10500));
  const table = page.locator('.vtable');
  await page.waitForFunction(
    () => {
      const el = document.querySelector('.vtable');
      el.scrollTop = el.scrollHeight; // at its end it reads on
      return /1\d,\d{3} decisions/.test(document.querySelector('.lead').innerText);
    },
    null,
    { polling: 50, timeout: 30000 },
  );
  assert.match(await page.locator('.lead').innerText(), /1\d,\d{3} decisions/);
  // Of the page's own thread, by the processor's clock: what else runs on the machine does not count.
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busy = async () => (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value * 1000;
  const before = await busy();
  const { frames, rows } = await table.evaluate(async (el) => {
    const frames = [];
    let rows = 0;
    el.scrollTop = 0;
    let last = performance.now();
    for (let i = 0; i < 240; i++) {
      el.scrollTop += 900;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - last);
      last = now;
      rows = Math.max(rows, el.querySelectorAll('.vrow').length);
    }
    return { frames: frames.sort((a, b) => a - b), rows };
  });
  const each = ((await busy()) - before) / frames.length;
  t.diagnostic(
    `a frame of 20 new rows costs ${each.toFixed(1)} ms; on this machine now it took ${frames[120].toFixed(1)} ms, one in a hundred ${frames[237].toFixed(1)} ms; ${rows} rows drawn`,
  );
  assert.ok(rows < 60, `${rows} rows`);
  assert.ok(each < 16, `${each} ms`);
});

test('200 decisions a second: the page does not fall behind', { skip }, async (t) => {
  const { mock, page } = await opened(t, 'decisions');
  mock.rate(200);
  await page.evaluate(() => {
    window.worst = 0;
    let last = performance.now();
    setInterval(() => {
      const now = performance.now();
      window.worst = Math.max(window.worst, now - last - 50);
      last = now;
    }, 50);
  });
  const behind = [];
  const before = mock.serial;
  for (let i = 0; i < 10; i++) {
    await page.waitForTimeout(400);
    const shown = await page.locator('.vrow a').first().getAttribute('href');
    behind.push(mock.records.findIndex((r) => shown.endsWith(r.incident)));
  }
  mock.rate(0);
  const came = mock.serial - before;
  await page.waitForFunction(
    (incident) => document.querySelector('.vrow a').getAttribute('href').endsWith(incident),
    mock.records[0].incident,
  );
  const worst = await page.evaluate(() => window.worst);
  t.diagnostic(`${came} came in 4 s; at worst ${Math.max(...behind)} were not shown yet, and the page was busy for ${worst.toFixed(0)} ms`);
  assert.ok(came > 700, `${came} came`);
  assert.ok(Math.max(...behind) >= 0 && Math.max(...behind) < 200, `${behind}`);
  assert.ok(worst < 500, `${worst} ms`);
});

test('who scrolls down is not moved by what comes, and is told how much it is', { skip }, async (t) => {
  const { mock, page } = await opened(t, 'decisions');
  await page.locator('.vtable').evaluate((el) => {
    el.scrollTop = 460;
  });
  await page.waitForFunction(() => document.querySelector('.vrow[aria-rowindex="18"]'));
  const seen = () =>
    page
      .locator('.vrow')
      .evaluateAll((all) =>
        all.map((r) => [r.getAttribute('aria-rowindex'), r.querySelector('a').getAttribute('href')]).sort((a, b) => a[0] - b[0]),
      );
  const before = await seen();
  mock.decide(25);
  await page.getByRole('button', { name: '25 new' }).waitFor();
  assert.deepEqual(await seen(), before);
  await page.getByRole('button', { name: '25 new' }).click();
  await page.waitForFunction((i) => document.querySelector('.vrow a').getAttribute('href').endsWith(i), mock.records[0].incident);
});

test('the table goes by keyboard alone', { skip }, async (t) => {
  const { mock, page } = await opened(t, 'decisions');
  await page.locator('.vtable').focus();
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp']) await page.keyboard.press(key);
  assert.equal(await page.locator('.vrow.active').getAttribute('aria-rowindex'), '3');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.ladder, .verdict-box');
  assert.ok(page.url().endsWith(mock.records[1].incident), page.url());
  await page.goBack();
  await page.waitForSelector('.vrow');
  await page.locator('.vtable').focus();
  await page.keyboard.press('End');
  assert.ok(Number(await page.locator('.vrow.active').getAttribute('aria-rowindex')) > 100);
});

test('filters show what fits, and what comes afterwards', { skip }, async (t) => {
  const { mock, page } = await opened(t, 'decisions');
  await page.getByLabel('Verdict').selectOption('reject');
  await page.getByLabel('Reason').selectOption('expired');
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.vrow .reason')].every((r) => r.textContent === 'The certificate is past its last valid second'),
  );
  assert.ok((await count(page)) > 0);
  assert.match(page.url(), /verdict=reject&reason=expired/);
  const before = await page.locator('.lead').innerText();
  mock.decide(200);
  await page.waitForFunction((text) => document.querySelector('.lead').innerText !== text, before);
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByLabel('Peer').fill('192.0.2.12');
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.vrow .c-peer .sub')].every((r) => r.textContent.startsWith('192.0.2.12')),
  );
});

test('a lost connection is said, and what was missed is caught up', { skip }, async (t) => {
  const { mock, page } = await opened(t, 'decisions');
  mock.rate(0);
  for (const listener of mock.listeners) listener.destroy();
  mock.decide(3);
  await page.waitForFunction((i) => document.querySelector('.vrow a').getAttribute('href').endsWith(i), mock.records[0].incident);
  await page.getByText('live', { exact: true }).waitFor();
});

test('a session that ends leads to the sign-in, and back', { skip }, async (t) => {
  const { mock, page } = await opened(t, 'audit');
  mock.signedOut = true;
  await page.getByRole('link', { name: 'Identities' }).click();
  await page.waitForSelector('.login');
  await page.getByLabel('User').fill('anna');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('the user or the password is wrong').waitFor();
  await page.getByLabel('Password').fill('secret');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Identities' }).waitFor();
});

test('an auditor sees everything and changes nothing', { skip }, async (t) => {
  const { page } = await opened(t, 'tcs', {}, (mock) => {
    mock.role = 'auditor';
  });
  assert.equal(await page.getByRole('button', { name: 'Add certificates…' }).count(), 0);
  for (const [place, button] of [
    ['identities', /Renew|New self-signed/],
    ['settings', 'Change'],
    ['settings?show=history', /Roll back/],
  ]) {
    await visit(page, page.url().split('/#')[0], place);
    assert.equal(await page.getByRole('button', { name: button }).count(), 0, place);
  }
  await visit(page, page.url().split('/#')[0], 'tighten?setting=checks.management&to=high');
  await page.getByText('takes the role administrator').waitFor();
});

test('a latch that a change clears is named before, with the checks that begin', { skip }, async (t) => {
  const { page } = await opened(t, 'settings');
  await page.getByRole('button', { name: 'Change checks.telephony' }).click();
  await page.locator('dialog').getByLabel('Value').selectOption('low');
  await page.getByRole('button', { name: 'See what changes' }).click();
  await page.getByText('checks.telephony loses its latch, for good.').waitFor();
  await page.getByText('These checks begin: key usage, extended key usage, critical extensions.').waitFor();
});

test('peers go out as CSV, each with its six verdicts', { skip }, async (t) => {
  const { page } = await opened(t, 'peers?level=high');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export CSV' }).click()]);
  const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
  assert.match(lines[0], /^interface,sha256,subject,.*,none,low,medium,high,medium\+remote,high\+remote,enforced,/);
  assert.equal(lines.length - 1, Number((await page.locator('.lead').innerText()).split(' ')[0]));
  assert.ok(
    lines
      .slice(1)
      .every((l) =>
        /,(not-in-tcs|expired|self-signed|key-too-small|issuer-unknown|signature-invalid|key-usage-missing|purpose-mismatch|critical-extension-unknown),/.test(
          l,
        ),
      ),
  );
});

test('a live server is tested: what it shows, what went wrong, and a way out of waiting', { skip }, async (t) => {
  const { mock, page } = await opened(t, 'check');
  const host = page.getByLabel('… or name a live server');
  const button = page.getByRole('button', { name: 'Test the server' });
  assert.ok(await button.isDisabled());
  await host.fill('pbx.example.com');
  await button.click();
  await page.waitForSelector('.matrix');
  assert.match(await page.locator('main').innerText(), /2 certificates from 192\.0\.2\.7 port 443, TLSv1\.2; it then ended the handshake/);
  assert.equal(await page.getByLabel('It comes from').inputValue(), 'outbound');
  await page.getByLabel('Judge it as on').selectOption('sip');
  await host.fill('closed.example.com');
  await host.press('Enter');
  await page.getByText('closed.example.com:5061 cannot be connected to (Connection refused): check the port').waitFor();
  assert.equal(await page.locator('.matrix').count(), 0, 'what was of another server is gone');
  await host.fill('no server');
  await host.press('Enter');
  await page.getByText('Name a server as HOST or HOST:PORT').waitFor();
  await host.fill('silent.example.com');
  await host.press('Enter');
  await page.getByText('Connecting to silent.example.com:5061…').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.waitForFunction(() => !document.querySelector('.working'));
  for (let i = 0; i < 100 && !mock.left; i++) await page.waitForTimeout(20);
  assert.ok(mock.left, 'the request is ended');
});

test('the theme is chosen, kept, and follows the system again', { skip }, async (t) => {
  const { page } = await opened(t, 'audit', { theme: 'dark' });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await page.getByLabel('Theme').selectOption('light');
  const light = await background();
  assert.notEqual(light, dark);
  await page.reload();
  await page.waitForSelector('main h1');
  assert.equal(await background(), light);
  await page.getByLabel('Theme').selectOption('system');
  assert.equal(await background(), dark);
});

test('a time says its UTC', { skip }, async (t) => {
  const { page } = await opened(t, 'audit', { timezoneId: 'Europe/Lisbon' });
  assert.match(await page.locator('time').first().getAttribute('title'), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
});
