// The engine's numbers, and why they are what they are.

import type { BackoffLimits } from './backoff.ts';

export interface TaskLimits {
  /** Steps under way at once in this process. */
  readonly workers: number;
  /** A dead appliance's tasks are taken over after this; with the poll it stays under the 15 s that we promise. */
  readonly leaseTtlMs: number;
  /** How often the queue is looked at when nothing woke the engine: what another appliance submitted is seen this late. */
  readonly pollMs: number;
  /** How long stop() lets steps finish before it aborts them. */
  readonly drainMs: number;
  /** How long an aborted step may take to settle before it counts as stuck. */
  readonly abortGraceMs: number;
  readonly progressEveryMs: number;
  /** Unfinished tasks; more are refused. 500 nodes with 20 tasks each. */
  readonly maxUnfinished: number;
  /** How often one attempt of a step may be cut off by the end of a process: a step that kills us must not do so for ever. */
  readonly maxResumes: number;
  /** Finished tasks, their steps and logs are removed after this. */
  readonly keepFinishedMs: number;
  readonly storeRetry: BackoffLimits;
}

const SECOND = 1000;
const DAY = 86_400 * SECOND;

export const DEFAULT_LIMITS: TaskLimits = {
  workers: 16,
  leaseTtlMs: 10 * SECOND,
  pollMs: SECOND,
  drainMs: 10 * SECOND,
  abortGraceMs: 5 * SECOND,
  progressEveryMs: SECOND,
  maxUnfinished: 10_000,
  maxResumes: 20,
  keepFinishedMs: 30 * DAY,
  storeRetry: { firstDelayMs: 100, maxDelayMs: 5 * SECOND },
};

/** A step may not suspend itself for longer. */
export const MAX_WAIT_MS = 30 * DAY;
export const MAX_LOG_LINE = 4000;
