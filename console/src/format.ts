/* Numbers and times in the viewer's locale; UTC is one hover away. */

const number = new Intl.NumberFormat();
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const dateOnly = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const timeOnly = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const minuteOnly = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

export const formatNumber = (n: number): string => number.format(n);
export const formatDateTime = (iso: string): string => dateTime.format(new Date(iso));
export const formatDate = (iso: string): string => dateOnly.format(new Date(iso));
export const formatMinute = (ms: number): string => minuteOnly.format(ms);

export const utc = (iso: string): string =>
  new Date(iso)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');

/* Only the time for today, date and time for anything else. */
export function formatMoment(iso: string, now = Date.now()): string {
  const then = new Date(iso);
  const today = new Date(now);
  return then.toDateString() === today.toDateString() ? timeOnly.format(then) : dateTime.format(then);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31536000],
  ['month', 2592000],
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
];

export function formatAgo(iso: string, now = Date.now()): string {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  for (const [unit, size] of STEPS) if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  return relative.format(Math.trunc(seconds), 'second');
}

/* 125 → "2:05"; nothing below zero. */
export function formatCountdown(seconds: number): string {
  const left = Math.max(0, Math.ceil(seconds));
  const hours = Math.floor(left / 3600);
  const minutes = Math.floor(left / 60) % 60;
  const text = `${hours ? String(minutes).padStart(2, '0') : minutes}:${String(left % 60).padStart(2, '0')}`;
  return hours ? `${hours}:${text}` : text;
}

export function formatDaysLeft(days: number | null): string {
  if (days === null) return '–';
  if (days < 0) return `ended ${formatNumber(-days)} ${days === -1 ? 'day' : 'days'} ago`;
  return `${formatNumber(days)} ${days === 1 ? 'day' : 'days'}`;
}

export function plural(n: number, one: string, many = one + 's'): string {
  return `${formatNumber(n)} ${n === 1 ? one : many}`;
}

/*
 * The common name of a subject, or all of it where it has none. Names come as text in which a comma of a value is
 * written with a backslash (RFC 4514 section 2.4).
 */
export function commonName(subject: string | null | undefined): string {
  if (!subject) return '(no subject)';
  const found = /(?:^|[,+/]\s*)CN\s*=\s*((?:\\.|[^,+\\])*)/.exec(subject);
  return found?.[1] ? found[1].replace(/\\(.)/g, '$1').trim() : subject;
}

/* "192.0.2.1:5555" without its port, as filters want it. */
export function peerAddress(peer: string | null): string {
  if (!peer) return '';
  const bracketed = /^\[([^\]]+)\]/.exec(peer);
  return bracketed?.[1] ?? peer.replace(/:\d+$/, '');
}

/* RFC 4180, and no cell that a spreadsheet takes for a formula. */
export function csvCell(value: unknown): string {
  let text = value === null || value === undefined ? '' : String(value);
  if (/^[=+\-@\t\r]/.test(text) && typeof value !== 'number') text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export const csvLine = (cells: unknown[]): string => cells.map(csvCell).join(',') + '\r\n';
