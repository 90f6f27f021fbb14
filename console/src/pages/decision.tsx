/* One decision, from the verdict down to the record. */
import { useState } from 'preact/hooks';
import { get } from '../api';
import { commonName } from '../format';
import { place, status } from '../state';
import type { DecisionRecord, Finding } from '../types';
import { capital, checks, checkTitle, firstLevelOf, levels, levelTitle, reasonMeans, remedyOf } from '../words';
import { Facts, Icon, Page, Print, Problem, Section, Time, VerdictMark, Working } from '../ui/basics';
import { AdmitDialog } from '../ui/change';
import { useLoad } from '../ui/load';

interface Answer {
  record: DecisionRecord;
  records?: DecisionRecord[];
  story: string | string[];
  decided_in?: DecisionRecord | null;
}

const OUTCOME: Record<Finding['outcome'], { icon: string; text: string; state: string }> = {
  pass: { icon: 'check', text: 'passed', state: 'good' },
  fail: { icon: 'cross', text: 'failed', state: 'bad' },
  'not-applicable': { icon: 'dash', text: 'not applicable', state: 'none' },
  undecided: { icon: 'bang', text: 'could not be decided', state: 'bad' },
};

const allowanceNames = (r: DecisionRecord): string[] => (r.allowances ?? []).map((a) => (typeof a === 'string' ? a : a.name));

function Rung({ finding, stopped }: { finding: Finding; stopped: boolean }) {
  const o = OUTCOME[finding.outcome];
  return (
    <li class={`rung ${o.state}${stopped ? ' stopped' : ''}`}>
      <span class="mark">
        <Icon name={o.icon} />
        <span class="hidden">{o.text}</span>
      </span>
      <div>
        <p class="check">
          {capital(checkTitle(finding.check))} {stopped && <strong class="tag bad">stopped here</strong>}
          {finding.allowance && <span class="tag warn">{finding.allowance}</span>}
        </p>
        {finding.outcome !== 'not-applicable' && (
          <dl class="found">
            {finding.found && (
              <div>
                <dt>found</dt>
                <dd>{finding.found}</dd>
              </div>
            )}
            {finding.wanted && finding.outcome !== 'pass' && (
              <div>
                <dt>wanted</dt>
                <dd>{finding.wanted}</dd>
              </div>
            )}
            {finding.certificate && finding.certificate !== 'received' && (
              <div>
                <dt>in</dt>
                <dd>{finding.certificate}</dd>
              </div>
            )}
          </dl>
        )}
        {finding.note && <p class="quiet">{finding.note}</p>}
        {finding.outcome === 'not-applicable' && <p class="quiet">{finding.found ?? 'does not concern this peer'}</p>}
      </div>
    </li>
  );
}

/* Checks in page order under the level that first asks each; what the level in force does not ask is dimmed. */
function Ladder({ r }: { r: DecisionRecord }) {
  const findings = new Map((r.findings ?? []).map((f) => [f.check, f]));
  const first = (r.findings ?? []).find((f) => f.outcome === 'fail' || f.outcome === 'undecided')?.check;
  const groups = levels.map((l) => ({ ...l, own: l.checks.filter((c) => firstLevelOf(c) === l.level) }));
  const remote = groups.filter((g) => g.level.endsWith('+remote'));
  const shownGroups = [
    ...groups.filter((g) => !g.level.endsWith('+remote')).map((g) => ({ title: g.title, levels: [g.level], own: g.own })),
    {
      title: 'Remote',
      levels: remote.map((g) => g.level),
      own: checks.map((c) => c.check).filter((c) => remote.some((g) => g.own.includes(c))),
    },
    { title: 'Beside the levels', levels: [], own: [...findings.keys()].filter((c) => firstLevelOf(c) === null) },
  ].filter((g) => g.own.length);
  return (
    <ol class="ladder">
      {shownGroups.map((g) => (
        <li key={g.title} class="step">
          <div class="step-head">
            <h3>
              {g.title}
              {g.levels.length === 1 && g.levels[0] === r.level && <span class="tag strong">in force</span>}
            </h3>
            {g.levels.map((level) => {
              const at = r.levels?.[level];
              const current = level === r.level;
              return (
                <p key={level} class={`at ${at ? (at.verdict === 'accept' ? 'good' : 'bad') : 'none'}${current ? ' current' : ''}`}>
                  {g.levels.length > 1 && <span class="quiet">{levelTitle(level)}: </span>}
                  {!at
                    ? 'not known'
                    : at.verdict === 'accept'
                      ? current
                        ? 'admits'
                        : 'would admit'
                      : current
                        ? 'refuses'
                        : 'would refuse'}
                  {at?.verdict === 'reject' && !current && <span class="sub">{reasonMeans(at.reason)}</span>}
                  {current && g.levels.length > 1 && <strong class="tag strong">in force</strong>}
                </p>
              );
            })}
          </div>
          <ul>
            {g.own.map((id) => {
              const f = findings.get(id);
              return f ? (
                <Rung key={id} finding={f} stopped={id === first} />
              ) : (
                <li key={id} class="rung unasked">
                  <span class="mark">
                    <Icon name="dash" />
                  </span>
                  <div>
                    <p class="check">{capital(checkTitle(id))}</p>
                    <p class="quiet">
                      {r.latched && checks.find((c) => c.check === id)?.latchable
                        ? 'skipped: the level is latched'
                        : `not asked at ${r.level ? levelTitle(r.level) : 'this level'}`}
                    </p>
                  </div>
                </li>
              );
            })}
          </ul>
        </li>
      ))}
    </ol>
  );
}

function ReceivedFacts({ r }: { r: DecisionRecord }) {
  const c = r.certificate;
  if (!c) return null;
  return (
    <Facts
      rows={[
        ['Issuer', c.issuer],
        ['Names', c.san?.length ? c.san.join(', ') : 'none'],
        [
          'Valid',
          <>
            <Time at={c.not_before} as="date" /> – <Time at={c.not_after} as="date" />
          </>,
        ],
        ['Key', [c.key, c.signature && `signed with ${c.signature}`].filter(Boolean).join(', ')],
        ['Key usage', c.key_usage?.join(', ') ?? 'none'],
        ['Purposes', c.extended_key_usage?.join(', ') ?? 'any (none named)'],
        ['Serial', c.serial && <code>{c.serial}</code>],
        ['SHA-256', <Print sha256={c.sha256} full />],
        ['Defects', c.defects?.join(', ')],
      ]}
    />
  );
}

function Chain({ r }: { r: DecisionRecord }) {
  if (!r.certificate) return <p class="quiet">{r.presented === 0 ? 'The peer presented no certificate.' : 'No certificate was read.'}</p>;
  const path = r.path?.length
    ? r.path
    : [{ subject: r.certificate.subject, sha256: r.certificate.sha256, not_after: r.certificate.not_after }];
  return (
    <ol class="chain">
      {path.map((p, i) => {
        const anchor = r.anchored === true && i === path.length - 1;
        const received = i === 0;
        return (
          <li key={p.sha256} class={`link${anchor ? ' anchor' : ''}`}>
            <p class="role">
              {received ? 'Received certificate' : anchor ? 'Trust anchor' : 'Issuing authority'}
              {anchor && (
                <>
                  {' '}
                  <span class="tag good">in the trust store</span>
                </>
              )}
            </p>
            <p class="name">
              <strong>{commonName(p.subject)}</strong>{' '}
              {p.subject !== `CN=${commonName(p.subject)}` && <span class="quiet wrap">{p.subject}</span>}
            </p>
            {received ? (
              <ReceivedFacts r={r} />
            ) : (
              <Facts
                rows={[
                  ['Valid until', <Time at={p.not_after} as="date" />],
                  ['SHA-256', <Print sha256={p.sha256} />],
                  ['', anchor && <a href={`#/tcs/${p.sha256}`}>Open in the trust store</a>],
                ]}
              />
            )}
          </li>
        );
      })}
      {r.anchored === false && (
        <li class="link broken">
          <p class="role">Nothing above</p>
          <p>No path leads from here to a root of the trust store.</p>
        </li>
      )}
    </ol>
  );
}

const STEP: Record<string, string> = {
  accept: 'when the connection came',
  proxy: "reading the balancer's header",
  connect: 'reaching the far end',
  handshake: 'in the TLS handshake',
  judge: 'after the handshake',
  http: 'at an HTTP request',
  sip: 'at a SIP request',
  dial: 'reaching the service',
  relay: 'while connected',
};

function Connection({ r }: { r: DecisionRecord }) {
  return (
    <Facts
      rows={[
        ['Incident', <code class="wrap">{r.incident}</code>],
        ['Time', <Time at={r.time} as="full" />],
        [
          'Peer',
          <>
            {r.peer ?? '–'}
            {r.via && `, via ${r.via}`}
            {r.local && `, for ${r.local}`}
          </>,
        ],
        ['Interface', `${r.interface} (${r.service}, ${r.role})`],
        ['Judged as', r.class ? `${r.class}${r.class_by ? `, known by ${r.class_by.replace(/-/g, ' ')}` : ''}` : null],
        ['Decided', STEP[r.step] ?? r.step],
        ['TLS', r.tls ? [r.tls, r.cipher].filter(Boolean).join(', ') : 'none was agreed'],
        ['Asked for', r.sni],
        ['Certificates sent', r.presented],
        [
          'Session',
          r.resumed ? (
            <>
              resumed; decided {r.decided_at && <Time at={r.decided_at} as="full" />} in{' '}
              <a href={`#/decisions/${r.decided_in}`}>{r.decided_in}</a>
            </>
          ) : (
            'new'
          ),
        ],
        ['Alert sent', r.alert_sent],
        ['Alert received', r.alert_received],
        ['Allowances', allowanceNames(r).join(', ')],
        ['Afterwards', r.live && `no longer admitted: ${r.live}`],
        ['Generation', <a href="#/settings?show=history">{r.generation}</a>],
      ]}
    />
  );
}

function Verdict({ r, onAdmit }: { r: DecisionRecord; onAdmit: () => void }) {
  const remedy = r.remedy ? capital(r.remedy) : remedyOf(r.reason);
  const used = allowanceNames(r);
  if (r.verdict === 'accept')
    return (
      <div class={`verdict-box ${used.length ? 'warn' : 'good'}`}>
        <p class="big">{used.length ? `Accepted with ${used.join(', ')}` : 'Accepted: every check of its level passed'}</p>
        {used.length > 0 && <p>Without the allowance it would have been refused: it is not simply verified.</p>}
      </div>
    );
  return (
    <div class="verdict-box bad">
      <p class="big">{reasonMeans(r.reason)}</p>
      {r.detail && <p>{capital(r.detail)}</p>}
      {remedy && (
        <p class="remedy">
          <strong>What to do</strong> {remedy}.
        </p>
      )}
      {r.certificate && r.role === 'inbound' && (
        <p class="actions">
          <button type="button" class="primary" onClick={onAdmit}>
            Admit this certificate…
          </button>
        </p>
      )}
    </div>
  );
}

export function Decision() {
  const incident = place.value.rest;
  const [admit, setAdmit] = useState(false);
  const { data, error, reload } = useLoad((signal) => get<Answer>(`/decisions/${encodeURIComponent(incident)}`, signal), [incident]);
  const back = { href: `#/decisions`, text: 'Decisions' };
  if (error)
    return (
      <Page title="Decision" back={back}>
        <Problem text={error} retry={reload} />
      </Page>
    );
  if (!data)
    return (
      <Page title="Decision" back={back}>
        <Working text="Reading the decision…" />
      </Page>
    );
  const r = data.record;
  const name = r.certificate ? commonName(r.certificate.subject) : (r.peer ?? 'A peer');
  const known = status.value?.interfaces.map((i) => i.name) ?? [];
  return (
    <Page
      title={
        <>
          {name} <VerdictMark record={r} />
        </>
      }
      back={back}
      lead={
        <>
          on <strong>{r.interface}</strong> from {r.peer ?? 'an unknown address'}, <Time at={r.time} as="full" />
          {r.level && (
            <>
              , at level <strong>{levelTitle(r.level)}</strong>
              {r.latched && ' (latched)'}
            </>
          )}
        </>
      }
    >
      <Verdict r={r} onAdmit={() => setAdmit(true)} />
      <div class="two">
        <Section title="Checks">
          {r.findings?.length || r.levels ? (
            <Ladder r={r} />
          ) : (
            <p class="quiet">
              {r.resumed ? (
                <>
                  A resumed session is not judged again: the checks are in{' '}
                  <a href={`#/decisions/${r.decided_in}`}>the decision it rests on</a>.
                </>
              ) : (
                'It did not come to the checks.'
              )}
            </p>
          )}
        </Section>
        <div>
          <Section title="Certification path">
            <Chain r={r} />
          </Section>
          <Section title="Connection">
            <Connection r={r} />
          </Section>
        </div>
      </div>
      <details class="panel">
        <summary>In words, as “certgate explain” says it</summary>
        <pre>{typeof data.story === 'string' ? data.story : data.story.join('\n')}</pre>
      </details>
      <details class="panel">
        <summary>The record as it is logged</summary>
        <pre>{JSON.stringify(r, null, 2)}</pre>
      </details>
      {admit && r.certificate && (
        <AdmitDialog
          sha256={r.certificate.sha256}
          incident={r.incident}
          subject={name}
          at={r.interface}
          reason={r.reason}
          interfaces={known.includes(r.interface) ? known : [r.interface, ...known]}
          onClose={() => setAdmit(false)}
        />
      )}
    </Page>
  );
}
