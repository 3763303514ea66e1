// What must be told to the outside once its transaction has committed: kept until told, tried again later and later.

import type { Kysely } from 'kysely';
import type { Clock, Random } from '../lib/index.ts';
import { preparedInsert } from './prepared.ts';
import type { Database } from './schema.ts';
import { cut, parseObject } from './text.ts';
import type { Outbox } from './types.ts';

const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 3_600_000;
const DUE_LIMIT = 500;
const ERROR_LIMIT = 1000;
/** Told items stay a week, to answer "was it sent?". */
const KEEP_DONE_MS = 7 * 24 * 3_600_000;

export interface OutboxOptions {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly random: Random;
}

const insertItem = preparedInsert('outbox');

export function createOutbox({ db, clock, random }: OutboxOptions): Outbox {
  return {
    async add(tx, item) {
      const now = clock.now();
      const id = random.uuid();
      const row = { id, event_seq: item.eventSeq, kind: item.kind, payload: JSON.stringify(item.payload), created_at: now };
      await insertItem(tx, { ...row, attempts: 0, next_at: now, done_at: null, last_error: null });
      return id;
    },

    async due(limit) {
      const rows = await db
        .selectFrom('outbox')
        .select(['id', 'event_seq', 'kind', 'payload', 'attempts'])
        .where('done_at', 'is', null)
        .where('next_at', '<=', clock.now())
        .orderBy('next_at')
        .orderBy('event_seq')
        .orderBy('id')
        .limit(Math.min(limit, DUE_LIMIT))
        .execute();
      return rows.map((row) => ({
        id: row.id,
        eventSeq: row.event_seq,
        kind: row.kind,
        payload: parseObject(row.payload, 'outbox.payload'),
        attempts: row.attempts,
      }));
    },

    async done(id) {
      const now = clock.now();
      await db.updateTable('outbox').set({ done_at: now }).where('id', '=', id).where('done_at', 'is', null).execute();
      await db
        .deleteFrom('outbox')
        .where('done_at', '<', now - KEEP_DONE_MS)
        .execute();
    },

    async failed(id, error) {
      const row = await db.selectFrom('outbox').select('attempts').where('id', '=', id).where('done_at', 'is', null).executeTakeFirst();
      if (row === undefined) return;
      const attempts = row.attempts + 1;
      await db
        .updateTable('outbox')
        .set({ attempts, next_at: clock.now() + retryDelay(attempts, random.float()), last_error: cut(error, ERROR_LIMIT) })
        .where('id', '=', id)
        .execute();
    },
  };
}

/** 5 s doubled per attempt up to an hour, of which the second half is chance: many that failed together don't come back together. */
export function retryDelay(attempts: number, chance: number): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempts - 1, 20));
  return Math.round(full / 2 + (full / 2) * chance);
}
