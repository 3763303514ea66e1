// How everything here reads a disk: bytes at a place, no more than are there, and never more in all than a bound. Pure.

/** Fewer bytes than asked for only where the disk ends. Rejects where the disk can not be read. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>;

/** A stretch of a disk: the whole of it, or a partition. */
export interface Region {
  readonly read: ReadAt;
  readonly size: number;
  /** Of its first byte on the disk. */
  readonly start: number;
}

/** As much was read as is ever read of one disk: what it says of itself leads nowhere. */
export class ReadBudgetSpent extends Error {
  override readonly name = 'ReadBudgetSpent';
}

export function regionOf({ read, size }: Pick<Region, 'read' | 'size'>, start: number, length: number): Region {
  const end = Math.max(start, Math.min(start + length, size));
  const within = end - start;
  return {
    start,
    size: within,
    read: (offset, wanted) =>
      offset < 0 || offset >= within || wanted <= 0
        ? Promise.resolve(new Uint8Array(0))
        : read(start + offset, Math.min(wanted, within - offset)),
  };
}

const BLOCK = 16 * 1024;
const BLOCKS_KEPT = 256;

/** Reads whole blocks, keeps the last few, since probes look at the same places; rejects with ReadBudgetSpent past the bound. */
export function blockwise(read: ReadAt, size: number, maxBytes: number): ReadAt {
  const kept = new Map<number, Uint8Array>();
  let left = maxBytes;

  async function blockAt(index: number): Promise<Uint8Array> {
    const found = kept.get(index);
    if (found !== undefined) return found;
    const length = Math.min(BLOCK, size - index * BLOCK);
    left -= length;
    if (left < 0) throw new ReadBudgetSpent(`more than ${maxBytes} bytes would have to be read`);
    const bytes = await read(index * BLOCK, length);
    if (kept.size >= BLOCKS_KEPT) for (const oldest of [...kept.keys()].slice(0, 1)) kept.delete(oldest);
    kept.set(index, bytes);
    return bytes;
  }

  return async (offset, length) => {
    const end = Math.min(offset + length, size);
    if (offset < 0 || end <= offset) return new Uint8Array(0);
    const parts: Uint8Array[] = [];
    for (let at = offset; at < end; ) {
      const index = Math.floor(at / BLOCK);
      const within = at - index * BLOCK;
      const block = await blockAt(index);
      const part = block.subarray(within, within + end - at);
      if (part.length === 0) break; // the disk ended before its size
      parts.push(part);
      at += part.length;
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  };
}
