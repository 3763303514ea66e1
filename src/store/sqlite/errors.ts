// SQLite's result codes in our words.

import Database from 'better-sqlite3';
import { BugError, type RackseedError } from '../../lib/index.ts';
import { fail } from '../errors.ts';

// the package's own type of this name is its constructor
type SqliteFault = InstanceType<typeof Database.SqliteError>;

const BACKUP_HINT =
  'stop Rackseed, keep a copy of the file, and put back the newest backup; `sqlite3 FILE .recover` can save rows from the damaged one';

/** The RackseedError for what SQLite threw; anything that isn't SQLite's comes back as it is. */
export function translateSqlite(thrown: unknown, path: string): Error {
  if (!(thrown instanceof Error)) return new BugError(`thrown without being an Error: ${String(thrown)}`);
  if (!(thrown instanceof Database.SqliteError)) return thrown;
  return constraintError(thrown) ?? fileError(thrown, path) ?? thrown;
}

function constraintError(thrown: SqliteFault): RackseedError | undefined {
  switch (thrown.code) {
    case 'SQLITE_CONSTRAINT_UNIQUE':
    case 'SQLITE_CONSTRAINT_PRIMARYKEY':
    case 'SQLITE_CONSTRAINT_ROWID': {
      const columns = thrown.message.replace(/^.*failed: /, '').split(', ');
      return fail('store.conflict', { message: `${columns.join(', ')}: this value is taken`, detail: { columns }, cause: thrown });
    }
    case 'SQLITE_CONSTRAINT_FOREIGNKEY':
      return fail('store.reference_missing', {
        message: 'a row refers to one that does not exist, or is still referred to',
        cause: thrown,
      });
    default:
      return undefined;
  }
}

function fileError(thrown: SqliteFault, path: string): RackseedError | undefined {
  const cause = thrown;
  const code = thrown.code;
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE')
    return fail('store.full', {
      message: `no space left for ${path}`,
      hint: 'free space on its disk; what was acknowledged is safe',
      cause,
    });
  if (code.startsWith('SQLITE_CORRUPT'))
    return fail('store.corrupt', { message: `the database ${path} is damaged: ${thrown.message}`, hint: BACKUP_HINT, cause });
  if (code === 'SQLITE_NOTADB')
    return fail('store.not_a_database', { message: `${path} is not a SQLite database`, hint: NOT_OURS_HINT, cause });
  if (code.startsWith('SQLITE_READONLY'))
    return fail('store.read_only', {
      message: `the database ${path} can't be written`,
      hint: 'check the mount and the owner of the file',
      cause,
    });
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CANTOPEN'))
    return fail('store.io', {
      message: `${path}: ${thrown.message} (${code})`,
      hint: 'look at the kernel log for faults of its disk',
      cause,
    });
  if (code.startsWith('SQLITE_BUSY') || code === 'SQLITE_LOCKED')
    return fail('store.busy', { message: `${path} is locked by another program`, hint: 'close other programs that have it open', cause });
  return undefined;
}

const NOT_OURS_HINT = 'move the file away, or point store.url at another path';

export function corrupt(path: string, what: string): RackseedError {
  return fail('store.corrupt', { message: `the database ${path} is damaged: ${what}`, hint: BACKUP_HINT });
}

export function notADatabase(path: string): RackseedError {
  return fail('store.not_a_database', { message: `${path} is not a SQLite database`, hint: NOT_OURS_HINT });
}
