/* The live table of decisions. */
import { useEffect, useState } from 'preact/hooks';
import { get, messageOf, query } from '../api';
import { commonName, formatNumber, peerAddress, plural } from '../format';
import { type Filter, noFilter } from '../rows';
import { go, live, narrow, place, rows, rowsVersion, status } from '../state';
import type { DecisionRecord } from '../types';
import { levelTitle, reasonMeans, reasonNames } from '../words';
import { Empty, Page, Pick, Problem, TextField, Time, VerdictMark } from '../ui/basics';
import { type Column, VirtualTable } from '../ui/virtual';

const COLUMNS: Column[] = [
  { name: 'time', label: 'Time' },
  { name: 'verdict', label: 'Verdict' },
  { name: 'peer', label: 'Peer' },
  { name: 'why', label: 'Why' },
  { name: 'interface', label: 'Interface' },
  { name: 'level', label: 'Level' },
];

function cellsOf(r: DecisionRecord) {
  return [
    <Time at={r.time} />,
    <VerdictMark record={r} />,
    <a class="peer" href={`#/decisions/${r.incident}`} tabIndex={-1} onClick={(e) => e.stopPropagation()}>
      {r.certificate ? commonName(r.certificate.subject) : <span class="quiet">no certificate</span>}
      <span class="sub">{peerAddress(r.peer)}</span>
    </a>,
    <span class="reason" title={r.detail}>
      {r.verdict === 'reject' ? reasonMeans(r.reason) : r.resumed ? 'Session resumed' : ''}
    </span>,
    <>
      {r.interface}
      {r.class && r.class !== 'other' && r.class !== r.interface && <span class="sub">{r.class}</span>}
    </>,
    <>
      {r.level ? levelTitle(r.level) : '–'}
      {r.latched && <span class="tag warn">latched</span>}
    </>,
  ];
}

const filterOf = (q: URLSearchParams): Filter => ({
  verdict: (q.get('verdict') ?? '') as Filter['verdict'],
  interface: q.get('interface') ?? '',
  reason: q.get('reason') ?? '',
  text: (q.get('q') ?? '').trim(),
});

/* What the server can filter; the rest is done here. */
const ofServer = (f: Filter) => ({
  verdict: f.verdict === 'allowance' ? 'accept' : f.verdict,
  interface: f.interface,
  reason: f.reason,
  peer: /^[0-9a-f.:]+(\/\d+)?$/i.test(f.text) && /^(\d+\.){3}\d+(\/\d+)?$|:.*:/.test(f.text) ? f.text : '',
});

let scrollTop = 0;
let before: { filter: string; next: string | number | null | undefined } = { filter: '', next: undefined };

function Filters({ filter }: { filter: Filter }) {
  const set = (more: Partial<Filter>) => {
    const f = { ...filter, ...more };
    history.replaceState(null, '', `#/decisions${query({ verdict: f.verdict, interface: f.interface, reason: f.reason, q: f.text })}`);
    dispatchEvent(new HashChangeEvent('hashchange'));
  };
  return (
    <search class="filters" aria-label="Filter decisions">
      <Pick
        label="Verdict"
        value={filter.verdict}
        onChange={(v) => set({ verdict: v as Filter['verdict'] })}
        options={[
          ['', 'All'],
          ['reject', 'Refused'],
          ['accept', 'Accepted'],
          ['allowance', 'With allowance'],
        ]}
      />
      <Pick
        label="Interface"
        value={filter.interface}
        onChange={(v) => set({ interface: v })}
        options={[['', 'All'], ...(status.value?.interfaces ?? []).map((i): [string, string] => [i.name, i.name])]}
      />
      <Pick
        label="Reason"
        value={filter.reason}
        onChange={(v) => set({ reason: v })}
        options={[['', 'Any'], ...reasonNames.map((r): [string, string] => [r, reasonMeans(r)])]}
      />
      <TextField label="Peer" value={filter.text} onInput={(v) => set({ text: v })} type="search" placeholder="address or name" />
      {(filter.verdict || filter.interface || filter.reason || filter.text) && (
        <button type="button" class="plain" onClick={() => set(noFilter)}>
          Clear
        </button>
      )}
    </search>
  );
}

export function Decisions() {
  rowsVersion.value;
  const filter = filterOf(place.value.query);
  const name = JSON.stringify(filter);
  const [paused, setPaused] = useState(false);
  const [error, setError] = useState('');
  const [loading, setLoading] = useState(false);
  useEffect(() => {
    rows.setFilter(filter);
    if (before.filter !== name) before = { filter: name, next: undefined };
    rowsVersion.value++;
  }, [name]);
  useEffect(() => {
    rows.hold(paused || scrollTop > 0);
    return () => rows.hold(false);
  }, [paused]);

  const older = async () => {
    if (loading || before.next === null || (live.value === 'connecting' && !rows.total)) return;
    const from = before.next ?? rows.oldest?.incident;
    setLoading(true);
    try {
      const page = await get<{ records: DecisionRecord[]; next: string | number | null }>(
        `/decisions${query({ ...ofServer(filter), limit: 500, before: before.next ?? undefined })}`,
      );
      if (before.filter === name) {
        rows.prepend(page.records);
        before.next = page.next !== from ? (page.next ?? null) : null;
        rowsVersion.value++;
      }
      setError('');
    } catch (e) {
      setError(messageOf(e));
      before.next = null;
    } finally {
      setLoading(false);
    }
  };
  const count = rows.count;
  useEffect(() => {
    if (count < 30 && before.next !== null) void older();
  }, [name, count < 30, live.value, loading]);

  const toTop = () => {
    setPaused(false);
    rows.hold(false);
    scrollTop = 0;
    document.querySelector('.vtable')?.scrollTo(0, 0);
    rowsVersion.value++;
  };
  const actions = (
    <>
      {rows.waiting > 0 && (
        <button type="button" class="primary" onClick={toTop}>
          {formatNumber(rows.waiting)} new
        </button>
      )}
      <button type="button" aria-pressed={paused} onClick={() => (paused ? toTop() : setPaused(true))}>
        {paused ? 'Go on' : 'Pause'}
      </button>
    </>
  );
  const foot = loading ? 'Reading older decisions…' : before.next === null && count > 0 ? 'That is all the log has.' : '';
  return (
    <Page
      title="Decisions"
      actions={actions}
      lead={
        <>
          {plural(count, 'decision')} shown{rows.total !== count && ` of ${formatNumber(rows.total)} read`}
          {live.value === 'live' && !paused && ', live'}
        </>
      }
    >
      <Filters filter={filter} />
      {error && (
        <Problem
          text={error}
          retry={() => {
            before.next = undefined;
            void older();
          }}
        />
      )}
      {count === 0 && !loading ? (
        rows.total ? (
          <Empty title="No decision fits these filters">
            <p>Clear a filter, or wait: what fits appears here as it comes.</p>
          </Empty>
        ) : (
          <Empty title="No decision yet">
            <p>Connect to an interface, and the decision appears here within a second:</p>
            <p>
              <code>curl --cert peer.pem --key peer.key https://this-host:port/</code>
            </p>
          </Empty>
        )
      ) : (
        <VirtualTable
          label="Decisions"
          layout="l-decisions"
          columns={COLUMNS}
          count={count}
          rowHeight={narrow.value ? 76 : 46}
          cells={(i) => {
            const r = rows.at(i);
            return r ? cellsOf(r) : [];
          }}
          rowClass={(i) => (rows.at(i)?.verdict === 'reject' ? 'refused' : '')}
          onOpen={(i) => {
            const r = rows.at(i);
            if (r) go(`#/decisions/${r.incident}`);
          }}
          onTop={(top) => {
            rows.hold(paused || !top);
            rowsVersion.value++;
          }}
          onEnd={() => void older()}
          start={scrollTop}
          onScrolled={(t) => {
            scrollTop = t;
          }}
          foot={foot}
        />
      )}
    </Page>
  );
}
