// The three verdicts in few words, and how apply refuses what check would have refused.

import { fail } from '../errors.ts';
import type { Verdict } from '../seam.ts';

/** Nothing to do where the plan is empty. */
export function planned(plan: readonly string[], words: string): Verdict {
  return plan.length === 0 ? { is: 'satisfied', words } : { is: 'needed', plan };
}

export function impossible(reason: string, hint: string): Verdict & { readonly is: 'impossible' } {
  return { is: 'impossible', reason, hint };
}

/** What check said a moment ago may have changed since. */
export function refusal({ reason, hint }: { readonly reason: string; readonly hint: string }): Error {
  return fail('pipeline.impossible', { message: reason, hint });
}

/** At most so many names of a long list. */
export function few(names: readonly string[], most = 8): string {
  return names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
}
