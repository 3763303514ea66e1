// What can be wrong with a PostgreSQL server, and what several appliances on one database see of each other.

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { RackseedError } from '../../../src/lib/index.ts';
import type { Store, StoreOptions } from '../../../src/store/index.ts';
import { containing } from '../../support/containing.ts';
import { storeAt } from './fixture.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { setSetting, settingKeys } from './rows.ts';

let server: PostgresServer;
let databases = 0;

beforeAll(async () => {
  server = await startPostgres('scram-sha-256');
});
afterAll(() => server.remove());

describe('a PostgreSQL server', () => {
  it('that is not there is named without the password', async () => {
    const url = 'postgres://rackseed:geheim@127.0.0.1:1/rackseed?password=geheim';
    await expectRefusal(url, 'store.unreachable', '127.0.0.1:1');
  });

  it('that refuses the password is named without it', async () => {
    await expectRefusal(server.url('postgres', { user: 'guest', password: 'geheim' }), 'store.refused', 'guest');
  });

  it('that has no such database says so', async () => {
    await expectRefusal(server.url('nothing', { user: 'guest', password: 'right' }), 'store.refused', 'nothing');
  });

  it('that lets the user make no tables says so', async () => {
    const url = await freshUrl();
    const database = new URL(url).pathname.slice(1);
    await server.query(database, 'revoke create on schema public from public');
    await expectRefusal(server.url(database, { user: 'guest', password: 'right' }), 'store.refused', 'schema');
  });

  it('that restarts costs the transactions of that moment, and then work goes on', async () => {
    const store = await open(await freshUrl());
    await setSetting(store, 'before', '');
    const other = await open(store.url);
    await server.control('restart', '-m', 'immediate');
    await expect.poll(() => setSetting(store, 'after', '').then(() => 'done', codeOf), { timeout: 20_000 }).toBe('done');
    expect(await settingKeys(store)).toEqual(['after', 'before']);
    // and the events of another appliance are heard again
    const woken = nextWake(store);
    await expect.poll(() => append(other).then(() => 'done', codeOf), { timeout: 20_000 }).toBe('done');
    await woken;
  });

  it('whose tables somebody else holds makes a transaction fail in time', async () => {
    const url = await freshUrl();
    const store = await open(url, { transactionLimitMs: 500 });
    const other = new Client({ connectionString: url });
    await other.connect();
    onTestFinished(() => other.end());
    await other.query('begin; lock table meta');
    await expect(setSetting(store, 'a', '')).rejects.toMatchObject({ code: 'store.busy', retryable: true });
    await other.query('rollback');
    await setSetting(store, 'a', '');
  });

  it('does not keep readers waiting for those that want to write', async () => {
    const store = await open(await freshUrl());
    const gate = Promise.withResolvers<void>();
    const first = store.transaction(() => gate.promise);
    const waiting = Array.from({ length: 50 }, (_, index) => setSetting(store, `k${index}`, ''));
    expect(await Promise.all(Array.from({ length: 20 }, () => settingKeys(store)))).toHaveLength(20);
    gate.resolve();
    await Promise.all([first, ...waiting]);
    expect(await settingKeys(store)).toHaveLength(50);
  });
});

describe('several appliances on one PostgreSQL database', () => {
  it('open a new one at the same time', async () => {
    const url = await freshUrl();
    const stores = await Promise.all(Array.from({ length: 4 }, () => open(url)));
    for (const [index, store] of stores.entries()) await setSetting(store, `s${index}`, '');
    expect(await settingKeys(await open(url))).toEqual(['s0', 's1', 's2', 's3']);
  });

  it('lose nothing that the other wrote, and number events without gaps in the order of the commits', async () => {
    const url = await freshUrl();
    const stores = [await open(url), await open(url), await open(url)];
    const [first] = stores;
    await Promise.all(stores.flatMap((store) => Array.from({ length: 30 }, () => append(store))));
    const events = await first?.events.list({ after: 0, limit: 1000 });
    expect(events?.map((event) => event.seq)).toEqual(Array.from({ length: 90 }, (_, index) => index + 1));
  });

  it('hear of each other’s events when they are committed, and never of a rollback', async () => {
    const url = await freshUrl();
    const [writer, reader] = [await open(url), await open(url)];
    const seen: number[] = [];
    reader.events.subscribe(() => {
      reader.events.lastSeq().then((seq) => seen.push(seq), expect.unreachable);
    });
    await writer
      .transaction(async (tx) => {
        await writer.events.append(tx, { type: 'a.b', message: 'rolled back' });
        throw new Error('no');
      })
      .catch(() => undefined);
    await append(writer);
    await expect.poll(() => seen, { timeout: 20_000 }).toEqual([1]);
  });

  it('repeat a transaction whose row was changed by a single statement in between', async () => {
    const url = await freshUrl();
    const one = await open(url);
    const other = new Client({ connectionString: url });
    await other.connect();
    onTestFinished(() => other.end());
    await setSetting(one, 'count', '0');
    let runs = 0;
    await one.transaction(async (tx) => {
      runs += 1;
      const { value } = await tx.selectFrom('settings').select('value').where('key', '=', 'count').executeTakeFirstOrThrow();
      if (runs === 1) await other.query("update settings set value = '10' where key = 'count'");
      await tx
        .updateTable('settings')
        .set({ value: String(Number(value) + 1) })
        .where('key', '=', 'count')
        .execute();
    });
    expect(runs).toBe(2);
    expect(await one.db.selectFrom('settings').select('value').execute()).toEqual([{ value: '11' }]);
  });
});

async function freshUrl(): Promise<string> {
  databases += 1;
  await server.query('postgres', `create database d${databases}`);
  return server.url(`d${databases}`);
}

async function open(url: string, overrides: Partial<StoreOptions> = {}): Promise<Store & { readonly url: string }> {
  const store = await storeAt(url, overrides);
  onTestFinished(() => store.close());
  return { ...store, url };
}

function append(store: Store): Promise<number> {
  return store.transaction((tx) => store.events.append(tx, { type: 'test.event', message: '' }));
}

function nextWake(store: Store): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = store.events.subscribe(() => {
      unsubscribe();
      resolve();
    });
  });
}

async function expectRefusal(url: string, code: string, part: string): Promise<void> {
  const thrown: unknown = await storeAt(url).catch((error: unknown) => error);
  expect(thrown).toMatchObject({ code, message: containing(part) });
  if (!(thrown instanceof RackseedError)) throw new Error('not a RackseedError');
  expect(`${thrown.message} ${thrown.hint}`).not.toContain('geheim');
}

function codeOf(thrown: unknown): string {
  return thrown instanceof RackseedError ? thrown.code : String(thrown);
}
