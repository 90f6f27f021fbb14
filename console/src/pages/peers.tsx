/* Who came, with the verdict at each of the six levels. */
import { useEffect, useState } from 'preact/hooks';
import { aborted, everyPage, get, messageOf, query } from '../api';
import { commonName, csvLine, formatNumber, plural } from '../format';
import { generationSeen, narrow, place, status } from '../state';
import type { Peer } from '../types';
import { levels, levelTitle, reasonMeans } from '../words';
import { Days, Empty, Level, LevelStrip, Page, Pick, Print, Problem, StripHead, Subject, TextField, Time, Working } from '../ui/basics';
import { type Column, VirtualTable } from '../ui/virtual';
import { Dialog } from '../ui/dialog';
import { Facts } from '../ui/basics';

type PeerPage = { total: number; peers: Peer[]; next: string | number | null };

const COLUMNS: Column[] = [
  { name: 'peer', label: 'Peer' },
  { name: 'interface', label: 'Interface' },
  { name: 'strip', label: <StripHead /> },
  { name: 'days', label: 'Ends in' },
  { name: 'seen', label: 'Last seen' },
  { name: 'count', label: 'Times' },
];

const text = (san: Peer['san']): string => (Array.isArray(san) ? san.join(', ') : (san ?? ''));

export function csvOf(peers: Peer[]): string {
  const head = [
    'interface',
    'sha256',
    'subject',
    'issuer',
    'names',
    'key',
    'first_seen',
    'last_seen',
    'count',
    ...levels.map((l) => l.level),
    'enforced',
    'not_after',
    'days_left',
    'successor',
  ];
  return (
    csvLine(head) +
    peers
      .map((p) =>
        csvLine([
          p.interface,
          p.sha256,
          p.subject,
          p.issuer,
          text(p.san),
          p.key,
          p.first_seen,
          p.last_seen,
          p.count,
          ...levels.map((l) => {
            const v = p.verdicts[l.level];
            return !v ? '' : v.verdict === 'accept' ? 'accept' : v.reason;
          }),
          p.enforced.verdict === 'accept' ? 'accept' : p.enforced.reason,
          p.not_after,
          p.days_left,
          p.successor,
        ]),
      )
      .join('')
  );
}

export function save(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function PeerDialog({ peer, onClose }: { peer: Peer; onClose: () => void }) {
  const level = status.value?.interfaces.find((i) => i.name === peer.interface)?.level;
  return (
    <Dialog title={commonName(peer.subject)} onClose={onClose} wide>
      <ul class="six">
        {levels.map((l) => {
          const at = peer.verdicts[l.level];
          return (
            <li key={l.level} class={at?.verdict === 'reject' ? 'bad' : 'good'}>
              <strong>
                {l.title}
                {l.level === level && <span class="tag strong">in force</span>}
              </strong>
              <span>{!at ? 'not known' : at.verdict === 'accept' ? 'accepted' : reasonMeans(at.reason)}</span>
            </li>
          );
        })}
      </ul>
      <Facts
        rows={[
          ['Subject', peer.subject],
          ['Issuer', peer.issuer],
          ['Names', text(peer.san)],
          ['Key', peer.key],
          [
            'Ends',
            <>
              <Time at={peer.not_after} as="full" /> (<Days left={peer.days_left} />)
            </>,
          ],
          [
            'Successor',
            peer.successor ? (
              <>
                already seen: <Print sha256={peer.successor} />
              </>
            ) : (
              'none seen yet'
            ),
          ],
          ['First seen', <Time at={peer.first_seen} as="full" />],
          ['Last seen', <Time at={peer.last_seen} as="full" />],
          ['SHA-256', <Print sha256={peer.sha256} full />],
        ]}
      />
      <div class="dialog-foot">
        <a class="button" href={`#/decisions${query({ interface: peer.interface, q: peer.sha256.slice(0, 16) })}`}>
          Its decisions
        </a>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

export function Peers() {
  const q = place.value.query;
  const [interface_, setInterface] = useState(q.get('interface') ?? '');
  const [search, setSearch] = useState(q.get('q') ?? '');
  const [level, setLevel] = useState(q.get('level') ?? '');
  const [peers, setPeers] = useState<Peer[] | null>(null);
  const [progress, setProgress] = useState(0);
  const [total, setTotal] = useState(0);
  const [error, setError] = useState('');
  const [abort, setAbort] = useState<AbortController | null>(null);
  const [open, setOpen] = useState<Peer | null>(null);
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    const control = new AbortController();
    // Waits for the end of typing.
    const timer = setTimeout(
      () => {
        setAbort(control);
        setError('');
        everyPage<Peer>(async (after) => {
          const page = await get<PeerPage>(
            `/peers${query({ interface: interface_, q: search.trim(), limit: 1000, after })}`,
            control.signal,
          );
          setTotal(page.total);
          return { items: page.peers, next: page.next };
        }, setProgress).then(
          (all) => {
            setPeers(all);
            setAbort(null);
          },
          (e: unknown) => {
            setAbort(null);
            if (!aborted(e)) setError(messageOf(e));
          },
        );
      },
      peers ? 250 : 0,
    );
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [interface_, search, turn, generationSeen.value]);

  const shown = (peers ?? []).filter((p) => !level || p.verdicts[level as keyof typeof p.verdicts]?.verdict === 'reject');
  const cells = (p: Peer) => {
    const enforced = status.value?.interfaces.find((i) => i.name === p.interface)?.level;
    return [
      <>
        <Subject subject={p.subject} />
        <span class="sub">{text(p.san) || p.issuer}</span>
      </>,
      <>
        {p.interface}
        {enforced && (
          <span class="sub">
            <Level level={enforced} />
          </span>
        )}
      </>,
      <LevelStrip strip={p.verdicts} current={enforced} />,
      <>
        <Days left={p.days_left} />
        {p.successor && (
          <span class="sub good" title={`Its successor ${p.successor} was seen`}>
            replaced already
          </span>
        )}
      </>,
      <Time at={p.last_seen} as="ago" />,
      <span class="num">{formatNumber(p.count)}</span>,
    ];
  };
  const csv = (
    <button
      type="button"
      disabled={!shown.length}
      onClick={() => save(`peers-${new Date().toISOString().slice(0, 10)}.csv`, csvOf(shown), 'text/csv')}
    >
      Export CSV
    </button>
  );
  return (
    <Page
      title="Peers"
      actions={csv}
      lead={
        peers ? (
          <>
            {plural(shown.length, 'certificate')}
            {level && ` that ${levelTitle(level)} would refuse`}
          </>
        ) : undefined
      }
    >
      <search class="filters" aria-label="Filter peers">
        <TextField label="Search" type="search" value={search} onInput={setSearch} placeholder="name or SHA-256" />
        <Pick
          label="Interface"
          value={interface_}
          onChange={setInterface}
          options={[['', 'All'], ...(status.value?.interfaces ?? []).map((i): [string, string] => [i.name, i.name])]}
        />
        <Pick
          label="Refused at"
          value={level}
          onChange={setLevel}
          options={[['', 'Any level'], ...levels.map((l): [string, string] => [l.level, l.title])]}
        />
      </search>
      {error && <Problem text={error} retry={() => setTurn((t) => t + 1)} />}
      {abort && (!peers || total > 2000) && (
        <Working
          text={total ? `${formatNumber(progress)} of ${formatNumber(total)} read` : 'Reading the inventory…'}
          done={progress}
          of={total || undefined}
          cancel={() => abort.abort()}
        />
      )}
      {peers &&
        (shown.length ? (
          <VirtualTable
            label="Peers"
            layout="l-peers"
            columns={COLUMNS}
            count={shown.length}
            rowHeight={narrow.value ? 100 : 50}
            cells={(i) => {
              const p = shown[i];
              return p ? cells(p) : [];
            }}
            onOpen={(i) => setOpen(shown[i] ?? null)}
          />
        ) : search || interface_ || level ? (
          <Empty title="No peer fits">
            <p>Clear a filter to see the others.</p>
          </Empty>
        ) : (
          <Empty title="No peer has come yet">
            <p>
              Every certificate that a peer presents is listed here, with what each of the six levels would say about it: so it is known who
              would break before a level is raised. Connect once to an interface to see the first.
            </p>
          </Empty>
        ))}
      {open && <PeerDialog peer={open} onClose={() => setOpen(null)} />}
    </Page>
  );
}
