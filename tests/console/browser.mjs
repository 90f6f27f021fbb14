/* Debian's chromium by playwright-core, both from where they are installed; nothing is fetched. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = dirname(fileURLToPath(import.meta.url));
export const consoleDir = join(here, '..', '..', 'console');
const require = createRequire(join(consoleDir, 'package.json'));
export const axeSource = () => require.resolve('axe-core/axe.min.js');

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const canRun = existsSync(CHROMIUM) && existsSync(join(consoleDir, 'node_modules', 'playwright-core'));

export async function launch() {
  const { chromium } = require('playwright-core');
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
}

export const WIDTHS = { wide: { width: 1280, height: 860 }, narrow: { width: 390, height: 844 } };

/* A page that writes down everything that goes wrong in it: errors, refusals of the policy, failed requests. */
export async function openPage(browser, { width = 'wide', theme = 'light', ...more } = {}) {
  const context = await browser.newContext({
    viewport: WIDTHS[width],
    colorScheme: theme,
    locale: 'en-GB',
    timezoneId: 'UTC',
    acceptDownloads: true,
    ...more,
  });
  const page = await context.newPage();
  page.wrong = [];
  page.on('pageerror', (e) => page.wrong.push(`error: ${e.message}`));
  page.on('console', (m) => {
    if (/Content Security/.test(m.text()) || (m.type() === 'error' && !/^Failed to load/.test(m.text())))
      page.wrong.push(`console: ${m.text()}`);
  });
  page.on('response', (r) => {
    if (r.status() >= 400) page.wrong.push(`${r.status()} ${new URL(r.url()).pathname}`);
  });
  page.setDefaultTimeout(15000);
  return page;
}

/* Goes to a page of the console and waits until nothing is being read. */
export async function visit(page, base, place) {
  const at = `${base}/#/${place}`;
  if (page.url().startsWith(base + '/'))
    await page.evaluate((hash) => {
      location.hash = hash;
    }, '#/' + place);
  else await page.goto(at);
  await page.waitForSelector('main h1');
  await page.waitForFunction(() => !document.querySelector('.working'), null, { polling: 50 });
  await page.waitForFunction(() => !document.querySelector('.plot:empty'), null, { polling: 50 });
}

/* What the pages show, for screenshots and for axe. `open` brings up what is behind a button. */
export const VIEWS = [
  { name: 'overview', place: 'overview' },
  { name: 'decisions', place: 'decisions' },
  { name: 'decisions-none', place: 'decisions?reason=work-limit-reached' },
  {
    name: 'decision',
    place: 'decisions?verdict=reject',
    open: async (page) => {
      await page.locator('.vrow').first().click();
      await page.waitForSelector('.ladder');
    },
  },
  {
    name: 'decision-admit',
    place: 'decisions?verdict=reject&reason=not-in-tcs',
    open: async (page) => {
      await page.locator('.vrow').first().click();
      await page.getByRole('button', { name: 'Admit this certificate' }).click();
      await page.waitForSelector('dialog');
    },
  },
  { name: 'peers', place: 'peers' },
  {
    name: 'peer',
    place: 'peers',
    open: async (page) => {
      await page.locator('.vrow').first().click();
      await page.waitForSelector('dialog');
    },
  },
  { name: 'tighten', place: 'tighten' },
  { name: 'tighten-high', place: 'tighten?setting=checks.management&to=high', open: (page) => page.waitForSelector('.callout.bad') },
  {
    name: 'tighten-apply',
    place: 'tighten?setting=checks.telephony&to=high',
    open: async (page) => {
      await page.getByRole('button', { name: 'Apply…' }).click();
      await page.waitForSelector('dialog form');
    },
  },
  { name: 'tcs', place: 'tcs' },
  {
    name: 'tcs-add',
    place: 'tcs',
    open: async (page) => {
      await page.getByRole('button', { name: 'Add certificates…' }).click();
      await page.locator('dialog textarea').fill('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
      await page.waitForSelector('.certs li');
    },
  },
  { name: 'tcs-lint', place: 'tcs?show=lint' },
  { name: 'tcs-unused', place: 'tcs?show=unused' },
  { name: 'tcs-pins', place: 'tcs?show=pins' },
  {
    name: 'tcs-one',
    place: 'tcs',
    open: async (page) => {
      await page.locator('.vrow').first().click();
      await page.waitForSelector('.facts');
    },
  },
  { name: 'identities', place: 'identities' },
  {
    name: 'identity-new',
    place: 'identities',
    open: async (page) => {
      await page.getByRole('button', { name: 'New self-signed…' }).click();
      await page.waitForSelector('dialog form');
    },
  },
  { name: 'settings', place: 'settings' },
  {
    name: 'setting',
    place: 'settings',
    open: async (page) => {
      await page.getByRole('button', { name: 'Change checks.telephony' }).click();
      await page.waitForSelector('dialog table');
    },
  },
  {
    name: 'settings-history',
    place: 'settings?show=history',
    open: async (page) => {
      await page.getByRole('button', { name: 'What changed' }).first().click();
      await page.waitForSelector('.diff');
    },
  },
  { name: 'settings-backup', place: 'settings?show=backup' },
  { name: 'audit', place: 'audit' },
  {
    name: 'check',
    place: 'check',
    open: async (page) => {
      await page.locator('main textarea').fill('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
      await page.waitForSelector('.matrix');
    },
  },
  {
    name: 'check-server',
    place: 'check',
    open: async (page) => {
      await page.getByLabel('… or name a live server').fill('pbx.example.com');
      await page.getByRole('button', { name: 'Test the server' }).click();
      await page.waitForSelector('.matrix');
    },
  },
];

export async function closeDialog(page) {
  if (await page.locator('dialog[open]').count()) await page.keyboard.press('Escape');
  await page.waitForFunction(() => !document.querySelector('dialog[open]'));
}
