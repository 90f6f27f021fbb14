/* Checks, levels and reasons, in the words of the library's own rows (words.json is generated). */
import data from './words.json';
import type { LevelName, Role } from './types';

export const levels = data.levels as { level: LevelName; title: string; means: string; checks: string[] }[];
export const checks = data.checks;
const reasons: Record<string, { means: string; remedy: string | null }> = data.reasons;

export const reasonNames = Object.keys(reasons);

export const levelTitle = (name: string | null | undefined): string => levels.find((l) => l.level === name)?.title ?? name ?? '–';

/* The short form for narrow columns. */
const SHORT: Record<string, string> = {
  none: 'None',
  low: 'Low',
  medium: 'Med',
  high: 'High',
  'medium+remote': 'M+R',
  'high+remote': 'H+R',
};
export const levelShort = (name: string): string => SHORT[name] ?? name;

export const checkTitle = (id: string): string => checks.find((c) => c.check === id)?.title ?? id;

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/* A reason as a sentence, or the word itself where a newer server knows more than we. */
export const reasonMeans = (reason: string | null | undefined): string => (reason ? sentence(reasons[reason]?.means ?? reason) : '');

export const remedyOf = (reason: string | null | undefined): string => (reason ? sentence(reasons[reason]?.remedy ?? '') : '');

/* The first level, in page order, that asks a check; null for those that an interface asks beside its level. */
export const firstLevelOf = (check: string): LevelName | null => levels.find((l) => l.checks.includes(check))?.level ?? null;

export const capital = sentence;
export const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

const ROLES: Role[] = ['auditor', 'operator', 'administrator'];
export const roleAtLeast = (have: Role, want: Role): boolean => ROLES.indexOf(have) >= ROLES.indexOf(want);
