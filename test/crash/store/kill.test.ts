// A process that writes is killed at any moment, again and again on the same database. What it acknowledged is there.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { Secret, systemRandom } from '../../../src/lib/index.ts';
import { loadStoreKeys, type Store } from '../../../src/store/index.ts';
import { parseLine, storeAt } from '../../conformance/store/fixture.ts';
import { postgresFixture } from '../../conformance/store/postgres.ts';

const CHILD = new URL('../../conformance/store/child.ts', import.meta.url).pathname;
const ROUNDS = 20;
const LANES = 8;
const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

describe('kill -9 of a process that writes', () => {
  it('loses nothing acknowledged on SQLite, leaves no gap, and frees the file at once', async () => {
    const url = `sqlite://${join(await temporaryDirectory(), 'rackseed.sqlite')}`;
    await killRounds(url, ROUNDS, 300);
  });

  it('loses nothing acknowledged on PostgreSQL and leaves no gap', async () => {
    const fixture = await postgresFixture();
    onTestFinished(() => fixture.remove());
    await killRounds(await fixture.freshUrl(), ROUNDS / 2, 60);
  });
});

describe('kill -9 while the store key is changed', () => {
  it('leaves a key file that opens everything', async () => {
    const directory = await temporaryDirectory();
    const url = `sqlite://${join(directory, 'rackseed.sqlite')}`;
    const keyFile = join(directory, 'key');
    await withStore(url, keyFile, (store) => store.transaction((tx) => store.vault.put(tx, 'tls.key', new Secret('geheim'))));
    for (let round = 0; round < ROUNDS; round += 1) {
      await runAndKill(['rotate', url, keyFile], 1 + round);
      await withStore(url, keyFile, async (store) => expect((await store.vault.get('tls.key'))?.reveal()).toBe('geheim'));
    }
  });
});

async function killRounds(url: string, rounds: number, mostLines: number): Promise<void> {
  let acknowledged = 0;
  for (let round = 0; round < rounds; round += 1) {
    // From the first line (just opened) to the middle of a busy time; never the same place of a commit.
    const lines = await runAndKill(['commit', url, String(LANES)], 1 + Math.floor(Math.random() * mostLines));
    for (const { seq } of lines) if (typeof seq === 'number') acknowledged = Math.max(acknowledged, seq);
    const store = await storeAt(url);
    const last = await store.events.lastSeq();
    expect(last).toBeGreaterThanOrEqual(acknowledged);
    expect(await countEvents(store)).toBe(last); // none missing in between
    acknowledged = last;
    await store.close();
  }
  expect(acknowledged).toBeGreaterThan(rounds);
}

async function countEvents(store: Store): Promise<number> {
  const row = await store.db.selectFrom('events').select(store.db.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  return row.count;
}

/** Reads that many lines of the child, kills it, and returns all that it had said. */
async function runAndKill(args: readonly string[], afterLines: number): Promise<Record<string, unknown>[]> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  const lines: Record<string, unknown>[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(parseLine(line));
    if (lines.length === afterLines) child.kill('SIGKILL');
  }
  running.delete(child);
  expect(child.signalCode ?? (await exited(child))).toBe('SIGKILL');
  return lines;
}

function exited(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
}

async function withStore<T>(url: string, keyFile: string, work: (store: Store) => Promise<T>): Promise<void> {
  const store = await storeAt(url, { keys: await loadStoreKeys({ url, keyFile, random: systemRandom }) });
  await work(store);
  await store.close();
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-kill-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
