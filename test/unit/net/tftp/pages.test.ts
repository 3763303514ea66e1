import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_BYTES, PageCache, type PageSource, Pages } from '../../../../src/net/tftp/pages.ts';

interface Recorded extends PageSource {
  readonly reads: number[];
}

function source(size: number, more: Partial<PageSource> = {}): Recorded {
  const reads: number[] = [];
  const read = (offset: number, length: number): Promise<Uint8Array> => {
    reads.push(offset);
    return Promise.resolve(Uint8Array.from({ length }, (_, index) => (offset + index) % 251));
  };
  return { size, read, reads, ...more };
}

describe('the pages of a file', () => {
  it('give the bytes of any stretch, across their edges', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3 * PAGE_BYTES }), fc.integer({ min: 0, max: 3 * PAGE_BYTES }), async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const pages = new Pages(source(3 * PAGE_BYTES), null);
        await pages.load(start, end);
        expect(pages.has(start, end)).toBe(true);
        const target = Buffer.alloc(end - start + 4, 0xff);
        pages.copy(start, end, target, 4);
        expect([target[4], target.at(-1)]).toEqual(start === end ? [undefined, 0xff] : [start % 251, (end - 1) % 251]);
      }),
      { numRuns: 30 },
    );
  });

  it('are read one ahead, once each, and dropped behind the window', async () => {
    const file = source(4 * PAGE_BYTES);
    const pages = new Pages(file, null);
    await pages.load(0, 1000);
    pages.move(0, 1000);
    pages.move(1000, 2000);
    expect(pages.isReading).toBe(true);
    await pages.settled();
    expect(file.reads).toEqual([0, PAGE_BYTES]);
    expect(pages.has(PAGE_BYTES, PAGE_BYTES + 1)).toBe(true);
    pages.move(PAGE_BYTES, PAGE_BYTES + 1000);
    expect(pages.has(0, 1)).toBe(false);
  });

  it('of one content are read once for all who ask at the same time or later', async () => {
    const cache = new PageCache(10 * PAGE_BYTES);
    const files = [source(PAGE_BYTES, { key: 'a' }), source(PAGE_BYTES, { key: 'a' }), source(PAGE_BYTES, { key: 'b' })];
    await Promise.all(files.map((file) => new Pages(file, cache).load(0, PAGE_BYTES)));
    expect(files.map((file) => file.reads.length)).toEqual([1, 0, 1]);
    expect(new Pages(source(PAGE_BYTES, { key: 'a' }), cache).has(0, PAGE_BYTES)).toBe(true);
    expect(new Pages(source(PAGE_BYTES), cache).has(0, PAGE_BYTES)).toBe(false);
  });

  it('are read by each for itself when the first reader fails', async () => {
    const cache = new PageCache(10 * PAGE_BYTES);
    const broken = source(10, { key: 'a', read: () => Promise.reject(new Error('the disk is gone')) });
    const sound = source(10, { key: 'a' });
    const [first, second] = await Promise.allSettled([new Pages(broken, cache).load(0, 10), new Pages(sound, cache).load(0, 10)]);
    expect(first).toMatchObject({ status: 'rejected' });
    expect(second).toMatchObject({ status: 'fulfilled' });
  });

  it('that come too short are an error, not a shorter file', async () => {
    const short = source(10, { read: () => Promise.resolve(new Uint8Array(9)) });
    await expect(new Pages(short, null).load(0, 10)).rejects.toThrow('10 bytes wanted at 0, 9 read');
  });

  it('kept for others never weigh more than the cap, the oldest going first', async () => {
    const cache = new PageCache(2 * PAGE_BYTES);
    for (const key of ['a', 'b', 'a', 'c']) await new Pages(source(PAGE_BYTES, { key }), cache).load(0, PAGE_BYTES);
    expect(cache.bytes).toBe(2 * PAGE_BYTES);
    expect(['a', 'b', 'c'].map((key) => new Pages(source(PAGE_BYTES, { key }), cache).has(0, 1))).toEqual([true, false, true]);
    cache.clear();
    expect(cache.bytes).toBe(0);
  });
});
