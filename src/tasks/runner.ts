// Runs one claimed task: from its first unfinished step on, until it ends, pauses, or must be put down. Decides; journal.ts writes.

import { messageOf, RackseedError } from '../lib/index.ts';
import type { TaskStepTable, TaskTable } from '../store/index.ts';
import { type Attempt, attempt } from './attempt.ts';
import { backoffMs } from './backoff.ts';
import { createContext } from './context.ts';
import type { RecheckVerdict, StepContext, StepResult, Wait } from './define.ts';
import { entryOf, isPast, problemWith, type StepEntry } from './entry.ts';
import { fail } from './errors.ts';
import {
  type Claim,
  type Ending,
  isLastStep,
  isLost,
  type JournalDeps,
  recordEnd,
  recordPause,
  recordStepDone,
  recordStepSkipped,
  recordStepStart,
  type StepPlace,
} from './journal.ts';
import { decodeJson, encodeJson, storedError } from './json.ts';
import { MAX_WAIT_MS } from './limits.ts';
import { releaseLocks } from './locks.ts';

/** How a run left its task. 'open': unfinished and ours to hand back. 'stuck': a step would not stop; let the lease run out. */
export type RunEnd = 'ended' | 'paused' | 'open' | 'lost' | 'stuck';

/** What came of one step: go on with the row as last written, or leave. */
type Onward = { readonly row: TaskTable } | { readonly end: RunEnd };

/** `begun`: the position of the step whose begin is written down already. */
export async function runTask(deps: JournalDeps, claim: Claim, steps: readonly TaskStepTable[], begun?: number): Promise<RunEnd> {
  const problem = problemWith(claim, steps);
  if (problem !== undefined) return end(deps, claim, { state: 'failed', error: storedError(problem) });
  const args = decodeJson(claim.row.args);
  const results: Record<string, unknown> = {};
  let row = claim.row;
  for (const [position, step] of claim.definition.steps.entries()) {
    const stored = steps[position];
    if (stored === undefined || isPast(stored)) {
      if (stored?.state === 'done') results[step.name] = decodeJson(stored.result ?? 'null');
      continue;
    }
    const put = await putDown(deps, claim, row);
    if (put !== undefined) return put;
    const run = new StepRun(deps, claim, { step, position }, args, results);
    const onward = await run.go(stored, position === begun);
    if ('end' in onward) return onward.end;
    row = onward.row;
  }
  const last = claim.definition.steps.at(-1)?.name ?? '';
  return end(deps, claim, { state: 'succeeded', resultText: JSON.stringify(results[last] ?? null) });
}

/** Between steps: is there a reason not to begin the next one? */
async function putDown(deps: JournalDeps, claim: Claim, row: TaskTable): Promise<RunEnd | undefined> {
  if (isLost(claim)) return 'lost';
  if (row.cancel_requested === 1 || codeOf(claim.control.signal.reason) === 'tasks.cancelled')
    return end(deps, claim, { state: 'cancelled' });
  return claim.control.signal.aborted || deps.isStopping() ? 'open' : undefined;
}

async function end(deps: JournalDeps, claim: Claim, ending: Ending): Promise<RunEnd> {
  await recordEnd(deps, claim, ending);
  return 'ended';
}

/** Made once: an abort without a reason makes an error with a stack each time. */
const ENDED = new Error('the step has ended');

class StepRun {
  readonly #deps: JournalDeps;
  readonly #claim: Claim;
  readonly #place: StepPlace;
  readonly #args: unknown;
  readonly #results: Record<string, unknown>;
  /** It has written its end, and the task's, by itself. */
  #isFinished = false;
  /** Aborted by the claim's control and by this step's timeout. */
  readonly #control = new AbortController();
  readonly #ended = new AbortController();

  constructor(deps: JournalDeps, claim: Claim, place: StepPlace, args: unknown, results: Record<string, unknown>) {
    this.#deps = deps;
    this.#claim = claim;
    this.#place = place;
    this.#args = args;
    this.#results = results;
  }

  async go(stored: TaskStepTable, isBegun: boolean): Promise<Onward> {
    const { signal } = this.#claim.control;
    const pass = (): void => this.#control.abort(signal.reason);
    signal.addEventListener('abort', pass, { once: true });
    if (signal.aborted) pass();
    try {
      return await this.#enter(stored, isBegun);
    } finally {
      signal.removeEventListener('abort', pass);
      this.#ended.abort(ENDED);
    }
  }

  async #enter(stored: TaskStepTable, isBegun: boolean): Promise<Onward> {
    const { step } = this.#place;
    const entry = entryOf(stored, this.#claim.row);
    const context = this.#context(entry);
    if (stored.state === 'pending' && step.when !== undefined) {
      const wanted = await this.#bounded(() => step.when?.(context) ?? true);
      if (wanted.kind !== 'value') return this.#failed(wanted);
      if (!wanted.value) return { row: await recordStepSkipped(this.#deps, this.#claim, this.#place) };
    }
    if (entry.resumes > this.#deps.limits.maxResumes)
      return this.#refused('tasks.step_keeps_dying', `the process ended in it ${entry.resumes} times`);
    if (!isBegun) await recordStepStart(this.#deps, this.#claim, this.#place, entry);
    if (step.destructive === true && entry.isAgain) {
      const onward = await this.#recheck(entry, context);
      if (onward !== undefined) return onward;
    }
    if (this.#control.signal.aborted) return this.#failed({ kind: 'threw', error: this.#control.signal.reason }, entry);
    return this.#settle(await this.#bounded(async () => this.#checked(await step.run(context))), entry);
  }

  #context(entry: StepEntry): StepContext {
    const { attempt: count, isResumed, woken } = entry;
    const onFinished = (): void => {
      this.#isFinished = true;
    };
    const facts = {
      args: this.#args,
      results: { ...this.#results },
      signal: this.#control.signal,
      attempt: count,
      isResumed,
      woken,
      onFinished,
    };
    return createContext(this.#deps, this.#claim, this.#place, facts, this.#ended.signal);
  }

  #bounded<T>(work: () => T | Promise<T>): Promise<Attempt<T>> {
    const { step } = this.#place;
    return attempt(work, {
      clock: this.#deps.clock,
      timeoutMs: step.timeoutMs,
      graceMs: this.#deps.limits.abortGraceMs,
      control: this.#control,
      timeoutReason: () =>
        fail('tasks.step_timeout', {
          message: `step "${step.title}" took longer than ${step.timeoutMs / 1000} s`,
          hint: 'Look at the log of the task for what it was waiting for.',
        }),
    });
  }

  /** undefined: the step may be run. */
  async #recheck(entry: StepEntry, context: StepContext): Promise<Onward | undefined> {
    const { step } = this.#place;
    const seen = await this.#bounded(async () => verdictOf(await (step.recheck?.(context) ?? 'refuse')));
    if (seen.kind !== 'value') return this.#failed(seen, entry);
    if (seen.value === 'redo') return undefined;
    if ('done' in seen.value) return this.#done(seen.value.done);
    return this.#refused('tasks.redo_refused', seen.value.refuse);
  }

  /** Inside the attempt, so that a result that cannot be kept fails the step like any other error of it. */
  #checked(result: StepResult): StepResult {
    if ('done' in result) encodeJson(result.done, `result of step ${this.#place.step.name}`);
    return result;
  }

  async #settle(outcome: Attempt<StepResult>, entry: StepEntry): Promise<Onward> {
    // Whatever came after: it is written that it is done.
    if (this.#isFinished) return { end: 'ended' };
    if (outcome.kind !== 'value') return this.#failed(outcome, entry);
    if ('done' in outcome.value) return this.#done(outcome.value.done);
    const { wait } = outcome.value;
    const latest = this.#deps.clock.now() + MAX_WAIT_MS;
    const bounded: Wait = { ...wait, until: Number.isFinite(wait.until) ? Math.min(Math.ceil(wait.until), latest) : latest };
    await recordPause(this.#deps, this.#claim, this.#place, { wait: bounded });
    return { end: 'paused' };
  }

  async #done(result: unknown): Promise<Onward> {
    const row = await recordStepDone(this.#deps, this.#claim, this.#place, result);
    if (isLastStep(this.#claim, this.#place)) return { end: 'ended' };
    this.#results[this.#place.step.name] = decodeJson(encodeJson(result, 'result'));
    return { row };
  }

  async #refused(code: 'tasks.redo_refused' | 'tasks.step_keeps_dying', why: string): Promise<Onward> {
    const error = fail(code, {
      message: `step "${this.#place.step.title}" is not run again: ${why}`,
      hint: 'Look at the machine, put right what is half done, then submit the task again.',
    });
    return { end: await end(this.#deps, this.#claim, { state: 'failed', error: storedError(error), at: this.#place }) };
  }

  /** Why it was told to stop counts more than what it threw then. Without `entry` it is not tried again. */
  async #failed(outcome: Exclude<Attempt<unknown>, { kind: 'value' }>, entry?: StepEntry): Promise<Onward> {
    const isStuck = outcome.kind === 'stuck';
    if (isLost(this.#claim)) return { end: 'lost' };
    const code = codeOf(this.#control.signal.reason);
    if (code === 'tasks.stopping') return { end: isStuck ? 'stuck' : 'open' };
    if (code === 'tasks.cancelled') return this.#finish({ state: 'cancelled' }, outcome);
    if (isStuck) return this.#finish({ state: 'failed', at: this.#place, error: storedError(this.#stuckError()) }, outcome);
    const error: unknown = code === 'tasks.step_timeout' ? this.#control.signal.reason : outcome.error;
    const { retry } = this.#place.step;
    if (retry !== undefined && entry !== undefined && entry.attempt < retry.attempts && error instanceof RackseedError && error.retryable) {
      const until = this.#deps.clock.now() + backoffMs(entry.attempt, retry, this.#deps.random.float());
      await recordPause(this.#deps, this.#claim, this.#place, {
        wait: { until },
        failed: { error: storedError(error), attempt: entry.attempt },
      });
      return { end: 'paused' };
    }
    if (!(error instanceof RackseedError))
      this.#deps.log.error({ task: this.#claim.id, step: this.#place.step.name, err: error }, 'a step failed with a bug');
    return this.#finish({ state: 'failed', at: this.#place, error: storedError(error) }, outcome);
  }

  async #finish(ending: Ending, outcome: Exclude<Attempt<unknown>, { kind: 'value' }>): Promise<Onward> {
    this.#ended.abort(ENDED);
    if (outcome.kind !== 'stuck') return { end: await end(this.#deps, this.#claim, ending) };
    await recordEnd(this.#deps, this.#claim, { ...ending, keepLocks: true });
    void outcome.settled.then(() => freeAtLast(this.#deps, this.#claim));
    return { end: 'ended' };
  }

  #stuckError(): RackseedError {
    const { step } = this.#place;
    return fail('tasks.step_stuck', {
      message: `step "${step.title}" took longer than ${step.timeoutMs / 1000} s and does not react to being stopped`,
      hint: 'It may still be at work: its locks stay until it ends or they run out. Look at the machine before you try again.',
    });
  }
}

/** A stuck step has let go. If this fails, the locks run out by themselves. */
async function freeAtLast(deps: JournalDeps, claim: Claim): Promise<void> {
  try {
    await deps.store.transaction((tx) => releaseLocks(deps.store, tx, claim.id));
  } catch (error) {
    deps.log.warn({ task: claim.id }, `locks of a stuck step were not freed: ${messageOf(error)}`);
  }
}

function verdictOf(verdict: RecheckVerdict): 'redo' | { readonly done: unknown } | { readonly refuse: string } {
  if (verdict === 'done') return { done: null };
  if (verdict === 'refuse') return { refuse: 'it erases or overwrites something, was cut off, and can not tell how far it came' };
  return verdict;
}

function codeOf(reason: unknown): string | undefined {
  return reason instanceof RackseedError ? reason.code : undefined;
}
