// How far a run is, and what comes next: a table of steps and the changes that it may go through. Pure. Wherever a process ended, the step
// that was under way begins again with its check.

import type { JsonObject } from '../nodes/index.ts';
import type { PipelineEntry, Verdict } from './seam.ts';

export const STEP_STATES = ['pending', 'working', 'waiting', 'satisfied', 'done', 'not-asked', 'skipped', 'failed'] as const;
/** `satisfied`: there was nothing to do. `done`: it was done, and looked at. `not-asked`: its `when` is for other machines. */
export type RunStepState = (typeof STEP_STATES)[number];

export interface RunStep {
  /** Its step's name; where a pipeline names one twice, name#2. */
  readonly id: string;
  readonly step: string;
  readonly args: JsonObject;
  readonly when: JsonObject | null;
  readonly state: RunStepState;
  /** What check said, why it failed, why it was skipped. */
  readonly words: string;
  readonly hint: string | null;
  /** Failed attempts since it was last begun by a person or for the first time. */
  readonly failures: number;
  /** UTC milliseconds before which it is not begun anew. */
  readonly notBefore: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Waits for this one, which another run has. */
  readonly lock?: string | null;
}

export type Cursor = readonly RunStep[];

export type Move =
  | { readonly do: 'step'; readonly at: number }
  | { readonly do: 'pause'; readonly at: number; readonly until: number }
  | { readonly do: 'end' };

const OVER: readonly RunStepState[] = ['satisfied', 'done', 'not-asked', 'skipped'];
/** What passes by itself is tried so often in all, with so much time between. */
const ATTEMPTS = 4;
const DELAYS_MS = [10_000, 30_000, 120_000] as const;
const WORDS_MAX = 2000;

export function cursorOf(entries: readonly PipelineEntry[]): Cursor {
  const seen = new Map<string, number>();
  return entries.map(({ step, args, when }) => {
    const count = (seen.get(step) ?? 0) + 1;
    seen.set(step, count);
    const fresh = { state: 'pending', words: '', hint: null, failures: 0, notBefore: null, startedAt: null, endedAt: null } as const;
    return { id: count === 1 ? step : `${step}#${count}`, step, args, when, ...fresh };
  });
}

export function nextMove(cursor: Cursor, now: number): Move {
  const at = cursor.findIndex(({ state }) => !OVER.includes(state));
  const step = cursor[at];
  if (step === undefined) return { do: 'end' };
  return step.notBefore !== null && step.notBefore > now ? { do: 'pause', at, until: step.notBefore } : { do: 'step', at };
}

function changed(cursor: Cursor, at: number, change: Partial<RunStep>): Cursor {
  return cursor.map((step, index) =>
    index === at ? { ...step, ...change, words: (change.words ?? step.words).slice(0, WORDS_MAX) } : step,
  );
}

export function begun(cursor: Cursor, at: number, now: number): Cursor {
  return changed(cursor, at, { state: 'working', notBefore: null, lock: null, startedAt: cursor[at]?.startedAt ?? now, endedAt: null });
}

export function over(cursor: Cursor, at: number, now: number, how: { readonly state: RunStepState; readonly words: string }): Cursor {
  return changed(cursor, at, { ...how, hint: null, notBefore: null, lock: null, endedAt: now });
}

/** Somebody else's turn: it is looked at again at that time, or when it is woken. */
export function waits(cursor: Cursor, at: number, how: { readonly until: number; readonly words: string; readonly lock: string }): Cursor {
  return changed(cursor, at, { state: 'waiting', words: how.words, notBefore: how.until, lock: how.lock });
}

/** The lock that a run waits for, and since when. */
export function awaitedLock(cursor: Cursor): { readonly lock: string; readonly since: number } | undefined {
  const step = cursor.find(({ state, lock }) => state === 'waiting' && typeof lock === 'string');
  return typeof step?.lock === 'string' ? { lock: step.lock, since: step.startedAt ?? 0 } : undefined;
}

/** What may pass by itself is tried again a few times, with longer and longer pauses; all else is a person's. */
export function failed(
  cursor: Cursor,
  at: number,
  now: number,
  how: { readonly words: string; readonly hint: string | null; readonly mayPass: boolean },
): Cursor {
  const failures = (cursor[at]?.failures ?? 0) + 1;
  const { words, hint } = how;
  if (!how.mayPass || failures >= ATTEMPTS) return changed(cursor, at, { state: 'failed', words, hint, failures, endedAt: now });
  const delay = DELAYS_MS[Math.min(failures, DELAYS_MS.length) - 1] ?? DELAYS_MS[0];
  return changed(cursor, at, { state: 'waiting', words, hint, failures, notBefore: now + delay });
}

/** The run goes on, after a stop, a restart or a person's word: what had failed begins anew, and what waited looks at once. */
export function reopened(cursor: Cursor): Cursor {
  return cursor.map((step) => {
    if (step.state === 'failed') return { ...step, state: 'pending', failures: 0, notBefore: null, endedAt: null };
    return step.state === 'working' || step.state === 'waiting' ? { ...step, state: 'pending', notBefore: null, lock: null } : step;
  });
}

/** Undefined: there is no such step. */
export function skipped(cursor: Cursor, id: string, now: number, reason: string): Cursor | undefined {
  const at = cursor.findIndex((step) => step.id === id);
  return at < 0 ? undefined : over(cursor, at, now, { state: 'skipped', words: reason });
}

/** It is looked at again, also where it was skipped. */
export function retried(cursor: Cursor, id: string): Cursor | undefined {
  const at = cursor.findIndex((step) => step.id === id);
  if (at < 0) return undefined;
  const fresh = { state: 'pending', hint: null, failures: 0, notBefore: null, endedAt: null } as const;
  return cursor.map((step, index) => (index === at ? { ...step, ...fresh } : step));
}

export function failedStep(cursor: Cursor): RunStep | undefined {
  return cursor.find(({ state }) => state === 'failed');
}

export function progressOf(cursor: Cursor): number {
  return cursor.length === 0 ? 1 : cursor.filter(({ state }) => OVER.includes(state)).length / cursor.length;
}

export function wordsOf(verdict: Verdict): string {
  switch (verdict.is) {
    case 'satisfied':
      return verdict.words;
    case 'needed':
      return verdict.plan.join('; ');
    case 'impossible':
      return verdict.reason;
  }
}
