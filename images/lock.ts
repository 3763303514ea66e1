// One builder at a time per cache directory, over processes. SQLite holds the lock, so that the kernel frees it when its holder dies.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Clock } from '../src/lib/index.ts';
import { fail } from './errors.ts';

const POLL_MS = 250;
const WAIT_MAX_MS = 45 * 60_000;

export interface LockOptions {
  readonly cacheDir: string;
  readonly clock: Clock;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export async function withLock<T>(options: LockOptions, work: () => Promise<T>): Promise<T> {
  await mkdir(options.cacheDir, { recursive: true });
  const database = new Database(join(options.cacheDir, 'lock.sqlite'), { timeout: 0 });
  try {
    await acquire(database, options);
    return await work();
  } finally {
    database.close();
  }
}

async function acquire(database: Database.Database, { clock, log, signal, cacheDir }: LockOptions): Promise<void> {
  const begun = clock.monotonic();
  for (let tries = 0; !isTaken(database); tries += 1) {
    if (tries === 1) log('another process is building the boot artefacts: waiting for it');
    if (clock.monotonic() - begun > WAIT_MAX_MS)
      throw fail('images.locked', { message: `${cacheDir}: locked for more than 45 minutes`, hint: 'end the other build, then try again' });
    await clock.sleep(POLL_MS, signal);
  }
}

function isTaken(database: Database.Database): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') return false;
    throw error;
  }
}
