/* Certificates of our own. */
import { useState } from 'preact/hooks';
import { get, messageOf, post } from '../api';
import { commonName } from '../format';
import { generationSeen, may, notify, readStatus } from '../state';
import type { Identity } from '../types';
import { Days, Empty, Facts, Page, Pick, Print, Problem, Section, TextField, Time, Working } from '../ui/basics';
import { ChangeDialog } from '../ui/change';
import { Dialog } from '../ui/dialog';
import { type Dropped, DropZone } from '../ui/drop';
import { useLoad } from '../ui/load';
import { save } from './peers';

type Work = 'create' | 'csr' | 'install' | 'import' | 'renew';

const TITLES: Record<Work, string> = {
  create: 'New self-signed identity',
  csr: 'Request a certificate',
  install: 'Install a signed certificate',
  import: 'Import PKCS#12',
  renew: 'Renew',
};

function Csr({ name, pem, onClose }: { name: string; pem: string; onClose: () => void }) {
  return (
    <>
      <p>
        Have this request signed by your certificate authority, then come back and install the certificate. The key stays on this machine.
      </p>
      <pre tabIndex={0}>{pem}</pre>
      <div class="dialog-foot">
        <button type="button" onClick={() => save(`${name}.csr.pem`, pem, 'application/x-pem-file')}>
          Save as file
        </button>
        <button type="button" class="primary" onClick={onClose}>
          Done
        </button>
      </div>
    </>
  );
}

function WorkDialog({ work, identity, onClose }: { work: Work; identity: Identity | null; onClose: () => void }) {
  const [name, setName] = useState(identity?.name ?? '');
  const [hosts, setHosts] = useState((identity?.sans ?? []).map((s) => s.replace(/^(DNS|IP|IP Address):/i, '')).join(' '));
  const [subject, setSubject] = useState(identity?.subject ?? '');
  const [key, setKey] = useState('p256');
  const [days, setDays] = useState('825');
  const [file, setFile] = useState<Dropped | null>(null);
  const [passphrase, setPassphrase] = useState('');
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const [csr, setCsr] = useState('');
  const list = hosts.split(/[\s,]+/).filter(Boolean);
  const bodies: Record<Work, () => object> = {
    create: () => ({ hosts: list, key, days: Number(days) }),
    csr: () => ({ hosts: list, key, ...(subject ? { subject } : {}) }),
    install: () => ({ certificate: file?.data }),
    import: () => ({ data: file?.data, passphrase }),
    renew: () => ({}),
  };
  const run = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setError('');
    try {
      const answer = await post<{ csr?: string }>('/identities', { op: work, name, ...bodies[work]() });
      void readStatus();
      generationSeen.value++;
      if (answer.csr) {
        setCsr(answer.csr);
      } else {
        notify(`${name} is in force.`);
        onClose();
      }
    } catch (e) {
      setError(messageOf(e));
    } finally {
      setBusy(false);
    }
  };
  const wantsFile = work === 'install' || work === 'import';
  return (
    <Dialog title={identity ? `${TITLES[work]}: ${identity.name}` : TITLES[work]} onClose={onClose} wide>
      {csr ? (
        <Csr name={name} pem={csr} onClose={onClose} />
      ) : (
        <form onSubmit={run}>
          {!identity && (
            <TextField
              label="Name"
              value={name}
              onInput={setName}
              required
              pattern="[A-Za-z0-9._\-]+"
              help="As interfaces name it: letters, digits, - _ ."
            />
          )}
          {(work === 'create' || work === 'csr') && (
            <>
              <TextField
                label="Hosts"
                value={hosts}
                onInput={setHosts}
                required
                help="Names and addresses by which peers reach us, with spaces between"
              />
              {work === 'csr' && (
                <TextField
                  label="Subject"
                  value={subject}
                  onInput={setSubject}
                  placeholder="CN=gate.example.com,O=Example"
                  help="Empty: the first host"
                />
              )}
              <div class="form-row">
                <Pick
                  label="Key"
                  value={key}
                  onChange={setKey}
                  options={[
                    ['p256', 'EC P-256'],
                    ['p384', 'EC P-384'],
                    ['rsa2048', 'RSA 2048'],
                    ['rsa3072', 'RSA 3072'],
                    ['rsa4096', 'RSA 4096'],
                  ]}
                />
                {work === 'create' && <TextField label="Days" type="number" min={1} max={3650} value={days} onInput={setDays} required />}
              </div>
            </>
          )}
          {wantsFile &&
            (file ? (
              <p>
                {file.name}{' '}
                <button type="button" class="plain" onClick={() => setFile(null)}>
                  Another
                </button>
              </p>
            ) : (
              <DropZone
                label={work === 'install' ? 'Drop the certificate here, with its intermediates' : 'Drop the PKCS#12 file here'}
                help={work === 'install' ? 'PEM' : '.p12 or .pfx'}
                multiple={false}
                paste={work === 'install'}
                onFiles={(f) => setFile(f[0] ?? null)}
                onError={setError}
              />
            ))}
          {work === 'import' && (
            <TextField label="Passphrase of the file" type="password" autocomplete="off" value={passphrase} onInput={setPassphrase} />
          )}
          {work === 'renew' && identity && (
            <p>
              {identity.self_signed
                ? `A new self-signed certificate with the same names takes the place of the one that ends in ${identity.days_left} days. Peers that hold a copy of the old one need the new one.`
                : 'A new request with the same names is made for your certificate authority; the present certificate stays in force until the new one is installed.'}
            </p>
          )}
          {error && <Problem text={error} />}
          <div class="dialog-foot">
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button type="submit" class="primary" disabled={busy || (wantsFile && !file)}>
              {busy
                ? 'Working…'
                : work === 'csr'
                  ? 'Make the request'
                  : work === 'renew'
                    ? 'Renew'
                    : work === 'create'
                      ? 'Create'
                      : 'Put in force'}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

function Card({ it, onWork, onRemove }: { it: Identity; onWork: (w: Work) => void; onRemove: () => void }) {
  const change = may('administrator');
  return (
    <Section title={it.name} class="identity" actions={<Days left={it.days_left} />}>
      <p class="name">
        <strong>{commonName(it.subject)}</strong> {it.self_signed && <span class="tag">self-signed</span>}{' '}
        {it.csr && <span class="tag warn">a request is out</span>}
        {it.interfaces.length === 0 && <span class="tag">unused</span>}
      </p>
      <Facts
        rows={[
          ['Issuer', !it.self_signed && it.issuer],
          ['Names', (it.sans ?? []).join(', ')],
          ['Valid until', <Time at={it.not_after} as="full" />],
          ['Key', it.key],
          [
            'Sent along',
            it.chain?.length > 1 &&
              it.chain
                .slice(1)
                .map((c) => commonName(c.subject))
                .join(' ← '),
          ],
          ['Presented on', it.interfaces.join(', ')],
          ['SHA-256', <Print sha256={it.sha256} full />],
          ['Key file', it.key_path && <code class="wrap">{it.key_path}</code>],
        ]}
      />
      {it.from === 'file' ? (
        <p class="quiet">It comes from the files that certgate.conf names: renew them there, they are loaded by themselves.</p>
      ) : (
        change && (
          <p class="actions">
            {it.csr && (
              <button type="button" class="primary" onClick={() => onWork('install')}>
                Install the signed certificate…
              </button>
            )}
            <button type="button" onClick={() => onWork('renew')}>
              Renew…
            </button>
            <button type="button" onClick={() => onWork('csr')}>
              Request…
            </button>
            <button type="button" class="danger" onClick={onRemove}>
              Remove…
            </button>
          </p>
        )
      )}
    </Section>
  );
}

export function Identities() {
  const { data, error, reload } = useLoad((signal) => get<{ identities: Identity[] }>('/identities', signal), [generationSeen.value]);
  const [work, setWork] = useState<{ work: Work; identity: Identity | null } | null>(null);
  const [remove, setRemove] = useState<Identity | null>(null);
  const begin = (w: Work) => (
    <button key={w} type="button" onClick={() => setWork({ work: w, identity: null })}>
      {TITLES[w].replace(' identity', '')}…
    </button>
  );
  return (
    <Page
      title="Identities"
      lead="What we present to peers."
      actions={may('administrator') && (['create', 'import', 'csr', 'install'] as Work[]).map(begin)}
    >
      {error && <Problem text={error} retry={reload} />}
      {!data && !error && <Working text="Reading the identities…" />}
      {data && !data.identities.length && (
        <Empty title="No identity yet">
          <p>
            An identity is the certificate and key that certgate presents. Create a self-signed one to begin with, or make a request for
            your certificate authority.
          </p>
        </Empty>
      )}
      <div class="cards">
        {data?.identities.map((it) => (
          <Card key={it.name} it={it} onWork={(w) => setWork({ work: w, identity: it })} onRemove={() => setRemove(it)} />
        ))}
      </div>
      {work && <WorkDialog {...work} onClose={() => setWork(null)} />}
      {remove && (
        <ChangeDialog
          title={`Remove identity ${remove.name}`}
          danger
          verb="Remove the identity"
          edits={[{ op: 'identity-remove', name: remove.name }]}
          onClose={() => setRemove(null)}
          onDone={() => {
            setRemove(null);
            reload();
          }}
        />
      )}
    </Page>
  );
}
