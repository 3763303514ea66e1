// Why each machine was or was not answered, booted, matched. Strangers on the network cause rows here, so both the
// rows per machine and all rows are bounded.

import { type Kysely, sql } from 'kysely';
import type { Clock, Log } from '../lib/index.ts';
import { Batch } from './batch.ts';
import type { Database, ReasonTable } from './schema.ts';
import { cut, parseObject } from './text.ts';
import type { ReasonInput, Reasons, Tx } from './types.ts';

const EVERY_MS = 200;
const BATCH_ROWS = 500;
const WAITING_ROWS = 10_000;
const TEXT_LIMIT = 2000;
const KEPT_PER_SUBJECT = 200;
const KEPT_IN_ALL = 100_000;
/** Counting all rows is dear: done once per this many new ones, and made up for by trimming as many more. */
const TRIM_ALL_EVERY = 1000;

type NewReason = Omit<ReasonTable, 'id'>;

export interface ReasonsOptions {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly log: Log;
  readonly transaction: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
}

export interface ClosableReasons extends Reasons {
  close(): Promise<void>;
}

export function createReasons({ db, clock, log, transaction }: ReasonsOptions): ClosableReasons {
  // So that the first batch after a start trims what an earlier run left.
  let sinceTrim = TRIM_ALL_EVERY;

  async function write(rows: readonly NewReason[], dropped: number): Promise<void> {
    if (dropped > 0) log.warn({ dropped }, 'reasons were dropped: they came faster than the store could write');
    const isTrimDue = sinceTrim + rows.length >= TRIM_ALL_EVERY;
    await transaction(async (tx) => {
      await tx
        .insertInto('reasons')
        .values([...rows])
        .execute();
      for (const subject of await overfull(tx, [...new Set(rows.map((row) => row.subject))])) await trimSubject(tx, subject);
      if (isTrimDue) await trimAll(tx);
    });
    sinceTrim = isTrimDue ? 0 : sinceTrim + rows.length;
  }

  const batch = new Batch<NewReason>({ name: 'reasons', clock, log, everyMs: EVERY_MS, size: BATCH_ROWS, capacity: WAITING_ROWS, write });
  return {
    note: (reason) => batch.add(rowOf(reason, clock.now())),
    flush: () => batch.flush(),
    close: () => batch.close(),
    async list(subject, limit) {
      const rows = await db
        .selectFrom('reasons')
        .select(['at', 'area', 'decision', 'reason', 'data'])
        .where('subject', '=', subject)
        .orderBy('id', 'desc')
        .limit(Math.min(limit, KEPT_PER_SUBJECT))
        .execute();
      return rows.map((row) => ({ ...row, data: parseObject(row.data, 'reasons.data') }));
    },
  };
}

function rowOf(reason: ReasonInput, at: number): NewReason {
  return {
    subject: cut(reason.subject, TEXT_LIMIT),
    at,
    area: reason.area,
    decision: cut(reason.decision, TEXT_LIMIT),
    reason: cut(reason.reason, TEXT_LIMIT),
    data: JSON.stringify(reason.data ?? {}),
  };
}

/** One question for all of a batch: a storm of boots brings hundreds of machines with a few rows each, and none to trim. */
async function overfull(tx: Tx, subjects: readonly string[]): Promise<string[]> {
  const rows = await tx
    .selectFrom('reasons')
    .select('subject')
    .where('subject', 'in', subjects)
    .groupBy('subject')
    .having(sql<number>`count(*)`, '>', KEPT_PER_SUBJECT)
    .execute();
  return rows.map((row) => row.subject);
}

async function trimSubject(tx: Tx, subject: string): Promise<void> {
  const oldest = tx
    .selectFrom('reasons')
    .select('id')
    .where('subject', '=', subject)
    .orderBy('id', 'desc')
    .limit(1)
    .offset(KEPT_PER_SUBJECT);
  await tx.deleteFrom('reasons').where('subject', '=', subject).where('id', '<=', oldest).execute();
}

/** Leaves room for those that come before the next trim, so that the cap holds at all times. */
async function trimAll(tx: Tx): Promise<void> {
  const { count } = await tx.selectFrom('reasons').select(sql<number>`count(*)`.as('count')).executeTakeFirstOrThrow();
  const excess = count - (KEPT_IN_ALL - TRIM_ALL_EVERY);
  if (count <= KEPT_IN_ALL - TRIM_ALL_EVERY) return;
  const last = tx
    .selectFrom('reasons')
    .select('id')
    .orderBy('id')
    .limit(1)
    .offset(excess - 1);
  await tx.deleteFrom('reasons').where('id', '<=', last).execute();
}
