/* What the mock knows, and its answers: see mock.mjs. */
const LEVELS = ['none', 'low', 'medium', 'high', 'medium+remote', 'high+remote'];

const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
const later = (a, b) => (a.time < b.time ? 1 : -1);

export class Refusal extends Error {
  constructor(status, code, message, details = []) {
    super(message);
    Object.assign(this, { status, code, details });
  }
}

export class MockNode {
  constructor(data, dist) {
    this.data = data;
    this.dist = dist;
    this.listeners = new Set();
    this.serial = 0;
    this.role = 'administrator';
    this.signedOut = false;
    this.empty = false;
    this.pending = null;
    this.values = {
      'checks.management': 'medium',
      'checks.telephony': 'medium',
      'expiry.warning-days': '60',
      'service.web-manager.security': 'secure-high',
      'interface.sip.allow': 'allow-server-auth-clients until 2027-06-30',
    };
    this.latched = new Set(['checks.telephony']);
    this.generations = [
      {
        number: 1,
        time: iso(Date.now() - 40 * 864e5),
        actor: 'certgate.conf',
        comment: 'the file seeds the store',
        kind: 'seed',
        source: 0,
        digest: '5a'.repeat(32),
      },
      {
        number: 2,
        time: iso(Date.now() - 12 * 864e5),
        actor: 'root by socket',
        comment: 'settings of release 11.1.2',
        kind: 'import',
        source: 0,
        digest: 'b1'.repeat(32),
      },
      {
        number: 3,
        time: iso(Date.now() - 2 * 864e5),
        actor: 'anna by certificate',
        comment: 'Branch Lisbon renewed its CA',
        kind: 'change',
        source: 0,
        digest: 'c4'.repeat(32),
      },
    ];
    this.pins = [];
    this.trusted = data.tcs.map((c) => ({ ...c }));
    this.audit = this.generations.map((g) => ({
      number: g.number,
      time: g.time,
      actor: g.actor,
      action: g.kind,
      generation: g.number,
      detail: { comment: g.comment },
      hash: g.digest,
    }));
    this.records = [];
    for (let i = 0; i < 400; i++) this.records.push(this.made(Date.now() - (400 - i) * 9000 - (i % 7) * 800));
    this.records.sort(later);
  }

  get generation() {
    return this.generations.at(-1).number;
  }

  made(ms) {
    const n = this.serial++;
    // Mostly admissions, as on a real node.
    const all = this.data.records.filter((r) => r.verdict === (n % 5 ? 'accept' : 'reject'));
    const from = all[Math.floor(n / 5 + (n % 5) * 3) % all.length];
    return {
      ...from,
      time: new Date(ms).toISOString(),
      incident: `m${n.toString(32).padStart(8, '0')}${from.incident.slice(9)}`,
      peer: `192.0.2.${10 + (n % 40)}:${40000 + (n % 20000)}`,
      generation: this.generation,
    };
  }

  /* ---- live ---- */

  tell(event, data) {
    for (const answer of this.listeners) answer.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }
  decide(count = 1) {
    for (let i = 0; i < count; i++) {
      const record = this.made(Date.now());
      this.records.unshift(record);
      this.tell('decision', record);
    }
    this.records.length = Math.min(this.records.length, 30000);
  }
  rate(perSecond) {
    clearInterval(this.timer);
    if (perSecond) {
      const start = Date.now();
      let done = 0;
      this.timer = setInterval(() => {
        const due = Math.floor(((Date.now() - start) / 1000) * perSecond);
        this.decide(due - done);
        done = due;
      }, 20);
    }
  }
  steer({ rate, burst, role, empty, signedOut }) {
    if (rate !== undefined) this.rate(rate);
    if (burst) this.decide(burst);
    this.role = role ?? this.role;
    this.empty = empty ?? this.empty;
    this.signedOut = signedOut ?? this.signedOut;
  }
  /* Decisions of the past, so that there is something to scroll through. */
  fill(count) {
    const first = Date.now() - 4e6;
    for (let i = 0; i < count; i++) this.records.push(this.made(first - i * 250));
    this.records.sort(later);
  }

  /* ---- answers ---- */

  interface(name, service, extra = {}) {
    const mine = this.empty ? [] : this.records.filter((r) => r.interface === name);
    return {
      name,
      service,
      role: 'inbound',
      mode: service === 'sip' ? 'sip' : 'http',
      listen: ['0.0.0.0:' + { 'web-manager': 8443, sip: 5061, configuration: 50805 }[name]],
      level: this.values['checks.management'],
      level_from: 'management',
      latched: false,
      security: 'secure-high',
      require_certificate: true,
      live: 'close',
      revocation: null,
      allowances: [],
      pins: this.pins.filter((p) => p.interface === name).length,
      accepted: mine.filter((r) => r.verdict === 'accept').length,
      refused: mine.filter((r) => r.verdict === 'reject').length,
      open: mine.length % 9,
      classes: [],
      ...extra,
    };
  }
  status() {
    return {
      version: '0.1.0',
      node: 'gate-1',
      started: iso(Date.now() - 9 * 864e5),
      now: iso(Date.now()),
      generation: this.generation,
      workers: { wanted: 2, running: 2, restarts: 0 },
      sandbox: 'full',
      records_lost: 0,
      store: true,
      tcs: { count: this.trusted.length, expiring: 1 },
      pending: this.pending,
      interfaces: this.empty
        ? []
        : [
            this.interface('web-manager', 'https', { level: 'high', level_from: 'own' }),
            this.interface('configuration', 'https'),
            this.interface('sip', 'sip', {
              level: this.values['checks.telephony'],
              level_from: 'telephony',
              latched: this.latched.has('checks.telephony'),
              require_certificate: false,
              allowances: [{ name: 'allow-server-auth-clients', until: '2027-06-30T23:59:59Z' }],
              classes: [{ name: 'carrier', kind: 'trunk', level: 'medium+remote', latched: false, require_certificate: true }],
            }),
          ],
    };
  }
  setting(name, type, initial, help, more = {}) {
    const value = this.values[name] ?? initial;
    const choices =
      {
        level: LEVELS,
        'line-level': LEVELS.slice(0, 4),
        security: ['disabled', 'unsecure-only', 'unsecure+secure', 'secure-low', 'secure-medium', 'secure-high'],
        live: ['close', 'drain', 'leave'],
      }[type] ?? null;
    return {
      name,
      value,
      is_set: name in this.values,
      default: initial,
      latched: this.latched.has(name),
      latchable: type.endsWith('level'),
      since: 2,
      type,
      choices,
      low: 0,
      high: 0,
      values: choices
        ? 'one of ' + choices.join(', ')
        : type === 'bool'
          ? 'true or false'
          : type === 'number'
            ? `a number from ${more.low} to ${more.high}`
            : "a list, each with or without 'until YYYY-MM-DD'",
      help,
      secret: false,
      ...more,
    };
  }
  settings() {
    const interfaces = ['web-manager', 'configuration', 'sip'];
    return {
      generation: this.generation,
      settings: [
        this.setting(
          'checks.management',
          'level',
          'medium',
          'Checks of certificates received on management interfaces: services https and line',
        ),
        this.setting('checks.telephony', 'level', 'medium', 'Checks of certificates received on telephony interfaces: service sip'),
        this.setting('partial-chain', 'bool', 'false', 'An intermediate certificate of the Trusted Certificate Store may end a path'),
        this.setting('max-path-depth', 'number', '10', 'Most intermediate certificates between the received one and its root', {
          low: 1,
          high: 32,
        }),
        this.setting('expiry.warning-days', 'number', '60', 'Days before the end of a certificate at which warnings of it begin', {
          low: 30,
          high: 180,
        }),
        this.setting(
          'trunk.carrier.level',
          'level',
          null,
          'Checks of certificates received from a SIP trunk; without it, those of its interface',
        ),
        ...interfaces.map((i) =>
          this.setting(
            `service.${i}.security`,
            'security',
            'secure-high',
            "Which ports of an interface's service are open, and by which algorithms its TLS is spoken",
          ),
        ),
        ...interfaces.map((i) =>
          this.setting(`interface.${i}.allow`, 'allow', '', 'Narrow allowances on an interface, each with an optional last day'),
        ),
        this.setting('user.anna.role', 'role', null, 'What a user of the console and the admin API may do', {
          choices: ['auditor', 'operator', 'administrator'],
          values: 'one of auditor, operator, administrator',
        }),
        this.setting('user.anna.password', 'hash', null, "A user's password, as its yescrypt hash", {
          secret: true,
          is_set: true,
          value: 'hidden',
          values: "a password's yescrypt hash",
        }),
      ],
    };
  }
  peers() {
    return this.empty
      ? []
      : this.data.peers.map((p, i) => ({
          interface: p.interface,
          sha256: p.sha256,
          subject: p.subject,
          issuer: p.issuer,
          san: p.names,
          key: 'EC P-256',
          first_seen: iso(Date.now() - (20 + i) * 864e5),
          last_seen: iso(Date.now() - i * 37e5),
          count: (i + 3) * 17,
          verdicts: p.levels,
          not_after: iso(Date.now() + (p.days_left + i * 11) * 864e5),
          days_left: p.days_left < 5 ? p.days_left : p.days_left + i * 11,
          successor: p.successor,
          enforced: { verdict: p.verdict, reason: p.reason },
        }));
  }
  wouldRefuse(edits) {
    const level = edits.find((e) => e.op === 'set' && /checks|level/.test(e.name))?.value;
    const refused = level
      ? this.peers().filter((p) => p.verdicts[level]?.verdict === 'reject' && p.verdicts.medium?.verdict === 'accept')
      : [];
    return {
      total: refused.length,
      since: iso(Date.now() - 30 * 864e5),
      peers: refused.map((p) => ({
        interface: p.interface,
        sha256: p.sha256,
        subject: p.subject,
        last_seen: p.last_seen,
        count: p.count,
        reason: p.verdicts[level].reason,
        days_left: p.days_left,
      })),
      unsure: 0,
      admitted: 0,
      admits: [],
      self: null,
    };
  }
  diff(edits) {
    return edits.flatMap((e) => {
      switch (e.op) {
        case 'set':
          return this.values[e.name] === String(e.value) && !this.latched.has(e.name)
            ? []
            : [{ part: 'setting', name: e.name, before: this.values[e.name] ?? null, after: String(e.value) }];
        case 'unset':
          return [{ part: 'setting', name: e.name, before: this.values[e.name] ?? null, after: null }];
        case 'tcs-add':
          return [{ part: 'tcs', name: 'CN=Unlisted Issuing Root', before: null, after: 'root' }];
        case 'tcs-remove':
          return [
            { part: 'tcs', name: this.trusted.find((c) => c.sha256 === e.sha256)?.subject ?? e.sha256, before: 'trusted', after: null },
          ];
        case 'pin':
          return [{ part: 'pin', name: `${e.sha256.slice(0, 16)} on ${e.interface}`, before: null, after: `until ${e.until}` }];
        case 'unpin':
          return [{ part: 'pin', name: `${e.sha256.slice(0, 16)} on ${e.interface}`, before: 'admitted', after: null }];
        case 'rollback':
          return [{ part: 'setting', name: 'checks.management', before: this.values['checks.management'], after: 'medium' }];
        default:
          return [{ part: 'identity', name: e.name, before: 'there', after: null }];
      }
    });
  }
  apply(edits) {
    for (const e of edits) {
      if (e.op === 'set') {
        this.values[e.name] = String(e.value);
        this.latched.delete(e.name);
      } else if (e.op === 'unset') {
        delete this.values[e.name];
      } else if (e.op === 'tcs-remove') {
        this.trusted = this.trusted.filter((c) => c.sha256 !== e.sha256);
      } else if (e.op === 'tcs-add') {
        this.trusted.push({
          ...this.trusted[0],
          subject: 'CN=Unlisted Issuing Root',
          issuer: 'CN=Unlisted Issuing Root',
          kind: 'root',
          sha256: '7e'.repeat(32),
        });
      } else if (e.op === 'pin') {
        const r = this.records.find((x) => x.certificate?.sha256 === e.sha256);
        this.pins.push({ ...e, op: undefined, subject: r?.certificate.subject ?? '', actor: 'anna', since: iso(Date.now()) });
      } else if (e.op === 'unpin') {
        this.pins = this.pins.filter((p) => p.sha256 !== e.sha256 || p.interface !== e.interface);
      }
    }
  }
  change({ edits, preview, force, confirm_within, comment }) {
    const refused = this.wouldRefuse(edits);
    const diff = this.diff(edits);
    const cleared = edits
      .filter((e) => e.op === 'set' && this.latched.has(e.name))
      .map((e) => ({
        name: e.name,
        before: this.values[e.name],
        after: e.value,
        begin: ['key-usage', 'extended-key-usage', 'critical-extensions'],
      }));
    const told = {
      generation: this.generation,
      changed: false,
      preview: Boolean(preview),
      diff,
      latches_cleared: cleared,
      would_refuse: refused,
      backup: null,
      confirm: null,
      notes: [],
    };
    if (preview || !diff.length) return told;
    if (this.role === 'auditor' || (this.role === 'operator' && edits.some((e) => !/pin/.test(e.op))))
      throw new Refusal(403, 'forbidden', `anna is ${this.role}; this needs the role administrator`);
    if (this.pending)
      throw new Refusal(409, 'busy', `generation ${this.pending.generation} waits to be confirmed: confirm it or take it back first`);
    if (refused.total && !force)
      throw new Refusal(409, 'lockout', `${refused.total} peers that were seen in the last 30 days would be refused`, [told]);
    const before = { values: { ...this.values }, latched: new Set(this.latched), pins: this.pins, trusted: this.trusted };
    this.apply(edits);
    this.commit(comment ?? '', 'change');
    told.generation = this.generation;
    told.changed = true;
    if (confirm_within) {
      this.before = before;
      this.pending = {
        generation: this.generation,
        back_to: this.generation - 1,
        reverts_at: new Date(Date.now() + confirm_within * 1000).toISOString(),
      };
      told.confirm = { reverts_at: this.pending.reverts_at };
      this.reverter = setTimeout(() => this.revert(), confirm_within * 1000);
    }
    this.tell('generation', { generation: this.generation, actor: 'anna' });
    return told;
  }
  commit(comment, kind) {
    const number = this.generation + 1;
    const g = { number, time: iso(Date.now()), actor: 'anna', comment, kind, source: 0, digest: 'd7'.repeat(32) };
    this.generations.push(g);
    this.audit.push({
      number: this.audit.length + 1,
      time: g.time,
      actor: g.actor,
      action: kind,
      generation: number,
      detail: { comment },
      hash: g.digest,
    });
  }
  settle() {
    if (!this.pending) throw new Refusal(404, 'not-found', 'no change waits to be confirmed');
    clearTimeout(this.reverter);
    this.pending = null;
  }
  revert() {
    this.settle();
    Object.assign(this, this.before);
    this.commit('not confirmed in time', 'revert');
    this.tell('generation', { generation: this.generation, actor: 'certgated' });
  }

  decisions(q) {
    const fits = (r) =>
      (!q.get('verdict') || r.verdict === q.get('verdict')) &&
      (!q.get('interface') || r.interface === q.get('interface')) &&
      (!q.get('reason') || r.reason === q.get('reason')) &&
      (!q.get('peer') || r.peer.startsWith(q.get('peer') + ':'));
    const all = this.empty ? [] : this.records.filter(fits);
    const from = q.get('before') ? all.findIndex((r) => r.incident === q.get('before')) + 1 : 0;
    const limit = Number(q.get('limit') ?? 100);
    const records = all.slice(from, from + limit);
    return { records, next: from + limit < all.length ? records.at(-1).incident : null };
  }
  rates(minutes) {
    const minute0 = Math.floor(Date.now() / 60000) * 60 - (minutes - 1) * 60;
    const wave = (base, n) =>
      Array.from({ length: minutes }, (_, i) =>
        Math.max(0, Math.round(base + base * 0.4 * Math.sin((i + n) / 6) + ((i * 7919 + n * 31) % 11) - 5)),
      );
    return {
      minute0,
      interfaces: this.empty
        ? []
        : [
            ['web-manager', 30, 4],
            ['configuration', 6, 0],
            ['sip', 55, 7],
          ].map(([name, a, r], n) => ({ name, accepted: wave(a, n), refused: wave(r, n + 9) })),
      reasons: this.empty
        ? []
        : [
            ['sip', 'issuer-unknown', 212],
            ['web-manager', 'not-in-tcs', 96],
            ['web-manager', 'expired', 61],
            ['sip', 'key-usage-missing', 24],
            ['web-manager', 'certificate-missing', 9],
          ].map(([i, reason, count]) => ({ interface: i, reason, count })),
    };
  }
  trustedRow(c) {
    return {
      sha256: c.sha256,
      kind: c.kind,
      subject: c.subject,
      issuer: c.issuer,
      key: c.key,
      not_before: c.not_before,
      not_after: c.not_after,
      days_left: c.days_left,
      since: 1,
      serial: c.serial,
    };
  }
  inspected() {
    const root = {
      ...this.trusted.find((c) => c.kind === 'root'),
      subject: 'CN=Unlisted Issuing Root',
      issuer: 'CN=Unlisted Issuing Root',
      sha256: '7e'.repeat(32),
    };
    return {
      certificates: [
        { ...this.trustedRow(root), present: false, lint: ['its key signs more than certificates'] },
        { ...this.trustedRow(this.trusted[0]), present: true, lint: [] },
      ],
      problems: [],
    };
  }
  identities() {
    return {
      identities: [
        {
          name: 'main',
          subject: 'CN=gate-1.example.com',
          issuer: 'CN=Example Telephony CA',
          sans: ['DNS:gate-1.example.com', 'IP:192.0.2.1'],
          sha256: '3c'.repeat(32),
          not_before: iso(Date.now() - 3e10),
          not_after: iso(Date.now() + 47 * 864e5),
          days_left: 47,
          key: 'EC P-256',
          key_path: '/etc/certgate/main.key',
          self_signed: false,
          chain: [
            { sha256: '3c'.repeat(32), subject: 'CN=gate-1.example.com' },
            { sha256: '3d'.repeat(32), subject: 'CN=Example Telephony CA' },
          ],
          interfaces: ['web-manager', 'configuration', 'sip'],
          from: 'file',
          csr: false,
        },
        {
          name: 'phones',
          subject: 'CN=phones.example.com',
          issuer: 'CN=phones.example.com',
          sans: ['DNS:phones.example.com'],
          sha256: '4c'.repeat(32),
          not_before: iso(Date.now() - 1e10),
          not_after: iso(Date.now() + 400 * 864e5),
          days_left: 400,
          key: 'RSA 2048 bits',
          key_path: '/var/lib/certgate/keys/phones.key',
          self_signed: true,
          chain: [],
          interfaces: [],
          from: 'store',
          csr: true,
        },
      ],
    };
  }
  check(body) {
    if (/^closed\./.test(body.connect ?? ''))
      throw new Refusal(
        422,
        'refused',
        `${body.connect} cannot be connected to (Connection refused): check the port, whether the server runs, and firewalls on the way`,
      );
    const r = this.data.records.find((x) => x.reason === 'not-in-tcs');
    return {
      checks: r.findings.map((f) => f.check),
      levels: LEVELS,
      matrix: r.levels,
      findings: [
        ...r.findings,
        {
          check: 'host-name',
          outcome: 'fail',
          reason: 'name-mismatch',
          certificate: 'received',
          found: 'DNS:phone-0012.example.com',
          wanted: '192.0.2.7',
          remedy: 'have the certificate issued with that name',
        },
        { check: 'sip-domain', outcome: 'not-applicable', reason: null },
      ],
      decision: { ...r, time: new Date().toISOString() },
      ...(body.connect && {
        server: {
          host: body.connect.replace(/:\d+$/, ''),
          port: Number(/\d+$/.exec(body.connect)[0]),
          address: '192.0.2.7',
          tls: 'TLSv1.2',
          certificates: 2,
          ended: 'alert handshake failure',
        },
      }),
    };
  }
  expiring() {
    if (this.empty) return { tcs: [], identities: [], peers: [] };
    return {
      tcs: this.trusted.filter((c) => c.days_left < 20).map((c) => this.trustedRow(c)),
      identities: [
        { name: 'main', sha256: '3c'.repeat(32), subject: 'CN=gate-1.example.com', not_after: iso(Date.now() + 47 * 864e5), days_left: 47 },
      ],
      peers: this.peers().filter((p) => p.days_left < 60),
    };
  }
  lint() {
    const of = (c, kind, text) => ({ kind, sha256: c.sha256, subject: c.subject, text });
    const findings = [
      of(this.trusted.find((c) => c.subject.includes('reception')) ?? this.trusted[0], 'key-weak', 'key below the 2048-bit class'),
      of(this.trusted[0], 'expired', 'has expired: nothing that needs it is accepted'),
    ];
    return { count: findings.length, findings, ca_names_bytes: 37, ca_names_limit: 65536 };
  }

  route(method, path, q, body) {
    const page = (list, key, more = {}) => ({ ...more, [key]: list, next: null });
    const one = /^\/(decisions|tcs|settings)\/([^/]+)(\/.*)?$/.exec(path);
    const fixed = {
      'GET /status': () => this.status(),
      'GET /whoami': () => ({ user: 'anna', role: this.role, via: 'session', csrf: 'token', certificate: null }),
      'DELETE /session': () => {
        this.signedOut = true;
        return {};
      },
      'GET /settings': () => this.settings(),
      'POST /changes': () => this.change(body),
      'POST /what-if': () => this.change({ ...body, preview: true }),
      'POST /confirm': () => {
        this.settle();
        return { generation: this.generation };
      },
      'POST /revert': () => {
        this.revert();
        return {};
      },
      'GET /generations': () => page(this.generations.toReversed(), 'generations'),
      'GET /diff': () => ({ diff: this.diff([{ op: 'set', name: 'checks.management', value: 'high' }]) }),
      'GET /tcs': () => {
        const w = (q.get('q') ?? '').toLowerCase();
        const list = this.empty ? [] : this.trusted;
        return page(
          list.filter((c) => !w || c.subject.toLowerCase().includes(w) || c.sha256.startsWith(w)).map((c) => this.trustedRow(c)),
          'certificates',
          { count: list.length },
        );
      },
      'GET /tcs/lint': () => (this.empty ? { findings: [] } : this.lint()),
      'GET /tcs/unused': () => ({ days: 90, certificates: this.trusted.slice(0, 2).map((c) => this.trustedRow(c)), more: false }),
      'POST /tcs/inspect': () => this.inspected(),
      'GET /identities': () => (this.empty ? { identities: [] } : this.identities()),
      'POST /identities': () =>
        body.op === 'csr'
          ? {
              csr: '-----BEGIN CERTIFICATE REQUEST-----\nMIH4MIGgAgEAMCExHzAdBgNVBAMMFmdhdGUtMS5leGFtcGxlLmNvbQ\n-----END CERTIFICATE REQUEST-----\n',
            }
          : { generation: this.generation, changed: true },
      'GET /decisions': () => this.decisions(q),
      'GET /rates': () => this.rates(Number(q.get('minutes') ?? 60)),
      'GET /peers': () => {
        const w = (q.get('q') ?? '').toLowerCase();
        const list = this.peers().filter(
          (p) =>
            (!q.get('interface') || p.interface === q.get('interface')) &&
            (!w || p.subject.toLowerCase().includes(w) || p.sha256.startsWith(w)),
        );
        return page(list, 'peers', { total: list.length });
      },
      'GET /expiring': () => this.expiring(),
      'GET /pins': () => ({ pins: this.pins }),
      'GET /audit': () => page(this.empty ? [] : this.audit, 'rows'),
      'GET /audit/verify': () => ({ ok: true, broken: null, message: 'every row follows from the one before' }),
      'POST /check': () => this.check(body),
    }[`${method} ${path}`];
    if (fixed) return fixed();
    if (one?.[1] === 'decisions') {
      const record = this.records.find((r) => r.incident === one[2]);
      if (!record) throw new Refusal(404, 'not-found', 'the log holds no incident of that id');
      return { record, story: Object.values(this.data.stories)[0] };
    }
    if (one?.[1] === 'tcs') {
      const c = this.trusted.find((x) => x.sha256 === one[2]);
      if (!c) throw new Refusal(404, 'not-found', `${one[2]} is not in the trust store`);
      return one[3]
        ? { peers: this.peers().slice(0, 3) }
        : { ...c, since: 1, pem: '-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n' };
    }
    if (one?.[1] === 'settings')
      return {
        history: [
          {
            generation: 2,
            time: this.generations[1].time,
            actor: 'root by socket',
            value: this.values[one[2]] ?? null,
            latched: this.latched.has(one[2]),
          },
        ],
      };
    throw new Refusal(404, 'not-found', `there is no ${method} /api/v1${path}`);
  }
}
