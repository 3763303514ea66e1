import { expect, it } from 'vitest';
import { prepared, preparedInsert, preparedWrite } from '../../../src/store/index.ts';
import { openTestStore } from '../../support/store.ts';

const insertLease = preparedInsert('leases');
let built = 0;
const leasesUntil = prepared((db, given: { readonly until: number; readonly holder: string }) => {
  built += 1;
  const rows = db.selectFrom('leases').select('key').where('holder', '=', given.holder).where('purpose', '=', 'test');
  return rows.where('expires_at', '<=', given.until).orderBy('key');
});

it('a prepared statement is built once, and answers with what each asker gives, in its own transaction', async () => {
  const store = await openTestStore();
  await expect(
    store.transaction(async (tx) => {
      // Columns in any order: they go by name.
      for (const [index, key] of ['c', 'a', 'b'].entries())
        await insertLease(tx, index === 1 ? { purpose: 'test', fence: 7, expires_at: index, holder: 'me', key } : leaseOf(key, index));
      expect(await leasesUntil(tx, { holder: 'me', until: 1 })).toEqual([{ key: 'a' }, { key: 'c' }]);
      expect(await leasesUntil(store.db, { until: 1, holder: 'me' })).toEqual([]);
      throw new Error('taken back');
    }),
  ).rejects.toThrow('taken back');
  await store.transaction((tx) => insertLease(tx, leaseOf('d', 5)));
  expect(await leasesUntil(store.db, { holder: 'me', until: 5 })).toEqual([{ key: 'd' }]);
  expect(await leasesUntil(store.db, { holder: 'me', until: 4 })).toEqual([]);
  expect(await store.db.selectFrom('leases').selectAll().execute()).toEqual([leaseOf('d', 5)]);
  expect(built).toBe(1);
});

it('a row with other columns than those before is refused, not cut', async () => {
  const store = await openTestStore();
  const insertEvent = preparedInsert('events');
  const event = { seq: 1001, at: 1, type: 'test', severity: 'info', message: 'm', data: '{}' } as const;
  await store.transaction((tx) => insertEvent(tx, event));
  await expect(store.transaction((tx) => insertEvent(tx, { ...event, seq: 1002, task_id: 't' }))).rejects.toThrow('different columns');
});

it('a prepared write says how many rows it changed', async () => {
  const store = await openTestStore();
  const free = preparedWrite((db, given: { readonly holder: string }) => db.deleteFrom('leases').where('holder', '=', given.holder));
  await store.transaction(async (tx) => {
    for (const key of ['a', 'b']) await insertLease(tx, leaseOf(key, 1));
    expect(await free(tx, { holder: 'you' })).toBe(0);
    expect(await free(tx, { holder: 'me' })).toBe(2);
  });
});

function leaseOf(key: string, expires: number) {
  return { key, holder: 'me', purpose: 'test', expires_at: expires, fence: 1 };
}
