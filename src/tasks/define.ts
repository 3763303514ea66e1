// How a task is described: a kind, the schema of its arguments, and ordered steps. Data and types only; knows nothing of nodes,
// stores or how steps are run.

import type { Static, TSchema } from 'typebox';
import { assert } from '../lib/index.ts';
import type { Tx } from '../store/index.ts';

export const TASK_STATES = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'] as const;
export type TaskState = (typeof TASK_STATES)[number];

export const STEP_STATES = ['pending', 'running', 'waiting', 'retrying', 'done', 'skipped', 'failed', 'cancelled'] as const;
export type StepState = (typeof STEP_STATES)[number];

export const MAX_STEPS = 64;

/** Why a step that had suspended itself is entered again. */
export type Woken = { readonly by: 'time' } | { readonly by: 'event'; readonly name: string; readonly payload: unknown };

export interface Wait {
  /** UTC milliseconds. No wait is endless: at this time the step is entered again whatever happened. */
  readonly until: number;
  /** The name that engine.wake() ends the wait with. A wake that came before the wait began counts. */
  readonly event?: string;
  /** Others may have the locks meanwhile: it is somebody else's turn, and the task takes them again before it goes on. */
  readonly freesLocks?: boolean;
}

export type StepResult = { readonly done: unknown } | { readonly wait: Wait };

/** 'refuse' fails the task with a hint; an object says what the step would have returned, or why it is refused. */
export type RecheckVerdict = 'done' | 'redo' | 'refuse' | { readonly done: unknown } | { readonly refuse: string };

export interface StepContext<Args = unknown> {
  readonly taskId: string;
  readonly subject: string;
  readonly nodeUuid: string | null;
  readonly args: Args;
  /** What earlier steps returned, by step name, as stored. */
  readonly results: Readonly<Record<string, unknown>>;
  /** The same, checked: throws tasks.bad_result when it is missing or has another form. */
  resultOf<const S extends TSchema>(step: string, schema: S): Static<S>;
  /** Aborted at the timeout, on cancel, when the appliance stops and when the lease is lost; its reason says which. */
  readonly signal: AbortSignal;
  /** 1, and one more after each failed attempt. */
  readonly attempt: number;
  /** The step was under way when a process died: look at the real world before you do it again. */
  readonly isResumed: boolean;
  readonly woken: Woken | undefined;
  /** Raised whenever the task changes hands: send it along with commands to others, so that they can refuse an older one. */
  readonly fence: number;
  /** 0 to 1 within this step, and in words. Written at most once a second. */
  progress(fraction: number, text: string): void;
  log(line: string, stream?: 'out' | 'err' | 'note'): void;
  /** A store transaction that is refused with store.fenced when the task or one of its locks no longer is ours. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * For the last step of a task: it is done, and `work` is what it still has to write. Both and the end of the task in one such
   * transaction. Return what this returns; what `work` throws is thrown here, and nothing was written.
   */
  finish(work: (tx: Tx) => Promise<void>, result?: unknown): Promise<StepResult>;
  /**
   * In such a transaction: a part of the step is done for good, so how often it was cut off counts from now. For steps of many parts,
   * which live through more restarts than a single one may.
   */
  milestone(tx: Tx): Promise<void>;
}

export interface Retry {
  /** How often the step is tried in all. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

// Methods, not function properties: a list of definitions with different arguments must be possible, and the arguments are
// checked against the schema before any of these is called.
export interface Step<Args = unknown> {
  readonly name: string;
  readonly title: string;
  /** Erases or overwrites something. When it was cut off it is never simply run again: see recheck. */
  readonly destructive?: boolean;
  readonly timeoutMs: number;
  readonly retry?: Retry;
  /** False skips the step. Decided once, before the step begins. */
  when?(context: StepContext<Args>): boolean | Promise<boolean>;
  /** Asked instead of run when a destructive step was cut off or failed. Without it the answer is 'refuse'. Must change nothing. */
  recheck?(context: StepContext<Args>): Promise<RecheckVerdict>;
  run(context: StepContext<Args>): Promise<StepResult>;
}

export interface TaskDefinition<Args = unknown> {
  /** Dotted, noun first: node.inspect, cluster.join. */
  readonly kind: string;
  readonly title: string;
  readonly args: TSchema;
  readonly steps: readonly Step<Args>[];
  /** At most this many of the kind are begun and unfinished at once, over all appliances; more wait in the queue. */
  readonly concurrency?: number;
}

const KIND = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*$/;
const STEP_NAME = /^[a-z][a-z0-9_-]*$/;

/** Checks what the types cannot, once, when the program is loaded. */
export function defineTask<const S extends TSchema>(
  spec: Omit<TaskDefinition<Static<S>>, 'args'> & { readonly args: S },
): TaskDefinition<Static<S>> {
  assert(KIND.test(spec.kind), `task kind ${spec.kind}: lower-case words with dots`);
  assert(spec.steps.length > 0 && spec.steps.length <= MAX_STEPS, `task ${spec.kind}: 1 to ${MAX_STEPS} steps, not ${spec.steps.length}`);
  assert(spec.concurrency === undefined || spec.concurrency >= 1, `task ${spec.kind}: concurrency is at least 1`);
  const names = new Set(spec.steps.map((step) => step.name));
  assert(names.size === spec.steps.length, `task ${spec.kind}: two steps have the same name`);
  for (const step of spec.steps) checkStep(spec.kind, step);
  return spec;
}

function checkStep(kind: string, step: Step<never>): void {
  const where = `task ${kind}, step ${step.name}`;
  assert(STEP_NAME.test(step.name), `${where}: a name is lower-case words with dashes`);
  assert(step.timeoutMs > 0 && Number.isFinite(step.timeoutMs), `${where}: timeoutMs must be positive`);
  if (step.retry === undefined) return;
  const { attempts, firstDelayMs, maxDelayMs } = step.retry;
  assert(Number.isInteger(attempts) && attempts >= 1 && attempts <= 100, `${where}: 1 to 100 attempts`);
  assert(firstDelayMs >= 0 && maxDelayMs >= firstDelayMs, `${where}: 0 ≤ firstDelayMs ≤ maxDelayMs`);
}

/** The step is finished; later steps can read `result`. */
export function done(result: unknown = null): StepResult {
  return { done: result };
}

/** Gives the worker back until that time (UTC milliseconds). */
export function waitUntil(until: number): StepResult {
  return { wait: { until } };
}

/** Gives the worker back until somebody wakes the task with this name, at the latest until that time. */
export function waitFor(event: string, until: number, more: Pick<Wait, 'freesLocks'> = {}): StepResult {
  return { wait: { event, until, ...more } };
}
