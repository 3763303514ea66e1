// One appliance per SQLite file. The lock is SQLite's own, on a second tiny file, so that it works wherever SQLite works and
// the kernel frees it however the process ends. It is a write lock: others may still read who holds it.

import Database from 'better-sqlite3';
import { messageOf } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { translateSqlite } from './errors.ts';

export interface FileLock {
  release(): void;
}

/** The row says who holds the lock. Between writing it and taking the lock another may come first: then it is written anew. */
const ATTEMPTS = 5;

export function lockFile(path: string): FileLock {
  const lockPath = `${path}-lock`;
  let lock: Database.Database | undefined;
  try {
    lock = new Database(lockPath, { timeout: 0 });
    lock.pragma('synchronous = off'); // what it says is of no use after a power cut
    take(lock);
    const held = lock;
    return { release: () => held.close() };
  } catch (thrown) {
    const holder = lock === undefined ? undefined : holderOf(lock);
    lock?.close();
    if (thrown instanceof Database.SqliteError && thrown.code.startsWith('SQLITE_BUSY')) throw inUse(path, holder, thrown);
    throw translateSqlite(thrown, lockPath);
  }
}

function take(lock: Database.Database): void {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    lock.exec('begin immediate; create table if not exists holder (id integer primary key check (id = 1), pid integer not null) strict');
    lock.prepare('insert into holder values (1, ?) on conflict (id) do update set pid = excluded.pid').run(process.pid);
    lock.exec('commit; begin immediate');
    if (holderOf(lock) === process.pid) return;
    lock.exec('rollback');
  }
}

function holderOf(lock: Database.Database): number | undefined {
  try {
    return lock.prepare<[], number>('select pid from holder').pluck().get();
  } catch (thrown) {
    if (thrown instanceof Database.SqliteError) return undefined; // only for the message: the lock was refused already
    throw thrown;
  }
}

function inUse(path: string, holder: number | undefined, cause: unknown) {
  const who = holder === undefined ? 'another process' : `process ${holder}`;
  return fail('store.in_use', {
    message: `the database ${path} is in use by ${who}: ${messageOf(cause)}`,
    hint: 'stop the other Rackseed first, or give this one a data directory of its own',
    detail: { path, ...(holder === undefined ? {} : { pid: holder }) },
    cause,
  });
}
