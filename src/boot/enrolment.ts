// Whether unknown machines may boot the agent now. The operator's last word is kept in the store; the config gives the first.

import type { Clock } from '../lib/index.ts';
import type { Store } from '../store/index.ts';

export interface EnrolmentState {
  readonly mode: 'open' | 'closed';
  /** When it closes by itself, UTC milliseconds; null when it stays as it is. */
  readonly until: number | null;
  /** When a person opened it last; null when nobody did. */
  readonly since: number | null;
}

export interface Enrolment {
  get(): Promise<EnrolmentState>;
  set(mode: 'open' | 'closed', minutes: number | null, actor: string): Promise<EnrolmentState>;
}

const KEY = 'enrolment';

export interface EnrolmentOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** From the config: what holds until an operator says otherwise. */
  readonly initial: 'open' | 'closed';
}

export function createEnrolment({ store, clock, initial }: EnrolmentOptions): Enrolment {
  return {
    async get() {
      const row = await store.db.selectFrom('settings').select('value').where('key', '=', KEY).executeTakeFirst();
      if (row === undefined) return { mode: initial, until: null, since: null };
      return effective(parseState(row.value), clock.now());
    },
    async set(mode, minutes, actor) {
      const now = clock.now();
      const state: EnrolmentState = {
        mode,
        until: mode === 'open' && minutes !== null ? now + minutes * 60_000 : null,
        since: mode === 'open' ? now : null,
      };
      await store.transaction(async (tx) => {
        const row = { key: KEY, value: JSON.stringify(state), updated_at: now };
        await tx
          .insertInto('settings')
          .values(row)
          .onConflict((c) => c.column('key').doUpdateSet({ value: row.value, updated_at: now }))
          .execute();
        await store.events.append(tx, { type: `enrolment.${mode}`, message: describe(state, actor), data: { actor, until: state.until } });
      });
      return state;
    },
  };
}

/** A window that has passed is closed. */
export function effective(state: EnrolmentState, now: number): EnrolmentState {
  return state.mode === 'open' && state.until !== null && now >= state.until ? { ...state, mode: 'closed', until: null } : state;
}

function describe(state: EnrolmentState, actor: string): string {
  if (state.mode === 'closed') return `${actor} closed enrolment: unknown machines start their own disk`;
  const end = state.until === null ? 'until it is closed' : `until ${new Date(state.until).toISOString()}`;
  return `${actor} opened enrolment ${end}: unknown machines boot the agent`;
}

function parseState(text: string): EnrolmentState {
  const value: unknown = JSON.parse(text); // written by set() above
  const record = typeof value === 'object' && value !== null ? value : {};
  const mode = 'mode' in record && record.mode === 'open' ? 'open' : 'closed';
  const until = 'until' in record && typeof record.until === 'number' ? record.until : null;
  const since = 'since' in record && typeof record.since === 'number' ? record.since : null;
  return { mode, until, since };
}
