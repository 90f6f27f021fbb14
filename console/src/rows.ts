/*
 * The decisions that the page knows, oldest first, and those of them that a filter shows. Kept apart from the page, so
 * that two hundred a second cost no more than two hundred comparisons.
 */
import { peerAddress } from './format';
import type { DecisionRecord } from './types';

export interface Filter {
  verdict: '' | 'accept' | 'reject' | 'allowance';
  interface: string;
  reason: string;
  text: string;
}

export const noFilter: Filter = { verdict: '', interface: '', reason: '', text: '' };

/* Live decisions are kept up to this; older ones that were asked for come on top. */
export const KEEP = 10000;
export const MOST = 50000;

export function recordKey(r: DecisionRecord): string {
  return `${r.incident} ${r.time} ${r.class ?? ''} ${r.verdict}`;
}

export const hasAllowance = (r: DecisionRecord): boolean => r.verdict === 'accept' && (r.allowances?.length ?? 0) > 0;

export function matches(r: DecisionRecord, f: Filter): boolean {
  if (f.verdict === 'allowance' ? !hasAllowance(r) : f.verdict && r.verdict !== f.verdict) return false;
  if (f.interface && r.interface !== f.interface) return false;
  if (f.reason && r.reason !== f.reason) return false;
  if (!f.text) return true;
  const text = f.text.toLowerCase();
  return (
    peerAddress(r.peer).startsWith(text) ||
    r.incident === text ||
    (r.certificate?.subject.toLowerCase().includes(text) ?? false) ||
    (r.certificate?.sha256.startsWith(text) ?? false)
  );
}

export class Rows {
  private all: DecisionRecord[] = [];
  private known = new Set<string>();
  private shown: DecisionRecord[] = [];
  private filter: Filter = noFilter;
  /* While the reader looks elsewhere than at the top, what comes stays behind this many rows. */
  private held: number | null = null;

  get count(): number {
    return this.held ?? this.shown.length;
  }
  get waiting(): number {
    return this.held === null ? 0 : this.shown.length - this.held;
  }
  get total(): number {
    return this.all.length;
  }
  get oldest(): DecisionRecord | undefined {
    return this.all[0];
  }
  get newest(): DecisionRecord | undefined {
    return this.all[this.all.length - 1];
  }

  /* Row 0 is the newest. */
  at(i: number): DecisionRecord | undefined {
    return this.shown[this.count - 1 - i];
  }

  /* The newest that fit, newest first. */
  latest(fits: (r: DecisionRecord) => boolean, most: number): DecisionRecord[] {
    const found: DecisionRecord[] = [];
    for (let i = this.all.length - 1; i >= 0 && found.length < most; i--) {
      const r = this.all[i];
      if (r && fits(r)) found.push(r);
    }
    return found;
  }

  /* What just came, oldest first. */
  append(records: DecisionRecord[]): void {
    for (const r of records) {
      const key = recordKey(r);
      if (this.known.has(key)) continue;
      this.known.add(key);
      this.all.push(r);
      if (matches(r, this.filter)) this.shown.push(r);
    }
    const limit = this.held === null ? KEEP : MOST;
    if (this.all.length > limit + limit / 10) this.trim(limit);
  }

  /* An older page, newest first, as the API gives it. */
  prepend(page: DecisionRecord[]): void {
    const fresh = page.filter((r) => !this.known.has(recordKey(r))).reverse();
    for (const r of fresh) this.known.add(recordKey(r));
    // A page read under a filter reaches further back than the rest: what is read later may belong between.
    const inOrder = (fresh.at(-1)?.time ?? '') <= (this.all[0]?.time ?? '~');
    const before = this.shown.length;
    this.all = fresh.concat(this.all);
    if (!inOrder) this.all.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
    this.shown = inOrder
      ? fresh.filter((r) => matches(r, this.filter)).concat(this.shown)
      : this.all.filter((r) => matches(r, this.filter));
    if (this.held !== null) this.held += this.shown.length - before;
  }

  setFilter(filter: Filter): void {
    this.filter = filter;
    this.shown = this.all.filter((r) => matches(r, filter));
    this.held = null;
  }

  hold(on: boolean): void {
    if (on) this.held ??= this.shown.length;
    else this.held = null;
  }

  clear(): void {
    this.all = [];
    this.shown = [];
    this.known.clear();
    this.held = null;
  }

  private trim(limit: number): void {
    const before = this.shown.length;
    for (const r of this.all.slice(0, this.all.length - limit)) this.known.delete(recordKey(r));
    this.all = this.all.slice(-limit);
    this.shown = this.all.filter((r) => matches(r, this.filter));
    if (this.held !== null) this.held = Math.max(0, this.held - (before - this.shown.length));
  }
}
