/* Raise a setting without breaking anybody: who would be refused, then the change with a way back. */
import { useState } from 'preact/hooks';
import { get, post, query } from '../api';
import { formatNumber, plural } from '../format';
import { generationSeen, go, may, place, status } from '../state';
import type { ChangeAnswer, Edit, Setting } from '../types';
import { checkTitle, levels, levelTitle } from '../words';
import { Empty, Page, Pick, Problem, Section, Working } from '../ui/basics';
import { Besides, ChangeDialog, NO_INVENTORY, RefusedTable } from '../ui/change';
import { useLoad } from '../ui/load';

const TYPES = ['level', 'line-level', 'security', 'live', 'allow', 'bool'];

export const tightenable = (s: Setting): boolean => TYPES.includes(s.type) && (s.choices?.length ?? 0) > 1 && s.type !== 'allow';

const word = (s: Setting, value: string): string =>
  s.type.endsWith('level') ? levelTitle(value) : s.type === 'bool' ? (value === 'true' ? 'on' : 'off') : value;

/* What a new level begins to ask, and what it no longer asks. */
export function checksBetween(from: string | null, to: string): { begin: string[]; end: string[] } {
  const of = (name: string | null) => levels.find((l) => l.level === name)?.checks ?? [];
  return { begin: of(to).filter((c) => !of(from).includes(c)), end: of(from).filter((c) => !of(to).includes(c)) };
}

function Consequences({ setting, to }: { setting: Setting; to: string }) {
  const edits: Edit[] = [{ op: 'set', name: setting.name, value: to }];
  const [apply, setApply] = useState(false);
  const [stopped, setStopped] = useState(false);
  const found = useLoad((signal) => post<ChangeAnswer>('/what-if', { edits }, signal), [setting.name, to, generationSeen.value]);
  const isLevel = setting.type.endsWith('level');
  const { begin, end } = checksBetween(setting.value ?? setting.default, to);
  const list = found.data?.would_refuse;
  return (
    <>
      <Section title={`What ${setting.name} = ${word(setting, to)} would do`}>
        {setting.latched && (
          <p class="callout warn">
            <strong>{setting.name} is latched.</strong> Any change clears the latch for good, also a change back.
          </p>
        )}
        {isLevel && begin.length > 0 && <p>It begins to check: {begin.map(checkTitle).join(', ')}.</p>}
        {isLevel && end.length > 0 && <p>It no longer checks: {end.map(checkTitle).join(', ')}.</p>}
        {found.error ? (
          <Problem text={found.error} retry={found.reload} />
        ) : stopped ? (
          <p class="quiet">Stopped. Choose a value to look again.</p>
        ) : found.data && !found.loading && !list ? (
          <p class="callout warn">{NO_INVENTORY}</p>
        ) : found.loading || !list ? (
          <Working text="Judging every peer seen in the last 30 days…" cancel={() => setStopped(true)} />
        ) : list.total === 0 ? (
          <p class="callout good">
            <strong>Nobody would be refused</strong> of all who came in the last 30 days.
          </p>
        ) : (
          <div class="callout bad">
            <strong>{plural(list.total, 'peer')} would be refused</strong>
            <RefusedTable list={list} />
          </div>
        )}
        {list && !found.loading && <Besides outlook={list} />}
        {found.data && !found.loading && (
          <div class="dialog-foot">
            {may('administrator') ? (
              <button type="button" class={list?.total ? 'danger' : 'primary'} onClick={() => setApply(true)}>
                Apply…
              </button>
            ) : (
              <p class="quiet">Applying it takes the role administrator.</p>
            )}
          </div>
        )}
      </Section>
      {apply && (
        <ChangeDialog
          title={`${setting.name}: ${word(setting, setting.value ?? setting.default ?? 'not set')} → ${word(setting, to)}`}
          edits={edits}
          verb={`Set to ${word(setting, to)}`}
          confirmWithin="300"
          onClose={() => setApply(false)}
          onDone={(answer: ChangeAnswer) => {
            setApply(false);
            if (answer.changed) go(`#/tighten${query({ setting: setting.name })}`);
          }}
        />
      )}
    </>
  );
}

function uses(setting: Setting): string[] {
  const from = setting.name === 'checks.management' ? 'management' : setting.name === 'checks.telephony' ? 'telephony' : '';
  return (status.value?.interfaces ?? []).filter((i) => i.level_from === from).map((i) => i.name);
}

export function Tighten() {
  const { data, error, reload } = useLoad((signal) => get<{ settings: Setting[] }>('/settings', signal), [generationSeen.value]);
  const name = place.value.query.get('setting') ?? 'checks.management';
  const to = place.value.query.get('to') ?? '';
  const list = (data?.settings ?? []).filter(tightenable);
  const setting = list.find((s) => s.name === name) ?? list[0];
  const choose = (more: { setting?: string; to?: string }) => go(`#/tighten${query({ setting: setting?.name, ...more })}`);
  const current = setting ? (setting.value ?? setting.default ?? '') : '';
  const interfaces = setting ? uses(setting) : [];
  return (
    <Page
      title="Tighten"
      lead="See who would be refused before a setting is changed, and let the change go back by itself if nobody confirms it."
    >
      {error && <Problem text={error} retry={reload} />}
      {data && !setting && (
        <Empty title="Nothing to tighten">
          <p>The store holds no setting with levels yet.</p>
        </Empty>
      )}
      {setting && (
        <Section>
          <div class="form-row">
            <Pick
              label="Setting"
              value={setting.name}
              help={setting.help}
              onChange={(v) => choose({ setting: v })}
              options={list.map((s): [string, string] => [s.name, s.name])}
            />
          </div>
          <fieldset class="choices">
            <legend>New value</legend>
            {(setting.choices ?? []).map((value) => {
              const means = setting.type.endsWith('level') ? levels.find((l) => l.level === value)?.means : '';
              return (
                <label key={value} class={value === current ? 'current' : ''}>
                  <input
                    type="radio"
                    name="to"
                    value={value}
                    checked={value === to}
                    disabled={value === current && !setting.latched}
                    onChange={() => choose({ to: value })}
                  />
                  <span>
                    <strong>{word(setting, value)}</strong>
                    {value === current && <span class="tag strong">in force{setting.latched && ', latched'}</span>}
                    {means && <span class="sub">{means}</span>}
                  </span>
                </label>
              );
            })}
          </fieldset>
          {interfaces.length > 0 && (
            <p class="quiet">
              Concerns {plural(interfaces.length, 'interface')}: {interfaces.slice(0, 12).join(', ')}
              {interfaces.length > 12 && ` and ${formatNumber(interfaces.length - 12)} more`}.
            </p>
          )}
        </Section>
      )}
      {setting && to && (to !== current || setting.latched) && <Consequences key={setting.name + to} setting={setting} to={to} />}
    </Page>
  );
}
