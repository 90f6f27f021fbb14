/* What is refused now and why; how each interface stands; what needs attention soon. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, query } from '../api';
import { loadChart } from '../later';
import type { Chart, Series } from '../chart';
import { commonName, formatMinute, formatNumber, plural } from '../format';
import { dark, now, place, rows, rowsVersion, status } from '../state';
import type { Expiring, Interface, Rates } from '../types';
import { reasonMeans } from '../words';
import { Days, Empty, Level, Page, Problem, Section, Time } from '../ui/basics';
import { useLoad } from '../ui/load';

const MINUTES = 60;

export function seriesOf(rates: Rates, name: string): Series {
  const count = Math.max(0, ...rates.interfaces.map((i) => i.accepted.length));
  const start = typeof rates.minute0 === 'number' ? rates.minute0 : new Date(rates.minute0).getTime() / 1000;
  const sum = (what: 'accepted' | 'refused') =>
    Array.from({ length: count }, (_, i) =>
      rates.interfaces.reduce((all, it) => all + (name === '' || it.name === name ? (it[what][i] ?? 0) : 0), 0),
    );
  return { minutes: Array.from({ length: count }, (_, i) => start + 60 * i), accepted: sum('accepted'), refused: sum('refused') };
}

function RateChart({ series }: { series: Series }) {
  const at = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const [under, setUnder] = useState<number | null>(null);
  const drawn = useRef(series);
  drawn.current = series;
  useEffect(() => {
    let gone = false;
    const redraw = () => chart.current?.draw(drawn.current);
    loadChart().then(
      ({ Chart: Plot }) => {
        if (gone || !at.current) return;
        chart.current = new Plot(at.current, setUnder);
        redraw();
      },
      () => undefined,
    );
    addEventListener('resize', redraw);
    return () => {
      gone = true;
      removeEventListener('resize', redraw);
      chart.current?.destroy();
      chart.current = null;
    };
  }, [dark.value]);
  useEffect(() => chart.current?.draw(series), [series]);
  const i = under ?? series.minutes.length - 1;
  const minute = series.minutes[i];
  return (
    <figure class="chart">
      <figcaption>
        <span class="key good">{formatNumber(series.accepted[i] ?? 0)} accepted</span>
        <span class="key bad">{formatNumber(series.refused[i] ?? 0)} refused</span>
        <span class="quiet">{minute !== undefined && `in the minute from ${formatMinute(minute * 1000)}`}</span>
      </figcaption>
      <div
        class="plot"
        ref={at}
        role="img"
        aria-label={`Accepted and refused per minute over ${MINUTES} minutes; last minute: ${series.accepted[i] ?? 0} accepted, ${series.refused[i] ?? 0} refused`}
      />
    </figure>
  );
}

const LEVEL_FROM: Record<string, string> = { management: 'checks.management', telephony: 'checks.telephony', own: 'the interface itself' };

function InterfaceRow({ it, rate }: { it: Interface; rate: { accepted: number; refused: number } }) {
  const closed = it.security === 'disabled';
  return (
    <tr>
      <th scope="row">
        <a href={`#/decisions${query({ interface: it.name })}`}>{it.name}</a>
        <span class="sub">
          {it.role === 'outbound' ? 'outbound' : it.service} · {it.listen.join(', ') || 'not listening'}
        </span>
      </th>
      <td>
        {closed ? (
          <span class="tag">closed</span>
        ) : (
          <Level level={it.level} latched={it.latched} from={LEVEL_FROM[it.level_from] ?? it.level_from} />
        )}
        <span class="sub">
          {it.security ?? ''}
          {it.require_certificate ? `${it.security ? ' · ' : ''}certificate required` : ''}
        </span>
        {it.allowances.map((a) => (
          <span key={a.name} class="tag warn" title={a.until ? `until ${a.until}` : 'without an end'}>
            {a.name}
          </span>
        ))}
        {it.pins > 0 && (
          <a class="tag warn" href="#/tcs?show=pins">
            {plural(it.pins, 'certificate')} admitted
          </a>
        )}
        {it.classes
          .filter((c) => c.name !== 'other' && c.name !== 'phone' && c.name !== it.name)
          .map((c) => (
            <span key={c.name} class="sub">
              {c.kind} {c.name}: <Level level={c.level} latched={c.latched} />
            </span>
          ))}
      </td>
      <td class="num" data-of="accepted">
        {formatNumber(rate.accepted)}
      </td>
      <td class={`num${rate.refused ? ' bad' : ''}`} data-of="refused">
        {formatNumber(rate.refused)}
      </td>
      <td class="num quiet since">{formatNumber(it.accepted)}</td>
      <td class="num quiet since">{formatNumber(it.refused)}</td>
      <td class="num quiet since">{formatNumber(it.open)}</td>
    </tr>
  );
}

function Interfaces({ rates }: { rates: Rates | null }) {
  const s = status.value;
  if (!s) return null;
  const last = (name: string) => {
    const it = rates?.interfaces.find((i) => i.name === name);
    return { accepted: it?.accepted.at(-2) ?? it?.accepted.at(-1) ?? 0, refused: it?.refused.at(-2) ?? it?.refused.at(-1) ?? 0 };
  };
  if (!s.interfaces.length)
    return (
      <Empty title="No interface yet">
        <p>
          An interface is a port that certgate guards and the service behind it. Write the first one into <code>certgate.conf</code>:{' '}
          <code>certgate help config</code> explains each line, then reload.
        </p>
      </Empty>
    );
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label="Interfaces">
      <table class="plain-table interfaces">
        <thead>
          <tr>
            <th scope="col" rowSpan={2}>
              Interface
            </th>
            <th scope="col" rowSpan={2}>
              Level in force
            </th>
            <th scope="colgroup" colSpan={2} class="num">
              Last minute
            </th>
            <th scope="colgroup" colSpan={3} class="num since">
              Since the start
            </th>
          </tr>
          <tr>
            <th scope="col" class="num">
              accepted
            </th>
            <th scope="col" class="num">
              refused
            </th>
            <th scope="col" class="num since">
              accepted
            </th>
            <th scope="col" class="num since">
              refused
            </th>
            <th scope="col" class="num since">
              open
            </th>
          </tr>
        </thead>
        <tbody>
          {s.interfaces.map((it) => (
            <InterfaceRow key={it.name} it={it} rate={last(it.name)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function LastRefusals() {
  rowsVersion.value;
  const refused = rows.latest((r) => r.verdict === 'reject', 7);
  if (!refused.length)
    return (
      <Empty title="Nobody was refused">
        <p>A refused connection appears here at once, with the reason and the way out.</p>
      </Empty>
    );
  return (
    <ul class="refusals">
      {refused.map((r) => (
        <li key={r.incident + r.time}>
          <a href={`#/decisions/${r.incident}`}>
            <strong>{r.certificate ? commonName(r.certificate.subject) : (r.peer ?? 'somebody')}</strong>
            <span class="where">
              <Time at={r.time} as="ago" />
            </span>
            <span class="why">{reasonMeans(r.reason)}</span>
            <span class="where">{r.interface}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function Reasons({ rates, name }: { rates: Rates; name: string }) {
  const counts = new Map<string, number>();
  for (const r of rates.reasons) if (name === '' || r.interface === name) counts.set(r.reason, (counts.get(r.reason) ?? 0) + r.count);
  const top = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 7);
  const most = top[0]?.[1] ?? 1;
  if (!top.length) return <p class="quiet">Nobody was refused in this hour.</p>;
  return (
    <ol class="reasons">
      {top.map(([reason, count]) => (
        <li key={reason}>
          <a href={`#/decisions${query({ reason, interface: name, verdict: 'reject' })}`}>{reasonMeans(reason)}</a>
          <meter min={0} max={most} value={count} aria-label={`${count} times`} />
          <span class="num">{formatNumber(count)}</span>
        </li>
      ))}
    </ol>
  );
}

function Soon() {
  const { data, error, reload } = useLoad((signal) => get<Expiring>('/expiring?days=60', signal), [Math.floor(now.value / 600000)]);
  if (error) return <Problem text={error} retry={reload} />;
  if (!data) return null;
  const all = [
    ...data.identities.map((e) => ({ ...e, what: 'our identity', href: '#/identities', first: 0 })),
    ...data.tcs.map((e) => ({ ...e, what: 'trust store', href: `#/tcs/${e.sha256}`, first: 1 })),
    ...data.peers.map((e) => ({
      ...e,
      what: e.interface ?? e.name ?? 'peer',
      href: `#/peers?q=${encodeURIComponent(commonName(e.subject))}`,
      first: 2,
    })),
  ].sort((a, b) => a.days_left - b.days_left || a.first - b.first);
  if (!all.length) return <p class="quiet">No certificate of ours, of the trust store or of a peer ends within 60 days.</p>;
  return (
    <>
      <ul class="soon">
        {all.slice(0, 8).map((e) => (
          <li key={e.what + e.sha256}>
            <a href={e.href}>{commonName(e.subject)}</a>
            <span class="quiet">{e.what}</span>
            <Days left={e.days_left} />
          </li>
        ))}
      </ul>
      {all.length > 8 && <p class="quiet">… and {formatNumber(all.length - 8)} more within 60 days.</p>}
    </>
  );
}

function System() {
  const s = status.value;
  if (!s) return null;
  return (
    <dl class="facts compact">
      <div>
        <dt>Workers</dt>
        <dd class={s.workers.running < s.workers.wanted ? 'bad' : ''}>
          {s.workers.running} of {s.workers.wanted} run{s.workers.restarts > 0 && `, ${plural(s.workers.restarts, 'restart')}`}
        </dd>
      </div>
      <div>
        <dt>Generation</dt>
        <dd>
          <a href="#/settings?show=history">{formatNumber(s.generation)}</a>
        </dd>
      </div>
      <div>
        <dt>Trust store</dt>
        <dd>
          <a href="#/tcs">{plural(s.tcs.count, 'certificate')}</a>
          {s.tcs.expiring > 0 && `, ${formatNumber(s.tcs.expiring)} end soon`}
        </dd>
      </div>
      <div>
        <dt>Records lost</dt>
        <dd class={s.records_lost ? 'bad' : ''}>{formatNumber(s.records_lost)}</dd>
      </div>
      <div>
        <dt>Sandbox</dt>
        <dd>{s.sandbox}</dd>
      </div>
      <div>
        <dt>Running since</dt>
        <dd>
          <Time at={s.started} />
        </dd>
      </div>
      <div>
        <dt>Version</dt>
        <dd>{s.version}</dd>
      </div>
    </dl>
  );
}

export function Overview() {
  const name = place.value.query.get('interface') ?? '';
  const rates = useLoad((signal) => get<Rates>(`/rates?minutes=${MINUTES}`, signal), [Math.floor(now.value / 5000)]);
  const interfaces = status.value?.interfaces ?? [];
  const chooser = (
    <label class="inline">
      <span class="hidden">Interface of the chart</span>
      <select
        value={name}
        onChange={(e) => {
          location.hash = `#/overview${query({ interface: e.currentTarget.value })}`;
        }}
      >
        <option value="">All interfaces</option>
        {interfaces.map((i) => (
          <option key={i.name} value={i.name} selected={i.name === name}>
            {i.name}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <Page title="Overview">
      <div class="overview">
        <Section title="Last refused" class="last" actions={<a href="#/decisions?verdict=reject">All refusals</a>}>
          <LastRefusals />
        </Section>
        <Section title="Decisions per minute" class="rate" actions={chooser}>
          {rates.error ? (
            <Problem text={rates.error} retry={rates.reload} />
          ) : (
            rates.data && (
              <>
                <RateChart series={seriesOf(rates.data, name)} />
                <h3>Why, in the last hour</h3>
                <Reasons rates={rates.data} name={name} />
              </>
            )
          )}
        </Section>
        <Section title="Interfaces" class="ifs">
          <Interfaces rates={rates.data} />
        </Section>
        <Section title="Ending soon" class="ending">
          <Soon />
        </Section>
        <Section title="System" class="system">
          <System />
        </Section>
      </div>
    </Page>
  );
}
