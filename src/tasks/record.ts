// Tasks as others see them: rows made readable.

import { assert } from '../lib/index.ts';
import type { TaskStepTable, TaskTable } from '../store/index.ts';
import { STEP_STATES, type StepState, TASK_STATES, type TaskState } from './define.ts';
import { decodeJson, type StoredError } from './json.ts';
import type { HeldLock } from './locks.ts';

export interface TaskRecord {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly nodeUuid: string | null;
  readonly locks: readonly string[];
  readonly args: unknown;
  readonly state: TaskState;
  readonly priority: number;
  /** Position of the step it is at. */
  readonly step: number;
  readonly progress: number;
  readonly progressText: string | null;
  readonly isCancelRequested: boolean;
  readonly waitingFor: string | null;
  /** When it is taken up at the latest (queued, waiting). */
  readonly runAfter: number;
  readonly error: StoredError | null;
  /** What its last step returned. */
  readonly result: unknown;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

export interface StepRecord {
  readonly position: number;
  readonly name: string;
  readonly title: string;
  readonly state: StepState;
  readonly attempt: number;
  readonly error: StoredError | null;
  readonly result: unknown;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

export interface TaskDetail extends TaskRecord {
  readonly steps: readonly StepRecord[];
  /** For a queued task: the locks others hold, and what for. */
  readonly blockedBy: readonly HeldLock[];
}

export const FINAL_STATES: readonly string[] = ['succeeded', 'failed', 'cancelled'] satisfies TaskState[];

export function isFinal(state: string): boolean {
  return FINAL_STATES.includes(state);
}

export function taskRecord(row: TaskTable): TaskRecord {
  return {
    id: row.id,
    kind: row.kind,
    subject: row.subject,
    nodeUuid: row.node_uuid,
    locks: decodeLocks(row.locks),
    args: decodeJson(row.args),
    state: oneOf(TASK_STATES, row.state, `state of task ${row.id}`),
    priority: row.priority,
    step: row.step,
    progress: row.progress,
    progressText: row.progress_text,
    isCancelRequested: row.cancel_requested === 1,
    waitingFor: row.state === 'waiting' ? row.wake_event : null,
    runAfter: row.run_after,
    error: decodeError(row.error),
    result: row.result === null ? null : decodeJson(row.result),
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

export function stepRecord(row: TaskStepTable): StepRecord {
  return {
    position: row.position,
    name: row.name,
    title: row.title,
    state: oneOf(STEP_STATES, row.state, `state of step ${row.name} of task ${row.task_id}`),
    attempt: row.attempt,
    error: decodeError(row.error),
    result: row.result === null ? null : decodeJson(row.result),
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

export function decodeLocks(text: string): string[] {
  const value = decodeJson(text);
  assert(Array.isArray(value), 'locks of a task are a list');
  return value.filter((lock) => typeof lock === 'string');
}

function decodeError(text: string | null): StoredError | null {
  // Written by storedError() only.
  return text === null ? null : (decodeJson(text) as StoredError);
}

function oneOf<const T extends string>(known: readonly T[], value: string, what: string): T {
  const found = known.find((one) => one === value);
  assert(found !== undefined, `${what} is ${value}`);
  return found;
}
