// From what a check said to a line of a plan: what cannot be known before earlier steps are done is no failure. Pure.

import { messageOf, RackseedError } from '../lib/index.ts';
import type { Verdict } from './seam.ts';

export interface Planned {
  readonly id: string;
  readonly title: string;
  readonly is: 'satisfied' | 'needed' | 'impossible' | 'unknown' | 'not-asked';
  /** For people, a line each. */
  readonly words: readonly string[];
  readonly hint: string | null;
}

export function plannedOf(
  seen: { readonly verdict: Verdict } | { readonly thrown: unknown },
  earlier: readonly Planned[],
): Pick<Planned, 'is' | 'words' | 'hint'> {
  const open = earlier.find(({ is }) => is === 'needed' || is === 'unknown');
  if ('thrown' in seen) {
    const hint = seen.thrown instanceof RackseedError ? (seen.thrown.hint ?? null) : null;
    return { is: 'unknown', words: [until(open, messageOf(seen.thrown))], hint };
  }
  const { verdict } = seen;
  switch (verdict.is) {
    case 'satisfied':
      return { is: 'satisfied', words: [verdict.words], hint: null };
    case 'needed':
      return { is: 'needed', words: verdict.plan, hint: null };
    case 'impossible':
      return open === undefined
        ? { is: 'impossible', words: [verdict.reason], hint: verdict.hint }
        : { is: 'unknown', words: [until(open, verdict.reason)], hint: verdict.hint };
  }
}

function until(open: Planned | undefined, words: string): string {
  return open === undefined ? words : `not known before ${open.id} is done; now: ${words}`;
}
