// Whether a machine is still as its pipeline left it, and whether that is news. Pure.

import type { Planned } from './plan-decide.ts';

export interface Drift {
  /** `unknown`: it could not be looked at, or not in all of its parts. */
  readonly is: 'none' | 'drift' | 'unknown';
  /** What is not as it shall be: of each step its name and what would be done. */
  readonly steps: readonly { readonly id: string; readonly words: readonly string[] }[];
  readonly words: string;
}

export function driftOf(planned: readonly Planned[]): Drift {
  const off = planned.filter(({ is }) => is === 'needed' || is === 'impossible');
  const steps = off.map(({ id, words }) => ({ id, words }));
  if (off.length > 0) return { is: 'drift', steps, words: steps.map(({ id, words }) => `${id}: ${words.join('; ')}`).join(' · ') };
  const unknown = planned.filter(({ is }) => is === 'unknown');
  if (unknown.length === 0) return { is: 'none', steps: [], words: 'all is as its pipeline left it' };
  return { is: 'unknown', steps: [], words: unknown.map(({ id, words }) => `${id}: ${words.join('; ')}`).join(' · ') };
}

/** What was told last, as an event keeps it; null: nothing, or that all is well again. */
export type Told = string | null;

/** Null: it is no news. What could not be looked at changes nothing that was told. */
export function newsOf(drift: Drift, told: Told): { readonly type: 'pipeline.drift' | 'pipeline.in_place'; readonly told: Told } | null {
  if (drift.is === 'unknown') return null;
  if (drift.is === 'none') return told === null ? null : { type: 'pipeline.in_place', told: null };
  const now = drift.steps.map(({ id }) => id).join(' ');
  return now === told ? null : { type: 'pipeline.drift', told: now };
}
