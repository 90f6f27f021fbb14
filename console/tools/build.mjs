/*
 * Builds the console: node tools/build.mjs [OUTPUT], into dist/ where nothing is named.
 *
 * The file names are fixed: certgated serves them with an entity tag, so that a browser asks again and gets what fits.
 */
import { build } from 'esbuild';
import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = resolve(process.argv[2] ?? join(here, 'dist'));

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { app: 'src/app.tsx', theme: 'src/theme.ts' },
  outdir: out,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  legalComments: 'none',
  splitting: true, // chart, more, and what they share with app
  chunkNames: '[name]',
  logLevel: 'warning',
});
await build({
  absWorkingDir: here,
  entryPoints: { style: 'src/style.css' },
  outdir: out,
  bundle: true,
  minify: true,
  target: 'es2022',
  logLevel: 'warning',
});
for (const file of await readdir(join(here, 'static'))) await cp(join(here, 'static', file), join(out, file));
