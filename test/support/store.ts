// A real store in a temporary SQLite file, removed at the end of the test. For tests of everything above the store: how safe a disk is they
// do not ask, so the file lies in memory, and it begins as a copy of one that was migrated once.

import { createHash } from 'node:crypto';
import { constants, copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import { openStore, type Store, type StoreKey, type StoreOptions } from '../../src/store/index.ts';

export const TEST_KEY: StoreKey = { id: 'test', bytes: Buffer.alloc(32, 7) };

const FILE = 'rackseed.sqlite';
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const TEMPLATE = 'rackseed-test-template-';
const TEMPLATE_DAYS = 1;
const STORE_SOURCES = new URL('../../src/store', import.meta.url).pathname;

/** Give a clock or random source of your own; give `url` to open the same file again. Call it inside a test. */
export async function openTestStore(overrides: Partial<StoreOptions> = {}): Promise<Store> {
  const url = overrides.url ?? (await temporaryUrl());
  await copyTemplate(url, overrides);
  const store = await openStore({ keys: [TEST_KEY], clock: systemClock, random: systemRandom, log: silentLog, ...overrides, url });
  onTestFinished(() => store.close());
  return store;
}

/** The URL of a SQLite file that is not there yet, in a directory that is removed when the test has finished. */
export async function temporaryUrl(): Promise<string> {
  const directory = await mkdtemp(join(MEMORY, 'rackseed-store-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return `sqlite://${join(directory, FILE)}`;
}

/** Creating the tables takes ten times as long as everything else of opening a store. */
async function copyTemplate(url: string, { keys, migrations }: Partial<StoreOptions>): Promise<void> {
  const path = url.replace(/^sqlite:\/\//, '');
  if (keys !== undefined || migrations !== undefined || path === url || existsSync(path)) return;
  template ??= makeTemplate();
  copyFileSync(await template, path, constants.COPYFILE_EXCL);
}

let template: Promise<string> | undefined;

/** One for all processes of all runs that have the same sources of the store. */
async function makeTemplate(): Promise<string> {
  const path = join(MEMORY, `${TEMPLATE}${digestOf(STORE_SOURCES)}.sqlite`);
  if (existsSync(path)) return path;
  const directory = mkdtempSync(join(MEMORY, 'rackseed-template-'));
  try {
    const made = join(directory, FILE);
    const store = await openStore({
      url: `sqlite://${made}`,
      keys: [TEST_KEY],
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    });
    await store.close();
    // In one step: another process may be looking for it.
    renameSync(made, path);
    removeOldTemplates();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return path;
}

/** Of sources that nobody has any more. */
function removeOldTemplates(): void {
  for (const name of readdirSync(MEMORY).filter((one) => one.startsWith(TEMPLATE))) {
    const path = join(MEMORY, name);
    const { mtimeMs = Date.now() } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (Date.now() - mtimeMs > TEMPLATE_DAYS * 86_400_000) rmSync(path, { force: true });
  }
}

function digestOf(directory: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted())
    if (name.endsWith('.ts')) hash.update(`${name}\0`).update(readFileSync(join(directory, name)));
  return hash.digest('hex').slice(0, 24);
}
