import { expect, it } from 'vitest';
import { silentLog } from '../../../../src/lib/index.ts';
import type { Store, StoredEvent } from '../../../../src/store/index.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import type { Bench } from '../suite.ts';

export function eventTests(bench: Bench): void {
  it('gives back an event as it was appended', async () => {
    const clock = createFakeClock();
    const store = await bench.open({ clock });
    const seq = await store.transaction((tx) =>
      store.events.append(tx, {
        type: 'node.moved',
        message: 'n1 is now manageable',
        severity: 'warning',
        nodeUuid: 'n-1',
        taskId: 't-1',
        data: { from: 'enroll', count: 3, ünï: ['✓'] },
      }),
    );
    expect(seq).toBe(1);
    expect(await store.events.list({ after: 0, limit: 10 })).toEqual([
      {
        seq: 1,
        at: clock.now(),
        type: 'node.moved',
        severity: 'warning',
        nodeUuid: 'n-1',
        taskId: 't-1',
        message: 'n1 is now manageable',
        data: { from: 'enroll', count: 3, ünï: ['✓'] },
      },
    ]);
  });

  it('numbers without gaps although transactions fail and run at once', async () => {
    const store = await bench.open();
    await Promise.allSettled(
      Array.from({ length: 60 }, (_, index) =>
        store.transaction(async (tx) => {
          await store.events.append(tx, { type: 'test.one', message: String(index) });
          if (index % 4 === 0) throw new Error('no');
          await store.events.append(tx, { type: 'test.two', message: String(index) });
        }),
      ),
    );
    const events = await store.events.list({ after: 0, limit: 1000 });
    expect(events.map((event) => event.seq)).toEqual(Array.from({ length: 90 }, (_, index) => index + 1));
    expect(await store.events.lastSeq()).toBe(90);
  });

  it('lets a reader that goes on from the last number it saw miss nothing', async () => {
    const store = await bench.open();
    const seen: number[] = [];
    const reading = follow(store, seen, 40);
    await Promise.all(Array.from({ length: 40 }, () => append(store)));
    await reading;
    expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });

  it('lists after a number, by node, by type, and no more than asked for', async () => {
    const store = await bench.open();
    await append(store, { type: 'a.b', nodeUuid: 'x' });
    await append(store, { type: 'c.d', nodeUuid: 'x' });
    await append(store, { type: 'a.b', nodeUuid: 'y' });
    const seqs = async (query: Partial<Parameters<Store['events']['list']>[0]>): Promise<number[]> =>
      (await store.events.list({ after: 0, limit: 10, ...query })).map((event: StoredEvent) => event.seq);
    expect(await seqs({ after: 1 })).toEqual([2, 3]);
    expect(await seqs({ nodeUuid: 'x' })).toEqual([1, 2]);
    expect(await seqs({ type: 'a.b' })).toEqual([1, 3]);
    expect(await seqs({ limit: 2 })).toEqual([1, 2]);
  });

  it('wakes a subscriber after the commit, when the event can be read', async () => {
    const store = await bench.open();
    const read = Promise.withResolvers<number>();
    let isCommitted = false;
    store.events.subscribe(() => {
      expect(isCommitted).toBe(false); // woken before the writer goes on
      store.events.lastSeq().then(read.resolve, read.reject);
    });
    await append(store);
    isCommitted = true;
    expect(await read.promise).toBe(1);
  });

  it('never wakes for a rollback, for a transaction without events, or after unsubscribing', async () => {
    const store = await bench.open();
    let wakes = 0;
    const unsubscribe = store.events.subscribe(() => {
      wakes += 1;
    });
    await store
      .transaction(async (tx) => {
        await store.events.append(tx, { type: 'a.b', message: '' });
        throw new Error('no');
      })
      .catch(() => undefined);
    await store.check();
    expect(wakes).toBe(0);
    await append(store);
    expect(wakes).toBe(1);
    unsubscribe();
    await append(store);
    expect(wakes).toBe(1);
  });

  it('wakes the others when one subscriber fails, and logs that', async () => {
    const errors: string[] = [];
    const store = await bench.open({ log: { ...silentLog, error: (_, message) => errors.push(message) } });
    let wakes = 0;
    store.events.subscribe(() => {
      throw new Error('reader');
    });
    store.events.subscribe(() => {
      wakes += 1;
    });
    await append(store);
    expect([wakes, errors.length]).toEqual([1, 1]);
  });

  it('cuts a message that is too long and takes text that no database likes', async () => {
    const store = await bench.open();
    await append(store, { message: 'x'.repeat(10_000) });
    await append(store, { message: 'a\u0000b', data: { nul: '\u0000' } });
    const [long, odd] = await store.events.list({ after: 0, limit: 2 });
    expect(long?.message.length).toBeLessThan(4100);
    expect(long?.message).toMatch(/6000 more characters cut/);
    expect(odd).toMatchObject({ message: 'a\ufffdb', data: { nul: '\u0000' } });
  });
}

async function append(store: Store, event: Partial<Parameters<Store['events']['append']>[1]> = {}): Promise<number> {
  return store.transaction((tx) => store.events.append(tx, { type: 'test.event', message: '', ...event }));
}

/** Reads as the API does: woken, asks for what is after the last it saw. */
async function follow(store: Store, seen: number[], count: number): Promise<void> {
  while (seen.length < count) {
    const woken = Promise.withResolvers<void>();
    const unsubscribe = store.events.subscribe(woken.resolve);
    const events = await store.events.list({ after: seen.at(-1) ?? 0, limit: 7 });
    seen.push(...events.map((event) => event.seq));
    if (events.length === 0) await woken.promise;
    unsubscribe();
  }
}
