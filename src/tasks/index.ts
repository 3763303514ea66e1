// The task engine's door: durable work in steps. Knows nothing of nodes.

export {
  defineTask,
  done,
  MAX_STEPS,
  type RecheckVerdict,
  type Retry,
  STEP_STATES,
  type Step,
  type StepContext,
  type StepResult,
  type StepState,
  TASK_STATES,
  type TaskDefinition,
  type TaskState,
  type Wait,
  type Woken,
  waitFor,
  waitUntil,
} from './define.ts';
export { createTaskEngine, type TaskEngine, type TaskEngineOptions } from './engine.ts';
export { TASK_ERRORS } from './errors.ts';
export type { StoredError } from './json.ts';
export { DEFAULT_LIMITS, type TaskLimits } from './limits.ts';
export type { HeldLock } from './locks.ts';
export type { TaskQuery } from './look.ts';
export type { StepRecord, TaskDetail, TaskRecord } from './record.ts';
export type { TaskRequest } from './submit.ts';
