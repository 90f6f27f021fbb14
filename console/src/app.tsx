import { signal } from '@preact/signals';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask, messageOf, post, signedOut, whoami } from './api';
import { formatCountdown, formatNumber } from './format';
import { Decisions } from './pages/decisions';
import { Login } from './pages/login';
import { Overview } from './pages/overview';
import {
  dismiss,
  listen,
  live,
  may,
  notices,
  notify,
  notifyError,
  place,
  readStatus,
  readWhoami,
  serverNow,
  setTheme,
  status,
  statusError,
  stopListening,
  theme,
  type Theme,
} from './state';
import { Icon, Problem, Working } from './ui/basics';

type More = typeof import('./pages/more');
const more = signal<More | null>(null);
const moreError = signal(false);

function readMore(): void {
  moreError.value = false;
  import('./pages/more').then(
    (m) => {
      more.value = m;
    },
    () => {
      moreError.value = true;
    },
  );
}

function Later({ page }: { page: keyof More }) {
  useEffect(() => {
    if (!more.value) readMore();
  }, []);
  const Show = more.value?.[page];
  if (Show) return <Show />;
  return moreError.value ? (
    <Problem text="This page could not be read from certgated. Load the console again." retry={() => location.reload()} />
  ) : (
    <Working text="Reading the page…" />
  );
}

const PAGES: { id: string; title: string; show: () => preact.JSX.Element }[] = [
  { id: 'overview', title: 'Overview', show: Overview },
  { id: 'decisions', title: 'Decisions', show: () => (place.value.rest ? <Later page="Decision" /> : <Decisions />) },
  { id: 'peers', title: 'Peers', show: () => <Later page="Peers" /> },
  { id: 'tighten', title: 'Tighten', show: () => <Later page="Tighten" /> },
  { id: 'tcs', title: 'Trust store', show: () => <Later page="Tcs" /> },
  { id: 'identities', title: 'Identities', show: () => <Later page="Identities" /> },
  { id: 'settings', title: 'Settings', show: () => <Later page="Settings" /> },
  { id: 'audit', title: 'Audit', show: () => <Later page="Audit" /> },
  { id: 'check', title: 'Test a certificate', show: () => <Later page="Check" /> },
];

/* A change that goes back by itself: on every page, until it is settled. */
function PendingBar() {
  const pending = status.value?.pending;
  const [busy, setBusy] = useState('');
  const left = pending ? (new Date(pending.reverts_at).getTime() - serverNow()) / 1000 : 0;
  const over = pending !== null && pending !== undefined && left <= 0;
  useEffect(() => {
    if (!over) return undefined;
    void readStatus();
    const again = setInterval(readStatus, 1000); // the server's clock decides: ask until it has gone back
    return () => clearInterval(again);
  }, [over]);
  if (!pending) return null;
  const settle = async (what: 'confirm' | 'revert') => {
    setBusy(what);
    try {
      await post(`/${what}`, {});
      notify(
        what === 'confirm'
          ? `Generation ${formatNumber(pending.generation)} stays.`
          : `Generation ${formatNumber(pending.back_to)}'s settings are back.`,
      );
    } catch (e) {
      notifyError(e);
    }
    await readStatus();
    setBusy('');
  };
  return (
    <div class="pending" role="region" aria-label="Change to be confirmed">
      <p>
        <strong>Generation {formatNumber(pending.generation)} goes back </strong>
        {left > 0 ? (
          <>
            in{' '}
            <span class="countdown" role="timer">
              {formatCountdown(left)}
            </span>
          </>
        ) : (
          'now…'
        )}
        <span class="quiet"> to what generation {formatNumber(pending.back_to)} had, unless it is confirmed.</span>
      </p>
      {may('operator') ? (
        <div class="actions">
          <button type="button" onClick={() => settle('revert')} disabled={busy !== ''}>
            Go back now
          </button>
          <button type="button" class="primary" onClick={() => settle('confirm')} disabled={busy !== ''}>
            Confirm
          </button>
        </div>
      ) : (
        <span class="quiet">An operator can confirm it.</span>
      )}
    </div>
  );
}

function Health() {
  const s = status.value;
  if (statusError.value)
    return (
      <p class="health bad" role="alert">
        {statusError.value}
      </p>
    );
  if (!s) return null;
  const workers = s.workers.running < s.workers.wanted;
  return (
    <p class={`health${workers || s.records_lost || live.value === 'lost' ? ' bad' : ''}`}>
      <span class="node">{s.node}</span>
      <span>generation {formatNumber(s.generation)}</span>
      {workers && (
        <span>
          only {s.workers.running} of {s.workers.wanted} workers run
        </span>
      )}
      {s.records_lost > 0 && <span>{formatNumber(s.records_lost)} records lost</span>}
      <span class={`live ${live.value}`}>
        {live.value === 'live' ? 'live' : live.value === 'lost' ? 'connection lost, trying again' : 'connecting'}
      </span>
    </p>
  );
}

function Who() {
  const w = whoami.value;
  if (!w) return null;
  const leave = async () => {
    try {
      await ask('/session', { method: 'DELETE' });
    } catch {
      /* It is gone for us in any case. */
    }
    whoami.value = null;
    signedOut.value = true;
  };
  return (
    <div class="who">
      <p>
        <span class="name">{w.user}</span> <span class="quiet">{w.role}</span>
      </p>
      <label class="theme">
        <span class="hidden">Theme</span>
        <select value={theme.value} onChange={(e) => setTheme(e.currentTarget.value as Theme)}>
          <option value="system">System theme</option>
          <option value="light">Light theme</option>
          <option value="dark">Dark theme</option>
        </select>
      </label>
      {w.via === 'session' && (
        <button type="button" class="plain" onClick={leave}>
          Sign out
        </button>
      )}
    </div>
  );
}

function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((n) => (
        <div key={n.id} class={`notice ${n.kind}`}>
          <span>{n.text}</span>
          <button type="button" class="plain" aria-label="Dismiss" onClick={() => dismiss(n.id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}

function Shell() {
  const [menu, setMenu] = useState(false);
  const at = place.value;
  const page = PAGES.find((p) => p.id === at.page);
  useEffect(() => {
    setMenu(false);
    document.title = `${page?.title ?? 'Not found'} – certgate ${status.value?.node ?? ''}`;
    document.querySelector('main')?.scrollTo(0, 0);
    document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
  }, [at.page, at.rest]);
  return (
    <div class="shell">
      <a
        class="skip"
        href="#main"
        onClick={(e) => {
          e.preventDefault();
          document.querySelector<HTMLElement>('main h1')?.focus();
        }}
      >
        Skip to the page
      </a>
      <header class="side">
        <div class="brand">
          <a href="#/overview">certgate</a>
          <button type="button" class="plain menu" aria-expanded={menu} aria-controls="nav" onClick={() => setMenu(!menu)}>
            <Icon name="menu" />
            Menu
          </button>
        </div>
        <nav id="nav" class={menu ? 'open' : ''} aria-label="Pages">
          <ul>
            {PAGES.map((p) => (
              <li key={p.id}>
                <a href={`#/${p.id}`} aria-current={p.id === at.page ? 'page' : undefined}>
                  {p.title}
                </a>
              </li>
            ))}
          </ul>
          <Who />
        </nav>
        <Health />
      </header>
      <main id="main" class={`page-${at.page}`}>
        <PendingBar />
        {page ? <page.show key={page.id} /> : <Problem text={`There is no page “${at.page}”. Choose one on the left.`} />}
      </main>
      <Notices />
    </div>
  );
}

function App() {
  const [error, setError] = useState('');
  const start = () => {
    setError('');
    readWhoami().catch((e: unknown) => {
      if (!signedOut.value) setError(messageOf(e));
    });
  };
  useEffect(start, []);
  useEffect(() => {
    setTimeout(readMore, 1500);
  }, []); // so that the other pages open at once
  const inside = whoami.value !== null && !signedOut.value;
  useEffect(() => {
    if (inside) listen();
    return stopListening;
  }, [inside]);
  if (inside) return <Shell />;
  if (signedOut.value) return <Login onDone={start} />;
  return <main class="start">{error ? <Problem text={error} retry={start} /> : <Working text="Connecting…" />}</main>;
}

const at = document.getElementById('app');
if (at) render(<App />, at);
