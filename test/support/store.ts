// A real store in a temporary SQLite file, removed at the end of the test. For tests of everything above the store.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import { openStore, type Store, type StoreKey, type StoreOptions } from '../../src/store/index.ts';

export const TEST_KEY: StoreKey = { id: 'test', bytes: Buffer.alloc(32, 7) };

/** Give a clock or random source of your own; give `url` to open the same file again. Call it inside a test. */
export async function openTestStore(overrides: Partial<StoreOptions> = {}): Promise<Store> {
  const url = overrides.url ?? (await temporaryUrl());
  const store = await openStore({ keys: [TEST_KEY], clock: systemClock, random: systemRandom, log: silentLog, ...overrides, url });
  onTestFinished(() => store.close());
  return store;
}

/** The URL of a SQLite file that is not there yet, in a directory that is removed when the test has finished. */
export async function temporaryUrl(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-store-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return `sqlite://${join(directory, 'rackseed.sqlite')}`;
}
