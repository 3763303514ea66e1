import { expect, it } from 'vitest';
import type { Store } from '../../../../src/store/index.ts';
import { addNode, NODE, PORT, settingKeys, TASK } from '../rows.ts';
import type { Bench } from '../suite.ts';

export function sameTests(bench: Bench): void {
  it('sorts text by its bytes', async () => {
    const store = await bench.open();
    await insertSettings(store, ['b', 'A', 'ä', 'a', 'B', '-', 'Z', 'z1', 'z10', 'z2']);
    expect(await settingKeys(store)).toEqual(['-', 'A', 'B', 'Z', 'a', 'b', 'z1', 'z10', 'z2', 'ä']);
  });

  it('compares text exactly, also with like', async () => {
    const store = await bench.open();
    await insertSettings(store, ['Node', 'node']);
    const rows = await store.db.selectFrom('settings').select('key').where('key', 'like', 'n%').execute();
    expect(rows).toEqual([{ key: 'node' }]);
  });

  it('gives whole numbers as numbers, up to 2^53, and fractions as they were', async () => {
    const store = await bench.open();
    await store.db.insertInto('settings').values({ key: 'a', value: '', updated_at: Number.MAX_SAFE_INTEGER }).execute();
    await store.db.insertInto('tasks').values(TASK).execute();
    expect(await store.db.selectFrom('settings').select('updated_at').execute()).toEqual([{ updated_at: Number.MAX_SAFE_INTEGER }]);
    expect(await store.db.selectFrom('tasks').selectAll().execute()).toEqual([TASK]);
  });

  it('counts in numbers', async () => {
    const store = await bench.open();
    const row = await store.db.selectFrom('settings').select(store.db.fn.countAll<number>().as('count')).executeTakeFirst();
    expect(row).toEqual({ count: 0 });
  });

  it('refuses text where a number belongs', async () => {
    const store = await bench.open();
    // The type says number; a fault elsewhere may still give text.
    const wrong = 'soon' as unknown as number;
    await expect(store.db.insertInto('settings').values({ key: 'a', value: '', updated_at: wrong }).execute()).rejects.toThrow();
  });

  it('refuses a missing value', async () => {
    const store = await bench.open();
    await expect(addNode(store, { driver: null as unknown as string })).rejects.toThrow(); // as above
  });

  it('removes with a node what belongs to it, and refuses what belongs to nobody', async () => {
    const store = await bench.open();
    await addNode(store);
    await store.db.insertInto('ports').values(PORT).execute();
    await expect(
      store.db
        .insertInto('ports')
        .values({ ...PORT, uuid: 'p2', address: 'x', node_uuid: 'nobody' })
        .execute(),
    ).rejects.toMatchObject({ code: 'store.reference_missing' });
    await store.db.deleteFrom('nodes').where('uuid', '=', NODE.uuid).execute();
    expect(await store.db.selectFrom('ports').selectAll().execute()).toEqual([]);
  });

  it('replaces what no text column takes', async () => {
    const store = await bench.open();
    await insertSettings(store, ['a\u0000b']);
    expect(await settingKeys(store)).toEqual(['a\ufffdb']);
  });
}

async function insertSettings(store: Store, keys: readonly string[]): Promise<void> {
  const rows = keys.map((key) => ({ key, value: '', updated_at: 1 }));
  await store.db.insertInto('settings').values(rows).execute();
}
