// Every lease book keeps the same promises: the table of each database, and the journal in front of it.

import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { silentLog, systemClock } from '../../src/lib/index.ts';
import { createJournaledLeaseBook, createStoreLeaseBook, type DhcpLease, type LeaseBook } from '../../src/net/dhcp/index.ts';
import { encodeJournal } from '../../src/net/dhcp/lease/lease-journal-codec.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { ip, mac } from '../unit/net/dhcp/packets.ts';
import { lease } from '../unit/net/dhcp/site.ts';
import { type StoreFixture, storeAt } from './store/fixture.ts';
import { postgresFixture } from './store/postgres.ts';
import { sqliteFixture } from './store/sqlite.ts';

type Open = () => Promise<LeaseBook>;

/** `make` gives a way to open the same book again and again. */
function keepsPromises(make: () => Promise<Open>): void {
  it('gives back what was saved, the last state of each address, after it was opened anew', async () => {
    const open = await make();
    const book = await open();
    expect(await book.load()).toEqual([]);
    const first = lease('10.0.0.100', { clientId: '0152', hostname: 'pve1', smbiosUuid: '01020304-0506-0708-090a-0b0c0d0e0f10' });
    await book.save([first, lease('10.0.0.101')]);
    await book.save([lease('10.0.0.101', { state: 'released', expiresAt: 5 }), lease('10.0.0.102', { state: 'declined' })]);
    await book.close?.();
    const leases = await (await open()).load();
    expect(byAddress(leases)).toEqual([
      first,
      lease('10.0.0.101', { state: 'released', expiresAt: 5 }),
      lease('10.0.0.102', { state: 'declined' }),
    ]);
  });

  it('takes thousands at once', async () => {
    const open = await make();
    const book = await open();
    await book.load();
    await book.save(
      Array.from({ length: 5000 }, (_, index) => lease(`10.${index >> 8}.${index & 255}.7`, { mac: mac('02:00:00:00:00:01') })),
    );
    await book.close?.();
    expect(await (await open()).load()).toHaveLength(5000);
  });
}

function byAddress(leases: readonly DhcpLease[]): DhcpLease[] {
  return leases.toSorted((a, b) => a.address.localeCompare(b.address));
}

describe.each([
  ['SQLite', sqliteFixture],
  ['PostgreSQL', postgresFixture],
] as const)('the lease book on %s', (_name, makeFixture) => {
  let fixture: StoreFixture;
  beforeAll(async () => {
    fixture = await makeFixture();
  });
  afterAll(() => fixture.remove());

  async function table(): Promise<Open> {
    const url = await fixture.freshUrl();
    let close: () => Promise<void> = () => Promise.resolve();
    onTestFinished(() => close());
    return async () => {
      await close();
      const store = await storeAt(url);
      close = () => store.close();
      return createStoreLeaseBook(store, 10_000);
    };
  }

  keepsPromises(table);

  it('loads no more leases than it is allowed to, the newest', async () => {
    const store = await storeAt(await fixture.freshUrl());
    onTestFinished(() => store.close());
    const book = createStoreLeaseBook(store, 2);
    await book.save([1, 2, 3].map((digit) => lease(`10.0.0.10${digit}`, { expiresAt: digit })));
    expect((await book.load()).map(({ address }) => address).sort()).toEqual(['10.0.0.102', '10.0.0.103']);
  });

  describe('behind a journal', () => {
    keepsPromises(async () => {
      const [open, directory] = [await table(), await temporaryDirectory()];
      return async () => createJournaledLeaseBook({ book: await open(), directory, clock: systemClock, log: silentLog });
    });
  });
});

describe('the journal', () => {
  it('brings what was saved into the book behind after a second, and leaves no file', async () => {
    const { book, behind, clock, directory } = await journaled();
    await book.load();
    await book.save([lease('10.0.0.100')]);
    expect(behind.size).toBe(0);
    expect(await readdir(directory)).toHaveLength(1);
    await clock.advance(1000);
    await expect.poll(() => readdir(directory)).toEqual([]);
    expect([...behind.keys()]).toEqual(['10.0.0.100']);
  });

  it('takes the first lease at once and asks those right after it to share a write', async () => {
    const { book, clock } = await journaled();
    await book.load();
    expect(book.ready?.()).toBeUndefined();
    await book.save([lease('10.0.0.100')]);
    const ready = book.ready?.();
    expect(ready).toBeInstanceOf(Promise);
    await clock.advance(2);
    await ready;
    expect(book.ready?.()).toBeUndefined();
  });

  it('loses nothing while the book behind fails, and catches up', async () => {
    const { book, behind, clock, directory, fails } = await journaled();
    await book.load();
    fails.now = true;
    await book.save([lease('10.0.0.100')]);
    await clock.advance(1000);
    await expect.poll(() => fails.times).toBe(1);
    await book.save([lease('10.0.0.100', { state: 'released' }), lease('10.0.0.101')]);
    fails.now = false;
    await expect.poll(() => clock.sleeping).toBe(1);
    await clock.advance(10_000);
    await expect.poll(() => readdir(directory)).toEqual([]);
    expect(behind.get(ip('10.0.0.100'))?.state).toBe('released');
    expect(behind.size).toBe(2);
  });

  it('left by a crash is read at the start, up to the torn line, and the later file wins', async () => {
    const { book, behind, directory } = await journaled();
    const older = encodeJournal([lease('10.0.0.100'), lease('10.0.0.101')]);
    const newer = encodeJournal([lease('10.0.0.100', { state: 'released' }), lease('10.0.0.102')]);
    await writeFile(join(directory, 'leases-9.journal'), older);
    await writeFile(join(directory, 'leases-10.journal'), newer);
    await truncate(join(directory, 'leases-10.journal'), newer.length - 3);
    const leases = await book.load();
    expect(byAddress(leases).map(({ address, state }) => [address, state])).toEqual([
      ['10.0.0.100', 'released'],
      ['10.0.0.101', 'bound'],
    ]);
    expect(behind.size).toBe(2);
    expect(await readdir(directory)).toEqual([]);
  });

  it('that cannot be written refuses the lease, and takes the next when it can be', async () => {
    const { book, directory } = await journaled();
    await book.load();
    await rm(directory, { recursive: true });
    await expect(book.save([lease('10.0.0.100')])).rejects.toMatchObject({ code: 'ENOENT' });
    await book.load(); // makes the directory anew
    await book.save([lease('10.0.0.100')]);
    expect(await readdir(directory)).toHaveLength(1);
  });
});

async function journaled() {
  const directory = await temporaryDirectory();
  const behind = new Map<string, DhcpLease>();
  const fails = { now: false, times: 0 };
  const clock = createFakeClock();
  const book = createJournaledLeaseBook({
    book: {
      load: () => Promise.resolve([...behind.values()]),
      save: (leases) => {
        if (fails.now) {
          fails.times += 1;
          return Promise.reject(new Error('database is full'));
        }
        for (const one of leases) behind.set(one.address, one);
        return Promise.resolve();
      },
    },
    directory,
    clock,
    log: silentLog,
  });
  onTestFinished(() => book.close?.());
  return { book, behind, clock, directory, fails };
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-leases-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
