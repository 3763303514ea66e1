// Opens the store a URL names and puts its parts together.

import { assert, BugError } from '../lib/index.ts';
import type { Backend, BackendOptions } from './backend.ts';
import { fail } from './errors.ts';
import { StoredEventLog } from './events.ts';
import { checkKey } from './key-check.ts';
import { createLeases } from './leases.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { createOutbox } from './outbox.ts';
import { createReasons } from './reasons.ts';
import { openSqlite } from './sqlite/open.ts';
import { createTaskLogs } from './task-logs.ts';
import { insideTransaction, isInsideTransaction, outsideTransaction, type TxState } from './transaction.ts';
import type { Store, StoreOptions, Tx } from './types.ts';
import { parseStoreUrl } from './url.ts';
import { StoreVault } from './vault.ts';

/** Nothing in Rackseed needs a transaction for longer; one that hangs would stop all others. */
const TRANSACTION_LIMIT_MS = 10_000;

export async function openStore(options: StoreOptions): Promise<Store> {
  const backend = await openBackend(options);
  try {
    return await assemble(backend, options);
  } catch (thrown) {
    await backend.close();
    throw thrown;
  }
}

async function openBackend(options: StoreOptions): Promise<Backend> {
  const location = parseStoreUrl(options.url);
  const common: BackendOptions = {
    clock: options.clock,
    random: options.random,
    log: options.log,
    migrations: options.migrations ?? MIGRATIONS,
    transactionLimitMs: transactionLimit(options),
  };
  if (location.dialect === 'sqlite') return openSqlite(location.path, common);
  // Loaded only when asked for: most appliances never talk to PostgreSQL.
  const { openPostgres } = await import('./postgres/open.ts');
  return openPostgres(location, common);
}

async function assemble(backend: Backend, options: StoreOptions): Promise<Store> {
  const { db, announce } = backend;
  const { clock, random, log } = options;
  const events = new StoredEventLog({ db, clock, log, ...(announce === undefined ? {} : { announce }) });
  const runner: Runner = { backend, events, limitMs: transactionLimit(options), underWay: new Set(), isClosed: false };
  const transaction = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => runTransaction(runner, work);
  const vault = new StoreVault({ db, keys: options.keys, clock, random });
  await checkKey(db, transaction, vault);
  await backend.listen?.(() => events.wakeAll());
  const inBackground: typeof transaction = (work) => outsideTransaction(() => transaction(work));
  const taskLogs = createTaskLogs({ db, clock, log, transaction: inBackground });
  const reasons = createReasons({ db, clock, log, transaction: inBackground });
  let closing: Promise<void> | undefined;
  return {
    dialect: backend.dialect,
    db,
    transaction,
    events,
    leases: createLeases(clock),
    outbox: createOutbox({ db, clock, random }),
    taskLogs,
    reasons,
    vault,
    check: () => transaction((tx) => proveCommit(tx, clock.now())),
    close: () => {
      assert(!isInsideTransaction(), 'a store closed inside a transaction would wait for its end for ever');
      closing ??= closeAll(runner, [taskLogs, reasons]);
      return closing;
    },
  };
}

function transactionLimit(options: StoreOptions): number {
  return options.transactionLimitMs ?? TRANSACTION_LIMIT_MS;
}

interface Runner {
  readonly backend: Backend;
  readonly events: StoredEventLog;
  readonly limitMs: number;
  /** Those that closing waits for. */
  readonly underWay: Set<Promise<unknown>>;
  isClosed: boolean;
}

async function runTransaction<T>(runner: Runner, work: (tx: Tx) => Promise<T>): Promise<T> {
  if (isInsideTransaction()) throw new BugError('store.transaction() was called inside a transaction: pass its tx on instead');
  if (runner.isClosed) throw fail('store.closed', { message: 'the store is closed' });
  let state: TxState | undefined;
  const run = runner.backend.run((tx) => {
    state = { open: true, appended: false };
    return insideTransaction(tx, state, runner.limitMs, work);
  });
  runner.underWay.add(run);
  try {
    const result = await run;
    if (state?.appended === true) runner.events.wakeAll();
    return result;
  } finally {
    runner.underWay.delete(run);
  }
}

async function proveCommit(tx: Tx, now: number): Promise<void> {
  const row = { key: 'checked_at', value: String(now) };
  await tx
    .insertInto('meta')
    .values(row)
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: row.value }))
    .execute();
}

/** Lets what is under way end; closes the database even when the last batches could not be written, and says so. */
async function closeAll(runner: Runner, batches: readonly { close(): Promise<void> }[]): Promise<void> {
  await Promise.allSettled(runner.underWay); // they may still add to the batches
  const results = await Promise.allSettled(batches.map((batch) => batch.close()));
  runner.isClosed = true;
  await Promise.allSettled(runner.underWay);
  await runner.backend.close();
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
