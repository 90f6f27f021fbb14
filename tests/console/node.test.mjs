/* The journeys of the console against certgated itself and real traffic by curl. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch, openPage, visit } from './browser.mjs';
import { skip, startWorld } from './world.mjs';

let browser, world, page;

before(async () => {
  if (skip) return;
  world = await startWorld();
  browser = await launch();
  page = await openPage(browser);
});
after(async () => {
  await browser?.close();
  await world?.end();
});

/* One connection: whether it was served. */
const curl = (name, port = 'web-manager') =>
  new Promise((done) => {
    const { cert, key } = world.certs[name];
    execFile(
      'curl',
      ['-sSk', '--http1.1', '--max-time', '20', '--noproxy', '*', '--cert', cert, '--key', key, `https://127.0.0.1:${world.ports[port]}/`],
      (error, out) => done(!error && out === 'hello\n'),
    );
  });
const go = (place) => visit(page, world.console, place);
const generation = async () => Number(/generation (\d+)/.exec(await page.locator('.health').innerText())[1]);
const radio = (title) => page.locator('.choices label').filter({ has: page.locator(`strong:text-is("${title}")`) });

/* Applies what a dialog shows. */
async function apply(verb, { within, force = false } = {}) {
  const dialog = page.locator('dialog');
  await dialog.getByLabel('And then').waitFor();
  if (within !== undefined) await dialog.getByLabel('And then').selectOption(within);
  if (force) await dialog.getByRole('checkbox').check();
  await dialog.getByRole('button', { name: verb }).click();
  await page.waitForFunction(() => !document.querySelector('dialog[open]'));
}

test('a link that is used once signs in, and not twice', { skip }, async () => {
  await page.goto(world.link);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  assert.ok(!page.url().includes('token'));
  const other = await openPage(browser);
  await other.goto(world.link);
  assert.match(await other.locator('body').innerText(), /has been used/);
  await other.context().close();
});

test('without a session there is the sign-in and nothing else', { skip }, async () => {
  const stranger = await openPage(browser);
  await stranger.goto(world.console);
  await stranger.waitForSelector('.login');
  await stranger.getByLabel('User').fill('nobody');
  await stranger.getByLabel('Password').fill('wrong');
  await stranger.getByRole('button', { name: 'Sign in' }).click();
  await stranger.getByRole('alert').waitFor();
  assert.match(await stranger.getByRole('alert').innerText(), /wrong/);
  await stranger.context().close();
});

test('the files come from memory, compressed, with a policy that lets nothing else in', { skip }, async () => {
  const answer = await page.request.get(world.console + '/');
  const fields = answer.headers();
  assert.equal(fields['content-encoding'], 'gzip');
  assert.match(fields['content-security-policy'], /default-src 'none'/);
  assert.doesNotMatch(fields['content-security-policy'], /unsafe/);
  assert.equal(fields['x-content-type-options'], 'nosniff');
  const again = await page.request.get(world.console + '/', { headers: { 'If-None-Match': fields.etag } });
  assert.equal(again.status(), 304);
});

test('a refused curl appears, is explained, is admitted, and then succeeds', { skip }, async () => {
  await go('decisions');
  assert.equal(await curl('no-key-usage'), false);
  await page.locator('.vrow.refused').filter({ hasText: 'door-camera-3' }).first().click();
  await page.waitForSelector('.ladder');
  assert.equal(await page.locator('.verdict-box .big').innerText(), 'The certificate has no key usage');
  assert.match(await page.locator('.remedy').innerText(), /issued again with key usage digitalSignature/);
  assert.match(
    await page.locator('.rung.stopped').innerText(),
    /Key usage\s+stopped here\s+found\s+no key usage\s+wanted\s+digitalSignature/,
  );
  assert.deepEqual(await page.locator('.chain .role').allInnerTexts(), [
    'Received certificate',
    'Issuing authority',
    'Trust anchor in the trust store',
  ]);
  await page.getByText('In words, as').click();
  assert.match(await page.locator('details[open] pre').innerText(), /It was REFUSED at level medium: key-usage-missing/);

  await page.getByRole('button', { name: 'Admit this certificate…' }).click();
  await page.locator('dialog').getByLabel('Reason').fill('camera is replaced next week');
  await page.getByRole('button', { name: 'See what changes' }).click();
  await apply('Admit on web-manager');
  await page.getByText('camera is replaced next week').waitFor();
  assert.equal(await curl('no-key-usage'), true);
  assert.equal(await curl('no-key-usage', 'http'), false, 'on that interface alone');
  await go('decisions');
  await page.locator('.vrow').filter({ hasText: 'door-camera-3' }).filter({ hasText: 'Allowance' }).first().waitFor();
});

test('the end of an admission is the end', { skip }, async () => {
  await go('tcs?show=pins');
  await page.getByRole('button', { name: 'End…' }).click();
  await apply('End the admission', {
    force: await page
      .locator('dialog')
      .getByRole('checkbox')
      .waitFor({ timeout: 3000 })
      .then(
        () => true,
        () => false,
      ),
  });
  await page.getByText('No certificate is admitted by exception').waitFor();
  assert.equal(await curl('no-key-usage'), false);
});

test('peers are listed with their verdicts at six levels', { skip }, async () => {
  await curl('unpinned');
  await curl('good');
  await go('peers');
  const row = page.locator('.vrow').filter({ hasText: 'phone-0012' }).filter({ hasText: 'web-manager' });
  await row.waitFor();
  assert.match(await row.locator('.strip').getAttribute('aria-label'), /Medium: accepted; High: refused, not-in-tcs/);
});

test('a level is tightened: who would be refused is named, it is confirmed, and it counts', { skip }, async () => {
  const before = await generation();
  await go('tighten');
  await radio('High').click();
  await page
    .getByText(/peers? would be refused/)
    .first()
    .waitFor();
  const table = page.getByRole('region', { name: 'Peers that would be refused' });
  assert.match(await table.innerText(), /phone-0012[^]*No exact copy of the certificate/);
  assert.doesNotMatch(await table.innerText(), /voicemail-pro/);
  await page.getByRole('button', { name: 'Apply…' }).click();
  await apply('Set to High', { within: '300', force: true });
  await page.locator('.pending').waitFor();
  assert.match(await page.locator('.countdown').innerText(), /^[45]:\d\d$/);
  assert.equal(await curl('unpinned'), false);
  assert.equal(await curl('good'), true);
  await page.getByRole('button', { name: 'Confirm' }).click();
  await page.locator('.pending').waitFor({ state: 'detached' });
  assert.equal(await generation(), before + 1);
  assert.equal(await curl('unpinned'), false);
});

test('another change reverts by itself when nobody confirms it', { skip }, async () => {
  await go('settings');
  await page.getByRole('button', { name: 'Change checks.management' }).click();
  await page.locator('dialog').getByLabel('Value').selectOption('low');
  await page.getByRole('button', { name: 'See what changes' }).click();
  const dialog = page.locator('dialog');
  await dialog.getByLabel('And then').waitFor();
  // The shortest that the form offers is two minutes: a test has four seconds.
  await page.route('**/api/v1/changes', async (route) => {
    const body = route.request().postDataJSON();
    await route.continue({ postData: JSON.stringify(body.confirm_within ? { ...body, confirm_within: 4 } : body) });
  });
  await apply('Save', { within: '120' });
  await page.locator('.pending').waitFor();
  assert.equal(await curl('unpinned'), true, 'low admits it meanwhile');
  await page.locator('.pending').waitFor({ state: 'detached', timeout: 20000 });
  await page.unroute('**/api/v1/changes');
  assert.equal(await curl('unpinned'), false);
  await page.waitForFunction(() =>
    /High/.test([...document.querySelectorAll('.settings li')].find((l) => l.textContent.includes('checks.management')).textContent),
  );
});

test('certificates are dropped, looked at, and only then trusted', { skip }, async () => {
  assert.equal(await curl('stranger', 'sip'), false);
  await go('tcs');
  await page.getByRole('button', { name: 'Add certificates…' }).click();
  const pem = await readFile(world.strangerRoot, 'utf8');
  const data = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], 'root.pem'));
    return transfer;
  }, pem);
  await page.locator('.drop').dispatchEvent('drop', { dataTransfer: data });
  const certificate = page.locator('.certs li');
  await certificate.waitFor();
  assert.match(await certificate.innerText(), /Unlisted Issuing Root/);
  assert.doesNotMatch(await certificate.innerText(), /there already/);
  await page.getByRole('button', { name: 'Add 1 certificate…' }).click();
  await apply('Trust 1 certificate');
  await page.locator('.vrow').filter({ hasText: 'Unlisted Issuing Root' }).waitFor();

  await page.getByRole('button', { name: 'Add certificates…' }).click();
  await page.locator('dialog textarea').fill(pem);
  await page.locator('.certs .tag').filter({ hasText: 'there already' }).waitFor();
  await page.locator('dialog textarea').fill('-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n');
  await page.locator('dialog').getByRole('alert').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
});

test('the trust store tells what is wrong, what nobody needs, and who depends on a root', { skip }, async () => {
  await go('tcs?show=lint');
  await page.locator('.findings li').filter({ hasText: 'old-softconsole' }).filter({ hasText: 'Has expired' }).waitFor();
  await go('tcs?show=unused');
  await page.locator('.soon').getByText('Unlisted Issuing Root').waitFor();
  await go('tcs');
  await page.locator('.vrow').filter({ hasText: 'Example Telephony Root' }).click();
  await page.locator('.soon').getByText('phone-0012').first().waitFor();
});

test('a certificate is removed, and what changes is named before', { skip }, async () => {
  await go('tcs');
  await page.getByRole('searchbox', { name: 'Search' }).fill('unlisted');
  await page.locator('.vrow').filter({ hasText: 'Unlisted Issuing Root' }).click();
  await page.getByRole('button', { name: 'Remove…' }).click();
  assert.match(await page.locator('dialog .diff').innerText(), /Trust store/);
  await apply('Remove 1 certificate', { within: '0' });
  await go('tcs');
  await page.getByRole('searchbox', { name: 'Search' }).fill('unlisted');
  await page.getByText('No certificate fits').waitFor();
});

test('the history tells each change, and an earlier generation comes back', { skip }, async () => {
  await go('settings?show=history');
  const before = await generation();
  await page.getByRole('button', { name: 'What changed' }).first().click();
  await page.waitForSelector('.diff');
  await page.getByRole('button', { name: 'Roll back to it…' }).last().click();
  await page.locator('dialog .diff').waitFor();
  const force = (await page.locator('dialog').getByRole('checkbox').count()) > 0;
  await apply(/Roll back to/, { within: '0', force });
  await page.waitForFunction((n) => document.querySelector('.health').innerText.includes(`generation ${n}`), before + 1);
  assert.equal(await curl('unpinned'), true, 'the first generation had medium');
});

test('a backup is saved, and says what it would change', { skip }, async () => {
  await go('settings?show=backup');
  await page.getByLabel('Passphrase for the keys').fill('correct horse battery');
  await page.getByLabel('Once more').fill('correct horse battery');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save a backup' }).click()]);
  const path = await download.path();
  assert.ok((await readFile(path)).length > 1000);

  await go('settings');
  await page.getByRole('button', { name: 'Change expiry.warning-days' }).click();
  await page.locator('dialog').getByLabel('Value').fill('90');
  await page.getByRole('button', { name: 'See what changes' }).click();
  await apply('Save');
  await go('settings?show=backup');
  await page.getByLabel('Backup file').setInputFiles(path);
  const restore = page.locator('.panel').filter({ has: page.getByRole('heading', { name: 'Restore' }) });
  await restore.getByLabel('Passphrase').fill('correct horse battery');
  await restore.getByRole('button', { name: 'See what changes' }).click();
  await restore.getByText('expiry.warning-days').waitFor();
  await restore.getByRole('button', { name: 'Restore this backup' }).click();
  await page.getByText('Restored:').waitFor();
});

test('a new identity is made, asked for, and removed', { skip }, async () => {
  await go('identities');
  await page.getByRole('button', { name: 'New self-signed…' }).click();
  await page.locator('dialog').getByLabel('Name').fill('spare');
  await page.locator('dialog').getByLabel('Hosts').fill('spare.example.com 192.0.2.9');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  const card = page.locator('.identity').filter({ has: page.getByRole('heading', { name: 'spare' }) });
  await card.waitFor();
  assert.match(await card.innerText(), /spare\.example\.com/);
  await card.getByRole('button', { name: 'Request…' }).click();
  await page.getByRole('button', { name: 'Make the request' }).click();
  await page.locator('dialog pre').filter({ hasText: 'BEGIN CERTIFICATE REQUEST' }).waitFor();
  await page.getByRole('button', { name: 'Done' }).click();
  await card.getByRole('button', { name: 'Remove…' }).click();
  await apply('Remove the identity');
  await card.waitFor({ state: 'detached' });
});

test('a certificate is tested: every check at every level, and nothing is recorded', { skip }, async () => {
  await go('decisions');
  const before = await page.locator('.lead').innerText();
  await go('check');
  await page.locator('main input[type=file]').setInputFiles(world.certs['self-signed'].pem);
  await page.waitForSelector('.matrix');
  const verdicts = await page.locator('.matrix .sum td.mid').allInnerTexts();
  assert.deepEqual(
    verdicts.map((v) => v.trim()),
    ['accept', 'accept', 'accept', 'refuse', 'refuse', 'refuse'],
  );
  assert.match(await page.locator('.matrix tr').filter({ hasText: 'Not self-signed' }).innerText(), /wanted a certificate signed by a CA/);
  await go('decisions');
  assert.equal(await page.locator('.lead').innerText(), before);
});

test('a live server is tested by its name, and what cannot be reached is told', { skip }, async () => {
  await go('check');
  await page.getByLabel('Judge it as on').selectOption('web-manager');
  await page.getByLabel('… or name a live server').fill(`localhost:${world.server}`);
  await page.getByRole('button', { name: 'Test the server' }).click();
  await page.waitForSelector('.matrix');
  await page.getByRole('heading', { name: 'pbx' }).waitFor();
  await page.getByText(`2 certificates from 127.0.0.1 port ${world.server}, TLSv1.3`).waitFor();
  const verdicts = await page.locator('.matrix .sum td.mid').allInnerTexts();
  assert.deepEqual(
    verdicts.map((v) => v.trim()),
    ['accept', 'accept', 'accept', 'refuse', 'accept', 'refuse'],
  );
  assert.equal(await page.locator('.matrix th.current').count(), 1);
  await page.getByLabel('Expected names').fill('other.example.com');
  await page.getByRole('button', { name: 'Test the server' }).click();
  await page.locator('.matrix tr').filter({ hasText: 'wanted other.example.com' }).waitFor();
  await page.getByLabel('… or name a live server').fill('127.0.0.1:1');
  await page.keyboard.press('Enter');
  await page.getByText('127.0.0.1:1 cannot be connected to (Connection refused): check the port').waitFor();
});

test('every change is in the audit, whose chain is unbroken', { skip }, async () => {
  await go('audit');
  await page.getByRole('button', { name: 'Verify the chain' }).click();
  await page.getByText('Unbroken:').waitFor();
  assert.ok((await page.locator('tbody tr').count()) > 5);
});

test('nothing went wrong in the page meanwhile', { skip }, () => {
  assert.deepEqual(
    page.wrong.filter((w) => !['400 /api/v1/tcs/inspect', '422 /api/v1/check'].includes(w)),
    [],
  );
});
