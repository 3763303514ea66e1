// Reading tasks: one, or many. Changes nothing.

import type { Clock } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import type { TaskState } from './define.ts';
import { heldLocks, holderOf } from './locks.ts';
import { stepRecord, type TaskDetail, type TaskRecord, taskRecord } from './record.ts';

export interface TaskQuery {
  readonly states?: readonly TaskState[];
  readonly kind?: string;
  readonly nodeUuid?: string;
  readonly subject?: string;
  /** Ids grow with time: those submitted before this one. */
  readonly beforeId?: string;
  /** At most 1000. */
  readonly limit: number;
}

export interface LookDeps {
  readonly store: Store;
  readonly clock: Clock;
}

const MAX_LIST = 1000;

export async function getTask(deps: LookDeps, id: string): Promise<TaskDetail | undefined> {
  const { db } = deps.store;
  const row = await db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return undefined;
  const steps = await db.selectFrom('task_steps').selectAll().where('task_id', '=', id).orderBy('position').execute();
  const record = taskRecord(row);
  const held = record.state === 'queued' ? await heldLocks(db, record.locks, deps.clock.now()) : new Map<string, never>();
  const blockedBy = [...held.values()].filter((lock) => lock.holder !== holderOf(id));
  return { ...record, steps: steps.map(stepRecord), blockedBy };
}

/** Newest first. */
export async function listTasks(deps: LookDeps, query: TaskQuery): Promise<TaskRecord[]> {
  let rows = deps.store.db.selectFrom('tasks').selectAll();
  if (query.states !== undefined) rows = rows.where('state', 'in', query.states);
  if (query.kind !== undefined) rows = rows.where('kind', '=', query.kind);
  if (query.nodeUuid !== undefined) rows = rows.where('node_uuid', '=', query.nodeUuid);
  if (query.subject !== undefined) rows = rows.where('subject', '=', query.subject);
  if (query.beforeId !== undefined) rows = rows.where('id', '<', query.beforeId);
  const found = await rows.orderBy('id', 'desc').limit(Math.min(query.limit, MAX_LIST)).execute();
  return found.map(taskRecord);
}
