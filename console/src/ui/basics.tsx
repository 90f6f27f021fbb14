/* Small pieces that every page is made of. */
import type { ComponentChildren, JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { commonName, formatAgo, formatDate, formatDateTime, formatDaysLeft, formatMoment, utc } from '../format';
import { hasAllowance } from '../rows';
import { notify, now } from '../state';
import type { DecisionRecord, LevelName, Strip } from '../types';
import { levels, levelShort, levelTitle, reasonMeans } from '../words';

type Children = { children?: ComponentChildren };
type InputProps = JSX.IntrinsicElements['input'];

export function Time({ at, as = 'moment' }: { at: string | null | undefined; as?: 'moment' | 'full' | 'date' | 'ago' }) {
  if (!at) return <span class="quiet">–</span>;
  const text =
    as === 'full' ? formatDateTime(at) : as === 'date' ? formatDate(at) : as === 'ago' ? formatAgo(at, now.value) : formatMoment(at);
  return (
    <time dateTime={at} title={utc(at)}>
      {text}
    </time>
  );
}

export function Days({ left, warn = 60 }: { left: number | null; warn?: number }) {
  const state = left === null ? '' : left < 0 ? 'bad' : left <= 14 ? 'warn' : left <= warn ? 'near' : '';
  return <span class={`days ${state}`}>{formatDaysLeft(left)}</span>;
}

/* A fingerprint in short; a click copies the whole. */
export function Print({ sha256, full = false }: { sha256: string; full?: boolean }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(sha256);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch {
      notify(`This browser does not let the page copy. The fingerprint is ${sha256}`, 'error');
    }
  };
  return (
    <button
      type="button"
      class="print"
      title={`${sha256}\nCopy`}
      aria-label={`${full ? sha256 : sha256.slice(0, 12)}, copy the fingerprint`}
      onClick={copy}
    >
      {copied ? 'copied' : full ? sha256 : sha256.slice(0, 12)}
    </button>
  );
}

export function Subject({ subject }: { subject: string | null | undefined }) {
  return (
    <span class="subject" title={subject ?? undefined}>
      {commonName(subject)}
    </span>
  );
}

export function VerdictMark({ record }: { record: DecisionRecord }) {
  if (record.verdict === 'reject')
    return (
      <span class="verdict bad">
        <Icon name="cross" />
        Refused
      </span>
    );
  if (hasAllowance(record))
    return (
      <span class="verdict warn">
        <Icon name="bang" />
        Allowance
      </span>
    );
  return (
    <span class="verdict good">
      <Icon name="check" />
      Accepted
    </span>
  );
}

export function Level({ level, latched = false, from }: { level: string; latched?: boolean; from?: string }) {
  return (
    <span class="level" title={from ? `from ${from}` : undefined}>
      {levelTitle(level)}
      {latched && (
        <span
          class="tag warn"
          title="Carried over by an upgrade: key usage, extended key usage and critical extensions are not checked until this setting is changed"
        >
          latched
        </span>
      )}
    </span>
  );
}

/* The verdict at each of the six levels; the one in force is framed. */
export function LevelStrip({ strip, current }: { strip: Strip | undefined; current?: string | undefined }) {
  const words = levels
    .map(({ level, title }) => {
      const at = strip?.[level];
      return `${title}: ${!at ? 'unknown' : at.verdict === 'accept' ? 'accepted' : `refused, ${at.reason}`}`;
    })
    .join('; ');
  return (
    <span class="strip" role="img" aria-label={words}>
      {levels.map(({ level, title }) => {
        const at = strip?.[level as LevelName];
        const state = !at ? 'none' : at.verdict === 'accept' ? 'good' : 'bad';
        const why = at?.verdict === 'reject' ? `${title}: refused. ${reasonMeans(at.reason)}` : `${title}: ${at ? 'accepted' : 'unknown'}`;
        return (
          <span key={level} class={`cell ${state}${level === current ? ' current' : ''}`} title={why}>
            <Icon name={state === 'good' ? 'check' : state === 'bad' ? 'cross' : 'dash'} />
          </span>
        );
      })}
    </span>
  );
}

export function StripHead() {
  return (
    <span class="strip head">
      {levels.map(({ level, title }) => (
        <span key={level} class="cell" title={title}>
          {levelShort(level)}
        </span>
      ))}
    </span>
  );
}

const ICONS: Record<string, string> = {
  check: 'M3 8.5l3.2 3.2L13 5',
  cross: 'M4 4l8 8M12 4l-8 8',
  bang: 'M8 3v6M8 12.5v.5',
  dash: 'M4 8h8',
  back: 'M10 3L5 8l5 5',
  menu: 'M2 4h12M2 8h12M2 12h12',
  lock: 'M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5',
};

export function Icon({ name }: { name: keyof typeof ICONS & string }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false">
      <path d={ICONS[name]} fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

export function Page({
  title,
  lead,
  actions,
  children,
  back,
}: Children & { title: ComponentChildren; lead?: ComponentChildren; actions?: ComponentChildren; back?: { href: string; text: string } }) {
  return (
    <>
      <header class="page-head">
        <div>
          {back && (
            <a class="back" href={back.href}>
              <Icon name="back" />
              {back.text}
            </a>
          )}
          <h1 tabIndex={-1}>{title}</h1>
          {lead && <p class="lead">{lead}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

export function Section({
  title,
  children,
  actions,
  class: name = '',
}: Children & { title?: ComponentChildren; actions?: ComponentChildren; class?: string }) {
  return (
    <section class={`panel ${name}`}>
      {title && (
        <div class="panel-head">
          <h2>{title}</h2>
          {actions && <div class="actions">{actions}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

/* Nothing here yet: what this place is for, and the first step. */
export function Empty({ title, children }: Children & { title: string }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Problem({ text, retry }: { text: string; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <Icon name="bang" />
      <p>{text}</p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Working({ text, done, of, cancel }: { text: string; done?: number; of?: number; cancel?: () => void }) {
  return (
    <div class="working" role="status">
      <progress aria-label={text} max={of} value={of ? done : undefined} />
      <span>{text}</span>
      {cancel && (
        <button type="button" onClick={cancel}>
          Cancel
        </button>
      )}
    </div>
  );
}

/* A labelled control; the help text belongs to it for screen readers too. */
export function Field({
  label,
  help,
  children,
  error,
}: {
  label: string;
  help?: ComponentChildren;
  error?: string | undefined;
  children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean }) => ComponentChildren;
}) {
  const id = useId();
  const ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean } = { id };
  if (help || error) ids['aria-describedby'] = `${id}-help`;
  if (error) ids['aria-invalid'] = true;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(ids)}
      {(help || error) && (
        <p id={`${id}-help`} class={error ? 'help bad' : 'help'}>
          {error ?? help}
        </p>
      )}
    </div>
  );
}

export function Pick({
  label,
  value,
  options,
  onChange,
  help,
}: {
  label: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
  help?: ComponentChildren;
}) {
  return (
    <Field label={label} help={help}>
      {(ids) => (
        <select {...ids} value={value} onChange={(e) => onChange(e.currentTarget.value)}>
          {options.map(([v, text]) => (
            <option key={v} value={v} selected={v === value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function TextField({
  label,
  value,
  onInput,
  help,
  error,
  type = 'text',
  ...rest
}: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  help?: ComponentChildren;
  error?: string | undefined;
  type?: InputProps['type'];
} & Omit<InputProps, 'onInput' | 'value' | 'type' | 'label'>) {
  return (
    <Field label={label} help={help} error={error}>
      {(ids) => (
        <input {...(rest as object)} {...ids} type={type as 'text'} value={value} onInput={(e) => onInput(e.currentTarget.value)} />
      )}
    </Field>
  );
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
