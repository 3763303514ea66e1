// What others do to a task, each inside their own transaction: submit, cancel, wake. What has been committed has been
// acknowledged. Runs nothing.

import type { Clock } from '../lib/index.ts';
import { preparedInsert, type Store, type TaskTable, type Tx } from '../store/index.ts';
import { checkArgs, type TaskCatalogue } from './catalogue.ts';
import type { TaskDefinition } from './define.ts';
import { fail } from './errors.ts';
import { encodeJson, storedError } from './json.ts';
import { checkedLocks, releaseLocks } from './locks.ts';
import { decodeMailbox, mailboxObject, withMail } from './mailbox.ts';
import { isFinal } from './record.ts';

export interface TaskRequest {
  readonly kind: string;
  /** What it is about, for lists: node:UUID, cluster:NAME. */
  readonly subject: string;
  readonly nodeUuid?: string;
  /** Held from the first step to the end: node:UUID, cluster:NAME. */
  readonly locks: readonly string[];
  readonly args: unknown;
  /** -10 to 10. One more is worth a minute in the queue, so that nothing starves. */
  readonly priority?: number;
  /** UTC milliseconds before which it is not begun. */
  readonly runAfter?: number;
  /** The same key again gives the first task's id and submits nothing. */
  readonly idempotencyKey?: string;
}

export interface DoorDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly catalogue: TaskCatalogue;
}

const MAX_PRIORITY = 10;
const MAX_TEXT = 200;
const WAKE_NAME = /^[a-z][a-z0-9_.-]{0,63}$/;

export async function submitTask(deps: DoorDeps, tx: Tx, request: TaskRequest): Promise<string> {
  const definition = deps.catalogue.get(request.kind);
  checkArgs(definition, request.args);
  checkRequest(request);
  const known = await findByKey(tx, request);
  if (known !== undefined) return known;
  const id = deps.newId();
  await insertTask(deps, tx, { id, request, definition });
  await deps.store.events.append(tx, {
    type: 'task.submitted',
    message: `${definition.title}: submitted`,
    taskId: id,
    ...(request.nodeUuid === undefined ? {} : { nodeUuid: request.nodeUuid }),
    data: { kind: request.kind, subject: request.subject },
  });
  return id;
}

function checkRequest(request: TaskRequest): void {
  const { priority = 0, runAfter = 0, subject, idempotencyKey = 'none' } = request;
  const hint = 'Correct the request and submit it again.';
  if (!Number.isInteger(priority) || Math.abs(priority) > MAX_PRIORITY)
    throw fail('tasks.bad_request', {
      message: `priority ${priority} is not a whole number from -${MAX_PRIORITY} to ${MAX_PRIORITY}`,
      hint,
    });
  if (!Number.isSafeInteger(runAfter) || runAfter < 0)
    throw fail('tasks.bad_request', { message: `runAfter ${runAfter} is not a time in UTC milliseconds`, hint });
  for (const [name, text] of Object.entries({ subject, idempotencyKey }))
    if (text === '' || text.length > MAX_TEXT)
      throw fail('tasks.bad_request', { message: `${name} must have 1 to ${MAX_TEXT} characters, not ${text.length}`, hint });
}

async function findByKey(tx: Tx, request: TaskRequest): Promise<string | undefined> {
  if (request.idempotencyKey === undefined) return undefined;
  const row = await tx
    .selectFrom('tasks')
    .select(['id', 'kind', 'subject'])
    .where('idempotency_key', '=', request.idempotencyKey)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (row.kind === request.kind && row.subject === request.subject) return row.id;
  throw fail('tasks.key_reused', {
    message: `idempotency key ${request.idempotencyKey} belongs to task ${row.id} (${row.kind}, ${row.subject})`,
    hint: 'Use a new key for a new task.',
  });
}

async function insertTask(
  deps: DoorDeps,
  tx: Tx,
  { id, request, definition }: { readonly id: string; readonly request: TaskRequest; readonly definition: TaskDefinition },
): Promise<void> {
  const now = deps.clock.now();
  const row: TaskTable = {
    id,
    kind: request.kind,
    subject: request.subject,
    node_uuid: request.nodeUuid ?? null,
    locks: JSON.stringify(checkedLocks(request.locks)),
    args: encodeJson(request.args, `arguments of task ${request.kind}`),
    state: 'queued',
    priority: request.priority ?? 0,
    step: 0,
    progress: 0,
    progress_text: null,
    cancel_requested: 0,
    error: null,
    result: null,
    owner: null,
    fence: 0,
    lease_until: 0,
    wake_event: null,
    wakes: '{}',
    idempotency_key: request.idempotencyKey ?? null,
    run_after: Math.max(request.runAfter ?? 0, now),
    created_at: now,
    started_at: null,
    finished_at: null,
    updated_at: now,
  };
  const blank = { state: 'pending', attempt: 0, resumes: 0, error: null, result: null, started_at: null, finished_at: null };
  const steps = definition.steps.map(({ name, title }, position) => ({ task_id: id, position, name, title, ...blank }));
  await insertRow(tx, row);
  for (const step of steps) await insertStep(tx, step);
}

const insertRow = preparedInsert('tasks');
const insertStep = preparedInsert('task_steps');

/** Locks the row (on PostgreSQL too) and reads it. */
async function touch(deps: DoorDeps, tx: Tx, id: string): Promise<TaskTable> {
  const set = { updated_at: deps.clock.now() };
  const row = await tx.updateTable('tasks').set(set).where('id', '=', id).returningAll().executeTakeFirst();
  if (row !== undefined) return row;
  throw fail('tasks.not_found', {
    message: `no task has the id ${id}`,
    hint: 'Finished tasks are removed after a while; look at the list.',
  });
}

/** False when the task had ended already. A task that runs is told to stop and ends as soon as its step has. */
export async function cancelTask(deps: DoorDeps, tx: Tx, id: string, reason: string): Promise<boolean> {
  const row = await touch(deps, tx, id);
  if (isFinal(row.state)) return false;
  const error = JSON.stringify(
    storedError(fail('tasks.cancelled', { message: reason, hint: 'Submit the task again if it is still wanted.' })),
  );
  if (row.state === 'running') {
    if (row.cancel_requested === 1) return true;
    await tx.updateTable('tasks').set({ cancel_requested: 1, error }).where('id', '=', id).execute();
    await appendAbout(deps, tx, row, 'task.cancel_requested', `told to stop: ${reason}`);
    return true;
  }
  const now = deps.clock.now();
  const ended = { state: 'cancelled', error, owner: null, lease_until: 0, finished_at: now, fence: row.fence + 1 };
  await tx.updateTable('tasks').set(ended).where('id', '=', id).execute();
  await cancelOpenSteps(tx, id, now);
  await releaseLocks(deps.store, tx, id);
  await appendAbout(deps, tx, row, 'task.finished', `cancelled: ${reason}`);
  return true;
}

export async function cancelOpenSteps(tx: Tx, id: string, now: number): Promise<void> {
  await tx
    .updateTable('task_steps')
    .set({ state: 'cancelled', finished_at: now })
    .where('task_id', '=', id)
    .where('state', 'in', ['running', 'waiting', 'retrying'])
    .execute();
}

/**
 * Ends a step's wait for `name`. A wake is kept until a step that waits for it has seen it, so it may come before the wait begins;
 * it is a nudge with the latest word: two of the same name may be seen as one. False when the task has ended.
 */
export async function wakeTask(
  deps: DoorDeps,
  tx: Tx,
  wake: { readonly id: string; readonly name: string; readonly payload: unknown },
): Promise<boolean> {
  if (!WAKE_NAME.test(wake.name)) throw fail('tasks.bad_request', { message: `wake name ${JSON.stringify(wake.name)} is not allowed` });
  encodeJson(wake.payload, `payload of wake ${wake.name}`);
  const row = await touch(deps, tx, wake.id);
  if (isFinal(row.state)) return false;
  const seq = await appendAbout(deps, tx, row, 'task.woken', `woken by ${wake.name}`, { name: wake.name });
  const wakes = withMail(decodeMailbox(row.wakes), wake.name, { seq, payload: wake.payload });
  const isAwaited = row.state === 'waiting' && row.wake_event === wake.name;
  await tx
    .updateTable('tasks')
    .set({ wakes: encodeJson(mailboxObject(wakes), `wakes of task ${wake.id}`), ...(isAwaited ? { run_after: deps.clock.now() } : {}) })
    .where('id', '=', wake.id)
    .execute();
  return true;
}

async function appendAbout(
  deps: DoorDeps,
  tx: Tx,
  row: TaskTable,
  type: string,
  what: string,
  data: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  return deps.store.events.append(tx, {
    type,
    message: `${deps.catalogue.find(row.kind)?.title ?? row.kind}: ${what}`,
    taskId: row.id,
    ...(row.node_uuid === null ? {} : { nodeUuid: row.node_uuid }),
    data: { kind: row.kind, subject: row.subject, ...data, ...(type === 'task.finished' ? { state: 'cancelled' } : {}) },
  });
}
