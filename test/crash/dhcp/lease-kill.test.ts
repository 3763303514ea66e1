// kill -9 at any moment while leases are given out: what a client was told is in the book.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLog, systemClock } from '../../../src/lib/index.ts';
import { createJournaledLeaseBook, createStoreLeaseBook } from '../../../src/net/dhcp/index.ts';
import { parseLine, storeAt } from '../../conformance/store/fixture.ts';
import { postgresFixture } from '../../conformance/store/postgres.ts';

const CHILD = new URL('./child.ts', import.meta.url).pathname;
const ROUNDS = 8;
const LANES = 50;
const MOST_LINES = 4000;

interface Told {
  readonly mac: unknown;
  readonly expiresAt: number;
}

describe('kill -9 while leases are given out', () => {
  it('loses no acknowledged lease on SQLite behind the journal', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rackseed-lease-kill-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    await killRounds(`sqlite://${join(directory, 'rackseed.sqlite')}`, join(directory, 'journal'));
  });

  it('loses no acknowledged lease on PostgreSQL', async () => {
    const fixture = await postgresFixture();
    onTestFinished(() => fixture.remove());
    await killRounds(await fixture.freshUrl(), '');
  });
});

async function killRounds(url: string, journal: string): Promise<void> {
  const told = new Map<string, Told>();
  for (let round = 0; round < ROUNDS; round += 1) {
    await runAndKill([url, journal, String(LANES)], 1 + Math.floor(Math.random() * MOST_LINES), told);
    const stored = await storedLeases(url, journal);
    for (const [address, { mac, expiresAt }] of told) {
      expect(stored.get(address), address).toMatchObject({ mac, state: 'bound' });
      expect(stored.get(address)?.expiresAt, address).toBeGreaterThanOrEqual(expiresAt);
    }
  }
  expect(told.size).toBeGreaterThan(ROUNDS);
}

async function runAndKill(args: readonly string[], afterLines: number, told: Map<string, Told>): Promise<void> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const over = once(child, 'close');
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { address, mac, expiresAt } = parseLine(line);
    if (typeof address === 'string' && typeof expiresAt === 'number') told.set(address, { mac, expiresAt });
    lines += 1;
    if (lines === afterLines) child.kill('SIGKILL');
  }
  await over;
  expect(child.signalCode).toBe('SIGKILL');
}

async function storedLeases(url: string, journal: string) {
  const store = await storeAt(url);
  const table = createStoreLeaseBook(store, 100_000);
  const book = journal === '' ? table : createJournaledLeaseBook({ book: table, directory: journal, clock: systemClock, log: silentLog });
  const leases = await book.load();
  await book.close?.();
  await store.close();
  return new Map<string, (typeof leases)[number]>(leases.map((one) => [one.address, one]));
}
