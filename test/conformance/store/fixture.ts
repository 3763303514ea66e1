// What a test of the store needs of either database: a fresh, empty one, and a way in around the store.

import type { Kysely } from 'kysely';
import { silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import { type Database, openStore, type Store, type StoreKey, type StoreOptions } from '../../../src/store/index.ts';

export const KEY: StoreKey = { id: 'test', bytes: Buffer.alloc(32, 7) };

export interface StoreFixture {
  readonly dialect: 'sqlite' | 'postgres';
  /** URL of an empty database that is removed with the fixture. */
  freshUrl(): Promise<string>;
  /** The database without the store, while no store has it open. */
  around(url: string): Promise<Kysely<Database>>;
  /** Runs statements of either kind around the store. */
  execute(url: string, statements: string): Promise<void>;
  remove(): Promise<void>;
}

export function storeAt(url: string, overrides: Partial<StoreOptions> = {}): Promise<Store> {
  return openStore({ url, keys: [KEY], clock: systemClock, random: systemRandom, log: silentLog, ...overrides });
}

/** A line that child.ts said. Killed in the middle of one, it said nothing. */
export function parseLine(line: string): Record<string, unknown> {
  if (!line.endsWith('}')) return {};
  const value: unknown = JSON.parse(line);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
