import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES, type Chunk, type ChunkContent, createChunkPool } from '../../../src/boot/http/chunk-pool.ts';

const never = new AbortController().signal;

/** Chunk n of it is filled with the byte n; reads are counted, and wait until they are let through when `gated`. */
function contentOf(key: string, chunks: number, gated = false) {
  const reads: number[] = [];
  const gates: (() => void)[] = [];
  let failing = false;
  const content: ChunkContent = {
    key,
    size: (chunks - 1) * CHUNK_BYTES + 100,
    source: {
      async read(into, position) {
        reads.push(position / CHUNK_BYTES);
        if (gated) await new Promise<void>((resolve) => gates.push(resolve));
        if (failing) throw new Error('the disk failed');
        into.fill(position / CHUNK_BYTES);
      },
    },
  };
  return {
    content,
    reads,
    gates,
    fail: (value: boolean): void => {
      failing = value;
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('chunks', () => {
  it('are read once, however many want them', async () => {
    const pool = createChunkPool({ maxChunks: 4, maxReads: 2 });
    const { content, reads } = contentOf('a', 2);
    const chunks = await Promise.all(Array.from({ length: 50 }, () => pool.take(content, 1, never)));
    expect(reads).toEqual([1]);
    expect(chunks.every(({ bytes }) => bytes.length === 100 && bytes.every((byte) => byte === 1))).toBe(true);
  });

  it('are kept until their buffer is needed: the one used longest ago goes first', async () => {
    const pool = createChunkPool({ maxChunks: 2, maxReads: 2 });
    const { content, reads } = contentOf('a', 4);
    for (const index of [0, 1, 0, 2, 0, 1]) (await pool.take(content, index, never)).release();
    expect(reads).toEqual([0, 1, 2, 1]);
    expect(pool.held()).toBe(2 * CHUNK_BYTES);
  });

  it('of different contents are never taken for each other', async () => {
    const pool = createChunkPool({ maxChunks: 4, maxReads: 2 });
    const [one, two] = [contentOf('a', 2), contentOf('b', 2)];
    await pool.take(one.content, 1, never);
    await pool.take(two.content, 1, never);
    expect([one.reads, two.reads]).toEqual([[1], [1]]);
  });

  it('that somebody uses are never filled anew: the next taker waits until one is released', async () => {
    const pool = createChunkPool({ maxChunks: 1, maxReads: 2 });
    const { content, reads } = contentOf('a', 3);
    const first = await pool.take(content, 0, never);
    let second: Chunk | undefined;
    const waiting = pool.take(content, 1, never).then((chunk) => (second = chunk));
    await settled();
    expect([second, reads, first.bytes[0]]).toEqual([undefined, [0], 0]);
    expect(pool.takeAhead(content, 2)).toBeUndefined();
    first.release();
    expect((await waiting).bytes[0]).toBe(1);
  });

  it('go to those who waited in their order, and to all at once who wait for the same', async () => {
    const pool = createChunkPool({ maxChunks: 1, maxReads: 2 });
    const { content, reads } = contentOf('a', 3);
    const first = await pool.take(content, 0, never);
    const order: string[] = [];
    const wait = (name: string, index: number) =>
      pool.take(content, index, never).then((chunk) => {
        order.push(name);
        return chunk;
      });
    const [b, c, d] = [wait('b', 1), wait('c', 2), wait('d', 1)];
    first.release();
    for (const chunk of await Promise.all([b, d])) chunk.release();
    (await c).release();
    expect([order, reads]).toEqual([
      ['b', 'd', 'c'],
      [0, 1, 2],
    ]);
  });

  it('are no longer waited for by who has gone', async () => {
    const pool = createChunkPool({ maxChunks: 1, maxReads: 2 });
    const { content, reads } = contentOf('a', 2);
    const first = await pool.take(content, 0, never);
    const leaving = new AbortController();
    const waiting = pool.take(content, 1, leaving.signal);
    leaving.abort();
    await expect(waiting).rejects.toThrow('aborted');
    first.release();
    await settled();
    expect(reads).toEqual([0]);
  });

  it('that could not be read tell all who waited, and are read again for the next', async () => {
    const pool = createChunkPool({ maxChunks: 1, maxReads: 2 });
    const { content, reads, fail } = contentOf('a', 2);
    fail(true);
    const both = await Promise.allSettled([pool.take(content, 0, never), pool.take(content, 0, never)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fail(false);
    expect((await pool.take(content, 0, never)).bytes[0]).toBe(0);
    expect([reads, pool.held()]).toEqual([[0, 0], CHUNK_BYTES]);
  });

  it('are read a few at a time, so that other files of the process have their turn', async () => {
    const pool = createChunkPool({ maxChunks: 8, maxReads: 2 });
    const { content, reads, gates } = contentOf('a', 5, true);
    const all = Promise.all([0, 1, 2, 3].map((index) => pool.take(content, index, never)));
    await settled();
    expect(reads).toEqual([0, 1]);
    gates.shift()?.();
    await settled();
    expect(reads).toEqual([0, 1, 2]);
    while (reads.length < 4 || gates.length > 0) {
      gates.shift()?.();
      await settled();
    }
    expect(await all).toHaveLength(4);
  });

  it('give their memory back when nobody uses them', async () => {
    const pool = createChunkPool({ maxChunks: 4, maxReads: 2 });
    const { content } = contentOf('a', 3);
    const used = await pool.take(content, 0, never);
    (await pool.take(content, 1, never)).release();
    pool.trim();
    expect([pool.held(), used.bytes[0]]).toEqual([CHUNK_BYTES, 0]);
  });
});
