// Is a step over? Pure.

import type { StepOutcome, StepWait } from './seam.ts';

export function isWaiting(outcome: StepOutcome): outcome is 'wait' | StepWait {
  return outcome === 'wait' || 'waitUntil' in outcome;
}
