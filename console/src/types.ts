/* What the admin API says. Members that the console does not read are left out. */

export type Verdict = 'accept' | 'reject';
export type LevelName = 'none' | 'low' | 'medium' | 'high' | 'medium+remote' | 'high+remote';
export type Role = 'auditor' | 'operator' | 'administrator';

export interface Judged {
  verdict: Verdict;
  reason: string | null;
}
export type Strip = Partial<Record<LevelName, Judged>>;

export interface Facts {
  subject: string;
  issuer: string;
  serial?: string;
  sha256: string;
  not_before: string;
  not_after: string;
  kind?: string;
  key?: string;
  signature?: string;
  key_usage?: string[] | null;
  extended_key_usage?: string[] | null;
  san?: string[] | null;
  defects?: string[];
}

export interface Finding {
  check: string;
  outcome: 'pass' | 'fail' | 'not-applicable' | 'undecided';
  reason: string | null;
  certificate?: string;
  found?: string;
  wanted?: string;
  remedy?: string;
  note?: string;
  allowance?: string;
}

export interface PathEntry {
  subject: string;
  sha256: string;
  not_after: string;
}

export interface DecisionRecord {
  time: string;
  node: string;
  generation: number;
  incident: string;
  interface: string;
  service: string;
  role: 'inbound' | 'outbound';
  step: string;
  peer: string | null;
  local?: string | null;
  via?: string | null;
  class: string | null;
  class_by?: string | null;
  sni?: string | null;
  tls: string | null;
  cipher: string | null;
  resumed: boolean;
  decided_in?: string;
  decided_at?: string;
  live?: string;
  presented: number | null;
  alert_sent?: number | null;
  alert_received?: number | null;
  verdict: Verdict;
  level?: LevelName | 'custom';
  latched?: boolean;
  reason: string | null;
  detail?: string;
  remedy?: string;
  allowances?: (string | { name: string })[];
  findings?: Finding[];
  levels?: Strip;
  certificate?: Facts;
  path?: PathEntry[];
  anchored?: boolean;
  cut?: boolean;
}

export interface Class {
  name: string;
  kind: string;
  level: string;
  latched: boolean;
  require_certificate: boolean;
}

export interface Interface {
  name: string;
  service: string;
  role: 'inbound' | 'outbound';
  mode: string;
  listen: string[];
  level: string;
  level_from: string;
  latched: boolean;
  security: string | null;
  require_certificate: boolean;
  live: string;
  revocation?: unknown;
  allowances: { name: string; until: string | null }[];
  pins: number;
  accepted: number;
  refused: number;
  open: number;
  classes: Class[];
}

export interface Pending {
  generation: number;
  back_to: number;
  reverts_at: string;
}

export interface Status {
  version: string;
  node: string;
  started: string;
  now: string;
  generation: number;
  workers: { wanted: number; running: number; restarts: number };
  sandbox: string;
  records_lost: number;
  store: boolean;
  tcs: { count: number; expiring: number };
  pending: Pending | null;
  interfaces: Interface[];
}

export interface Whoami {
  user: string;
  role: Role;
  via: 'socket' | 'certificate' | 'session';
  csrf: string;
  certificate: string | null;
}

export interface Setting {
  name: string;
  value: string | null;
  is_set: boolean;
  default: string | null;
  latched: boolean;
  latchable: boolean;
  since: string | number | null;
  type: string;
  values: string;
  choices: string[] | null;
  low: number | null;
  high: number | null;
  help: string;
  secret: boolean;
}

export interface SettingHistory {
  generation: number;
  time: string;
  actor: string;
  value: string | null;
  latched: boolean;
}

export interface Edit {
  op: string;
  [member: string]: unknown;
}

export interface DiffRow {
  part: string;
  name: string;
  before: string | null;
  after: string | null;
  latched_before?: boolean;
  latched_after?: boolean;
}

export interface Refused {
  interface: string;
  sha256: string;
  subject: string;
  last_seen: string;
  count: number;
  reason: string | null;
  days_left: number | null;
}

/* Who would be refused and admitted by a change; null where the node keeps no inventory. */
export interface Outlook {
  total: number;
  since: string;
  unsure: number;
  peers: Refused[];
  admitted: number;
  admits: Refused[];
  self: { interface: string; admitted: boolean; reason: string | null } | null;
}

export interface ChangeAnswer {
  generation: number;
  changed: boolean;
  preview: boolean;
  diff: DiffRow[];
  latches_cleared: { name: string; before: string; after: string; begin: string[] }[];
  would_refuse?: Outlook | null;
  backup?: string | null;
  confirm: { reverts_at: string } | null;
  notes?: string[];
}

export interface Generation {
  number: number;
  time: string;
  actor: string;
  comment: string | null;
  kind: string;
  source: string | number | null;
  digest: string;
}

export interface TcsEntry {
  sha256: string;
  kind: string;
  subject: string;
  issuer: string;
  key: string;
  not_before: string;
  not_after: string;
  days_left: number;
  since: string | number | null;
}

export interface LintFinding {
  kind: string;
  sha256: string;
  subject: string;
  text: string;
}

export interface Inspected {
  sha256: string;
  kind: string;
  subject: string;
  issuer: string;
  key: string;
  not_before: string;
  not_after: string;
  present: boolean;
  lint: string[];
}

export interface Identity {
  name: string;
  subject: string;
  issuer: string;
  sans: string[];
  sha256: string;
  not_before: string;
  not_after: string;
  days_left: number;
  key: string;
  key_path: string | null;
  self_signed: boolean;
  chain: { sha256: string; subject: string }[];
  interfaces: string[];
  from: 'file' | 'store';
  csr: boolean;
}

export interface Peer {
  interface: string;
  sha256: string;
  subject: string;
  issuer: string;
  san: string | string[] | null;
  key: string;
  first_seen: string;
  last_seen: string;
  count: number;
  verdicts: Strip;
  not_after: string;
  days_left: number | null;
  successor: string | null;
  enforced: Judged;
}

export interface Rates {
  minute0: string | number; // seconds where a number
  interfaces: { name: string; accepted: number[]; refused: number[] }[];
  reasons: { interface: string; reason: string; count: number }[];
}

export interface Expiring {
  tcs: ExpiringEntry[];
  identities: ExpiringEntry[];
  peers: ExpiringEntry[];
}

export interface ExpiringEntry {
  sha256: string;
  subject: string;
  not_after: string;
  days_left: number;
  name?: string;
  interface?: string;
}

export interface Pin {
  sha256: string;
  subject: string;
  interface: string;
  until: string | null;
  reason: string;
  incident: string | null;
  actor: string;
  since: string;
}

export interface AuditRow {
  number: number;
  time: string;
  actor: string;
  action: string;
  generation: number | null;
  detail: string;
  hash: string;
}

export interface CheckAnswer {
  checks: string[];
  levels: string[];
  matrix: Record<string, Judged>;
  findings: Finding[];
  decision: DecisionRecord;
  server?: { host: string; port: number; address: string; tls: string; certificates: number; ended: string };
}
