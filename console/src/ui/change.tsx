/*
 * The one way to change anything: first what would change and who would be refused, then the change, with a time after
 * which it goes back by itself unless it is confirmed.
 */
import { useState } from 'preact/hooks';
import { ApiError, messageOf, post } from '../api';
import { commonName, formatNumber, plural } from '../format';
import { generationSeen, go, may, notify, readStatus } from '../state';
import type { ChangeAnswer, DiffRow, Edit, Outlook } from '../types';
import { checkTitle, lower, reasonMeans } from '../words';
import { Days, Pick, Print, Problem, Subject, TextField, Time, Working } from './basics';
import { Dialog } from './dialog';
import { useLoad } from './load';

const shown = (value: string | null, latched: boolean | undefined): string =>
  (value === null || value === '' ? 'not set' : value) + (latched ? ', latched' : '');

const PARTS: Record<string, string> = { setting: 'Setting', tcs: 'Trust store', identity: 'Identity', pin: 'Admission' };

export function Diff({ diff }: { diff: DiffRow[] }) {
  return (
    <table class="plain-table diff">
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {diff.map((row) => (
          <tr key={row.part + row.name}>
            <th scope="row">
              <span class="quiet">{PARTS[row.part] ?? row.part}</span> <span class="wrap">{row.name}</span>
            </th>
            <td class="before">{shown(row.before, row.latched_before)}</td>
            <td class="after">{shown(row.after, row.latched_after)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function RefusedTable({ list }: { list: Outlook }) {
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label="Peers that would be refused">
      <table class="plain-table refused-table">
        <thead>
          <tr>
            <th scope="col">Peer</th>
            <th scope="col">Interface</th>
            <th scope="col">Why</th>
            <th scope="col">Last seen</th>
            <th scope="col" class="num">
              Times
            </th>
            <th scope="col">Ends in</th>
          </tr>
        </thead>
        <tbody>
          {list.peers.map((p) => (
            <tr key={p.interface + p.sha256}>
              <th scope="row">
                <Subject subject={p.subject} /> <Print sha256={p.sha256} />
              </th>
              <td class="nowrap">{p.interface}</td>
              <td class="why">{reasonMeans(p.reason) || 'Its port is closed'}</td>
              <td class="nowrap">
                <Time at={p.last_seen} as="ago" />
              </td>
              <td class="num times">{formatNumber(p.count)}</td>
              <td class="nowrap">
                <Days left={p.days_left} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {list.total > list.peers.length && <p class="quiet">… and {formatNumber(list.total - list.peers.length)} more.</p>}
    </div>
  );
}

export const NO_INVENTORY =
  'This node keeps no inventory of its peers, so nobody can say who would be refused. Set a time after which the change goes back.';

/* What else follows: who would come in, and whose records do not tell. */
export function Besides({ outlook }: { outlook: Outlook }) {
  const names = outlook.admits
    .slice(0, 5)
    .map((p) => `${commonName(p.subject)} on ${p.interface}`)
    .join(', ');
  return (
    <>
      {outlook.admitted > 0 && (
        <p class="callout warn">
          <strong>{plural(outlook.admitted, 'peer')} refused today would be admitted</strong>: {names}
          {outlook.admitted > 5 && ' and others'}.
        </p>
      )}
      {outlook.unsure > 0 && <p class="quiet">Of {plural(outlook.unsure, 'peer')} the records do not tell.</p>}
    </>
  );
}

/* The change as it would be, also where the server refuses it because of whom it would shut out. */
async function ask(body: Record<string, unknown>, signal?: AbortSignal): Promise<ChangeAnswer & { lockout?: string }> {
  try {
    return await post<ChangeAnswer>('/changes', body, signal);
  } catch (e) {
    const object = e instanceof ApiError && e.code === 'lockout' ? (e.details[0] as ChangeAnswer | undefined) : undefined;
    if (object && e instanceof ApiError) return { ...object, lockout: e.message };
    throw e;
  }
}

export const CONFIRM: [string, string][] = [
  ['0', 'It stays'],
  ['120', 'It goes back after 2 minutes unless confirmed'],
  ['300', 'It goes back after 5 minutes unless confirmed'],
  ['900', 'It goes back after 15 minutes unless confirmed'],
  ['3600', 'It goes back after an hour unless confirmed'],
];

interface ChangeProps {
  title: string;
  edits: Edit[];
  /* Named on the button: "Remove 1 certificate". */
  verb: string;
  danger?: boolean;
  confirmWithin?: string;
  comment?: string;
  onDone: (answer: ChangeAnswer) => void;
  onClose: () => void;
}

export function ChangeDialog(props: ChangeProps) {
  return (
    <Dialog title={props.title} onClose={props.onClose} wide>
      <ChangeForm {...props} />
    </Dialog>
  );
}

export function ChangeForm({ edits, verb, danger, confirmWithin = '0', comment: first = '', onDone, onClose }: ChangeProps) {
  const [comment, setComment] = useState(first);
  const [within, setWithin] = useState(confirmWithin);
  const [force, setForce] = useState(false);
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const preview = useLoad((signal) => ask({ edits, preview: true }, signal), [JSON.stringify(edits)]);
  const p = preview.data;
  const refused = p?.would_refuse?.total ?? 0;
  const outlook = p?.would_refuse;
  const self = outlook?.self && !outlook.self.admitted ? outlook.self : null;
  const needsForce = Boolean(p?.lockout) || refused > 0 || self !== null;

  const apply = async () => {
    setBusy(true);
    setError('');
    try {
      const answer = await post<ChangeAnswer>('/changes', {
        edits,
        comment,
        force,
        ...(within !== '0' ? { confirm_within: Number(within) } : {}),
      });
      if (within === '0')
        notify(answer.changed ? `Done: generation ${formatNumber(answer.generation)} is in force.` : 'Nothing had to be changed.');
      generationSeen.value++;
      void readStatus();
      onDone(answer);
    } catch (e) {
      setError(messageOf(e));
      if (e instanceof ApiError && e.code === 'lockout') preview.reload();
    } finally {
      setBusy(false);
    }
  };

  if (preview.error)
    return (
      <>
        <Problem text={preview.error} />
        <div class="dialog-foot">
          <button type="button" onClick={onClose}>
            Close
          </button>
        </div>
      </>
    );
  if (!p) return <Working text="Looking what this would change…" cancel={onClose} />;
  return (
    <>
      {p.diff.length ? <Diff diff={p.diff} /> : <p>This changes nothing: it is so already.</p>}
      {p.latches_cleared.map((l) => (
        <div key={l.name} class="callout warn">
          <strong>{l.name} loses its latch, for good.</strong> Setting it back later does not bring the latch back.
          {l.begin.length > 0 && <> These checks begin: {l.begin.map(checkTitle).join(', ')}.</>}
        </div>
      ))}
      {(p.notes ?? []).map((note) => (
        <p key={note} class="callout">
          {note}
        </p>
      ))}
      {self && (
        <div class="callout bad">
          <strong>This shuts you out.</strong> Your own certificate would be refused on {self.interface}: {reasonMeans(self.reason)}. The
          command on the machine itself keeps working.
        </div>
      )}
      {refused > 0 && p.would_refuse ? (
        <div class="callout bad">
          <strong>{plural(refused, 'peer')} seen lately would be refused.</strong>
          <RefusedTable list={p.would_refuse} />
        </div>
      ) : (
        outlook && p.diff.length > 0 && <p class="callout good">No peer that was seen in the last 30 days would be refused by this.</p>
      )}
      {outlook && <Besides outlook={outlook} />}
      {!outlook && p.diff.length > 0 && <p class="callout warn">{NO_INVENTORY}</p>}
      {p.lockout && !refused && !self && <p class="callout bad">{p.lockout}</p>}
      {p.diff.length > 0 && (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            void apply();
          }}
        >
          <div class="form-row">
            <TextField
              label="Comment"
              value={comment}
              onInput={setComment}
              maxLength={200}
              help="Kept in the history and the audit trail"
            />
            <Pick label="And then" value={within} options={CONFIRM} onChange={setWithin} />
          </div>
          {needsForce && (
            <label class="tick">
              <input type="checkbox" checked={force} onChange={(e) => setForce(e.currentTarget.checked)} />
              <span>
                Do it all the same{refused > 0 && `, and refuse ${refused === 1 ? 'this peer' : `these ${formatNumber(refused)} peers`}`}
              </span>
            </label>
          )}
          {error && <Problem text={error} />}
          <div class="dialog-foot">
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button type="submit" class={danger || needsForce ? 'danger' : 'primary'} disabled={busy || (needsForce && !force)}>
              {busy ? 'Working…' : verb}
            </button>
          </div>
        </form>
      )}
      {p.diff.length === 0 && (
        <div class="dialog-foot">
          <button type="button" onClick={onClose}>
            Close
          </button>
        </div>
      )}
    </>
  );
}

/* "Admit this certificate…": a pin, or an exact copy in the trust store where no pin can help. */
export function AdmitDialog({
  sha256,
  incident,
  subject,
  interfaces,
  at,
  reason,
  onClose,
}: {
  sha256: string;
  incident: string;
  subject: string;
  interfaces: string[];
  at: string;
  reason: string | null;
  onClose: () => void;
}) {
  const [where, setWhere] = useState(at);
  const [until, setUntil] = useState(new Date(Date.now() + 30 * 86400e3).toISOString().slice(0, 10));
  const [why, setWhy] = useState('');
  const [ready, setReady] = useState(false);
  const today = new Date().toISOString().slice(0, 10);
  if (!may('operator'))
    return (
      <Dialog title="Admit this certificate" onClose={onClose}>
        <p>
          Admitting a certificate takes the role operator. Ask one, and name the incident <code>{incident}</code>.
        </p>
      </Dialog>
    );
  const edits: Edit[] = [{ op: 'pin', sha256, incident, interface: where, until: until ? `${until}T23:59:59Z` : null, reason: why }];
  return (
    <Dialog title={`Admit ${subject}`} onClose={onClose} wide>
      {!ready ? (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            setReady(true);
          }}
        >
          <p>
            On this interface exactly this certificate is admitted, by its fingerprint, although a check refuses it
            {reason && <> ({lower(reasonMeans(reason))})</>}. Every decision about it says so.
          </p>
          <div class="form-row">
            <Pick label="Interface" value={where} options={interfaces.map((i) => [i, i])} onChange={setWhere} />
            <TextField
              label="Last day"
              type="date"
              value={until}
              min={today}
              onInput={setUntil}
              required
              help="After it the check counts again"
            />
          </div>
          <TextField
            label="Reason"
            value={why}
            onInput={setWhy}
            required
            maxLength={200}
            help="Who asked, and what will be done about the certificate"
          />
          <div class="dialog-foot">
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button type="submit" class="primary">
              See what changes
            </button>
          </div>
        </form>
      ) : (
        <ChangeForm
          title=""
          edits={edits}
          verb={`Admit on ${where}`}
          comment={why}
          onClose={onClose}
          onDone={() => {
            onClose();
            notify(`${subject} is admitted on ${where}.`);
            go('#/tcs?show=pins');
          }}
        />
      )}
    </Dialog>
  );
}
