import { expect, it } from 'vitest';
import { BugError } from '../../../../src/lib/index.ts';
import type { Store } from '../../../../src/store/index.ts';
import { addNode, NODE, setSetting, settingKeys } from '../rows.ts';
import type { Bench } from '../suite.ts';

export function transactionTests(bench: Bench): void {
  it('keeps what a resolved transaction wrote and returns its result', async () => {
    const store = await bench.open();
    const result = await store.transaction(async (tx) => {
      await tx.insertInto('settings').values({ key: 'a', value: '1', updated_at: 1 }).execute();
      return 'done';
    });
    expect(result).toBe('done');
    expect(await settingKeys(store)).toEqual(['a']);
  });

  it('keeps nothing of a rejected transaction and passes its error on', async () => {
    const store = await bench.open();
    const failure = new Error('no');
    await expect(
      store.transaction(async (tx) => {
        await tx.insertInto('settings').values({ key: 'a', value: '1', updated_at: 1 }).execute();
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await settingKeys(store)).toEqual([]);
  });

  it('runs transactions one after the other: a counter read and written by 50 of them at once loses nothing', async () => {
    const store = await bench.open();
    await setSetting(store, 'count', '0');
    await Promise.all(Array.from({ length: 50 }, () => increment(store)));
    const row = await store.db.selectFrom('settings').select('value').executeTakeFirstOrThrow();
    expect(row.value).toBe('50');
  });

  it('undoes only the ones that failed among many at once', async () => {
    const store = await bench.open();
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) =>
        store.transaction(async (tx) => {
          await tx
            .insertInto('settings')
            .values({ key: `k${String(index).padStart(2, '0')}`, value: '', updated_at: 1 })
            .execute();
          if (index % 3 === 0) throw new Error('no');
        }),
      ),
    );
    expect(results.filter((result) => result.status === 'rejected')).toHaveLength(14);
    const expected = Array.from({ length: 40 }, (_, index) => index)
      .filter((index) => index % 3 !== 0)
      .map((index) => `k${String(index).padStart(2, '0')}`);
    expect(await settingKeys(store)).toEqual(expected);
  });

  it('shows readers nothing of an open transaction, and does not make them wait for it', async () => {
    const store = await bench.open();
    await store.transaction(async (tx) => {
      await tx.insertInto('settings').values({ key: 'a', value: '1', updated_at: 1 }).execute();
      expect(await settingKeys(store)).toEqual([]);
    });
    expect(await settingKeys(store)).toEqual(['a']);
  });

  it('sees its own writes', async () => {
    const store = await bench.open();
    await store.transaction(async (tx) => {
      await tx.insertInto('settings').values({ key: 'a', value: '1', updated_at: 1 }).execute();
      expect(await tx.selectFrom('settings').select('key').execute()).toEqual([{ key: 'a' }]);
    });
  });

  it('refuses a transaction inside another as a bug instead of waiting for ever', async () => {
    const store = await bench.open();
    await expect(store.transaction(() => store.transaction(async () => 1))).rejects.toBeInstanceOf(BugError);
    await expect(store.transaction(() => store.db.transaction().execute(async () => 1))).rejects.toBeInstanceOf(BugError);
  });

  it('refuses a write past the transaction it is made in', async () => {
    const store = await bench.open();
    await expect(store.transaction(() => addNode(store))).rejects.toThrow(/use its tx/);
    expect(await store.db.selectFrom('nodes').select('uuid').execute()).toEqual([]);
  });

  it('lets what a transaction left running begin its own afterwards', async () => {
    const store = await bench.open();
    let later: Promise<void> | undefined;
    const gate = Promise.withResolvers<void>();
    await store.transaction(async () => {
      later = gate.promise.then(() => setSetting(store, 'later', ''));
    });
    gate.resolve();
    await later;
    expect(await settingKeys(store)).toEqual(['later']);
  });

  it('refuses the use of a transaction that has ended', async () => {
    const store = await bench.open();
    const tx = await store.transaction(async (inner) => inner);
    await expect(tx.selectFrom('settings').selectAll().execute()).rejects.toThrow(/committed|ended/);
    await expect(store.events.append(tx, { type: 'a.b', message: '' })).rejects.toBeInstanceOf(BugError);
  });

  it('rolls back a transaction in which a statement failed, even when its error was caught', async () => {
    const store = await bench.open();
    await addNode(store);
    const caught = store.transaction(async (tx) => {
      await tx.insertInto('settings').values({ key: 'a', value: '', updated_at: 1 }).execute();
      await tx
        .insertInto('nodes')
        .values(NODE)
        .execute()
        .catch(() => undefined);
    });
    await expect(caught).rejects.toMatchObject({ code: 'store.aborted' });
    expect(await settingKeys(store)).toEqual([]);
  });

  it('names the columns of a value that is taken', async () => {
    const store = await bench.open();
    await addNode(store);
    const sameName = addNode(store, { uuid: 'other' });
    await expect(sameName).rejects.toMatchObject({ code: 'store.conflict', detail: { columns: ['nodes.name'] } });
    const sameUuid = store.transaction((tx) =>
      tx
        .insertInto('nodes')
        .values({ ...NODE, name: 'other' })
        .execute(),
    );
    await expect(sameUuid).rejects.toMatchObject({ code: 'store.conflict', detail: { columns: ['nodes.uuid'] } });
  });

  it('gives up a transaction that stays open too long, and goes on with the next', async () => {
    const store = await bench.open({ transactionLimitMs: 300 });
    const stuck = store.transaction(async (tx) => {
      await tx.insertInto('settings').values({ key: 'stuck', value: '', updated_at: 1 }).execute();
      await new Promise(() => undefined);
    });
    await expect(stuck).rejects.toMatchObject({ code: 'store.transaction_timeout' });
    await setSetting(store, 'next', '');
    expect(await settingKeys(store)).toEqual(['next']);
  });

  it('counts the rows that a statement changed', async () => {
    const store = await bench.open();
    await addNode(store);
    const hit = await store.db.updateTable('nodes').set({ version: 2 }).where('uuid', '=', NODE.uuid).executeTakeFirst();
    const miss = await store.db.updateTable('nodes').set({ version: 2 }).where('uuid', '=', 'nobody').executeTakeFirst();
    expect([hit.numUpdatedRows, miss.numUpdatedRows]).toEqual([1n, 0n]);
  });

  it('waits, when it is closed, for the transactions that are under way', async () => {
    const url = await bench.fixture.freshUrl();
    const store = await bench.open({ url });
    const gate = Promise.withResolvers<void>();
    const slow = store.transaction(async (tx) => {
      await gate.promise;
      await tx.insertInto('settings').values({ key: 'slow', value: '', updated_at: 1 }).execute();
    });
    const queued = setSetting(store, 'queued', '');
    const closed = store.close();
    gate.resolve();
    await Promise.all([slow, queued, closed]);
    expect(await settingKeys(await bench.open({ url }))).toEqual(['queued', 'slow']);
  });

  it('refuses work after it is closed, and closes twice without complaint', async () => {
    const store = await bench.open();
    await store.check();
    await store.close();
    await store.close();
    await expect(store.check()).rejects.toMatchObject({ code: 'store.closed' });
  });
}

async function increment(store: Store): Promise<void> {
  await store.transaction(async (tx) => {
    const { value } = await tx.selectFrom('settings').select('value').where('key', '=', 'count').executeTakeFirstOrThrow();
    await tx
      .updateTable('settings')
      .set({ value: String(Number(value) + 1) })
      .where('key', '=', 'count')
      .execute();
  });
}
