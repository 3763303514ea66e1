// What a runner writes down about its task: each entry one transaction, made only while the task is still ours, with its event.
// Every entry can be made twice (an answer from the store may be lost after the commit) and counts once.

import { type Clock, defineErrors, type Log, messageOf, RackseedError, type Random } from '../lib/index.ts';
import { type EventInput, type Lease, prepared, preparedWrite, STORE_ERRORS, type Store, type TaskTable, type Tx } from '../store/index.ts';
import { backoffMs } from './backoff.ts';
import type { Step, TaskDefinition, TaskState, Wait } from './define.ts';
import { fail } from './errors.ts';
import { encodeJson, type StoredError } from './json.ts';
import type { TaskLimits } from './limits.ts';
import { releaseLocks } from './locks.ts';
import { decodeMailbox, type Mail, mailboxObject, withoutSeen } from './mailbox.ts';
import { cancelOpenSteps } from './submit.ts';

const storeFail = defineErrors(STORE_ERRORS);

/** A task in our hands. */
export interface Claim {
  readonly id: string;
  readonly row: TaskTable;
  readonly definition: TaskDefinition;
  readonly owner: string;
  readonly fence: number;
  readonly leases: readonly Lease[];
  /** Aborted with the reason when the task must be put down: cancelled, stopping, lease lost. */
  readonly control: AbortController;
}

export interface JournalDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: TaskLimits;
  /** Ends the patience with a store that does not answer. */
  readonly giveUp: AbortSignal;
  /** No further step is begun. */
  readonly isStopping: () => boolean;
}

export function isLost(claim: Claim): boolean {
  const reason: unknown = claim.control.signal.reason;
  return reason instanceof RackseedError && reason.code === 'tasks.lease_lost';
}

export function lose(claim: Claim, why: string): RackseedError {
  const error = fail('tasks.lease_lost', {
    message: `task ${claim.id}: ${why}`,
    hint: 'Nothing to do: whoever has it now goes on with it.',
  });
  claim.control.abort(error);
  return error;
}

/** A transaction under the task's lease and locks: refused with store.fenced when one of them is no longer ours. */
export async function fenced<T>(deps: JournalDeps, claim: Claim, work: (tx: Tx, row: TaskTable) => Promise<T>): Promise<T> {
  return deps.store.transaction(async (tx) => {
    const { id, owner, fence } = claim;
    const [row] = await touchOurs(tx, { id, owner, fence, now: deps.clock.now() });
    if (row === undefined) throw fencedError(claim);
    for (const lease of claim.leases) await deps.store.leases.check(tx, lease);
    return work(tx, row);
  });
}

interface Ours {
  readonly id: string;
  readonly owner: string;
  readonly fence: number;
  readonly now: number;
}

const touchOurs = prepared((tx, { id, owner, fence, now }: Ours) =>
  tx
    .updateTable('tasks')
    .set({ updated_at: now })
    .where('id', '=', id)
    .where('owner', '=', owner)
    .where('fence', '=', fence)
    .where('state', '=', 'running')
    .returningAll(),
);

function fencedError(claim: Claim): RackseedError {
  return storeFail('store.fenced', {
    message: `task ${claim.id} no longer belongs to ${claim.owner} (fence ${claim.fence})`,
    hint: 'Nothing to do: whoever has the task now goes on with it.',
  });
}

/**
 * An entry that must be made before anything else happens to the task: tried until the store takes it, the task turns out to be
 * lost, or the engine gives up. A store that is away for a minute costs a minute, not the task.
 */
export async function record<T>(deps: JournalDeps, claim: Claim, work: (tx: Tx, row: TaskTable) => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await fenced(deps, claim, work);
    } catch (error) {
      if (error instanceof RackseedError && error.code === 'store.fenced') throw lose(claim, error.message);
      // A value that has no JSON form, or a fault of ours: the same again would fail the same.
      if (!(error instanceof RackseedError) || error.code.startsWith('tasks.') || error.code === 'store.closed') throw error;
      deps.log.warn({ task: claim.id, code: error.code, failures }, `the task's state could not be written: ${messageOf(error)}`);
      await deps.clock.sleep(backoffMs(failures, deps.limits.storeRetry, deps.random.float()), deps.giveUp);
    }
  }
}

export interface StepPlace {
  readonly step: Step;
  readonly position: number;
}

export interface Entry {
  readonly attempt: number;
  readonly resumes: number;
  /** No event: a step that polls would fill the log. */
  readonly isQuiet: boolean;
}

/** The step is about to run. */
export async function recordStepStart(deps: JournalDeps, claim: Claim, place: StepPlace, entry: Entry): Promise<void> {
  await record(deps, claim, (tx) => writeStepStart(deps, tx, claim, { place, entry }));
}

type WriteDeps = Pick<JournalDeps, 'store' | 'clock'>;
interface Start {
  readonly place: StepPlace;
  readonly entry: Entry;
}

/** The same in a transaction under the task's lease. */
export async function writeStepStart(deps: WriteDeps, tx: Tx, claim: Claim, { place, entry }: Start): Promise<void> {
  const { attempt, resumes } = entry;
  const changed = await startStep(tx, { id: claim.id, position: place.position, attempt, resumes, now: deps.clock.now() });
  if (changed === 0 || entry.isQuiet) return;
  if (claim.row.step !== place.position) await setStep(tx, { id: claim.id, position: place.position });
  const what = `${place.step.title}: ${resumes > 0 ? 'taken up again' : 'begun'}`;
  const data = { attempt, isResumed: resumes > 0, fence: claim.fence };
  await append(deps, tx, claim, stepEvent('task.step_started', place, what, data));
}

interface StepStart {
  readonly id: string;
  readonly position: number;
  readonly attempt: number;
  readonly resumes: number;
  readonly now: number;
}

const startStep = preparedWrite((tx, { id, position, attempt, resumes, now }: StepStart) =>
  tx
    .updateTable('task_steps')
    .set((eb) => ({ state: 'running', attempt, resumes, finished_at: null, started_at: eb.fn.coalesce('started_at', eb.val(now)) }))
    .where('task_id', '=', id)
    .where('position', '=', position)
    .where((eb) => eb.or([eb('state', '!=', 'running'), eb('attempt', '!=', attempt), eb('resumes', '!=', resumes)])),
);

const setStep = preparedWrite((tx, given: Pick<StepStart, 'id' | 'position'>) =>
  tx.updateTable('tasks').set({ step: given.position }).where('id', '=', given.id),
);

/** False when this was written before. */
async function closeStep(deps: WriteDeps, tx: Tx, at: { readonly id: string; readonly position: number }, set: Closed): Promise<boolean> {
  return (await endStep(tx, { ...at, ...set, now: deps.clock.now() })) > 0;
}

interface Closed {
  readonly state: string;
  readonly result: string | null;
  readonly error: string | null;
}

const endStep = preparedWrite((tx, { id, position, now, state, result, error }: Closed & Omit<StepStart, 'attempt' | 'resumes'>) =>
  tx
    .updateTable('task_steps')
    .set({ state, result, error, finished_at: now })
    .where('task_id', '=', id)
    .where('position', '=', position)
    .where('state', 'in', ['pending', 'running', 'retrying']),
);

export function isLastStep({ definition }: Claim, { position }: StepPlace): boolean {
  return position === definition.steps.length - 1;
}

/** With the last step the task has ended as well. */
export async function recordStepDone(deps: JournalDeps, claim: Claim, place: StepPlace, result: unknown): Promise<TaskTable> {
  const text = encodeJson(result, `result of step ${place.step.name}`);
  return record(deps, claim, async (tx, row) => {
    await writeStepDone(deps, tx, claim, { place, row, text });
    return row;
  });
}

interface Done {
  readonly place: StepPlace;
  readonly row: TaskTable;
  readonly text: string;
}

/** The same in a transaction under the task's lease. */
export async function writeStepDone(deps: WriteDeps, tx: Tx, claim: Claim, { place, row, text }: Done): Promise<void> {
  const at = { id: claim.id, position: place.position };
  if (!(await closeStep(deps, tx, at, { state: 'done', result: text, error: null }))) return;
  await append(deps, tx, claim, stepEvent('task.step_done', place, `${place.step.title}: done`));
  const past = pastColumns(claim, row, place.position);
  if (isLastStep(claim, place)) await writeEnd(deps, tx, claim, { ...row, ...past }, { state: 'succeeded', resultText: text });
  else await movePast(tx, { id: claim.id, ...past });
}

export async function recordStepSkipped(deps: JournalDeps, claim: Claim, place: StepPlace): Promise<TaskTable> {
  return record(deps, claim, async (tx, row) => {
    const at = { id: claim.id, position: place.position };
    if (!(await closeStep(deps, tx, at, { state: 'skipped', result: null, error: null }))) return row;
    await movePast(tx, { id: claim.id, ...pastColumns(claim, row, place.position) });
    await append(deps, tx, claim, stepEvent('task.step_skipped', place, `${place.step.title}: not needed`));
    return row;
  });
}

type Past = Pick<TaskTable, 'step' | 'progress' | 'wake_event' | 'wakes'>;

/** Where the task is when this step is over. */
function pastColumns(claim: Claim, row: TaskTable, position: number): Past {
  const count = claim.definition.steps.length;
  const step = Math.min(position + 1, count - 1);
  return { step, progress: (position + 1) / count, wake_event: null, wakes: wakesWithoutSeen(claim, row) };
}

const movePast = preparedWrite((tx, { id, step, progress, wake_event, wakes }: Past & { readonly id: string }) =>
  tx.updateTable('tasks').set({ step, progress, wake_event, wakes }).where('id', '=', id),
);

/** The mail that this claim's step was entered with. */
export function seenMail(row: TaskTable): Mail | undefined {
  return row.wake_event === null ? undefined : decodeMailbox(row.wakes).get(row.wake_event);
}

function wakesWithoutSeen(claim: Claim, row: TaskTable): string {
  const box = decodeMailbox(row.wakes);
  return JSON.stringify(mailboxObject(withoutSeen(box, claim.row.wake_event, seenMail(claim.row))));
}

/** The step waits: for a time, for a wake, or for its next attempt. The worker is free; the locks stay unless the step gives them up. */
export async function recordPause(
  deps: JournalDeps,
  claim: Claim,
  place: StepPlace,
  pause: { readonly wait: Wait; readonly failed?: { readonly error: StoredError; readonly attempt: number } },
): Promise<void> {
  const { wait, failed } = pause;
  await record(deps, claim, async (tx, row) => {
    const wakes = failed === undefined ? wakesWithoutSeen(claim, row) : row.wakes;
    const event = failed === undefined ? (wait.event ?? null) : row.wake_event;
    const isWoken = failed === undefined && event !== null && decodeMailbox(wakes).has(event);
    // One that is to be cancelled is taken up at once, to end it.
    const isDue = isWoken || row.cancel_requested === 1;
    await tx
      .updateTable('task_steps')
      .set({
        state: failed === undefined ? 'waiting' : 'retrying',
        ...(failed === undefined ? {} : { error: JSON.stringify(failed.error) }),
      })
      .where('task_id', '=', claim.id)
      .where('position', '=', place.position)
      .execute();
    await tx
      .updateTable('tasks')
      .set({ state: 'waiting', wake_event: event, wakes, run_after: isDue ? deps.clock.now() : wait.until })
      .where('id', '=', claim.id)
      .execute();
    if (wait.freesLocks === true) await releaseLocks(deps.store, tx, claim.id);
    if (failed === undefined) return;
    const what = `${place.step.title}: failed, is tried again: ${failed.error.message}`;
    const data = { attempt: failed.attempt, code: failed.error.code, nextAt: wait.until };
    await append(deps, tx, claim, { ...stepEvent('task.step_failed', place, what, data), severity: 'warning' });
  });
}

export interface Ending {
  readonly state: Extract<TaskState, 'succeeded' | 'failed' | 'cancelled'>;
  readonly error?: StoredError;
  /** The step that failed, if one did. */
  readonly at?: StepPlace;
  readonly resultText?: string | null;
  /** A step that does not let go is still at work: the locks stay until it has settled or they run out. */
  readonly keepLocks?: boolean;
}

/** The end: state, locks and events in one transaction. */
export async function recordEnd(deps: JournalDeps, claim: Claim, ending: Ending): Promise<void> {
  await record(deps, claim, (tx, row) => writeEnd(deps, tx, claim, row, ending));
}

async function writeEnd(deps: WriteDeps, tx: Tx, claim: Claim, row: TaskTable, ending: Ending): Promise<void> {
  const now = deps.clock.now();
  const { id } = claim;
  const error = ending.error === undefined ? (ending.state === 'cancelled' ? row.error : null) : JSON.stringify(ending.error);
  if (ending.at !== undefined && ending.state === 'failed') await recordFailedStep(deps, tx, claim, ending.at, error);
  if (ending.state === 'cancelled') await cancelOpenSteps(tx, id, now);
  const { step, wake_event, wakes } = row;
  const progress = ending.state === 'succeeded' ? 1 : row.progress;
  await endTask(tx, { id, now, state: ending.state, error, result: ending.resultText ?? null, step, progress, wake_event, wakes });
  if (ending.keepLocks !== true) await releaseLocks(deps.store, tx, id);
  const why = ending.error === undefined ? '' : `: ${ending.error.message}`;
  await append(deps, tx, claim, {
    type: 'task.finished',
    severity: ending.state === 'failed' ? 'error' : 'info',
    message: `${ending.state}${why}`,
    data: { state: ending.state, ...(ending.error === undefined ? {} : { code: ending.error.code }) },
  });
}

const endTask = preparedWrite((tx, set: Past & Closed & { readonly id: string; readonly now: number }) =>
  tx
    .updateTable('tasks')
    .set({
      state: set.state,
      error: set.error,
      result: set.result,
      step: set.step,
      progress: set.progress,
      wake_event: set.wake_event,
      wakes: set.wakes,
      owner: null,
      lease_until: 0,
      finished_at: set.now,
    })
    .where('id', '=', set.id),
);

async function recordFailedStep(deps: WriteDeps, tx: Tx, claim: Claim, { position, step }: StepPlace, error: string | null): Promise<void> {
  await closeStep(deps, tx, { id: claim.id, position }, { state: 'failed', result: null, error });
  await append(deps, tx, claim, { ...stepEvent('task.step_failed', { step, position }, `${step.title}: failed`), severity: 'error' });
}

function stepEvent(type: string, place: StepPlace, message: string, data: Readonly<Record<string, unknown>> = {}): EventInput {
  return { type, message, data: { step: place.step.name, position: place.position, ...data } };
}

export async function append(
  deps: Pick<JournalDeps, 'store'>,
  tx: Tx,
  claim: Pick<Claim, 'definition' | 'row'>,
  event: EventInput,
): Promise<number> {
  const { row, definition } = claim;
  return deps.store.events.append(tx, {
    ...event,
    message: `${definition.title}: ${event.message}`,
    taskId: row.id,
    ...(row.node_uuid === null ? {} : { nodeUuid: row.node_uuid }),
    data: { kind: row.kind, subject: row.subject, ...event.data },
  });
}
