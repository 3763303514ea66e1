// From a task's record to what /api shows of it. Pure.

import type { Static } from 'typebox';
import { isoTime } from '../../lib/index.ts';
import type { TaskDetail, TaskRecord } from '../../tasks/index.ts';
import type { TaskDetail as TaskDetailSchema, Task as TaskSchema } from '../schemas.ts';

/** Arguments and results are left out: they are the steps' own affair. */
export function taskBody(task: TaskRecord): Static<typeof TaskSchema.schema> {
  return {
    id: task.id,
    kind: task.kind,
    subject: task.subject,
    nodeUuid: task.nodeUuid,
    state: task.state,
    step: task.step,
    progress: task.progress,
    progressText: task.progressText,
    isCancelRequested: task.isCancelRequested,
    error: task.error,
    createdAt: isoTime(task.createdAt),
    startedAt: time(task.startedAt),
    finishedAt: time(task.finishedAt),
  };
}

export function taskDetailBody(task: TaskDetail): Static<typeof TaskDetailSchema.schema> {
  return {
    ...taskBody(task),
    locks: [...task.locks],
    waitingFor: task.waitingFor,
    steps: task.steps.map((step) => ({
      position: step.position,
      name: step.name,
      title: step.title,
      state: step.state,
      attempt: step.attempt,
      error: step.error,
      startedAt: time(step.startedAt),
      finishedAt: time(step.finishedAt),
    })),
    blockedBy: task.blockedBy.map(({ key, holder, purpose }) => ({ key, holder, purpose })),
  };
}

function time(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms);
}
