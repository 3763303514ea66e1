// A bounded set of buffers, each holding one chunk of one content, shared by everybody who sends it: 500 machines that fetch one RAM
// system read each of its chunks once. Knows nothing of HTTP or files.

import type { ByteSource } from './servable.ts';

/** 64 KiB reads cost twenty times the CPU of 1 MiB ones on big files; smaller ones than this cost up to a half more (measured). */
export const CHUNK_BYTES = 1024 * 1024;

export interface ChunkLimits {
  /** Buffers at most, in use or kept. When all are in use, the next taker waits its turn. */
  readonly maxChunks: number;
  /** Reads at once. Below the four threads of the pool that every file of the process is read by, so that a slow disk leaves TFTP one. */
  readonly maxReads: number;
}

/** Equal keys are equal bytes: the key is a strong validator. */
export interface ChunkContent {
  readonly key: string;
  readonly size: number;
  readonly source: Pick<ByteSource, 'read'>;
}

export interface Chunk {
  readonly bytes: Buffer;
  /** Once, when the bytes are needed no longer: the buffer may be filled anew at once. */
  release(): void;
}

export interface ChunkPool {
  /** Waits for a buffer while all are in use; rejects with the signal's reason. */
  take(content: ChunkContent, index: number, signal: AbortSignal): Promise<Chunk>;
  /** The same for a taker that holds a chunk already and must not wait for more: undefined when all buffers are in use. */
  takeAhead(content: ChunkContent, index: number): Promise<Chunk> | undefined;
  /** Gives the memory of all buffers that nobody uses back. */
  trim(): void;
  /** Bytes held now, in use or kept. */
  held(): number;
}

interface Slot {
  readonly id: string;
  readonly buffer: Buffer;
  readonly bytes: Buffer;
  readonly filled: Promise<void>;
  users: number;
}

interface Waiter {
  readonly content: ChunkContent;
  readonly index: number;
  readonly give: (chunk: Promise<Chunk>) => void;
}

export function createChunkPool({ maxChunks, maxReads }: ChunkLimits): ChunkPool {
  /** In the order of last use. */
  const slots = new Map<string, Slot>();
  const free: Buffer[] = [];
  const waiters = new Set<Waiter>();
  const reads = createGate(maxReads);

  function find(content: ChunkContent, index: number): Slot | undefined {
    const id = `${index} ${content.key}`;
    const slot = slots.get(id);
    if (slot !== undefined) {
      slots.delete(id);
      slots.set(id, slot);
      return slot;
    }
    const buffer = freeBuffer();
    return buffer === undefined ? undefined : fill(id, content, index, buffer);
  }

  function fill(id: string, content: ChunkContent, index: number, buffer: Buffer): Slot {
    const position = index * CHUNK_BYTES;
    const bytes = buffer.subarray(0, Math.min(CHUNK_BYTES, content.size - position));
    const filled = reads.run(() => content.source.read(bytes, position));
    const slot: Slot = { id, buffer, bytes, filled, users: 0 };
    filled.catch(() => slots.delete(id)); // whoever waits for it is told; the next one reads again
    slots.set(id, slot);
    return slot;
  }

  function freeBuffer(): Buffer | undefined {
    const kept = free.pop();
    if (kept !== undefined) return kept;
    if (slots.size < maxChunks) return Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (const slot of slots.values()) {
      if (slot.users > 0) continue;
      slots.delete(slot.id);
      return slot.buffer;
    }
    return undefined;
  }

  async function use(slot: Slot): Promise<Chunk> {
    slot.users += 1;
    try {
      await slot.filled;
    } catch (thrown) {
      release(slot);
      throw thrown;
    }
    return { bytes: slot.bytes, release: () => release(slot) };
  }

  function release(slot: Slot): void {
    slot.users -= 1;
    if (slot.users > 0) return;
    // A slot whose read failed is no longer in the table: its buffer is free at once.
    if (slots.get(slot.id) !== slot) free.push(slot.buffer);
    serveWaiters();
  }

  /** First come first served, but for those whose chunk is there already. */
  function serveWaiters(): void {
    for (const waiter of waiters) {
      const slot = find(waiter.content, waiter.index);
      if (slot === undefined) continue;
      waiters.delete(waiter);
      waiter.give(use(slot));
    }
  }

  function wait(content: ChunkContent, index: number, signal: AbortSignal): Promise<Chunk> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        waiters.delete(waiter);
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      };
      const give = (chunk: Promise<Chunk>): void => {
        signal.removeEventListener('abort', abort);
        resolve(chunk);
      };
      const waiter: Waiter = { content, index, give };
      waiters.add(waiter);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  return {
    async take(content, index, signal) {
      signal.throwIfAborted();
      const slot = find(content, index);
      return slot === undefined ? wait(content, index, signal) : use(slot);
    },
    takeAhead(content, index) {
      if (waiters.size > 0) return undefined;
      const slot = find(content, index);
      return slot === undefined ? undefined : use(slot);
    },
    trim() {
      free.length = 0;
      for (const slot of slots.values()) if (slot.users === 0) slots.delete(slot.id);
    },
    held: () => (slots.size + free.length) * CHUNK_BYTES,
  };
}

/** So many at once; the others in the order they came. */
function createGate(width: number) {
  const queue: (() => void)[] = [];
  let running = 0;
  return {
    async run<T>(work: () => Promise<T>): Promise<T> {
      if (running >= width) await new Promise<void>((resolve) => queue.push(resolve));
      else running += 1;
      try {
        return await work();
      } finally {
        const next = queue.shift();
        if (next === undefined) running -= 1;
        else next(); // it takes over our place
      }
    },
  };
}
