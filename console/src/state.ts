/* What several pages share: the status, the live decisions, the address, and messages. */
import { batch, signal } from '@preact/signals';
import { get, messageOf, signedOut, whoami } from './api';
import { Rows } from './rows';
import type { DecisionRecord, Role, Status, Whoami } from './types';
import { roleAtLeast } from './words';

export const status = signal<Status | null>(null);
export const statusError = signal('');
/* Server time minus ours, so that a countdown is right on a machine whose clock is not. */
export const clockSkew = signal(0);

export const rows = new Rows();
/* Grows whenever `rows` changed. */
export const rowsVersion = signal(0);
export const live = signal<'connecting' | 'live' | 'lost'>('connecting');
/* Grows with each generation that was told, so that pages read again. */
export const generationSeen = signal(0);

export const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 1000);

export const serverNow = (): number => now.value + clockSkew.value;

/* ---- who may what -------------------------------------------------------------------------------------------- */

export const may = (role: Role): boolean => whoami.value !== null && roleAtLeast(whoami.value.role, role);

/* ---- messages -------------------------------------------------------------------------------------------------- */

export interface Notice {
  id: number;
  kind: 'ok' | 'error';
  text: string;
}
export const notices = signal<Notice[]>([]);
let noticeId = 0;

export function notify(text: string, kind: Notice['kind'] = 'ok'): void {
  const id = ++noticeId;
  notices.value = [...notices.value.slice(-3), { id, kind, text }];
  if (kind === 'ok') setTimeout(() => dismiss(id), 6000);
}
export const notifyError = (e: unknown): void => notify(messageOf(e), 'error');
export const dismiss = (id: number): void => {
  notices.value = notices.value.filter((n) => n.id !== id);
};

/* ---- the address: #/page/rest?name=value -------------------------------------------------------------------------- */

export interface Place {
  page: string;
  rest: string;
  query: URLSearchParams;
}

export function parsePlace(hash: string): Place {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const slash = path.indexOf('/');
  const page = slash < 0 ? path : path.slice(0, slash);
  let rest = slash < 0 ? '' : path.slice(slash + 1);
  try {
    rest = decodeURIComponent(rest);
  } catch {
    /* An address typed wrong leads nowhere, as it is. */
  }
  return { page: page || 'overview', rest, query: new URLSearchParams(search) };
}

export const place = signal<Place>(parsePlace(location.hash));
addEventListener('hashchange', () => {
  place.value = parsePlace(location.hash);
});

export const go = (hash: string): void => {
  location.hash = hash;
};

/* ---- reading and listening ---------------------------------------------------------------------------------------- */

export async function readStatus(): Promise<void> {
  try {
    const answer = await get<Status>('/status');
    batch(() => {
      clockSkew.value = new Date(answer.now).getTime() - Date.now();
      if (status.value && status.value.generation !== answer.generation) generationSeen.value++;
      status.value = answer;
      statusError.value = '';
    });
  } catch (e) {
    statusError.value = messageOf(e);
  }
}

export async function readWhoami(): Promise<void> {
  const answer = await get<Whoami>('/whoami');
  batch(() => {
    whoami.value = answer;
    signedOut.value = false;
  });
}

let queue: DecisionRecord[] = [];
let flushing = false;
let source: EventSource | null = null;
let poll = 0;

/* Ten times a second at most the page is drawn, however many come. */
function flush(): void {
  flushing = false;
  const records = queue;
  queue = [];
  rows.append(records);
  rowsVersion.value++;
}

function take(record: DecisionRecord): void {
  queue.push(record);
  if (!flushing) {
    flushing = true;
    setTimeout(flush, 100);
  }
}

/* What came while nobody listened: at the start, and after a lost connection. */
async function catchUp(): Promise<void> {
  const page = await get<{ records: DecisionRecord[]; next: unknown }>('/decisions?limit=200');
  const newest = rows.newest;
  const gap = newest && !page.records.some((r) => r.time <= newest.time);
  if (gap) rows.clear(); // more was missed than a page holds: older ones are read again when they are scrolled to
  const since = !newest || gap ? '~' : newest.time;
  rows.prepend(page.records.filter((r) => r.time < since)); // what is known is left out there
  rows.append(page.records.filter((r) => r.time >= since).reverse());
  rowsVersion.value++;
}

function parsed<T>(event: Event): T | null {
  try {
    return JSON.parse((event as MessageEvent<string>).data) as T;
  } catch {
    return null;
  }
}

export function listen(): void {
  stopListening();
  source = new EventSource('/api/v1/events');
  source.onopen = () => {
    live.value = 'live';
    catchUp().catch(() => {
      live.value = 'lost';
    });
    void readStatus();
  };
  source.onerror = () => {
    live.value = 'lost';
    // A refused request is given up by the browser: ask whether there is still a session, and try again.
    if (source?.readyState === EventSource.CLOSED)
      setTimeout(() => {
        readWhoami().then(listen, () => {
          if (!signedOut.value) setTimeout(listen, 3000);
        });
      }, 1000);
  };
  source.addEventListener('decision', (e) => {
    const record = parsed<DecisionRecord>(e);
    if (record) take(record);
  });
  // Told where this page was too slow, or the line too thin, for all of them.
  source.addEventListener('lost', () => {
    catchUp().catch(() => undefined);
  });
  for (const name of ['generation', 'pending'])
    source.addEventListener(name, () => {
      void readStatus();
    });
  poll = window.setInterval(() => {
    if (!document.hidden) void readStatus();
  }, 5000);
  void readStatus();
}

export function stopListening(): void {
  source?.close();
  source = null;
  clearInterval(poll);
}

/* ---- appearance ---------------------------------------------------------------------------------------------------- */

const narrowQuery = matchMedia('(max-width: 760px)');
export const narrow = signal(narrowQuery.matches);
narrowQuery.addEventListener('change', (e) => {
  narrow.value = e.matches;
});

const darkQuery = matchMedia('(prefers-color-scheme: dark)');
export type Theme = 'system' | 'light' | 'dark';
export const theme = signal<Theme>((document.documentElement.dataset['theme'] as Theme | undefined) ?? 'system');
export const dark = signal(false);

function applyTheme(): void {
  const root = document.documentElement;
  if (theme.value === 'system') delete root.dataset['theme'];
  else root.dataset['theme'] = theme.value;
  dark.value = theme.value === 'dark' || (theme.value === 'system' && darkQuery.matches);
}
darkQuery.addEventListener('change', applyTheme);
applyTheme();

export function setTheme(value: Theme): void {
  theme.value = value;
  applyTheme();
  try {
    if (value === 'system') localStorage.removeItem('theme');
    else localStorage.setItem('theme', value);
  } catch {
    /* It holds until the page is closed. */
  }
}
