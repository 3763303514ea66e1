// Opens a SQLite database: look first, lock, back up, migrate, then hand out.

import Sqlite from 'better-sqlite3';
import { type Driver, Kysely, SqliteDialect, sql } from 'kysely';
import { RackseedError } from '../../lib/index.ts';
import type { Backend, BackendOptions } from '../backend.ts';
import { fail } from '../errors.ts';
import { migrate, pendingMigrations } from '../migrations/runner.ts';
import { type MigrationTx, SQLITE_TYPES } from '../migrations/types.ts';
import type { Database } from '../schema.ts';
import { backUp } from './backup.ts';
import { SerialSqliteDialect } from './driver.ts';
import { corrupt, translateSqlite } from './errors.ts';
import { checkPlace, inspect } from './inspect.ts';
import { type FileLock, lockFile } from './lock.ts';
import { Writer } from './writer.ts';

/** Blocks the event loop while another program (a person's sqlite3) writes; ours are serialised before they get here. */
const BUSY_TIMEOUT_MS = 1000;
const SERVER_FAULT = 500;
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

export async function openSqlite(path: string, options: BackendOptions): Promise<Backend> {
  checkPlace(path);
  const lock = lockFile(path);
  let writing: Sqlite.Database | undefined;
  try {
    prepareFile(path, options);
    writing = connect(path);
    await migrateFile(path, writing, options);
    return serve(path, writing, lock, options);
  } catch (thrown) {
    writing?.close();
    lock.release();
    throw translateSqlite(thrown, path);
  }
}

/** Everything that must be refused is refused here, before the first write. */
function prepareFile(path: string, options: BackendOptions): void {
  const { exists, applied } = inspect(path);
  const pending = pendingMigrations(applied, options.migrations, path);
  if (!exists || pending.length === 0 || applied.length === 0) return;
  const version = applied.at(-1)?.version ?? 0;
  const copy = backUp(path, version, options.clock.now());
  options.log.info({ copy, from: version, to: pending.at(-1)?.version }, 'the database was copied before its migration');
}

function connect(path: string): Sqlite.Database {
  const db = new Sqlite(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    if (db.pragma('journal_mode = wal', { simple: true }) !== 'wal') throw noSharedMemory(path);
    db.pragma('synchronous = full');
    // Each transaction of a shared commit is a savepoint, and what it would take to undo one went to a temporary file: an insert with two
    // indexes took 31 µs instead of 14.
    db.pragma('temp_store = memory');
    db.pragma(`journal_size_limit = ${WAL_KEPT_BYTES}`);
    return db;
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

/** SQLite keeps another mode when the file system can't share memory; readers and the writer would then wait for each other. */
function noSharedMemory(path: string) {
  return fail('store.io', {
    message: `the file system of ${path} does not offer what SQLite needs for its write-ahead log`,
    hint: 'put the data directory on a local disk, not on a network share',
  });
}

/** References are checked at the end of each migration instead of at each statement: SQLite alters tables by rebuilding them. */
async function migrateFile(path: string, db: Sqlite.Database, options: BackendOptions): Promise<void> {
  db.pragma('foreign_keys = off');
  await migrate(
    {
      dialect: new MigrationDialect(db),
      types: SQLITE_TYPES,
      migrations: options.migrations,
      now: () => options.clock.now(),
      verify: (tx) => checkReferences(tx, path),
      applied: (migration) => options.log.info({ version: migration.version, name: migration.name }, 'migration applied'),
      translate: (thrown) => diskFault(thrown, path),
    },
    path,
  );
  db.pragma('foreign_keys = on');
}

/** On a full disk SQLite has ended the transaction itself: Kysely's "rollback" would fail, and hide why. */
class MigrationDialect extends SqliteDialect {
  readonly #db: Sqlite.Database;

  constructor(db: Sqlite.Database) {
    super({ database: db });
    this.#db = db;
  }

  override createDriver(): Driver {
    const driver = super.createDriver();
    const rollback = driver.rollbackTransaction.bind(driver);
    driver.rollbackTransaction = async (connection) => {
      if (this.#db.inTransaction) await rollback(connection);
    };
    return driver;
  }
}

/** Full, failing or read-only: no fault of the migration. What it did wrong itself (a conflict) stays as it is. */
function diskFault(thrown: unknown, path: string): unknown {
  const translated = translateSqlite(thrown, path);
  return translated instanceof RackseedError && translated.status >= SERVER_FAULT ? translated : thrown;
}

async function checkReferences(tx: MigrationTx, path: string): Promise<void> {
  const { rows } = await sql<{ table: string }>`pragma foreign_key_check`.execute(tx);
  const tables = new Set(rows.map((row) => row.table));
  if (tables.size > 0) throw corrupt(path, `rows of ${[...tables].join(', ')} refer to rows that are not there`);
}

function serve(path: string, writing: Sqlite.Database, lock: FileLock, options: BackendOptions): Backend {
  const translate = (thrown: unknown): Error => translateSqlite(thrown, path);
  const reading = new Sqlite(path, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  for (const db of [writing, reading]) db.pragma('case_sensitive_like = on'); // as in PostgreSQL
  const writer = new Writer({ connection: writing, log: options.log, translate });
  const db = new Kysely<Database>({ dialect: new SerialSqliteDialect({ writer, writing, reading, translate }) });
  return {
    dialect: 'sqlite',
    db,
    run: (work) => db.transaction().execute(work),
    close: async () => {
      // Kysely closes the connections only if it was ever used
      await db.destroy();
      writer.close();
      reading.close();
      writing.close();
      lock.release();
    },
  };
}
