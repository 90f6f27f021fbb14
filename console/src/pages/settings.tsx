/* Every setting as a form made of its row; the generations with diff and rollback; backup and restore. */
import { useState } from 'preact/hooks';
import { ApiError, ask, get, messageOf, query } from '../api';
import { formatNumber, plural } from '../format';
import { generationSeen, may, notify, place, readStatus } from '../state';
import type { ChangeAnswer, DiffRow, Edit, Generation, Setting, SettingHistory } from '../types';
import { levelTitle } from '../words';
import { Empty, Page, Pick, Problem, Section, TextField, Time, Working } from '../ui/basics';
import { ChangeDialog, Diff, RefusedTable } from '../ui/change';
import { Dialog } from '../ui/dialog';
import { useLoad } from '../ui/load';
import { save } from './peers';
import { Tabs } from './tcs';

const shownValue = (s: Setting, value: string | null): string =>
  s.secret
    ? s.is_set
      ? 'set, not shown'
      : 'not set'
    : value === null || value === ''
      ? 'not set'
      : s.type.endsWith('level')
        ? levelTitle(value)
        : value;

/* ---- one setting ----------------------------------------------------------------------------------------------------- */

function History({ setting }: { setting: Setting }) {
  const { data, error, reload } = useLoad(
    (signal) => get<{ history: SettingHistory[] }>(`/settings/${encodeURIComponent(setting.name)}/history`, signal),
    [setting.name],
  );
  if (error) return <Problem text={error} retry={reload} />;
  if (!data) return <Working text="Reading its history…" />;
  if (!data.history.length) return <p class="quiet">It was never set: the default counts.</p>;
  return (
    <table class="plain-table">
      <thead>
        <tr>
          <th scope="col">Generation</th>
          <th scope="col">When</th>
          <th scope="col">By</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {data.history.map((h) => (
          <tr key={h.generation}>
            <td>{formatNumber(h.generation)}</td>
            <td>
              <Time at={h.time} as="full" />
            </td>
            <td>{h.actor}</td>
            <td>
              {setting.secret ? 'not shown' : h.value === null ? 'back to the default' : h.value}{' '}
              {h.latched && <span class="tag warn">latched</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/* What is wrong with a value, before the server is asked; empty when nothing is. */
export function wrong(s: Setting, value: string): string {
  if (s.type === 'number') {
    if (!/^\d+$/.test(value) || (s.low !== null && Number(value) < s.low) || (s.high !== null && Number(value) > s.high))
      return `It has to be ${s.values}.`;
  } else if (s.choices?.length && s.type !== 'allow' && !s.choices.includes(value)) {
    return `It has to be ${s.values}.`;
  }
  return '';
}

function Control({ setting: s, value, set }: { setting: Setting; value: string; set: (v: string) => void }) {
  const chosen = s.choices?.length && s.type !== 'allow';
  const help = (
    <>
      {s.help}.{!chosen && ` It is ${s.values}.`}
    </>
  );
  if (s.choices && chosen)
    return (
      <Pick
        label="Value"
        value={value}
        help={help}
        onChange={set}
        options={[
          ...(s.choices.includes(value) ? [] : [[value, 'choose…'] as [string, string]]),
          ...s.choices.map((c): [string, string] => [c, s.type.endsWith('level') ? levelTitle(c) : c]),
        ]}
      />
    );
  if (s.type === 'bool')
    return (
      <Pick
        label="Value"
        value={value}
        help={help}
        onChange={set}
        options={[
          ['true', 'on'],
          ['false', 'off'],
        ]}
      />
    );
  const bounds =
    s.type === 'number'
      ? { ...(s.low !== null ? { min: s.low } : {}), ...(s.high !== null ? { max: s.high } : {}), inputMode: 'numeric' as const }
      : {};
  return (
    <TextField
      label="Value"
      value={value}
      onInput={set}
      help={help}
      error={value && wrong(s, value) ? wrong(s, value) : undefined}
      type={s.type === 'number' ? 'number' : s.secret ? 'password' : 'text'}
      autocomplete="off"
      {...bounds}
    />
  );
}

function SettingDialog({ setting: s, onClose }: { setting: Setting; onClose: () => void }) {
  const [value, setValue] = useState(s.secret ? '' : (s.value ?? s.default ?? ''));
  const [edits, setEdits] = useState<Edit[] | null>(null);
  if (edits)
    return (
      <ChangeDialog
        title={s.name}
        edits={edits}
        verb="Save"
        onClose={onClose}
        onDone={onClose}
        confirmWithin={s.type.endsWith('level') || s.type === 'security' ? '300' : '0'}
      />
    );
  return (
    <Dialog title={s.name} onClose={onClose} wide>
      {may('administrator') ? (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            if (!wrong(s, value)) setEdits([{ op: 'set', name: s.name, value }]);
          }}
        >
          <Control setting={s} value={value} set={setValue} />
          {s.latched && <p class="callout warn">Latched: carried over by an upgrade. Any change clears the latch for good.</p>}
          <div class="dialog-foot">
            {s.is_set && (
              <button type="button" onClick={() => setEdits([{ op: 'unset', name: s.name }])}>
                Back to the default{s.default !== null && s.default !== '' ? ` (${shownValue({ ...s, secret: false }, s.default)})` : ''}…
              </button>
            )}
            <button type="submit" class="primary" disabled={value === (s.value ?? s.default ?? '') && !s.latched}>
              See what changes
            </button>
          </div>
        </form>
      ) : (
        <p>
          {s.help}. It is {s.values}. Changing it takes the role administrator.
        </p>
      )}
      <h3>History</h3>
      <History setting={s} />
    </Dialog>
  );
}

const FAMILIES: [RegExp, string][] = [
  [/^checks\./, 'Levels'],
  [/^(line|trunk)\./, 'Lines and trunks'],
  [/^service\./, 'Services'],
  [/^interface\./, 'Interfaces'],
  [/^user\./, 'Users'],
];

export function familyOf(name: string): string {
  return FAMILIES.find(([at]) => at.test(name))?.[1] ?? 'Everything';
}

function List() {
  const { data, error, reload } = useLoad((signal) => get<{ settings: Setting[] }>('/settings', signal), [generationSeen.value]);
  const [search, setSearch] = useState('');
  const [open, setOpen] = useState<Setting | null>(null);
  const shown = (data?.settings ?? []).filter((s) => !search || (s.name + s.help).toLowerCase().includes(search.toLowerCase()));
  const groups = ['Levels', 'Services', 'Lines and trunks', 'Interfaces', 'Everything', 'Users'].map((title) => ({
    title,
    list: shown.filter((s) => familyOf(s.name) === title),
  }));
  return (
    <>
      <search class="filters" aria-label="Search settings">
        <TextField label="Search" type="search" value={search} onInput={setSearch} placeholder="name or words" />
      </search>
      {error && <Problem text={error} retry={reload} />}
      {!data && !error && <Working text="Reading the settings…" />}
      {data && !shown.length && (
        <Empty title="No setting fits">
          <p>Search for a part of a name, such as “level”.</p>
        </Empty>
      )}
      {groups
        .filter((g) => g.list.length)
        .map((g) => (
          <Section key={g.title} title={g.title === 'Everything' ? 'The whole node' : g.title}>
            <ul class="settings">
              {g.list.map((s) => (
                <li key={s.name}>
                  <div>
                    <p class="name">
                      <code>{s.name}</code>
                    </p>
                    <p class="quiet">{s.help}</p>
                  </div>
                  <p class="value">
                    <span class={s.is_set ? 'set' : 'quiet'}>
                      {s.secret || s.is_set || s.default === null
                        ? shownValue(s, s.value)
                        : `${shownValue(s, s.value ?? s.default)} (default)`}
                    </span>
                    {s.latched && <span class="tag warn">latched</span>}
                  </p>
                  <button type="button" onClick={() => setOpen(s)} aria-label={`${may('administrator') ? 'Change' : 'Show'} ${s.name}`}>
                    {may('administrator') ? 'Change…' : 'Show'}
                  </button>
                </li>
              ))}
            </ul>
          </Section>
        ))}
      {open && <SettingDialog setting={open} onClose={() => setOpen(null)} />}
    </>
  );
}

/* ---- history of all ------------------------------------------------------------------------------------------------------ */

function GenerationDiff({ number }: { number: number }) {
  const { data, error } = useLoad(
    (signal) => get<{ diff: DiffRow[] }>(`/diff${query({ from: number - 1, to: number })}`, signal),
    [number],
  );
  if (error) return <Problem text={error} />;
  if (!data) return <Working text="Comparing…" />;
  return data.diff.length ? <Diff diff={data.diff} /> : <p class="quiet">Settings, trust store and identities are the same as before.</p>;
}

function Generations() {
  const [more, setMore] = useState(50);
  const { data, error, reload } = useLoad(
    (signal) => get<{ generations: Generation[]; next: unknown }>(`/generations?limit=${more}`, signal),
    [generationSeen.value, more],
  );
  const [open, setOpen] = useState<number | null>(null);
  const [back, setBack] = useState<Generation | null>(null);
  if (error) return <Problem text={error} retry={reload} />;
  if (!data) return <Working text="Reading the history…" />;
  const newest = data.generations[0]?.number;
  return (
    <Section>
      <ol class="generations">
        {data.generations.map((g) => (
          <li key={g.number}>
            <div class="generation">
              <p>
                <strong>{formatNumber(g.number)}</strong> <span class="tag">{g.kind}</span>
                {g.number === newest && <span class="tag strong">in force</span>}
              </p>
              <p>{g.comment || <span class="quiet">no comment</span>}</p>
              <p class="quiet">
                {g.actor}, <Time at={g.time} as="full" />
              </p>
              <p class="actions">
                {g.number > 1 && (
                  <button type="button" aria-expanded={open === g.number} onClick={() => setOpen(open === g.number ? null : g.number)}>
                    What changed
                  </button>
                )}
                {g.number !== newest && may('administrator') && (
                  <button type="button" onClick={() => setBack(g)}>
                    Roll back to it…
                  </button>
                )}
              </p>
            </div>
            {open === g.number && <GenerationDiff number={g.number} />}
          </li>
        ))}
      </ol>
      {data.next !== null && data.next !== undefined && (
        <button type="button" onClick={() => setMore(more * 2)}>
          Older ones
        </button>
      )}
      {back && (
        <ChangeDialog
          title={`Roll back to generation ${formatNumber(back.number)}`}
          edits={[{ op: 'rollback', generation: back.number }]}
          verb={`Roll back to ${formatNumber(back.number)}`}
          comment={`Back to generation ${back.number}`}
          confirmWithin="300"
          onClose={() => setBack(null)}
          onDone={() => setBack(null)}
        />
      )}
    </Section>
  );
}

/* ---- backup and restore ---------------------------------------------------------------------------------------------------- */

function MakeBackup() {
  const [passphrase, setPassphrase] = useState('');
  const [again, setAgain] = useState('');
  const [abort, setAbort] = useState<AbortController | null>(null);
  const [error, setError] = useState('');
  const differ = passphrase !== again && again !== '';
  const run = async (e: Event) => {
    e.preventDefault();
    const control = new AbortController();
    setAbort(control);
    setError('');
    try {
      const answer = await ask('/backup', { method: 'POST', body: passphrase ? { passphrase } : {}, signal: control.signal });
      const bytes = await answer.blob();
      save(`certgate-${new Date().toISOString().slice(0, 10)}.backup`, bytes, 'application/octet-stream');
      notify(`The backup is saved${passphrase ? '' : ', without private keys'}.`);
      setPassphrase('');
      setAgain('');
    } catch (e) {
      if (!control.signal.aborted) setError(messageOf(e));
    } finally {
      setAbort(null);
    }
  };
  return (
    <Section title="Backup">
      <p>
        Settings with their history, the trust store, identities and admissions in one file. Private keys are in it only with a passphrase,
        sealed by it.
      </p>
      <form onSubmit={run}>
        <div class="form-row">
          <TextField
            label="Passphrase for the keys"
            type="password"
            autocomplete="new-password"
            value={passphrase}
            onInput={setPassphrase}
            help="Empty: the backup holds no private key"
          />
          <TextField
            label="Once more"
            type="password"
            autocomplete="new-password"
            value={again}
            onInput={setAgain}
            error={differ ? 'The two differ.' : undefined}
          />
        </div>
        {error && <Problem text={error} />}
        {abort && <Working text="Making the backup…" cancel={() => abort.abort()} />}
        <div class="dialog-foot">
          <button type="submit" class="primary" disabled={abort !== null || passphrase !== again}>
            Save a backup
          </button>
        </div>
      </form>
    </Section>
  );
}

function Restore() {
  const [file, setFile] = useState<File | null>(null);
  const [passphrase, setPassphrase] = useState('');
  const [release, setRelease] = useState('');
  const [found, setFound] = useState<ChangeAnswer | null>(null);
  const [force, setForce] = useState(false);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const send = async (preview: boolean) => {
    if (!file) return;
    setBusy(true);
    setError('');
    try {
      const answer = (await (
        await ask(`/restore${query({ preview: preview ? 1 : null, force: force && !preview ? 1 : null, from_release: release })}`, {
          method: 'POST',
          bytes: file,
          headers: passphrase ? { 'Certgate-Passphrase': passphrase } : {},
        })
      ).json()) as ChangeAnswer;
      if (preview) {
        setFound(answer);
      } else {
        notify(`Restored: generation ${formatNumber(answer.generation)} is in force.`);
        setFile(null);
        setFound(null);
        generationSeen.value++;
        void readStatus();
      }
    } catch (e) {
      if (e instanceof ApiError && e.code === 'lockout' && e.details[0]) setFound(e.details[0] as ChangeAnswer);
      setError(messageOf(e));
    } finally {
      setBusy(false);
    }
  };
  const refused = found?.would_refuse?.total ?? 0;
  return (
    <Section title="Restore">
      <p>Everything becomes as it is in the backup, as one new generation that can be rolled back. You see what changes first.</p>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void send(true);
        }}
      >
        <div class="form-row">
          <TextField
            label="Backup file"
            type="file"
            value=""
            onInput={() => undefined}
            onChange={(e: Event & { currentTarget: HTMLInputElement }) => {
              setFile(e.currentTarget.files?.[0] ?? null);
              setFound(null);
            }}
          />
          <TextField
            label="Passphrase"
            type="password"
            autocomplete="off"
            value={passphrase}
            onInput={setPassphrase}
            help="If it holds keys"
          />
          <TextField
            label="Made by an older release"
            value={release}
            onInput={setRelease}
            placeholder="11.1.2"
            help="Its levels are then latched"
          />
        </div>
        {busy && <Working text="Reading the backup…" />}
        {error && <Problem text={error} />}
        {found && (
          <>
            {found.diff.length ? <Diff diff={found.diff} /> : <p>The backup says what is in force already.</p>}
            {refused > 0 && found.would_refuse && (
              <div class="callout bad">
                <strong>{plural(refused, 'peer')} seen lately would be refused.</strong>
                <RefusedTable list={found.would_refuse} />
              </div>
            )}
            {(refused > 0 || error) && (
              <label class="tick">
                <input type="checkbox" checked={force} onChange={(e) => setForce(e.currentTarget.checked)} />
                <span>Do it all the same</span>
              </label>
            )}
          </>
        )}
        <div class="dialog-foot">
          <button type="submit" class={found ? '' : 'primary'} disabled={!file || busy}>
            See what changes
          </button>
          {found && found.diff.length > 0 && (
            <button type="button" class="danger" disabled={busy || (refused > 0 && !force)} onClick={() => void send(false)}>
              Restore this backup
            </button>
          )}
        </div>
      </form>
    </Section>
  );
}

const TABS: [string, string][] = [
  ['', 'Settings'],
  ['history', 'History'],
  ['backup', 'Backup and restore'],
];

export function Settings() {
  const show = place.value.query.get('show') ?? '';
  return (
    <Page title="Settings">
      <Tabs tabs={TABS} page="settings" show={show} />
      {show === 'history' ? (
        <Generations />
      ) : show === 'backup' ? (
        may('administrator') ? (
          <>
            <MakeBackup />
            <Restore />
          </>
        ) : (
          <Empty title="Backups hold everything">
            <p>Making and restoring one takes the role administrator.</p>
          </Empty>
        )
      ) : (
        <List />
      )}
    </Page>
  );
}
