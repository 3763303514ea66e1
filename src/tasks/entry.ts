// How a stored step is entered: for the first time, again, or woken. Pure.

import { RackseedError } from '../lib/index.ts';
import type { TaskStepTable, TaskTable } from '../store/index.ts';
import { checkArgs } from './catalogue.ts';
import type { Woken } from './define.ts';
import { fail } from './errors.ts';
import { type Claim, type StepPlace, seenMail } from './journal.ts';
import { decodeJson } from './json.ts';

export interface StepEntry {
  readonly attempt: number;
  readonly resumes: number;
  readonly isResumed: boolean;
  /** The step was cut off or failed before: a destructive one must look first. */
  readonly isAgain: boolean;
  /** Its begin is no event: a step that polls would fill the log. */
  readonly isQuiet: boolean;
  readonly woken: Woken | undefined;
}

export function entryOf(stored: TaskStepTable, row: TaskTable): StepEntry {
  const isResumed = stored.state === 'running';
  const isRetry = stored.state === 'retrying';
  return {
    attempt: Math.max(1, stored.attempt + (isRetry ? 1 : 0)),
    resumes: isResumed ? stored.resumes + 1 : 0,
    isResumed,
    isAgain: isResumed || isRetry,
    isQuiet: stored.state === 'waiting',
    woken: wokenOf(stored, row),
  };
}

function wokenOf(stored: TaskStepTable, row: TaskTable): Woken | undefined {
  const mail = seenMail(row);
  if (stored.state !== 'pending' && row.wake_event !== null && mail !== undefined)
    return { by: 'event', name: row.wake_event, payload: mail.payload };
  return stored.state === 'waiting' ? { by: 'time' } : undefined;
}

export function isPast(step: TaskStepTable): boolean {
  return step.state === 'done' || step.state === 'skipped';
}

/** A task made by another version may have other steps or arguments: it must not be run half by one and half by another. */
export function problemWith(claim: Claim, steps: readonly TaskStepTable[]): RackseedError | undefined {
  const { definition } = claim;
  const stored = steps.map((step) => step.name).join(', ');
  const known = definition.steps.map((step) => step.name).join(', ');
  if (stored !== known)
    return fail('tasks.definition_changed', {
      message: `task ${claim.id} (${definition.kind}) has the steps ${stored}; this version has ${known}`,
      hint: 'Look at what it has done so far, then submit it again.',
    });
  try {
    checkArgs(definition, decodeJson(claim.row.args));
    return undefined;
  } catch (error) {
    if (error instanceof RackseedError) return error;
    throw error;
  }
}

/** The step that a task just claimed goes on with, where nothing is left to be asked before. */
export function stepAtOnce(claim: Claim, steps: readonly TaskStepTable[], maxResumes: number): Begin | undefined {
  if (claim.row.cancel_requested === 1 || problemWith(claim, steps) !== undefined) return undefined;
  const stored = steps.find((step) => !isPast(step));
  const step = stored === undefined ? undefined : claim.definition.steps[stored.position];
  if (stored === undefined || step === undefined || (stored.state === 'pending' && step.when !== undefined)) return undefined;
  const entry = entryOf(stored, claim.row);
  return entry.resumes > maxResumes ? undefined : { place: { step, position: stored.position }, entry };
}

interface Begin {
  readonly place: StepPlace;
  readonly entry: StepEntry;
}
