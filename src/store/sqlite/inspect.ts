// Looks at a database before anything is written to it: what is wrong is said, and the file stays as it was found.

import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { messageOf, type RackseedError, systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { KEY_CHECK } from '../key-check.ts';
import { type AppliedMigration, MIGRATIONS_TABLE } from '../migrations/runner.ts';
import { corrupt, notADatabase, translateSqlite } from './errors.ts';

const HEADER = Buffer.from('SQLite format 3\u0000', 'latin1');
/** quick_check reads the whole file (measured: about 1 s per GB warm). Above this only the parts that are used find damage. */
const QUICK_CHECK_LIMIT_BYTES = 1024 ** 3;

export interface Inspection {
  /** False when there is no file yet, or an empty one. */
  readonly exists: boolean;
  readonly applied: readonly AppliedMigration[];
}

/** The directory is there and both it and the file may be written. */
export function checkPlace(path: string): void {
  const directory = dirname(path);
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) throw directoryMissing(directory);
  checkAccess(directory, 'directory');
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined) return;
  if (!file.isFile()) throw notADatabase(path);
  checkAccess(path, 'database');
}

function directoryMissing(directory: string): RackseedError {
  return fail('store.directory_missing', {
    message: `the data directory ${directory} does not exist or is not a directory`,
    hint: `mkdir -p ${directory}, or set server.data_dir or store.url to a directory that exists`,
  });
}

function checkAccess(path: string, what: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (cause) {
    if (systemCode(cause) === 'EROFS')
      throw fail('store.read_only', {
        message: `the ${what} ${path} is on a file system that is mounted read-only`,
        hint: 'mount it read-write (after an I/O error the kernel makes it read-only: see dmesg), or use another data directory',
        cause,
      });
    throw fail('store.not_writable', {
      message: `the ${what} ${path} may not be written by this user (${systemCode(cause) ?? messageOf(cause)})`,
      hint: `chown it to the user that runs Rackseed (uid ${process.getuid?.() ?? 'unknown'})`,
      cause,
    });
  }
}

/** Opens it read-only. Throws when it is damaged, no database, or not ours. */
export function inspect(path: string): Inspection {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return { exists: false, applied: [] };
  checkHeader(path);
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
    checkPages(db, path, size);
    return { exists: true, applied: appliedIn(db, path) };
  } catch (thrown) {
    throw damage(thrown, path);
  } finally {
    db?.close();
  }
}

/** The file begins as a database does: one that SQLite can't make sense of is a damaged one, not something else. */
function damage(thrown: unknown, path: string): Error {
  const isNonsense = thrown instanceof Database.SqliteError && (thrown.code === 'SQLITE_NOTADB' || thrown.code === 'SQLITE_ERROR');
  return isNonsense ? corrupt(path, thrown.message) : translateSqlite(thrown, path);
}

function checkHeader(path: string): void {
  const header = Buffer.alloc(HEADER.length);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, HEADER.length, 0);
  } finally {
    closeSync(file);
  }
  if (!header.equals(HEADER)) throw notADatabase(path);
}

function checkPages(db: Database.Database, path: string, size: number): void {
  if (size > QUICK_CHECK_LIMIT_BYTES) return;
  const faults = db.prepare<[], string>('pragma quick_check(3)').pluck().all();
  if (faults.length !== 1 || faults[0] !== 'ok') throw corrupt(path, faults.join('; '));
}

function appliedIn(db: Database.Database, path: string): AppliedMigration[] {
  const tables = db.prepare<[], string>("select name from sqlite_schema where type = 'table' and name not like 'sqlite%'").pluck().all();
  if (tables.includes(MIGRATIONS_TABLE))
    return db.prepare<[], AppliedMigration>(`select version, name from ${MIGRATIONS_TABLE} order by version`).all();
  if (tables.length === 0) return [];
  throw fail('store.foreign_database', {
    message: `${path} is a database of another program (it has the tables ${tables.slice(0, 5).join(', ')})`,
    hint: 'point store.url at another path',
  });
}

/** Asks, before the file is opened as a store, whether a key was ever used with it. */
export function sqliteHasKey(path: string): boolean {
  if (!inspect(path).exists) return false;
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const hasTable = db.prepare("select 1 from sqlite_schema where type = 'table' and name = 'meta'").get() !== undefined;
    return hasTable && db.prepare('select 1 from meta where key = ?').get(KEY_CHECK) !== undefined;
  } catch (thrown) {
    throw translateSqlite(thrown, path);
  } finally {
    db.close();
  }
}
