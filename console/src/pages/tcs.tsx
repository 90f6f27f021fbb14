/* The Trusted Certificate Store, and the certificates that are admitted although a check refuses them. */
import { useEffect, useState } from 'preact/hooks';
import { aborted, get, messageOf, post, query } from '../api';
import { commonName, formatNumber, plural } from '../format';
import { generationSeen, go, may, narrow, notify, place } from '../state';
import type { Edit, Facts as CertFacts, Inspected, LintFinding, Pin, TcsEntry } from '../types';
import { capital } from '../words';
import { Days, Empty, Facts, Page, Print, Problem, Section, Subject, TextField, Time, Working } from '../ui/basics';
import { ChangeDialog, ChangeForm } from '../ui/change';
import { Dialog } from '../ui/dialog';
import { type Dropped, DropZone } from '../ui/drop';
import { useLoad } from '../ui/load';
import { type Column, VirtualTable } from '../ui/virtual';

type TcsPage = { count: number; certificates: TcsEntry[]; next: string | null };

const COLUMNS: Column[] = [
  { name: 'peer', label: 'Certificate' },
  { name: 'kind', label: 'What it is' },
  { name: 'key', label: 'Key' },
  { name: 'days', label: 'Ends in' },
  { name: 'print', label: 'SHA-256' },
];

const Validity = ({ from, to }: { from: string; to: string }) => (
  <>
    <Time at={from} as="date" /> – <Time at={to} as="date" />
  </>
);

/* ---- adding: looked at first, then saved ------------------------------------------------------------------------- */

interface Looked extends Dropped {
  certificates: Inspected[];
  problems: string[];
  error: string;
  wantsPassphrase: boolean;
  passphrase: string;
}

async function look(file: Dropped, passphrase: string): Promise<Looked> {
  const base = { ...file, passphrase, certificates: [], problems: [], error: '', wantsPassphrase: false };
  try {
    const answer = await post<{ certificates: Inspected[]; problems?: string[] }>('/tcs/inspect', {
      data: file.data,
      ...(passphrase ? { passphrase } : {}),
    });
    return { ...base, certificates: answer.certificates, problems: answer.problems ?? [] };
  } catch (e) {
    const error = messageOf(e);
    return { ...base, error, wantsPassphrase: /pass ?(phrase|word)/i.test(error) };
  }
}

function Preview({ file, onAgain, onDrop }: { file: Looked; onAgain: (passphrase: string) => void; onDrop: () => void }) {
  const [passphrase, setPassphrase] = useState('');
  return (
    <div class="preview">
      <div class="panel-head">
        <h3>{file.name}</h3>
        <button type="button" class="plain" onClick={onDrop}>
          Leave out
        </button>
      </div>
      {file.error && <Problem text={file.error} />}
      {file.wantsPassphrase && (
        <form
          class="form-row"
          onSubmit={(e) => {
            e.preventDefault();
            onAgain(passphrase);
          }}
        >
          <TextField
            label="Passphrase of the file"
            type="password"
            value={passphrase}
            onInput={setPassphrase}
            autocomplete="off"
            required
          />
          <button type="submit">Open it</button>
        </form>
      )}
      {file.problems.map((p) => (
        <p key={p} class="callout warn">
          {p}
        </p>
      ))}
      <ul class="certs">
        {file.certificates.map((c) => (
          <li key={c.sha256}>
            <p>
              <strong>
                <Subject subject={c.subject} />
              </strong>{' '}
              <span class="tag">{c.kind}</span>
              {c.present && <span class="tag strong">there already</span>}
            </p>
            <Facts
              rows={[
                ['Issuer', commonName(c.issuer)],
                ['Valid', <Validity from={c.not_before} to={c.not_after} />],
                ['Key', c.key],
                ['SHA-256', <Print sha256={c.sha256} />],
              ]}
            />
            {(c.lint ?? []).map((l) => (
              <p key={l} class="lint warn">
                {capital(l)}
              </p>
            ))}
          </li>
        ))}
      </ul>
    </div>
  );
}

function AddDialog({ onClose }: { onClose: () => void }) {
  const [files, setFiles] = useState<Looked[]>([]);
  const [error, setError] = useState('');
  const [looking, setLooking] = useState(false);
  const [saving, setSaving] = useState(false);
  const add = async (dropped: Dropped[]) => {
    setError('');
    setLooking(true);
    const looked: Looked[] = [];
    for (const file of dropped) looked.push(await look(file, ''));
    setFiles((f) => [...f, ...looked]);
    setLooking(false);
  };
  const good = files.filter((f) => f.certificates.length > 0);
  const fresh = good.flatMap((f) => f.certificates).filter((c) => !c.present).length;
  const edits: Edit[] = good.map((f) => ({ op: 'tcs-add', data: f.data, ...(f.passphrase ? { passphrase: f.passphrase } : {}) }));
  return (
    <Dialog title="Add to the trust store" onClose={onClose} wide>
      {saving ? (
        <ChangeForm
          title=""
          edits={edits}
          verb={`Trust ${plural(fresh, 'certificate')}`}
          onClose={onClose}
          onDone={() => {
            onClose();
            notify(`${plural(fresh, 'certificate')} added to the trust store.`);
          }}
        />
      ) : (
        <>
          <DropZone
            label="Drop certificate files here, or choose them"
            help="PEM, DER, PKCS#7 or PKCS#12. Nothing is saved before you have seen what it is."
            onFiles={(f) => void add(f)}
            onError={setError}
          />
          {error && <Problem text={error} />}
          {looking && <Working text="Looking at the files…" />}
          {files.map((file, i) => (
            <Preview
              key={file.name + i}
              file={file}
              onDrop={() => setFiles((all) => all.filter((f) => f !== file))}
              onAgain={async (passphrase) => {
                const again = await look(file, passphrase);
                setFiles((all) => all.map((f) => (f === file ? again : f)));
              }}
            />
          ))}
          <div class="dialog-foot">
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button type="button" class="primary" disabled={fresh === 0 || looking} onClick={() => setSaving(true)}>
              {fresh || !good.length ? `Add ${plural(fresh, 'certificate')}…` : 'All of them are there already'}
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}

/* ---- one certificate ---------------------------------------------------------------------------------------------- */

interface Dependent {
  interface: string;
  sha256: string;
  subject: string;
  last_seen: string;
}

function Dependents({ sha256 }: { sha256: string }) {
  const { data, error, reload } = useLoad((signal) => get<{ peers: Dependent[] }>(`/tcs/${sha256}/dependents`, signal), [sha256]);
  if (error) return <Problem text={error} retry={reload} />;
  if (!data) return <Working text="Looking who depends on it…" />;
  if (!data.peers.length) return <p class="quiet">No peer that came lately was admitted by it.</p>;
  return (
    <ul class="soon">
      {data.peers.map((p) => (
        <li key={p.interface + p.sha256}>
          <a href={`#/peers?q=${p.sha256.slice(0, 16)}`}>{commonName(p.subject)}</a>
          <span class="quiet">{p.interface}</span>
          <Time at={p.last_seen} as="ago" />
        </li>
      ))}
    </ul>
  );
}

function Certificate({ sha256 }: { sha256: string }) {
  const [remove, setRemove] = useState(false);
  const { data, error, reload } = useLoad(
    (signal) => get<TcsEntry & CertFacts & { pem: string }>(`/tcs/${encodeURIComponent(sha256)}`, signal),
    [sha256],
  );
  const back = { href: '#/tcs', text: 'Trust store' };
  if (error)
    return (
      <Page title="Certificate" back={back}>
        <Problem text={error} retry={reload} />
      </Page>
    );
  if (!data)
    return (
      <Page title="Certificate" back={back}>
        <Working text="Reading the certificate…" />
      </Page>
    );
  const c = data;
  return (
    <Page
      title={commonName(c.subject)}
      back={back}
      lead={
        <>
          {capital(c.kind)}, {(c.days_left ?? 0) < 0 ? '' : 'ends in '}
          <Days left={c.days_left} />
        </>
      }
      actions={
        may('administrator') && (
          <button type="button" class="danger" onClick={() => setRemove(true)}>
            Remove…
          </button>
        )
      }
    >
      <div class="two">
        <Section title="Facts">
          <Facts
            rows={[
              ['Subject', c.subject],
              ['Issuer', c.issuer],
              ['Valid', <Validity from={c.not_before} to={c.not_after} />],
              ['Key', c.key],
              ['Names', c.san?.join(', ')],
              ['Key usage', c.key_usage?.join(', ')],
              ['Purposes', c.extended_key_usage?.join(', ')],
              ['Signature', c.signature],
              ['Serial', c.serial && <code class="wrap">{c.serial}</code>],
              ['SHA-256', <Print sha256={c.sha256} full />],
              ['Since', c.since !== null && <a href="#/settings?show=history">generation {c.since}</a>],
            ]}
          />
        </Section>
        <Section title="Who depends on it">
          <Dependents sha256={c.sha256} />
        </Section>
      </div>
      <details class="panel">
        <summary>PEM</summary>
        <pre>{c.pem}</pre>
      </details>
      {remove && (
        <ChangeDialog
          title={`Remove ${commonName(c.subject)}`}
          danger
          verb="Remove 1 certificate"
          edits={[{ op: 'tcs-remove', sha256: c.sha256 }]}
          confirmWithin="300"
          onClose={() => setRemove(false)}
          onDone={() => {
            setRemove(false);
            go('#/tcs');
          }}
        />
      )}
    </Page>
  );
}

/* ---- lint and pins -------------------------------------------------------------------------------------------------- */

function Lint() {
  const { data, error, reload } = useLoad(
    (signal) => get<{ findings: LintFinding[]; count: number }>('/tcs/lint', signal),
    [generationSeen.value],
  );
  if (error) return <Problem text={error} retry={reload} />;
  if (!data) return <Working text="Looking over the trust store…" />;
  if (!data.findings.length)
    return (
      <Empty title="Nothing to find fault with">
        <p>No certificate of the trust store is expired, weak or out of place.</p>
      </Empty>
    );
  return (
    <Section>
      <ul class="findings">
        {data.findings.map((f) => (
          <li key={f.sha256 + f.kind}>
            <a href={`#/tcs/${f.sha256}`}>{commonName(f.subject)}</a>
            <span>{capital(f.text)}</span>
          </li>
        ))}
      </ul>
      {data.count > data.findings.length && <p class="quiet">… and {formatNumber(data.count - data.findings.length)} more.</p>}
    </Section>
  );
}

/* What no peer of the last 90 days needed, neither as an authority of its path nor as its own copy. */
function Unused() {
  const { data, error, reload } = useLoad(
    (signal) => get<{ days: number; certificates: TcsEntry[]; more: boolean }>('/tcs/unused?limit=500', signal),
    [generationSeen.value],
  );
  if (error) return <Problem text={error} retry={reload} />;
  if (!data) return <Working text="Comparing with the peers…" />;
  if (!data.certificates.length)
    return (
      <Empty title="Every certificate is needed">
        <p>Each certificate of the trust store stood in the path of a peer within {data.days} days.</p>
      </Empty>
    );
  return (
    <Section>
      <p class="quiet">No peer of the last {data.days} days needed these. What nobody needs is better not trusted.</p>
      <ul class="soon">
        {data.certificates.map((c) => (
          <li key={c.sha256}>
            <a href={`#/tcs/${c.sha256}`}>{commonName(c.subject)}</a>
            <span class="quiet">{c.kind}</span>
            <Days left={c.days_left} />
          </li>
        ))}
      </ul>
      {data.more && <p class="quiet">… and more.</p>}
    </Section>
  );
}

function Pins() {
  const { data, error, reload } = useLoad((signal) => get<{ pins: Pin[] }>('/pins', signal), [generationSeen.value]);
  const [end, setEnd] = useState<Pin | null>(null);
  if (error) return <Problem text={error} retry={reload} />;
  if (!data) return <Working text="Reading the admissions…" />;
  if (!data.pins.length)
    return (
      <Empty title="No certificate is admitted by exception">
        <p>
          Where a refused peer must work before its certificate is put right, open its decision and choose “Admit this certificate…”:
          exactly that certificate is then admitted on one interface until a day you name.
        </p>
      </Empty>
    );
  return (
    <Section>
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Admitted certificates">
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">Certificate</th>
              <th scope="col">Interface</th>
              <th scope="col">Until</th>
              <th scope="col">Reason</th>
              <th scope="col">By</th>
              <th scope="col">
                <span class="hidden">End</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {data.pins.map((p) => (
              <tr key={p.interface + p.sha256}>
                <th scope="row">
                  {p.subject ? <Subject subject={p.subject} /> : null} <Print sha256={p.sha256} />
                  {p.incident && (
                    <a class="sub" href={`#/decisions/${p.incident}`}>
                      the refusal
                    </a>
                  )}
                </th>
                <td>{p.interface}</td>
                <td>{p.until ? <Time at={p.until} as="date" /> : 'no end'}</td>
                <td>{p.reason}</td>
                <td>{p.actor}</td>
                <td>
                  {may('operator') && (
                    <button type="button" onClick={() => setEnd(p)}>
                      End…
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {end && (
        <ChangeDialog
          title={`End the admission of ${commonName(end.subject)}`}
          danger
          verb="End the admission"
          edits={[{ op: 'unpin', sha256: end.sha256, interface: end.interface }]}
          onClose={() => setEnd(null)}
          onDone={() => setEnd(null)}
        />
      )}
    </Section>
  );
}

/* ---- the list ------------------------------------------------------------------------------------------------------- */

function List() {
  const [search, setSearch] = useState(place.value.query.get('q') ?? '');
  const [list, setList] = useState<TcsEntry[] | null>(null);
  const [count, setCount] = useState(0);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState('');
  const read = (after: string | null, signal?: AbortSignal) =>
    get<TcsPage>(`/tcs${query({ q: search.trim(), limit: 500, after })}`, signal).then(
      (page) => {
        setList((old) => (after && old ? [...old, ...page.certificates] : page.certificates));
        setCount(page.count);
        setNext(page.next ?? null);
        setError('');
      },
      (e: unknown) => {
        if (!aborted(e)) {
          setError(messageOf(e));
          setNext(null);
        }
      },
    );
  useEffect(() => {
    const control = new AbortController();
    const timer = setTimeout(() => void read(null, control.signal), list ? 250 : 0);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [search, generationSeen.value]);
  return (
    <>
      <search class="filters" aria-label="Search the trust store">
        <TextField label="Search" type="search" value={search} onInput={setSearch} placeholder="name or SHA-256" />
        <p class="quiet count">
          {list &&
            (search
              ? `${plural(list.length, 'certificate')}${next ? ' or more' : ''} of ${formatNumber(count)}`
              : plural(count, 'certificate'))}
        </p>
      </search>
      {error && <Problem text={error} retry={() => void read(null)} />}
      {list &&
        (list.length ? (
          <VirtualTable
            label="Trusted certificates"
            layout="l-tcs"
            columns={COLUMNS}
            count={list.length}
            rowHeight={narrow.value ? 84 : 50}
            cells={(i) => {
              const c = list[i];
              return c
                ? [
                    <a href={`#/tcs/${c.sha256}`} tabIndex={-1} onClick={(e) => e.stopPropagation()}>
                      <Subject subject={c.subject} />
                      <span class="sub">{c.issuer === c.subject ? 'issued by itself' : commonName(c.issuer)}</span>
                    </a>,
                    c.kind,
                    c.key,
                    <Days left={c.days_left} />,
                    <Print sha256={c.sha256} />,
                  ]
                : [];
            }}
            onOpen={(i) => {
              const c = list[i];
              if (c) go(`#/tcs/${c.sha256}`);
            }}
            onEnd={() => {
              if (next) {
                setNext(null);
                void read(next);
              }
            }}
          />
        ) : search ? (
          <Empty title="No certificate fits">
            <p>Search for a part of the subject, or the beginning of the SHA-256.</p>
          </Empty>
        ) : (
          <Empty title="The trust store is empty">
            <p>
              From medium on, a peer is admitted only if its certificate leads to a root that is here. Add the roots of the authorities that
              issue your peers’ certificates first; for high, add the peers’ own certificates too.
            </p>
          </Empty>
        ))}
    </>
  );
}

const TABS: [string, string][] = [
  ['', 'Certificates'],
  ['lint', 'Lint'],
  ['unused', 'Not needed'],
  ['pins', 'Exceptions'],
];

export function Tabs({ tabs, page, show }: { tabs: [string, string][]; page: string; show: string }) {
  return (
    <nav class="tabs" aria-label="Views">
      {tabs.map(([id, title]) => (
        <a key={id} href={`#/${page}${id ? `?show=${id}` : ''}`} aria-current={id === show ? 'page' : undefined}>
          {title}
        </a>
      ))}
    </nav>
  );
}

export function Tcs() {
  const [add, setAdd] = useState(false);
  if (place.value.rest) return <Certificate key={place.value.rest} sha256={place.value.rest} />;
  const show = place.value.query.get('show') ?? '';
  return (
    <Page
      title="Trust store"
      actions={
        may('administrator') && (
          <button type="button" class="primary" onClick={() => setAdd(true)}>
            Add certificates…
          </button>
        )
      }
    >
      <Tabs tabs={TABS} page="tcs" show={show} />
      {show === 'lint' ? <Lint /> : show === 'unused' ? <Unused /> : show === 'pins' ? <Pins /> : <List />}
      {add && <AddDialog onClose={() => setAdd(false)} />}
    </Page>
  );
}
