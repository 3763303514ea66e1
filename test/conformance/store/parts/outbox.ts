import { expect, it } from 'vitest';
import { systemRandom } from '../../../../src/lib/index.ts';
import type { Store } from '../../../../src/store/index.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import type { Bench } from '../suite.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;

export function outboxTests(bench: Bench): void {
  it('gives an item that committed, and none that was rolled back', async () => {
    const store = await bench.open();
    const id = await add(store, 'kept');
    await store
      .transaction(async (tx) => {
        await store.outbox.add(tx, { kind: 'webhook', eventSeq: 2, payload: { name: 'lost' } });
        throw new Error('no');
      })
      .catch(() => undefined);
    expect(await store.outbox.due(10)).toEqual([{ id, eventSeq: 1, kind: 'webhook', payload: { name: 'kept' }, attempts: 0 }]);
  });

  it('gives the oldest first, and no more than asked for', async () => {
    const clock = createFakeClock();
    const store = await bench.open({ clock });
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      ids.push(await add(store, name));
      await clock.advance(1);
    }
    expect((await store.outbox.due(2)).map((item) => item.id)).toEqual(ids.slice(0, 2));
  });

  it('forgets an item that is done', async () => {
    const store = await bench.open();
    await store.outbox.done(await add(store, 'a'));
    expect(await store.outbox.due(10)).toEqual([]);
  });

  it('tries a failed item again later and later, by half to the whole of a doubled time, at most an hour', async () => {
    const clock = createFakeClock();
    const store = await bench.open({ clock, random: { ...systemRandom, float: () => 0 } });
    const id = await add(store, 'a');
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 12; attempt += 1) {
      await store.outbox.failed(id, 'connection refused');
      const { next_at } = await store.db.selectFrom('outbox').select('next_at').executeTakeFirstOrThrow();
      waits.push((next_at - clock.now()) / SECOND);
      expect(await store.outbox.due(10)).toEqual([]);
      await clock.advance(next_at - clock.now());
      expect(await store.outbox.due(10)).toMatchObject([{ id, attempts: attempt }]);
    }
    expect(waits).toEqual([2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800]);
  });

  it('does not bring back an item that is done', async () => {
    const store = await bench.open();
    const id = await add(store, 'a');
    await store.outbox.done(id);
    await store.outbox.failed(id, 'late');
    expect(await store.outbox.due(10)).toEqual([]);
  });

  it('drops what was told more than a week ago', async () => {
    const clock = createFakeClock();
    const store = await bench.open({ clock });
    await store.outbox.done(await add(store, 'old'));
    await clock.advance(8 * 24 * HOUR);
    const id = await add(store, 'new');
    await store.outbox.done(id);
    expect(await store.db.selectFrom('outbox').select('id').execute()).toEqual([{ id }]);
  });
}

function add(store: Store, name: string): Promise<string> {
  return store.transaction((tx) => store.outbox.add(tx, { kind: 'webhook', eventSeq: 1, payload: { name } }));
}
