// Takes the next task into our hands: looks at the queue without locking anything, chooses, then makes sure of the choice in one
// short transaction that only one of several appliances can win.

import { sql } from 'kysely';
import type { Clock } from '../lib/index.ts';
import type { Store, TaskStepTable, TaskTable, Tx } from '../store/index.ts';
import type { TaskCatalogue } from './catalogue.ts';
import { type Candidate, chooseTask } from './choose.ts';
import { append, type Claim } from './journal.ts';
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
  readonly isOurs: (id: string) => boolean;
}

export interface Claimed {
  readonly claim: Claim;
  readonly steps: readonly TaskStepTable[];
}

/** 'raced': another appliance was faster, look again. undefined: nothing can be begun now. */
export async function claimNext(deps: ClaimDeps): Promise<Claimed | 'raced' | undefined> {
  const candidate = await findCandidate(deps);
  if (candidate === undefined) return undefined;
  try {
    return await deps.store.transaction((tx) => takeTask(deps, tx, candidate));
  } catch (error) {
    if (error instanceof NotTaken) return 'raced';
    throw error;
  }
}

async function findCandidate(deps: ClaimDeps): Promise<Candidate | undefined> {
  const { db } = deps.store;
  const now = deps.clock.now();
  const begunByKind = await countBegun(db);
  const awaited = new Set<string>();
  const limitOf = (kind: string): number | undefined => {
    const definition = deps.catalogue.find(kind);
    return definition === undefined ? undefined : (definition.concurrency ?? Number.POSITIVE_INFINITY);
  };
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const candidates = await readPage(db, now, page);
    const held = await heldLocks(db, [...new Set(candidates.flatMap((candidate) => candidate.locks))], now);
    const chosen = chooseTask(candidates, { held, begunByKind, limitOf, isOurs: deps.isOurs, awaited });
    if (chosen !== undefined || candidates.length < PAGE) return chosen;
  }
  return undefined;
}

/** Due and free to take, oldest first: queued, waiting whose time has come, running whose owner is gone. */
async function readPage(db: Pick<Tx, 'selectFrom'>, now: number, page: number): Promise<Candidate[]> {
  const rank = sql<number>`run_after - priority * ${sql.lit(PRIORITY_MS)} - case when started_at is null then 0 else ${sql.lit(BEGUN_MS)} end`;
  const rows = await db
    .selectFrom('tasks')
    .select(['id', 'kind', 'state', 'fence', 'locks', 'started_at'])
    .where((eb) =>
      eb.or([
        eb.and([eb('state', 'in', ['queued', 'waiting']), eb('run_after', '<=', now)]),
        eb.and([eb('state', '=', 'running'), eb('lease_until', '<=', now)]),
      ]),
    )
    .orderBy(rank)
    .orderBy('id')
    .limit(PAGE)
    .offset(page * PAGE)
    .execute();
  return rows.map((row) => ({ ...row, locks: decodeLocks(row.locks), isBegun: row.started_at !== null }));
}

async function countBegun(db: Pick<Tx, 'selectFrom'>): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('tasks')
    .select((eb) => ['kind', eb.fn.countAll<number>().as('count')])
    .where('state', 'in', ['running', 'waiting'])
    .groupBy('kind')
    .execute();
  return new Map(rows.map((row) => [row.kind, Number(row.count)]));
}

/** Rolls the transaction back: the task was taken, or a lock or place was, since we looked. */
class NotTaken extends Error {}

async function takeTask(deps: ClaimDeps, tx: Tx, candidate: Candidate): Promise<Claimed> {
  const now = deps.clock.now();
  const before = await tx.selectFrom('tasks').select(['owner']).where('id', '=', candidate.id).executeTakeFirst();
  const row = await ownTask(deps, tx, candidate, now);
  if (row === undefined) throw new NotTaken();
  const definition = deps.catalogue.get(row.kind);
  // First of all an event: its number comes from one counter row, so that from here on claims are made one after the other, and
  // the counts and locks read below are the latest.
  const isTakenOver = candidate.state === 'running';
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
    const begun = (await countBegun(tx)).get(row.kind) ?? 0;
    if (begun > definition.concurrency) throw new NotTaken();
  }
  const purpose = `${definition.title} (${row.subject})`;
  const taken = await takeLocks(deps.store, tx, { taskId: row.id, keys: candidate.locks, purpose, ttlMs: deps.leaseTtlMs, now });
  if ('heldBy' in taken) throw new NotTaken();
  const steps = await tx.selectFrom('task_steps').selectAll().where('task_id', '=', row.id).orderBy('position').execute();
  const claim = { id: row.id, row, definition, owner: deps.owner, fence: row.fence, leases: taken.leases, control: new AbortController() };
  return { claim, steps };
}

/** Only if it is still as we saw it: the fence changes with every change of hands. */
async function ownTask(deps: ClaimDeps, tx: Tx, candidate: Candidate, now: number): Promise<TaskTable | undefined> {
  return tx
    .updateTable('tasks')
    .set((eb) => ({
      state: 'running',
      owner: deps.owner,
      fence: candidate.fence + 1,
      lease_until: now + deps.leaseTtlMs,
      started_at: eb.fn.coalesce('started_at', eb.val(now)),
      updated_at: now,
    }))
    .where('id', '=', candidate.id)
    .where('state', '=', candidate.state)
    .where('fence', '=', candidate.fence)
    .where((eb) => eb.or([eb('state', '!=', 'running'), eb('lease_until', '<=', now)]))
    .returningAll()
    .executeTakeFirst();
}
