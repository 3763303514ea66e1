// The event log: numbered without gaps in commit order, because the number comes from a counter row that the same
// transaction raises. Readers are woken after the commit and then ask.

import { type Kysely, sql } from 'kysely';
import { assert, type Clock, type Log } from '../lib/index.ts';
import { prepared, preparedInsert } from './prepared.ts';
import type { Database, EventTable } from './schema.ts';
import { cut, parseObject } from './text.ts';
import { stateOf } from './transaction.ts';
import type { EventInput, EventLog, EventQuery, Severity, StoredEvent, Tx } from './types.ts';

const MESSAGE_LIMIT = 4000;
const LIST_LIMIT = 1000;
/** Older events are dropped; the numbers go on. About 300 bytes each. */
const KEPT_EVENTS = 1_000_000;
const TRIM_EVERY = 1000;

export interface EventLogOptions {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly log: Log;
  /** PostgreSQL tells other appliances; called in the transaction, once. */
  readonly announce?: (tx: Tx) => Promise<void>;
}

export class StoredEventLog implements EventLog {
  readonly #options: EventLogOptions;
  readonly #wakes = new Set<{ wake: () => void }>();

  constructor(options: EventLogOptions) {
    this.#options = options;
  }

  async append(tx: Tx, event: EventInput): Promise<number> {
    const state = stateOf(tx);
    const seq = await nextCount(tx, 'events');
    await insertEvent(tx, rowOf(event, seq, this.#options.clock.now()));
    if (seq % TRIM_EVERY === 0)
      await tx
        .deleteFrom('events')
        .where('seq', '<=', seq - KEPT_EVENTS)
        .execute();
    if (!state.appended) await this.#options.announce?.(tx);
    state.appended = true;
    return seq;
  }

  async list(query: EventQuery): Promise<StoredEvent[]> {
    let rows = this.#options.db.selectFrom('events').selectAll().where('seq', '>', query.after);
    if (query.nodeUuid !== undefined) rows = rows.where('node_uuid', '=', query.nodeUuid);
    if (query.type !== undefined) rows = rows.where('type', '=', query.type);
    const found = await rows.orderBy('seq').limit(Math.min(query.limit, LIST_LIMIT)).execute();
    return found.map(eventOf);
  }

  async lastSeq(): Promise<number> {
    const row = await this.#options.db.selectFrom('counters').select('value').where('name', '=', 'events').executeTakeFirst();
    return row?.value ?? 0;
  }

  subscribe(wake: () => void): () => void {
    // an entry of its own, so that the same function may be subscribed twice
    const entry = { wake };
    this.#wakes.add(entry);
    return () => {
      this.#wakes.delete(entry);
    };
  }

  /** After a commit that appended, here or on another appliance. */
  wakeAll(): void {
    for (const { wake } of this.#wakes) {
      try {
        wake();
      } catch (thrown) {
        this.#options.log.error({ err: thrown }, 'a reader of the event log failed when it was woken');
      }
    }
  }
}

const insertEvent = preparedInsert('events');
const raiseCount = prepared((tx, given: { readonly name: string }) =>
  tx.updateTable('counters').set({ value: sql`value + 1` }).where('name', '=', given.name).returning('value'),
);

/** Raises a counter in the caller's transaction. Rolled back, it is as if it never rose: hence no gaps. */
export async function nextCount(tx: Tx, name: string): Promise<number> {
  const [row] = await raiseCount(tx, { name });
  assert(row, `the counter ${name} is missing`);
  return row.value;
}

function rowOf(event: EventInput, seq: number, at: number): EventTable {
  return {
    seq,
    at,
    type: event.type,
    severity: event.severity ?? 'info',
    node_uuid: event.nodeUuid ?? null,
    task_id: event.taskId ?? null,
    message: cut(event.message, MESSAGE_LIMIT),
    data: JSON.stringify(event.data ?? {}),
  };
}

function eventOf(row: EventTable): StoredEvent {
  return {
    seq: row.seq,
    at: row.at,
    type: row.type,
    severity: row.severity as Severity, // only append() writes the column, and takes a Severity
    nodeUuid: row.node_uuid,
    taskId: row.task_id,
    message: row.message,
    data: parseObject(row.data, 'events.data'),
  };
}
