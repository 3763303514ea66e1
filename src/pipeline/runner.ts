// Drives one run from where it is to its end, a pause or a failure. Each boundary is stored before anything goes on: a process that dies
// leaves a run whose next step begins with its check. Knows no tasks: whoever calls has the node's lock.

import { type Clock, type Log, RackseedError } from '../lib/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { ABORTED, type PipelineRun, type RunBook, type RunChange } from './book.ts';
import { begun, failed, failedStep, nextMove, over, progressOf, type RunStep, waits, wordsOf } from './cursor-decide.ts';
import { fail } from './errors.ts';
import { contextOf, endedBy, type Hands, redactor, toWork } from './hands.ts';
import { takeLock } from './locks.ts';
import type { PipelineStep, StepContext, StepLook, Verdict } from './seam.ts';
import { whenRefusal } from './when-decide.ts';

export interface RunnerParts {
  readonly store: Store;
  readonly book: RunBook;
  readonly steps: ReadonlyMap<string, PipelineStep>;
  readonly clock: Clock;
  readonly log: Log;
  /** What is known of the node now, without asking its machine. */
  look(nodeUuid: string): Promise<StepLook>;
  /** Why nothing may be written to the node's machine; undefined: it may. */
  observed?(nodeUuid: string): Promise<string | undefined>;
  /** The ways to the machine, for one drive; they may open by themselves when they are first used. */
  open(look: StepLook, signal: AbortSignal): Promise<Hands>;
  /** What a step says of the machine's cluster: before it is applied the node is to be protected, and `isMember` when it is so. */
  joins?(tx: Tx, nodeUuid: string, cluster: string, isMember: boolean): Promise<void>;
  /** The machine is managed at that address from now on. */
  moved?(tx: Tx, nodeUuid: string, address: string): Promise<void>;
  /** Locks may have become free. */
  onFreed?(): void;
}

export interface Drive {
  readonly signal: AbortSignal;
  progress(fraction: number, text: string): void;
  log(line: string): void;
}

export type Driven =
  | { readonly is: 'done'; readonly text: string }
  | { readonly is: 'waits'; readonly until: number; readonly text: string };

/** Whoever frees a lock wakes the one that has waited longest; a process may have died in between. */
const LOCK_WAIT_MS = 120_000;

/** Throws what the step failed with, and pipeline.aborted; what it was aborted with by its signal, with the run left open. */
export async function driveRun(parts: RunnerParts, taken: PipelineRun, drive: Drive): Promise<Driven> {
  const look = await parts.look(taken.nodeUuid);
  const hands = await parts.open(look, drive.signal);
  const hide = redactor();
  const driver = new Driver(parts, taken, {
    look,
    hands: hide.watching(hands),
    drive: {
      signal: drive.signal,
      progress: (done, text) => drive.progress(done, hide.text(text)),
      log: (line) => drive.log(hide.text(line)),
    },
    hide: (text) => hide.text(text),
  });
  try {
    return await driver.go();
  } finally {
    await hands.close();
  }
}

interface With {
  readonly look: StepLook;
  readonly hands: Hands;
  readonly drive: Drive;
  readonly hide: (text: string) => string;
}

class Driver {
  readonly #parts: RunnerParts;
  readonly #with: With;
  #look: StepLook;
  #run: PipelineRun;

  constructor(parts: RunnerParts, run: PipelineRun, given: With) {
    this.#parts = parts;
    this.#run = run;
    this.#with = given;
    this.#look = given.look;
  }

  async go(): Promise<Driven> {
    for (;;) {
      this.#with.drive.signal.throwIfAborted();
      if (this.#run.isAbortAsked) return this.#aborted();
      const move = nextMove(this.#run.cursor, this.#parts.clock.now());
      if (move.do === 'end') return this.#done();
      if (move.do === 'pause') return { is: 'waits', until: move.until, text: this.#stepAt(move.at).words };
      await this.#step(move.at);
      const stuck = failedStep(this.#run.cursor);
      if (stuck !== undefined) throw await this.#failed(stuck);
    }
  }

  async #step(at: number): Promise<void> {
    const entry = this.#stepAt(at);
    await this.#lookAgain();
    const refusal = whenRefusal(entry.when, this.#look);
    if (refusal !== null) return this.#over(at, 'not-asked', refusal);
    const step = this.#parts.steps.get(entry.step);
    if (step === undefined) return this.#fails(at, noLonger(entry));
    await this.#save({ cursor: begun(this.#run.cursor, at, this.#now()) });
    try {
      await this.#work(at, entry, step);
    } catch (thrown) {
      // Stopped by its caller: the run stays open, and this step is looked at again.
      if (this.#with.drive.signal.aborted || isOver(thrown)) throw thrown;
      await this.#fails(at, thrown);
    }
  }

  async #work(at: number, entry: RunStep, step: PipelineStep): Promise<void> {
    const title = this.#titleOf(at, step);
    await this.#refuseObserved();
    this.#with.drive.progress(progressOf(this.#run.cursor), `${title}: looks`);
    let context = this.#context(at, entry, step);
    let before = await this.#timed(step, context, (inner) => step.check(inner));
    const lock = before.is === 'needed' ? (step.lock?.(context.args, context) ?? null) : null;
    if (lock !== null) {
      const holder = await this.#lock(at, lock, `${context.node.name}: ${step.title}`);
      if (holder !== null) return;
      // Under the lock things may look otherwise: others had it meanwhile.
      await this.#lookAgain();
      context = this.#context(at, entry, step);
      before = await this.#timed(step, context, (inner) => step.check(inner));
    }
    const joins = step.joins?.(context.args, context) ?? null;
    if (before.is === 'satisfied') return this.#over(at, 'satisfied', before.words, joins);
    refuseImpossible(before);
    await this.#refuseObserved();
    if (joins !== null) await this.#save({}, async (tx) => this.#parts.joins?.(tx, this.#run.nodeUuid, joins, false));
    for (const line of before.plan) this.#with.drive.log(`${title}: ${line}`);
    this.#with.drive.progress(progressOf(this.#run.cursor), title);
    await this.#timed(step, toWork(context, this.#with.hands), (inner) => step.apply(inner));
    const after = await this.#timed(step, context, (inner) => step.verify?.(inner) ?? step.check(inner));
    refuseImpossible(after);
    if (after.is === 'needed') throw notReached(after);
    return this.#over(at, 'done', after.words, joins);
  }

  /** Said while a run is under way, it holds from its next step on. */
  async #refuseObserved(): Promise<void> {
    const reason = await this.#parts.observed?.(this.#run.nodeUuid);
    if (reason === undefined) return;
    throw fail('pipeline.impossible', {
      message: `${reason}: nothing is written to its machine`,
      hint: 'Turn observe-only off when the machine may be changed, then: rackseed pipeline resume NODE',
    });
  }

  /** Null: it is ours. */
  async #lock(at: number, lock: string, purpose: string): Promise<string | null> {
    const { store } = this.#parts;
    let holder: string | null = null;
    await this.#save({}, async (tx) => {
      holder = await takeLock(store, tx, lock, { uuid: this.#run.uuid, purpose });
    });
    if (holder === null) return null;
    const words = `waits until ${String(holder)} is over`;
    await this.#save({ cursor: waits(this.#run.cursor, at, { until: this.#now() + LOCK_WAIT_MS, words, lock }) });
    return holder;
  }

  #context(at: number, entry: RunStep, step: PipelineStep): StepContext {
    const { hands, drive } = this.#with;
    const title = this.#titleOf(at, step);
    return contextOf({
      look: this.#look,
      hands,
      args: entry.args,
      notes: {
        get: (key) => this.#run.notes[key],
        set: async (key, value) => {
          await this.#save({ notes: { ...this.#run.notes, [key]: value } });
        },
      },
      moved: async (address) => {
        await this.#save({}, async (tx) => this.#parts.moved?.(tx, this.#run.nodeUuid, address));
        await this.#lookAgain();
      },
      progress: (fraction, text) =>
        drive.progress(progressOf(this.#run.cursor) + Math.min(Math.max(fraction, 0), 1) / this.#run.cursor.length, `${title}: ${text}`),
      log: (line) => drive.log(`${title}: ${line}`),
      signal: drive.signal,
      clock: this.#parts.clock,
      trace: this.#parts.log,
    });
  }

  async #timed<T>(step: PipelineStep, context: StepContext, act: (context: StepContext) => Promise<T>): Promise<T> {
    const [late, finished] = [new AbortController(), new AbortController()];
    const message = `${step.title} took longer than ${Math.ceil(step.timeoutMs / 1000)} seconds`;
    const tooLate = fail('pipeline.timeout', { message, hint: 'Look at the log of the run for what it waited for, then retry the step.' });
    // Rejects when the step was faster: then there is nothing to do.
    const ends = this.#parts.clock.sleep(step.timeoutMs, finished.signal).then(
      () => late.abort(tooLate),
      () => undefined,
    );
    try {
      return await act(endedBy(context, AbortSignal.any([context.signal, late.signal])));
    } catch (thrown) {
      throw late.signal.aborted ? tooLate : thrown;
    } finally {
      finished.abort(FINISHED);
      await ends;
    }
  }

  async #over(at: number, state: 'satisfied' | 'done' | 'not-asked', words: string, joins: string | null = null): Promise<void> {
    const { id } = this.#stepAt(at);
    const shown = this.#with.hide(words);
    const message = `${id}: ${STATE_WORDS[state]}${shown === '' ? '' : `: ${shown}`}`;
    this.#with.drive.log(message);
    const events = [{ type: 'pipeline.step', message, data: { step: id, state } }];
    const change = { cursor: over(this.#run.cursor, at, this.#now(), { state, words: shown }), events, freesLocks: true };
    await this.#save(change, async (tx) => (joins === null ? undefined : this.#parts.joins?.(tx, this.#run.nodeUuid, joins, true)));
  }

  /** What others did meanwhile counts, and what a step before did. */
  async #lookAgain(): Promise<void> {
    this.#look = await this.#parts.look(this.#run.nodeUuid);
    this.#with.hands.sees(this.#look);
  }

  /** Its lock stays with it while it is tried again: what was begun may be half done. */
  async #fails(at: number, thrown: unknown): Promise<void> {
    const error = asError(thrown, this.#stepAt(at).id);
    const how = { words: this.#with.hide(error.message), hint: error.hint ?? null, mayPass: error.retryable };
    this.#with.drive.log(`${this.#stepAt(at).id}: ${how.words}`);
    await this.#save({ cursor: failed(this.#run.cursor, at, this.#now(), how) });
  }

  async #failed(stuck: RunStep): Promise<Error> {
    const message = `${stuck.id}: ${stuck.words}`;
    await this.#save({ state: 'failed', events: [{ type: 'pipeline.failed', message, severity: 'error', data: { step: stuck.id } }] });
    const hint = stuck.hint ?? 'Put right what it names, then: rackseed pipeline resume NODE';
    return fail('pipeline.step_failed', { message: `the step ${message}`, hint, detail: { run: this.#run.uuid, step: stuck.id } });
  }

  async #aborted(): Promise<never> {
    await this.#save({ state: 'aborted', events: [ABORTED] });
    throw fail('pipeline.aborted', {
      message: 'the pipeline was ended by request',
      hint: 'What was done stays. Begin it anew: rackseed pipeline run NODE',
    });
  }

  async #done(): Promise<Driven> {
    const { cursor, pipeline } = this.#run;
    const worked = cursor.filter(({ state }) => state === 'done').length;
    const text = `the pipeline ${pipeline} is done: ${worked} of ${cursor.length} steps had something to do`;
    await this.#save({ state: 'done', events: [{ type: 'pipeline.done', message: text }] });
    return { is: 'done', text };
  }

  async #save(change: RunChange, more?: Parameters<RunBook['save']>[2]): Promise<void> {
    this.#run = await this.#parts.book.save(this.#run, change, more);
    if (change.freesLocks === true || (change.state ?? 'running') !== 'running') this.#parts.onFreed?.();
  }

  #stepAt(at: number): RunStep {
    const step = this.#run.cursor[at];
    if (step === undefined) throw new TypeError(`the run has no step at ${at}`);
    return step;
  }

  #titleOf(at: number, step: PipelineStep): string {
    return `${at + 1}/${this.#run.cursor.length} ${step.title}`;
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}

const STATE_WORDS = { satisfied: 'nothing to do', done: 'done', 'not-asked': 'not for this machine' } as const;
/** Made once: an abort without a reason makes an error with a stack each time. */
const FINISHED = new Error('finished in time');

/** Somebody else has the run: nothing more is ours to write. */
function isOver(thrown: unknown): boolean {
  return thrown instanceof RackseedError && thrown.code === 'pipeline.over';
}

function refuseImpossible(verdict: Verdict): asserts verdict is Exclude<Verdict, { readonly is: 'impossible' }> {
  if (verdict.is === 'impossible') throw fail('pipeline.impossible', { message: verdict.reason, hint: verdict.hint });
}

function notReached(verdict: Verdict): Error {
  return fail('pipeline.not_reached', {
    message: `it was carried out, and still: ${wordsOf(verdict)}`,
    hint: 'Look at the log of the run.',
  });
}

function noLonger({ step }: RunStep): Error {
  return fail('pipeline.unknown', { message: `this version of the program has no step ${step}`, hint: 'Skip it, or begin a new run.' });
}

function asError(thrown: unknown, id: string): RackseedError {
  if (thrown instanceof RackseedError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return fail('pipeline.step_failed', { message, hint: `This is a mistake in the step ${id}, or in what it was told.`, cause: thrown });
}
