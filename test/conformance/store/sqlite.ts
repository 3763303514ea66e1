// SQLite files in a temporary directory.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import type { Database } from '../../../src/store/index.ts';
import type { StoreFixture } from './fixture.ts';

export async function sqliteFixture(): Promise<StoreFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-sqlite-'));
  let count = 0;
  return {
    dialect: 'sqlite',
    freshUrl: async () => `sqlite://${join(directory, `${++count}.sqlite`)}`,
    around: async (url) => new Kysely<Database>({ dialect: new SqliteDialect({ database: new Sqlite(pathOf(url)) }) }),
    execute: async (url, statements) => {
      const db = new Sqlite(pathOf(url));
      db.exec(statements);
      db.close();
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

export function pathOf(url: string): string {
  return new URL(url).pathname;
}
