// Runs of pipelines, in the store: each change is one transaction with its event, and only by whoever took the run last.

import type { Clock, Random } from '../lib/index.ts';
import type { EventInput, PipelineRunTable, Store, Tx } from '../store/index.ts';
import { type Cursor, cursorOf, reopened, retried, skipped } from './cursor-decide.ts';
import { fail } from './errors.ts';
import { freeLocks } from './locks.ts';
import type { Pipeline } from './seam.ts';

/** `due`: it is to begin by itself once its node is active. */
export const RUN_STATES = ['due', 'running', 'failed', 'aborted', 'done'] as const;
export type RunState = (typeof RUN_STATES)[number];

export interface PipelineRun {
  readonly uuid: string;
  readonly nodeUuid: string;
  readonly pipeline: string;
  readonly state: RunState;
  readonly cursor: Cursor;
  readonly notes: Readonly<Record<string, string>>;
  /** Of the task that drives it, or drove it last. */
  readonly task: string;
  /** Goes up whenever somebody takes the run: older ones write nothing any more. */
  readonly epoch: number;
  readonly isAbortAsked: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt: number | null;
}

export interface RunChange {
  readonly cursor?: Cursor;
  readonly notes?: Readonly<Record<string, string>>;
  readonly state?: RunState;
  readonly events?: readonly Pick<EventInput, 'type' | 'message' | 'severity' | 'data'>[];
  /** Locks that it has are free with this change. */
  readonly freesLocks?: boolean;
}

export interface RunBook {
  /** The same task gives the same run. One that had not ended is void from now on. */
  begin(order: { readonly nodeUuid: string; readonly task: string; readonly pipeline: Pipeline }): Promise<PipelineRun>;
  get(uuid: string): Promise<PipelineRun>;
  /** One that is only due is none. */
  newest(nodeUuid: string): Promise<PipelineRun | undefined>;
  /** To begin when the node is active; said again by the same task it is the same. */
  due(order: { readonly nodeUuid: string; readonly task: string; readonly pipeline: string }): Promise<void>;
  dues(): Promise<readonly PipelineRun[]>;
  noLongerDue(nodeUuid: string): Promise<void>;
  /** Those that are under way or were cut off. */
  running(): Promise<readonly PipelineRun[]>;
  /** Nobody works on it any more, as its node was taken out of it: failed, and may be gone on with. */
  stopped(uuid: string, words: string): Promise<PipelineRun>;
  ofTask(nodeUuid: string, task: string): Promise<PipelineRun | undefined>;
  /** Whoever drives it now; what had failed is open again. Throws pipeline.over where it has ended for good. */
  take(uuid: string, task: string): Promise<PipelineRun>;
  /** Throws pipeline.over when somebody else has taken it; `more` in the same transaction. */
  save(run: PipelineRun, change: RunChange, more?: (tx: Tx) => Promise<void>): Promise<PipelineRun>;
  /** Of a run that has failed. */
  skip(uuid: string, step: string, reason: string): Promise<PipelineRun>;
  retry(uuid: string, step: string): Promise<PipelineRun>;
  /** One that runs ends before its next step. */
  abort(uuid: string): Promise<PipelineRun>;
}

export interface BookParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Of each node, that have ended; 20 unless told. */
  readonly keepRuns?: number;
}

export function createRunBook(parts: BookParts): RunBook {
  const { store, clock } = parts;
  const need = async (on: Tx | Store['db'], uuid: string): Promise<PipelineRun> => {
    const row = await on.selectFrom('pipeline_runs').selectAll().where('uuid', '=', uuid).executeTakeFirst();
    if (row !== undefined) return runOf(row);
    throw fail('pipeline.unknown', { message: `there is no run ${uuid} of a pipeline`, hint: 'Look at: rackseed pipeline show NODE' });
  };
  const write = async (tx: Tx, run: PipelineRun, change: RunChange): Promise<PipelineRun> => {
    const { events = [], freesLocks = false, ...set } = change;
    const state = set.state ?? run.state;
    const next = { ...run, ...set, state, updatedAt: clock.now(), endedAt: endOf(run, state, clock.now()) };
    await tx.updateTable('pipeline_runs').set(columnsOf(next)).where('uuid', '=', run.uuid).execute();
    if (freesLocks || state !== 'running') await freeLocks(tx, run.uuid);
    for (const event of events) {
      const data = { ...event.data, run: run.uuid, pipeline: run.pipeline };
      await store.events.append(tx, { ...event, nodeUuid: run.nodeUuid, data });
    }
    return next;
  };
  const ofFailed = (uuid: string, act: (run: PipelineRun) => RunChange): Promise<PipelineRun> =>
    store.transaction(async (tx) => {
      const run = await need(tx, uuid);
      if (run.state !== 'failed') throw notStopped(run);
      return write(tx, run, act(run));
    });
  const first = async (nodeUuid: string, task?: string): Promise<PipelineRun | undefined> => {
    const rows = store.db.selectFrom('pipeline_runs').selectAll().where('node_uuid', '=', nodeUuid).where('state', '!=', 'due');
    const found = await (task === undefined ? rows : rows.where('task', '=', task))
      .orderBy('created_at', 'desc')
      .orderBy('uuid')
      .executeTakeFirst();
    return found === undefined ? undefined : runOf(found);
  };
  return {
    begin: (order) => store.transaction((tx) => beginRun(parts, tx, order)),
    ...dueCalls(parts),
    running: () => allIn(store, 'running'),
    get: (uuid) => need(store.db, uuid),
    newest: (nodeUuid) => first(nodeUuid),
    ofTask: (nodeUuid, task) => first(nodeUuid, task),
    take: (uuid, task) =>
      store.transaction(async (tx) => {
        const run = await need(tx, uuid);
        if (run.state === 'done' || run.state === 'aborted') throw ended(run);
        // What was asked of a run that then failed is no word to the next attempt.
        const isAbortAsked = run.isAbortAsked && run.state === 'running';
        return write(tx, { ...run, task, epoch: run.epoch + 1, isAbortAsked }, { cursor: reopened(run.cursor), state: 'running' });
      }),
    stopped: (uuid, words) =>
      store.transaction(async (tx) => {
        const run = await need(tx, uuid);
        if (run.state !== 'running') return run;
        const event = { type: 'pipeline.failed', message: words, severity: 'error' } as const;
        return write(tx, { ...run, epoch: run.epoch + 1 }, { state: 'failed', events: [event] });
      }),
    save: (run, change, more) =>
      store.transaction(async (tx) => {
        const now = await need(tx, run.uuid);
        if (now.epoch !== run.epoch || now.state !== 'running') throw ended(now);
        await more?.(tx);
        return write(tx, { ...run, isAbortAsked: now.isAbortAsked }, change);
      }),
    skip: (uuid, step, reason) => ofFailed(uuid, (run) => skipChange(run, step, reason, clock.now())),
    retry: (uuid, step) => ofFailed(uuid, (run) => ({ cursor: retried(run.cursor, step) ?? noStep(run, step) })),
    abort: (uuid) =>
      store.transaction(async (tx) => {
        const run = await need(tx, uuid);
        if (run.state === 'failed') return write(tx, run, { state: 'aborted', events: [ABORTED] });
        if (run.state !== 'running') throw ended(run);
        return write(tx, { ...run, isAbortAsked: true }, {});
      }),
  };
}

export const ABORTED = { type: 'pipeline.aborted', message: 'the pipeline was ended by request', severity: 'warning' } as const;

function dueCalls({ store, clock, random }: BookParts): Pick<RunBook, 'due' | 'dues' | 'noLongerDue'> {
  return {
    due: ({ nodeUuid, task, pipeline }) =>
      store.transaction(async (tx) => {
        const rows = tx.selectFrom('pipeline_runs').select('uuid').where('node_uuid', '=', nodeUuid);
        if ((await rows.where('task', '=', task).executeTakeFirst()) !== undefined) return;
        await forgetDue(tx, nodeUuid);
        const run = freshRun({ uuid: random.uuid(), nodeUuid, pipeline, task, at: clock.now() });
        await insertRun(tx, { ...run, state: 'due' });
      }),
    dues: () => allIn(store, 'due'),
    noLongerDue: (nodeUuid) => store.transaction((tx) => forgetDue(tx, nodeUuid)),
  };
}

async function allIn({ db }: Store, state: RunState): Promise<readonly PipelineRun[]> {
  const rows = await db.selectFrom('pipeline_runs').selectAll().where('state', '=', state).orderBy('created_at').orderBy('uuid').execute();
  return rows.map(runOf);
}

async function forgetDue(tx: Tx, nodeUuid: string): Promise<void> {
  await tx.deleteFrom('pipeline_runs').where('node_uuid', '=', nodeUuid).where('state', '=', 'due').execute();
}

interface Fresh {
  readonly uuid: string;
  readonly nodeUuid: string;
  readonly pipeline: string;
  readonly task: string;
  readonly at: number;
}

function freshRun({ at, ...named }: Fresh): PipelineRun {
  return {
    ...named,
    state: 'running',
    cursor: [],
    notes: {},
    epoch: 0,
    isAbortAsked: false,
    createdAt: at,
    updatedAt: at,
    endedAt: null,
  };
}

async function insertRun(tx: Tx, run: PipelineRun): Promise<void> {
  const { uuid, nodeUuid, pipeline, createdAt } = run;
  await tx
    .insertInto('pipeline_runs')
    .values({ ...columnsOf(run), uuid, node_uuid: nodeUuid, pipeline, created_at: createdAt })
    .execute();
}

const KEEP_RUNS = 20;

/** The oldest that have ended go. */
async function prune(tx: Tx, nodeUuid: string, keep: number): Promise<void> {
  const rows = tx.selectFrom('pipeline_runs').select('uuid').where('node_uuid', '=', nodeUuid).where('ended_at', 'is not', null);
  const old = await rows.orderBy('created_at', 'desc').orderBy('uuid').offset(keep).limit(1000).execute();
  if (old.length === 0) return;
  const uuids = old.map(({ uuid }) => uuid);
  await tx.deleteFrom('pipeline_runs').where('uuid', 'in', uuids).execute();
}

async function beginRun(
  { store, clock, random, keepRuns = KEEP_RUNS }: BookParts,
  tx: Tx,
  order: Parameters<RunBook['begin']>[0],
): Promise<PipelineRun> {
  const { nodeUuid, task, pipeline } = order;
  const same = await tx
    .selectFrom('pipeline_runs')
    .selectAll()
    .where('node_uuid', '=', nodeUuid)
    .where('task', '=', task)
    .executeTakeFirst();
  if (same !== undefined) return runOf(same);
  const now = clock.now();
  await forgetDue(tx, nodeUuid);
  const open = await tx
    .selectFrom('pipeline_runs')
    .select('uuid')
    .where('node_uuid', '=', nodeUuid)
    .where('ended_at', 'is', null)
    .execute();
  for (const { uuid } of open) {
    await tx.updateTable('pipeline_runs').set({ state: 'aborted', ended_at: now, updated_at: now }).where('uuid', '=', uuid).execute();
    await freeLocks(tx, uuid);
  }
  const run = {
    ...freshRun({ uuid: random.uuid(), nodeUuid, pipeline: pipeline.name, task, at: now }),
    cursor: cursorOf(pipeline.entries),
  };
  await insertRun(tx, run);
  await prune(tx, nodeUuid, keepRuns);
  const message = `the pipeline ${run.pipeline} begins: ${run.cursor.length} steps`;
  await store.events.append(tx, { type: 'pipeline.begun', message, nodeUuid, data: { run: run.uuid, pipeline: run.pipeline } });
  return run;
}

function skipChange(run: PipelineRun, step: string, reason: string, now: number): RunChange {
  const cursor = skipped(run.cursor, step, now, reason) ?? noStep(run, step);
  return { cursor, events: [{ type: 'pipeline.skipped', message: `${step} is left out: ${reason}`, severity: 'warning', data: { step } }] };
}

/** A failed run is not over: it is gone on with, or given up. */
function endOf(run: PipelineRun, state: RunState, now: number): number | null {
  return state === 'done' || state === 'aborted' ? (run.endedAt ?? now) : null;
}

function columnsOf(run: PipelineRun): Omit<PipelineRunTable, 'uuid' | 'node_uuid' | 'pipeline' | 'created_at'> {
  const { state, task, epoch, updatedAt, endedAt } = run;
  const texts = { cursor: JSON.stringify(run.cursor), notes: JSON.stringify(run.notes) };
  return { state, task, epoch, ...texts, abort_asked: run.isAbortAsked ? 1 : 0, updated_at: updatedAt, ended_at: endedAt };
}

function runOf(row: PipelineRunTable): PipelineRun {
  return {
    uuid: row.uuid,
    nodeUuid: row.node_uuid,
    pipeline: row.pipeline,
    state: RUN_STATES.find((state) => state === row.state) ?? 'failed',
    // Written by columnsOf.
    cursor: JSON.parse(row.cursor) as Cursor,
    notes: JSON.parse(row.notes) as Readonly<Record<string, string>>,
    task: row.task,
    epoch: Number(row.epoch),
    isAbortAsked: Number(row.abort_asked) === 1,
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
    endedAt: row.ended_at === null ? null : Number(row.ended_at),
  };
}

function noStep(run: PipelineRun, step: string): never {
  throw fail('pipeline.unknown', {
    message: `the run has no step ${JSON.stringify(step)}`,
    hint: `It has: ${run.cursor.map(({ id }) => id).join(', ')}`,
  });
}

function ended(run: PipelineRun) {
  return fail('pipeline.over', {
    message: run.state === 'running' ? 'the run goes on elsewhere' : `the run of ${run.pipeline} is ${run.state}`,
    hint: 'Look at: rackseed pipeline show NODE',
  });
}

function notStopped(run: PipelineRun) {
  return fail('pipeline.under_way', {
    message: `the run of ${run.pipeline} is ${run.state}; steps are skipped and retried in one that has failed`,
    hint: run.state === 'running' ? 'Wait, or abort it first.' : 'Begin a new one.',
  });
}
