// Takes the next tasks into our hands: looks at the queue without locking anything, chooses, then makes sure of each choice in one
// short transaction that only one of several appliances can win. The begin of the task's step is in it as well.

import { sql } from 'kysely';
import type { Clock } from '../lib/index.ts';
import { type Asked, prepared, type Store, type TaskStepTable, type TaskTable, type Tx } from '../store/index.ts';
import type { TaskCatalogue } from './catalogue.ts';
import { type Candidate, chooseTasks } from './choose.ts';
import { stepAtOnce } from './entry.ts';
import { append, type Claim, writeStepStart } from './journal.ts';
import { heldLocks, takeLocks } from './locks.ts';
import { decodeLocks } from './record.ts';

const PAGE = 200;
const MAX_PAGES = 50;
/** One step of priority is worth this long in the queue: what is urgent overtakes, and nothing waits for ever. */
const PRIORITY_MS = 60_000;
/** A task that has begun holds locks and somebody waits for it: it goes before those that have not. */
const BEGUN_MS = 600_000;

export interface ClaimDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly catalogue: TaskCatalogue;
  readonly owner: string;
  readonly leaseTtlMs: number;
  readonly maxResumes: number;
  readonly isOurs: (id: string) => boolean;
}

export interface Claimed {
  readonly claim: Claim;
  readonly steps: readonly TaskStepTable[];
  /** The position of the step whose begin is written down. */
  readonly begun: number | undefined;
}

/** 'raced': another appliance was faster, look again. */
export type Take = Claimed | 'raced';

/** At most so many; none: nothing can be begun now. Those that were taken count, whatever became of the others. */
export async function claimNext(deps: ClaimDeps, most: number): Promise<PromiseSettledResult<Take>[]> {
  const candidates = await findCandidates(deps, most);
  return Promise.allSettled(candidates.map((candidate) => take(deps, candidate)));
}

async function take(deps: ClaimDeps, candidate: Candidate): Promise<Take> {
  try {
    return await deps.store.transaction((tx) => takeTask(deps, tx, candidate));
  } catch (error) {
    if (error instanceof NotTaken) return 'raced';
    throw error;
  }
}

async function findCandidates(deps: ClaimDeps, most: number): Promise<Candidate[]> {
  const { db } = deps.store;
  const now = deps.clock.now();
  const limitOf = (kind: string): number | undefined => {
    const definition = deps.catalogue.find(kind);
    return definition === undefined ? undefined : (definition.concurrency ?? Number.POSITIVE_INFINITY);
  };
  const begunByKind = new Map<string, number>();
  const [awaited, taken] = [new Set<string>(), new Set<string>()];
  const chosen: Candidate[] = [];
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const candidates = await readPage(db, now, page);
    if (candidates.length === 0) break;
    const limited = new Set(candidates.filter(({ isBegun, kind }) => !isBegun && Number.isFinite(limitOf(kind))).map(({ kind }) => kind));
    for (const kind of limited) if (!begunByKind.has(kind)) begunByKind.set(kind, await countBegun(db, kind));
    const held = await heldLocks(db, [...new Set(candidates.flatMap((candidate) => candidate.locks))], now);
    const view = { held, begunByKind, limitOf, isOurs: deps.isOurs, awaited, taken };
    chosen.push(...chooseTasks(candidates, view, most - chosen.length));
    if (chosen.length === most || candidates.length < PAGE) break;
  }
  return chosen;
}

/** Due and free to take, oldest first: queued, waiting whose time has come, running whose owner is gone. */
async function readPage(db: Asked, now: number, page: number): Promise<Candidate[]> {
  const rows = await dueTasks(db, { now, offset: page * PAGE });
  return rows.map((row) => ({ ...row, locks: decodeLocks(row.locks), isBegun: row.started_at !== null }));
}

const dueTasks = prepared((db, given: { readonly now: number; readonly offset: number }) => {
  const rank = sql<number>`run_after - priority * ${sql.lit(PRIORITY_MS)} - case when started_at is null then 0 else ${sql.lit(BEGUN_MS)} end`;
  return db
    .selectFrom('tasks')
    .select(['id', 'kind', 'state', 'fence', 'locks', 'started_at'])
    .where((eb) =>
      eb.or([
        eb.and([eb('state', 'in', ['queued', 'waiting']), eb('run_after', '<=', given.now)]),
        eb.and([eb('state', '=', 'running'), eb('lease_until', '<=', given.now)]),
      ]),
    )
    .orderBy(rank)
    .orderBy('id')
    .limit(PAGE)
    .offset(given.offset);
});

async function countBegun(db: Asked, kind: string): Promise<number> {
  const [row] = await begunTasks(db, { kind });
  return Number(row?.count ?? 0);
}

const begunTasks = prepared((db, given: { readonly kind: string }) =>
  db
    .selectFrom('tasks')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', 'in', ['running', 'waiting'])
    .where('kind', '=', given.kind),
);

/** Rolls the transaction back: the task was taken, or a lock or place was, since we looked. */
class NotTaken extends Error {}

async function takeTask(deps: ClaimDeps, tx: Tx, candidate: Candidate): Promise<Claimed> {
  const now = deps.clock.now();
  const isTakenOver = candidate.state === 'running';
  const [before] = isTakenOver ? await ownerOf(tx, { id: candidate.id }) : [];
  const row = await ownTask(deps, tx, candidate, now);
  if (row === undefined) throw new NotTaken();
  const definition = deps.catalogue.get(row.kind);
  // First of all an event: its number comes from one counter row, so that from here on claims are made one after the other, and
  // the counts and locks read below are the latest.
  const isFirst = !candidate.isBegun;
  if (isFirst) await append(deps, tx, { row, definition }, { type: 'task.started', message: 'begun' });
  if (isTakenOver)
    await append(
      deps,
      tx,
      { row, definition },
      { type: 'task.resumed', message: 'taken up again', data: { after: before?.owner ?? null } },
    );
  if (isFirst && definition.concurrency !== undefined) {
    if ((await countBegun(tx, row.kind)) > definition.concurrency) throw new NotTaken();
  }
  const purpose = `${definition.title} (${row.subject})`;
  const taken = await takeLocks(deps.store, tx, { taskId: row.id, keys: candidate.locks, purpose, ttlMs: deps.leaseTtlMs, now });
  if ('heldBy' in taken) throw new NotTaken();
  const steps = await stepsOf(tx, { id: row.id });
  const claim = { id: row.id, row, definition, owner: deps.owner, fence: row.fence, leases: taken.leases, control: new AbortController() };
  const begin = stepAtOnce(claim, steps, deps.maxResumes);
  if (begin !== undefined) await writeStepStart(deps, tx, claim, begin);
  return { claim, steps, begun: begin?.place.position };
}

const ownerOf = prepared((tx, given: { readonly id: string }) => tx.selectFrom('tasks').select(['owner']).where('id', '=', given.id));
const stepsOf = prepared((tx, given: { readonly id: string }) =>
  tx.selectFrom('task_steps').selectAll().where('task_id', '=', given.id).orderBy('position'),
);

/** Only if it is still as we saw it: the fence changes with every change of hands. */
async function ownTask(deps: ClaimDeps, tx: Tx, candidate: Candidate, now: number): Promise<TaskTable | undefined> {
  const { id, state, fence } = candidate;
  const [row] = await own(tx, { id, state, fence, next: fence + 1, owner: deps.owner, until: now + deps.leaseTtlMs, now });
  return row;
}

interface Own extends Pick<TaskTable, 'id' | 'state' | 'fence'> {
  readonly next: number;
  readonly owner: string;
  readonly until: number;
  readonly now: number;
}

const own = prepared((tx, { id, state, fence, next, owner, until, now }: Own) =>
  tx
    .updateTable('tasks')
    .set((eb) => ({
      state: 'running',
      owner,
      fence: next,
      lease_until: until,
      started_at: eb.fn.coalesce('started_at', eb.val(now)),
      updated_at: now,
    }))
    .where('id', '=', id)
    .where('state', '=', state)
    .where('fence', '=', fence)
    .where((eb) => eb.or([eb('state', '!=', 'running'), eb('lease_until', '<=', now)]))
    .returningAll(),
);
