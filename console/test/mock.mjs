/*
 * Answers the admin API with data of a real node (data/node.json: records of certgated, moved to now), for the console's
 * tests and for looking at its pages without certgated. Nothing of it is part of the product.
 *
 *   node test/mock.mjs [PORT] [FOLDER]
 *
 * Beside the API: POST /mock {"rate": N, "burst": N, "role": "…", "empty": true, "signedOut": true} steers it.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MockNode, Refusal } from './mock_node.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};
// As certgated sends it; a browser that follows it is the test that the pages obey.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export class Mock extends MockNode {
  static async start({ port = 0, dist = join(here, '..', 'dist') } = {}) {
    const mock = new Mock(JSON.parse(await readFile(join(here, 'data', 'node.json'), 'utf8')), dist);
    mock.server = createServer((request, answer) => void mock.serve(request, answer));
    await new Promise((done) => mock.server.listen(port, '127.0.0.1', done));
    mock.url = `http://127.0.0.1:${mock.server.address().port}`;
    return mock;
  }

  /* ---- HTTP ---- */

  async serve(request, answer) {
    const url = new URL(request.url, 'http://x');
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (url.pathname === '/mock') {
      this.steer(JSON.parse(bytes));
      answer.end();
    } else if (!url.pathname.startsWith('/api/v1/')) {
      await this.file(url.pathname, answer);
    } else {
      this.api(request, url, bytes, answer);
    }
  }
  async file(path, answer) {
    try {
      const name = path === '/' ? 'index.html' : path.slice(1).replace(/[^a-z.]/g, '');
      const content = await readFile(join(this.dist, name));
      answer.writeHead(200, {
        'Content-Type': TYPES[name.split('.').pop()],
        'Content-Security-Policy': POLICY,
        'X-Content-Type-Options': 'nosniff',
        'Cache-Control': 'no-cache',
      });
      answer.end(content);
    } catch {
      answer.writeHead(404).end();
    }
  }
  api(request, url, bytes, answer) {
    const path = url.pathname.slice('/api/v1'.length);
    const say = (status, object) => {
      answer.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      answer.end(JSON.stringify(object));
    };
    try {
      const json = /json/.test(request.headers['content-type'] ?? '');
      const body = json ? JSON.parse(bytes) : null;
      if (request.method === 'POST' && path === '/session') {
        if (body.password !== 'secret')
          throw new Refusal(401, 'unauthenticated', "the user or the password is wrong ('certgate user list' shows the users)");
        this.signedOut = false;
        return say(200, { user: body.user });
      }
      if (this.signedOut) throw new Refusal(401, 'unauthenticated', 'sign in first');
      if (request.method !== 'GET' && request.headers['x-csrf-token'] !== 'token')
        throw new Refusal(403, 'forbidden', 'the X-Csrf-Token field is missing');
      if (path === '/events') {
        answer.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
        answer.write(': mock\n\n');
        this.listeners.add(answer);
        request.on('close', () => this.listeners.delete(answer));
        return undefined;
      }
      if (path === '/backup') {
        answer.writeHead(200, { 'Content-Type': 'application/octet-stream' });
        return answer.end('a backup');
      }
      // A server that does not answer: whoever asked waits, or goes away.
      if (path === '/check' && /^silent\./.test(body.connect ?? '')) return answer.on('close', () => (this.left = true));
      if (path === '/restore') return say(200, this.change({ edits: [{ op: 'rollback' }], preview: url.searchParams.has('preview') }));
      return say(200, this.route(request.method, path, url.searchParams, body));
    } catch (e) {
      return say(e.status ?? 500, { error: { code: e.code ?? 'internal', message: e.message, details: e.details ?? [] } });
    }
  }
  async stop() {
    clearInterval(this.timer);
    clearTimeout(this.reverter);
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await Mock.start({ port: Number(process.argv[2] ?? 8480), ...(process.argv[3] ? { dist: process.argv[3] } : {}) });
  mock.rate(2);
  console.log(mock.url);
}
