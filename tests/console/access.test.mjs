/* Who gets into the console of certgated itself, as whom, and what an administrator then does with our certificates. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, openPage, visit } from './browser.mjs';
import { run, skip, startWorld } from './world.mjs';

let browser, world, page;

before(async () => {
  if (skip) return;
  world = await startWorld('--users');
  browser = await launch();
  page = await openPage(browser);
});
after(async () => {
  await browser?.close();
  await world?.end();
});

async function signIn(on, user, password = world.password) {
  await on.waitForSelector('.login');
  await on.getByLabel('User').fill(user);
  await on.getByLabel('Password').fill(password);
  await on.getByRole('button', { name: 'Sign in' }).click();
}
const who = (on) => on.locator('.who p').innerText();
const card = (name) => page.locator('.identity').filter({ has: page.getByRole('heading', { name, exact: true }) });

test('a wrong password is told, the right one opens the page that was asked for', { skip }, async () => {
  await page.goto(`${world.console}/#/audit`);
  await signIn(page, 'anna', 'not hers');
  await page.getByRole('alert').waitFor();
  assert.match(await page.getByRole('alert').innerText(), /the user or the password is wrong/);
  assert.equal(await page.getByLabel('Password').inputValue(), '');
  assert.equal(await page.getByLabel('User').inputValue(), 'anna');
  await signIn(page, 'anna');
  await page.getByRole('heading', { name: 'Audit' }).waitFor();
  assert.match(await who(page), /anna\s+administrator/);
});

test('signing out ends the session, here and in what another window has of it', { skip }, async () => {
  const second = await page.context().newPage();
  await visit(second, world.console, 'overview');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForSelector('.login');
  await page.reload();
  await page.waitForSelector('.login');
  await second.getByRole('link', { name: 'Peers' }).click();
  await second.waitForSelector('.login');
  await second.close();
});

test('an operator is one: admits and confirms, and is not offered what is not theirs', { skip }, async () => {
  const other = await openPage(browser);
  await other.goto(world.console);
  await signIn(other, 'bert');
  await other.locator('.who').waitFor();
  assert.match(await who(other), /bert\s+operator/);
  await visit(other, world.console, 'identities');
  await other.locator('.identity').first().waitFor();
  assert.equal(await other.getByRole('button', { name: 'New self-signed…' }).count(), 0);
  assert.deepEqual(other.wrong.filter((w) => !/^401 /.test(w)), []);
  await other.context().close();
});

test('a request is made, signed by a CA, and the certificate installed', { skip }, async () => {
  await signIn(page, 'anna');
  await visit(page, world.console, 'identities');
  await page.getByRole('button', { name: 'Request a certificate…' }).click();
  const dialog = page.locator('dialog');
  await dialog.getByLabel('Name').fill('front');
  await dialog.getByLabel('Hosts').fill('front.example.com');
  await dialog.getByRole('button', { name: 'Make the request' }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Save as file' }).click()]);
  const request = join(world.folder, 'front.csr');
  const signed = join(world.folder, 'front.pem');
  await download.saveAs(request);
  await run('openssl', 'x509', '-req', '-in', request, '-CA', world.ca, '-CAkey', world.caKey, '-days', '30', '-copy_extensions', 'copy', '-out', signed);
  await dialog.getByRole('button', { name: 'Done' }).click();

  await page.getByRole('button', { name: 'Install a signed certificate…' }).click();
  await dialog.getByLabel('Name').fill('front');
  await dialog.locator('input[type=file]').setInputFiles(world.certs.good.pem);
  await dialog.getByRole('button', { name: 'Put in force' }).click();
  await dialog.getByRole('alert').waitFor(); // of another key
  await dialog.getByRole('button', { name: 'Another' }).click();
  await writeFile(signed, (await readFile(signed, 'utf8')) + (await readFile(world.ca, 'utf8')));
  await dialog.locator('input[type=file]').setInputFiles(signed);
  await dialog.getByRole('button', { name: 'Put in force' }).click();
  await card('front').waitFor();
  assert.match(await card('front').innerText(), /front\.example\.com[^]*Example Telephony CA/);
});

test('a PKCS#12 is imported with its passphrase, and not without', { skip }, async () => {
  const { cert, key } = world.certs.soon;
  const file = join(world.folder, 'wallboard.p12');
  await run('openssl', 'pkcs12', '-export', '-in', cert, '-inkey', key, '-passout', 'pass:open sesame', '-out', file);
  await page.getByRole('button', { name: 'Import PKCS#12…' }).click();
  const dialog = page.locator('dialog');
  await dialog.getByLabel('Name').fill('wallboard');
  await dialog.locator('input[type=file]').setInputFiles(file);
  await dialog.getByLabel('Passphrase of the file').fill('open');
  await dialog.getByRole('button', { name: 'Put in force' }).click();
  await dialog.getByRole('alert').waitFor();
  assert.match(await dialog.getByRole('alert').innerText(), /pass(word|phrase)/i);
  await dialog.getByLabel('Passphrase of the file').fill('open sesame');
  await dialog.getByRole('button', { name: 'Put in force' }).click();
  await card('wallboard').waitFor();
  assert.match(await card('wallboard').innerText(), /wallboard\.example\.com/);
});

/* Chromium's own store of certificates is not asked: playwright speaks TLS with the certificate in its place. */
const through = async (name, origin) =>
  openPage(browser, {
    ignoreHTTPSErrors: true,
    clientCertificates: [{ origin, certPath: world.certs[name].cert, keyPath: world.certs[name].key }],
  });

test('through an interface a certificate is a user with a role, live, without signing in', { skip }, async () => {
  const origin = `https://localhost:${world.ports.console}`;
  const eve = await through('good', origin);
  await eve.goto(origin);
  await eve.getByRole('heading', { name: 'Overview' }).waitFor();
  assert.match(await who(eve), /eve\s+auditor/);
  assert.equal(await eve.getByRole('button', { name: 'Sign out' }).count(), 0, 'a certificate cannot be put down');
  await eve.getByText('live', { exact: true }).waitFor();
  await visit(eve, origin, 'decisions');
  await eve.locator('.vrow').filter({ hasText: 'voicemail-pro' }).first().waitFor();
  await visit(eve, origin, 'check');
  await eve.getByLabel('… or name a live server').fill(`localhost:${world.server}`);
  await eve.getByRole('button', { name: 'Test the server' }).click();
  await eve.waitForSelector('.matrix');
  await visit(eve, origin, 'settings');
  assert.equal(await eve.getByRole('button', { name: /^Change / }).count(), 0);
  assert.deepEqual(eve.wrong, []);
  await eve.context().close();
});

test('an admitted certificate that is no user meets the sign-in, whose cookie is for TLS alone', { skip }, async () => {
  const origin = `https://localhost:${world.ports.console}`;
  const phone = await through('unpinned', origin);
  await phone.goto(origin);
  await signIn(phone, 'anna');
  await phone.getByRole('heading', { name: 'Overview' }).waitFor();
  assert.match(await who(phone), /anna\s+administrator/);
  const [cookie] = await phone.context().cookies(origin);
  assert.ok(cookie.secure && cookie.httpOnly && cookie.sameSite === 'Strict', JSON.stringify(cookie));
  await visit(phone, origin, 'settings');
  await phone.getByRole('button', { name: 'Change expiry.warning-days' }).click();
  const dialog = phone.locator('dialog');
  await dialog.getByLabel('Value').fill('45');
  await dialog.getByRole('button', { name: 'See what changes' }).click();
  await dialog.getByLabel('And then').waitFor();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await phone.waitForFunction(() => !document.querySelector('dialog[open]'));
  await phone
    .locator('.settings li')
    .filter({ hasText: 'expiry.warning-days' })
    .locator('.value')
    .getByText('45', { exact: true })
    .waitFor();
  await phone.getByRole('button', { name: 'Sign out' }).click();
  await phone.waitForSelector('.login');
  assert.deepEqual(await phone.context().cookies(origin), []);
  await phone.context().close();
});

test('a certificate that the interface refuses sees nothing of the console', { skip }, async () => {
  const origin = `https://localhost:${world.ports.console}`;
  const stranger = await through('stranger', origin);
  await assert.rejects(async () => {
    const answer = await stranger.goto(origin);
    assert.ok(answer.status() < 400, 'refused'); // by playwright's own page of the alert
  });
  assert.equal(await stranger.locator('#app').count(), 0);
  await stranger.context().close();
});

test('nothing went wrong in the page meanwhile', { skip }, () => {
  assert.deepEqual(
    page.wrong.filter((w) => !/^401 |^400 \/api\/v1\/identities$/.test(w)),
    [],
  );
});
