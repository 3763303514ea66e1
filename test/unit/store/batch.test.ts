import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/lib/index.ts';
import { Batch } from '../../../src/store/batch.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

interface Written {
  readonly items: readonly number[];
  readonly dropped: number;
}

function batchInto(written: Written[], fails: () => boolean = () => false) {
  const clock = createFakeClock();
  const errors: string[] = [];
  const batch = new Batch<number>({
    name: 'lines',
    clock,
    log: { ...silentLog, error: (_, message) => errors.push(message) },
    everyMs: 200,
    size: 5,
    capacity: 20,
    write: async (items, dropped) => {
      await Promise.resolve();
      if (fails()) throw new Error('disk full');
      written.push({ items, dropped });
    },
  });
  return { batch, clock, errors };
}

describe('a batch', () => {
  it('is written after its time, in one', async () => {
    const written: Written[] = [];
    const { batch, clock } = batchInto(written);
    for (const item of [1, 2, 3]) batch.add(item);
    await clock.advance(199);
    expect(written).toEqual([]);
    await clock.advance(1);
    expect(written).toEqual([{ items: [1, 2, 3], dropped: 0 }]);
  });

  it('is written at once when it is full', async () => {
    const written: Written[] = [];
    const { batch, clock } = batchInto(written);
    for (let item = 1; item <= 5; item += 1) batch.add(item);
    await clock.advance(0);
    expect(written).toEqual([{ items: [1, 2, 3, 4, 5], dropped: 0 }]);
  });

  it('leaves no timer behind', async () => {
    const { batch, clock } = batchInto([]);
    batch.add(1);
    await batch.flush();
    expect(clock.sleeping).toBe(0);
    batch.add(2);
    await batch.close();
    expect(clock.sleeping).toBe(0);
    batch.add(3); // too late, and no timer for it
    expect(clock.sleeping).toBe(0);
  });

  it('keeps what could not be written, tries again, and says so in the log', async () => {
    const written: Written[] = [];
    let isFull = true;
    const { batch, clock, errors } = batchInto(written, () => isFull);
    batch.add(1);
    await clock.advance(200);
    batch.add(2);
    await clock.advance(200);
    expect(written).toEqual([]);
    expect(errors).toEqual(['lines not written yet: disk full', 'lines not written yet: disk full']);
    isFull = false;
    await clock.advance(200);
    expect(written).toEqual([{ items: [1, 2], dropped: 0 }]);
  });

  it('rejects a flush that could not write', async () => {
    const { batch } = batchInto([], () => true);
    batch.add(1);
    await expect(batch.flush()).rejects.toThrow('disk full');
  });

  it('drops the oldest at its cap, and counts them', async () => {
    const written: Written[] = [];
    let isFull = true;
    const { batch, clock } = batchInto(written, () => isFull);
    for (let item = 1; item <= 30; item += 1) batch.add(item);
    await clock.advance(200);
    isFull = false;
    await batch.flush();
    expect(written.flatMap(({ items }) => items)).toEqual(Array.from({ length: 20 }, (_, index) => index + 11));
    expect(written.reduce((sum, { dropped }) => sum + dropped, 0)).toBe(10);
  });

  it('whatever happens, each item is written once and in order, or counted as dropped', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), count: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ kind: fc.constant('advance' as const), count: fc.integer({ min: 1, max: 500 }) }),
      fc.record({ kind: fc.constant('flush' as const), count: fc.constant(0) }),
      fc.record({ kind: fc.constant('disk' as const), count: fc.integer({ min: 0, max: 1 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const written: Written[] = [];
        let isFull = false;
        let added = 0;
        const { batch, clock } = batchInto(written, () => isFull);
        for (const { kind, count } of steps) {
          if (kind === 'add') {
            for (let index = 1; index <= count; index += 1) batch.add(added + index);
            added += count;
          }
          if (kind === 'advance') await clock.advance(count);
          if (kind === 'disk') isFull = count === 1;
          if (kind === 'flush') await batch.flush().catch(() => undefined);
        }
        isFull = false;
        await batch.close();
        const items = written.flatMap((one) => one.items);
        expect(items).toEqual([...new Set(items)].toSorted((a, b) => a - b));
        expect(items.length + written.reduce((sum, { dropped }) => sum + dropped, 0)).toBe(added);
      }),
      { numRuns: 150 },
    );
  });
});
