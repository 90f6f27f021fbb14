/* The admin API: one function that asks, one kind of error that says what to do. */
import { signal } from '@preact/signals';
import type { Whoami } from './types';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: unknown[] = [],
  ) {
    super(message);
  }
}

export const whoami = signal<Whoami | null>(null);
/* Set when the server says that there is no session (any more). */
export const signedOut = signal(false);

const BASE = '/api/v1';

async function failure(answer: Response): Promise<ApiError> {
  let code = 'internal';
  let message = `The server answered ${answer.status} ${answer.statusText}.`;
  let details: unknown[] = [];
  try {
    const body = await answer.json();
    code = body.error.code ?? code;
    message = body.error.message ?? message;
    details = body.error.details ?? [];
  } catch {
    /* The status has to do. */
  }
  if (answer.status === 401) signedOut.value = true;
  return new ApiError(answer.status, code, message, details);
}

export interface Ask {
  method?: string;
  body?: unknown;
  bytes?: Blob;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export async function ask(path: string, how: Ask = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...how.headers };
  const method = how.method ?? (how.body === undefined && !how.bytes ? 'GET' : 'POST');
  if (method !== 'GET' && whoami.value) headers['X-Csrf-Token'] = whoami.value.csrf;
  if (how.bytes) headers['Content-Type'] = 'application/octet-stream';
  else if (method !== 'GET') headers['Content-Type'] = 'application/json';
  let answer: Response;
  try {
    answer = await fetch(BASE + path, {
      method,
      headers,
      body: how.bytes ?? (method === 'GET' ? null : JSON.stringify(how.body ?? {})),
      signal: how.signal ?? null,
      cache: 'no-store',
    });
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw new ApiError(
      0,
      'unreachable',
      'certgated does not answer. If it was restarted, wait a moment; otherwise look at its log on the machine.',
    );
  }
  if (!answer.ok) throw await failure(answer);
  return answer;
}

export async function get<T>(path: string, abort?: AbortSignal): Promise<T> {
  return (await ask(path, abort ? { signal: abort } : {})).json() as Promise<T>;
}

export async function post<T>(path: string, body: unknown, abort?: AbortSignal): Promise<T> {
  return (await ask(path, abort ? { body, signal: abort } : { body })).json() as Promise<T>;
}

/* "a=1&b=2" of what is there. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(values))
    if (value !== null && value !== undefined && value !== '') parts.set(name, String(value));
  const text = parts.toString();
  return text ? '?' + text : '';
}

export const aborted = (e: unknown): boolean => e instanceof DOMException && e.name === 'AbortError';

export const messageOf = (e: unknown): string => (e instanceof Error ? e.message : String(e));

/*
 * Every page of a list, told as it grows. A server that says the same 'next' again would never end: that is an error.
 */
export async function everyPage<T>(
  ask: (after: string | number | null) => Promise<{ items: T[]; next: string | number | null }>,
  grown: (count: number) => void,
): Promise<T[]> {
  const all: T[] = [];
  let after: string | number | null = null;
  for (;;) {
    const page: { items: T[]; next: string | number | null } = await ask(after);
    all.push(...page.items);
    grown(all.length);
    if (page.next === null || page.next === undefined) return all;
    if (page.next === after) throw new ApiError(0, 'internal', 'The server repeats a page of the list. Try again.');
    after = page.next;
  }
}
