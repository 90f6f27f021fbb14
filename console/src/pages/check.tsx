/* What would certgate say about this certificate? All checks, all six levels; nothing is changed. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { aborted, messageOf, post } from '../api';
import { commonName } from '../format';
import { narrow, status } from '../state';
import { target } from '../target';
import type { CheckAnswer, Finding } from '../types';
import { capital, checks, checkTitle, levels, levelShort, reasonMeans } from '../words';
import { Facts, Icon, Page, Pick, Print, Problem, Section, TextField, Time, Working } from '../ui/basics';
import { DropZone } from '../ui/drop';

const STATE: Record<Finding['outcome'], [string, string, string]> = {
  pass: ['good', 'check', 'pass'],
  fail: ['bad', 'cross', 'fail'],
  'not-applicable': ['none', 'dash', 'not applicable'],
  undecided: ['bad', 'bang', 'undecided'],
};

/* What a check found, and what to do where it failed. */
function Seen({ f }: { f: Finding | undefined }) {
  if (f?.outcome !== 'fail' && f?.outcome !== 'undecided') return <span class={narrow.value ? 'sub' : 'quiet'}>{f?.found ?? '–'}</span>;
  return (
    <>
      <strong class="why-not">{reasonMeans(f.reason)}</strong>
      {f.found && !narrow.value && (
        <span class="sub">
          found {f.found}
          {f.wanted && `, wanted ${f.wanted}`}
        </span>
      )}
      {f.remedy && <span class="sub">{capital(f.remedy)}</span>}
    </>
  );
}

/* `current`: the level in force where the certificate is to be shown. */
function Matrix({ answer, current }: { answer: CheckAnswer; current: string | undefined }) {
  const findings = new Map(answer.findings.map((f) => [f.check, f]));
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label="Checks and levels">
      <table class="plain-table matrix">
        <thead>
          <tr>
            <th scope="col">Check</th>
            {levels.map((l) => (
              <th key={l.level} scope="col" class={`mid${l.level === current ? ' current' : ''}`} title={l.title}>
                {narrow.value ? levelShort(l.level) : l.title.replace(' Checks', '')}
                {l.level === current && <span class="sub">in force</span>}
              </th>
            ))}
            <th scope="col" class="seen">
              Found
            </th>
          </tr>
        </thead>
        <tbody>
          <tr class="sum">
            <th scope="row">Verdict</th>
            {levels.map((l) => {
              const at = answer.matrix[l.level];
              const good = at?.verdict === 'accept';
              return (
                <td key={l.level} class={`mid ${good ? 'good' : 'bad'}`} title={good ? '' : reasonMeans(at?.reason)}>
                  <Icon name={good ? 'check' : 'cross'} />
                  <span class="word">{good ? 'accept' : 'refuse'}</span>
                </td>
              );
            })}
            <td class="seen" />
          </tr>
          {checks
            .filter((c) => findings.has(c.check) || levels.some((l) => l.checks.includes(c.check)))
            .map((c) => {
              const f = findings.get(c.check);
              const [state, icon, word] = f ? STATE[f.outcome] : ['none', 'dash', 'not evaluated'];
              return (
                <tr key={c.check}>
                  <th scope="row" title={`${capital(c.passes_when)} (${c.cites})`}>
                    {capital(checkTitle(c.check))}
                    {narrow.value && <Seen f={f} />}
                  </th>
                  {levels.map((l) => (
                    <td key={l.level} class={`mid ${l.checks.includes(c.check) ? state : 'off'}`}>
                      {l.checks.includes(c.check) ? (
                        <>
                          <Icon name={icon} />
                          <span class="hidden">{word}</span>
                        </>
                      ) : (
                        <span class="hidden">not asked</span>
                      )}
                    </td>
                  ))}
                  <td class="wrap seen">
                    <Seen f={f} />
                  </td>
                </tr>
              );
            })}
        </tbody>
      </table>
    </div>
  );
}

/* What a server said beside its certificates. */
function serverWords(server: NonNullable<CheckAnswer['server']>): string {
  const many = server.certificates === 1 ? 'one certificate' : `${server.certificates} certificates`;
  const ended = server.ended ? `; it then ended the handshake (${server.ended}), as servers do that want a certificate of ours` : '';
  return `${many} from ${server.address} port ${server.port}, ${server.tls}${ended}`;
}

interface Tried {
  name: string;
  body: { certificate: string } | { connect: string };
}

export function Check() {
  const [file, setFile] = useState<Tried | null>(null);
  const [host, setHost] = useState('');
  const [role, setRole] = useState('inbound');
  const [at, setAt] = useState('');
  const [service, setService] = useState('https');
  const [names, setNames] = useState('');
  const [error, setError] = useState('');
  const [abort, setAbort] = useState<{ text: string; control: AbortController } | null>(null);
  const [answer, setAnswer] = useState<CheckAnswer | null>(null);
  const shown = useRef<HTMLDivElement>(null);
  // Below a form that fills a small screen nobody would see that there is an answer.
  useEffect(() => {
    if (answer && narrow.value) shown.current?.scrollIntoView({ block: 'start' });
  }, [answer]);
  const interfaces = status.value?.interfaces ?? [];
  const interface_ = interfaces.find((i) => i.name === at);
  const run = async (what: Tried, from: string, text: string) => {
    const control = new AbortController();
    setAbort({ text, control });
    setError('');
    setAnswer(null);
    try {
      const list = names.split(/[\s,]+/).filter(Boolean);
      const judged = at ? { interface: at } : { service };
      setAnswer(
        await post<CheckAnswer>('/check', { ...what.body, role: from, ...judged, ...(list.length ? { names: list } : {}) }, control.signal),
      );
    } catch (e) {
      if (!aborted(e)) setError(messageOf(e));
    } finally {
      setAbort(null);
    }
  };
  const call = (e: Event) => {
    e.preventDefault();
    const connect = target(host, interface_?.service ?? service);
    setFile(null);
    if (connect === null) {
      setAnswer(null);
      setError('Name a server as HOST or HOST:PORT, like pbx.example.com:443 or [2001:db8::1]:5061.');
      return;
    }
    setRole('outbound');
    void run({ name: connect, body: { connect } }, 'outbound', `Connecting to ${connect}…`);
  };
  const c = answer?.decision.certificate;
  return (
    <Page
      title="Test a certificate"
      lead="What each check and each level would say. Nothing is changed, and nothing is recorded about a peer."
    >
      <Section>
        <div class="form-row">
          <Pick
            label="Judge it as on"
            value={at}
            onChange={setAt}
            options={[['', 'no interface in particular'], ...interfaces.map((i): [string, string] => [i.name, i.name])]}
            help="With its allowances, latch and names"
          />
          {!at && (
            <Pick
              label="Service"
              value={service}
              onChange={setService}
              options={[
                ['https', 'HTTPS'],
                ['sip', 'SIP'],
                ['line', 'IP Office line'],
              ]}
            />
          )}
          <Pick
            label="It comes from"
            value={role}
            onChange={setRole}
            options={[
              ['inbound', 'a peer that calls us'],
              ['outbound', 'a server that we call'],
            ]}
          />
          <TextField
            label="Expected names"
            value={names}
            onInput={setNames}
            placeholder="host, address or SIP domain"
            help="For the remote checks; a live server has the name it is called by"
          />
        </div>
        <div class="sources">
          {file ? (
            <p class="chosen">
              <strong>{file.name}</strong>{' '}
              <button type="button" class="primary" disabled={abort !== null} onClick={() => run(file, role, 'Judging…')}>
                Test again
              </button>{' '}
              <button
                type="button"
                class="plain"
                onClick={() => {
                  setFile(null);
                  setAnswer(null);
                }}
              >
                Another
              </button>
            </p>
          ) : (
            <DropZone
              label="Drop a certificate here"
              help="PEM or DER, with or without its chain"
              multiple={false}
              onError={setError}
              onFiles={(f) => {
                const one = f[0];
                if (one) {
                  const what = { name: one.name, body: { certificate: one.data } };
                  setFile(what);
                  void run(what, role, 'Judging…');
                }
              }}
            />
          )}
          <form onSubmit={call}>
            <TextField
              label="… or name a live server"
              value={host}
              onInput={setHost}
              placeholder="pbx.example.com:443"
              autocomplete="off"
              autocapitalize="off"
              spellcheck={false}
              help="It is called once by TLS, from the machine that certgate runs on. Nothing is asked of it."
            />
            <button type="submit" class="primary" disabled={abort !== null || host.trim() === ''}>
              Test the server
            </button>
          </form>
        </div>
        {abort && <Working text={abort.text} cancel={() => abort.control.abort()} />}
        {error && <Problem text={error} />}
      </Section>
      {answer && (
        <div class="answer" ref={shown}>
          <Section title={c ? commonName(c.subject) : 'A certificate that cannot be read'}>
            {answer.server && <p>{capital(serverWords(answer.server))}</p>}
            {c && (
              <Facts
                rows={[
                  ['Issuer', c.issuer],
                  ['Kind', c.kind],
                  [
                    'Valid',
                    <>
                      <Time at={c.not_before} as="date" /> – <Time at={c.not_after} as="date" />
                    </>,
                  ],
                  ['Key', c.key],
                  ['Names', c.san?.join(', ')],
                  ['SHA-256', <Print sha256={c.sha256} full />],
                ]}
              />
            )}
          </Section>
          <Section title="Checks and levels">
            <Matrix answer={answer} current={interface_?.level} />
          </Section>
        </div>
      )}
    </Page>
  );
}
