/* Who changed what; each row is chained to the one before by its hash. */
import { useState } from 'preact/hooks';
import { aborted, everyPage, get, messageOf, query } from '../api';
import { csvLine, formatNumber } from '../format';
import { generationSeen } from '../state';
import type { AuditRow } from '../types';
import { Empty, Page, Problem, Section, TextField, Time, Working } from '../ui/basics';
import { useLoad } from '../ui/load';
import { save } from './peers';

type AuditPage = { rows: AuditRow[]; next: number | null };

export const detailText = (detail: unknown): string =>
  typeof detail === 'string'
    ? detail
    : detail === null || detail === undefined
      ? ''
      : Object.entries(detail as Record<string, unknown>)
          .map(([k, v]) => `${k.replace(/_/g, ' ')}: ${typeof v === 'object' ? JSON.stringify(v) : String(v)}`)
          .join(', ');

function Verify() {
  const [state, set] = useState<{ ok?: boolean; text: string; abort?: AbortController }>({ text: '' });
  const run = async () => {
    const abort = new AbortController();
    set({ text: '', abort });
    try {
      const answer = await get<{ ok: boolean; message: string }>('/audit/verify', abort.signal);
      set({ ok: answer.ok, text: answer.message });
    } catch (e) {
      set(aborted(e) ? { text: '' } : { ok: false, text: messageOf(e) });
    }
  };
  return (
    <>
      {state.text && (
        <span role="status" class={`verify ${state.ok ? 'good' : 'bad'}`}>
          {state.ok ? 'Unbroken: ' : 'Broken: '}
          {state.text}
        </span>
      )}
      {state.abort ? (
        <Working text="Following the chain…" cancel={() => state.abort?.abort()} />
      ) : (
        <button type="button" onClick={run}>
          Verify the chain
        </button>
      )}
    </>
  );
}

export function Audit() {
  const [search, setSearch] = useState('');
  const [progress, setProgress] = useState(0);
  const { data, error, reload } = useLoad(
    (signal) =>
      everyPage<AuditRow>(async (after) => {
        const page = await get<AuditPage>(`/audit${query({ limit: 1000, after })}`, signal);
        return { items: page.rows, next: page.next };
      }, setProgress),
    [generationSeen.value],
  );
  const [most, setMost] = useState(200);
  const rows = (data ?? [])
    .toReversed()
    .filter(
      (r) => !search || `${r.actor} ${r.action} ${detailText(r.detail)} ${r.generation}`.toLowerCase().includes(search.toLowerCase()),
    );
  const csv = () =>
    save(
      'audit.csv',
      csvLine(['number', 'time', 'actor', 'action', 'generation', 'detail', 'hash']) +
        rows.map((r) => csvLine([r.number, r.time, r.actor, r.action, r.generation, detailText(r.detail), r.hash])).join(''),
      'text/csv',
    );
  return (
    <Page
      title="Audit"
      lead="Every administrative change, in the order it was made."
      actions={
        <>
          <Verify />
          <button type="button" disabled={!rows.length} onClick={csv}>
            Export CSV
          </button>
        </>
      }
    >
      <search class="filters" aria-label="Search the audit">
        <TextField label="Search" type="search" value={search} onInput={setSearch} placeholder="who, what, generation" />
      </search>
      {error && <Problem text={error} retry={reload} />}
      {!data && !error && <Working text={`${formatNumber(progress)} rows read`} />}
      {data &&
        !rows.length &&
        (search ? (
          <Empty title="No row fits">
            <p>Search for a user, an action or a setting.</p>
          </Empty>
        ) : (
          <Empty title="Nothing was changed yet">
            <p>The first change of a setting, a certificate or an identity is recorded here, with who made it.</p>
          </Empty>
        ))}
      {rows.length > 0 && (
        <Section>
          <div class="scroll-x" tabIndex={0} role="region" aria-label="Audit rows">
            <table class="plain-table audit">
              <thead>
                <tr>
                  <th scope="col" class="num">
                    No.
                  </th>
                  <th scope="col">Time</th>
                  <th scope="col">Who</th>
                  <th scope="col">What</th>
                  <th scope="col">Details</th>
                  <th scope="col" class="num">
                    Generation
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.slice(0, most).map((r) => (
                  <tr key={r.number}>
                    <td class="num">{formatNumber(r.number)}</td>
                    <td class="nowrap">
                      <Time at={r.time} as="full" />
                    </td>
                    <td>{r.actor}</td>
                    <td>
                      <strong>{r.action}</strong>
                    </td>
                    <td class="wrap detail">{detailText(r.detail)}</td>
                    <td class="num" data-of="generation ">
                      {r.generation ? formatNumber(r.generation) : '–'}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {rows.length > most && (
            <button type="button" onClick={() => setMost(most + 1000)}>
              Show more of {formatNumber(rows.length)}
            </button>
          )}
        </Section>
      )}
    </Page>
  );
}
