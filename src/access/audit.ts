// The record of who changed what. Each row's hash covers the row before it, with a key that is not in the database: a row that was
// changed, taken out or put in shows. Written in batches: a crash loses the last 100 ms at most.

import { sql } from 'kysely';
import type { Clock, Log, Random } from '../lib/index.ts';
import { type AuditTable, Batch, type Store, type Tx } from '../store/index.ts';
import { type AuditKey, auditKey, cutAnchor, readAnchor, rowHash } from './audit-chain.ts';

export interface AuditEntry {
  readonly actor: string;
  readonly role: string;
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly status: number;
  readonly address: string | null;
  readonly requestId: string | null;
  /** Never secrets. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface AuditRow extends Required<AuditEntry> {
  readonly seq: number;
  readonly at: number;
  readonly hash: string;
}

export interface AuditQuery {
  /** Only rows with a lower number: lists go backwards. */
  readonly before?: number;
  readonly limit: number;
  readonly actor?: string;
}

export interface AuditCheck {
  readonly isWhole: boolean;
  /** What is wrong, or that nothing is. */
  readonly reason: string;
  readonly rows: number;
  readonly firstSeq: number | null;
  /** To be noted elsewhere: rows cut off at the end show only against it. */
  readonly head: { readonly seq: number; readonly hash: string } | null;
}

export interface Audit {
  /** Returns at once. */
  note(entry: AuditEntry): void;
  flush(): Promise<void>;
  /** The newest first. */
  list(query: AuditQuery): Promise<AuditRow[]>;
  /** Reads all rows and recomputes each hash. */
  check(): Promise<AuditCheck>;
  /** Writes what is left. */
  close(): Promise<void>;
}

const EVERY_MS = 100;
const BATCH_ROWS = 200;
const WAITING_ROWS = 20_000;
/** Some 250 bytes each. Older rows are dropped; the chain is checked from the first one kept. */
const KEPT_ROWS = 500_000;
const TRIM_EVERY = 5000;
const CHECK_PAGE = 1000;
const TEXT_LIMIT = 512;

export interface AuditOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** For tests. */
  readonly keep?: { readonly rows: number; readonly trimEvery: number };
}

type Waiting = Omit<AuditTable, 'seq' | 'hash'>;

export function createAudit({ store, clock, random, log, keep = { rows: KEPT_ROWS, trimEvery: TRIM_EVERY } }: AuditOptions): Audit {
  const { db } = store;
  let key: Promise<AuditKey> | undefined;
  const theKey = (): Promise<AuditKey> =>
    (key ??= auditKey(store, random).catch((thrown: unknown) => {
      key = undefined; // asked again the next time
      throw thrown;
    }));

  async function write(items: readonly Waiting[], dropped: number): Promise<void> {
    if (dropped > 0) log.error({ dropped }, 'rows of the audit log were lost: they came faster than the store could write');
    const rows = dropped === 0 ? items : [lostRow(dropped, clock.now()), ...items];
    const chainKey = await theKey();
    await store.transaction(async (tx) => {
      const chained = await chain(tx, chainKey, rows);
      await tx.insertInto('audit').values(chained).execute();
      const last = chained.at(-1)?.seq ?? 0;
      const first = chained[0]?.seq ?? 0;
      if (Math.floor(last / keep.trimEvery) > Math.floor((first - 1) / keep.trimEvery)) await trim(tx, last - keep.rows);
    });
  }

  async function trim(tx: Tx, upTo: number): Promise<void> {
    const cut = await tx.selectFrom('audit').select(['seq', 'hash']).where('seq', '=', upTo).executeTakeFirst();
    if (cut === undefined) return;
    await cutAnchor(store, tx, cut);
    await tx.deleteFrom('audit').where('seq', '<=', upTo).execute();
  }

  const batch = new Batch<Waiting>({ name: 'audit log', clock, log, everyMs: EVERY_MS, size: BATCH_ROWS, capacity: WAITING_ROWS, write });

  return {
    note: (entry) => batch.add(waitingRow(entry, clock.now())),
    flush: () => batch.flush(),
    close: () => batch.close(),
    list: async ({ before, limit, actor }) => {
      await batch.flush(); // who asks shall see what they did just before
      let rows = db.selectFrom('audit').selectAll();
      if (before !== undefined) rows = rows.where('seq', '<', before);
      if (actor !== undefined) rows = rows.where('actor', '=', actor);
      return (await rows.orderBy('seq', 'desc').limit(limit).execute()).map(auditRow);
    },
    check: async () => {
      await batch.flush();
      return checkAll(store, await theKey());
    },
  };
}

/** The counter is raised first: on PostgreSQL that is the lock that lets one appliance at a time go on with the chain. */
async function chain(tx: Tx, key: AuditKey, rows: readonly Waiting[]): Promise<AuditTable[]> {
  const raised = tx.updateTable('counters').set({ value: sql`value + ${rows.length}` });
  const { value: last } = await raised.where('name', '=', 'audit').returning('value').executeTakeFirstOrThrow();
  const first = last - rows.length + 1;
  let previous = await hashBefore(tx, first);
  return rows.map((row, index) => {
    const whole = { ...row, seq: first + index };
    previous = rowHash(key, previous, whole);
    return { ...whole, hash: previous };
  });
}

async function hashBefore(tx: Tx, seq: number): Promise<string> {
  const last = await tx.selectFrom('audit').select('hash').where('seq', '<', seq).orderBy('seq', 'desc').limit(1).executeTakeFirst();
  return last?.hash ?? '';
}

async function checkAll(store: Store, key: AuditKey): Promise<AuditCheck> {
  const { db } = store;
  const anchor = await readAnchor(store);
  let { seq, hash } = anchor;
  let rows = 0;
  const result = (isWhole: boolean, reason: string): AuditCheck => ({
    isWhole,
    reason,
    rows,
    firstSeq: rows === 0 ? null : anchor.seq + 1,
    head: rows === 0 ? null : { seq, hash },
  });
  for (;;) {
    const page = await db.selectFrom('audit').selectAll().where('seq', '>', seq).orderBy('seq').limit(CHECK_PAGE).execute();
    for (const row of page) {
      if (row.seq !== seq + 1) return result(false, `rows ${seq + 1} to ${row.seq - 1} are missing`);
      if (rowHash(key, hash, row) !== row.hash) return result(false, `row ${row.seq} is not what was written, or the row before it is not`);
      ({ seq, hash } = row);
      rows += 1;
    }
    if (page.length < CHECK_PAGE) break;
  }
  const older = await db.selectFrom('audit').select('seq').where('seq', '<=', anchor.seq).limit(1).executeTakeFirst();
  if (older !== undefined) return result(false, `row ${older.seq} was put in below the first one kept`);
  const counter = await db.selectFrom('counters').select('value').where('name', '=', 'audit').executeTakeFirstOrThrow();
  if (counter.value !== seq) return result(false, `rows ${seq + 1} to ${counter.value} are missing`);
  return result(true, 'every row is what was written');
}

function waitingRow(entry: AuditEntry, at: number): Waiting {
  return {
    at,
    actor: entry.actor.slice(0, TEXT_LIMIT),
    role: entry.role,
    method: entry.method,
    path: entry.path.slice(0, TEXT_LIMIT),
    status: entry.status,
    address: entry.address,
    request_id: entry.requestId,
    detail: JSON.stringify(entry.detail ?? {}),
  };
}

function lostRow(lost: number, at: number): Waiting {
  const what = { method: 'NOTE', path: '/api/audit', status: 0, requestId: null, address: null };
  return waitingRow({ actor: 'rackseed', role: 'none', ...what, detail: { lost } }, at);
}

function auditRow({ request_id: requestId, detail, ...row }: AuditTable): AuditRow {
  const parsed: unknown = JSON.parse(detail);
  return { ...row, requestId, detail: typeof parsed === 'object' && parsed !== null ? { ...parsed } : {} };
}
