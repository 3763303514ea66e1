// The bytes of an image in large blocks of memory that begin at a page and that other threads see: written from there and summed up from
// there without another copy. A block is filled again when everybody who holds it is done. Knows neither sums nor disks.

import { fail } from '../../errors.ts';
import { sharedBuffers } from '../../writing/aligned.ts';

/** Of one write and one turn of the sum: the calls cost nothing beside the bytes. */
const BLOCK = 2 * 2 ** 20;
/** 16 MiB in all: little in a machine with 1 GB, and enough that the network, the sum and the disk need not wait for each other. */
const COUNT = 8;

export interface Block {
  readonly bytes: Buffer;
  /** The bytes stay as they are until this is over. */
  readonly hold: (use: Promise<unknown>) => void;
}

/** Bytes of the image at their place in it. */
export interface Piece extends Block {
  readonly offset: number;
}

/** Zeroes of the image at their place in it, which nobody sends. */
export interface Gap {
  readonly offset: number;
  readonly zeroes: number;
}

export interface Run {
  readonly offset: number;
  readonly length: number;
}

/** Where in the image the bytes of a stream belong. */
export interface Layout {
  readonly runs: readonly Run[];
  /** Of the image; null: it ends where the stream does. */
  readonly bytes: number | null;
  /** Who made the list of these places of a file with that checksum has summed up the data alone too. */
  readonly sealed?: Sealed;
}

export interface Sealed {
  /** Of the whole file. */
  readonly checksum: string;
  /** SHA-256 of the data and of `text`. */
  readonly seal: string;
  /** What the list says. */
  readonly text: string;
}

export const ALL: Layout = { runs: [{ offset: 0, length: Number.POSITIVE_INFINITY }], bytes: null };

export class BlockRing {
  readonly memory: SharedArrayBuffer;
  readonly #blocks: readonly { readonly bytes: Buffer; readonly uses: Promise<unknown>[] }[];
  #next = 0;

  constructor() {
    const { memory, buffers } = sharedBuffers(COUNT, BLOCK);
    this.memory = memory;
    this.#blocks = buffers.map((bytes) => ({ bytes, uses: [] }));
  }

  /** Waits until nobody holds it any more; throws what one of them failed with. */
  async take(): Promise<Block> {
    const block = this.#blocks[this.#next];
    if (block === undefined) throw new TypeError('no block');
    this.#next = (this.#next + 1) % COUNT;
    await Promise.all(block.uses);
    block.uses.length = 0;
    return {
      bytes: block.bytes,
      hold: (use) => {
        use.catch(() => undefined); // thrown when the block is taken again, or at the end
        block.uses.push(use);
      },
    };
  }

  /** Nobody holds any. */
  async settled(): Promise<void> {
    await Promise.all(this.#blocks.flatMap(({ uses }) => uses));
  }
}

/** The stream, piece by piece at its places, and what lies between them. */
export async function* pieces(stream: AsyncIterable<Buffer>, ring: BlockRing, layout: Layout): AsyncGenerator<Piece | Gap> {
  const reader = new Reader(stream);
  try {
    let end = 0;
    for (const { offset, length } of layout.runs) {
      if (offset > end) yield { offset: end, zeroes: offset - end };
      end = offset + length;
      for (let at = offset; at < end; ) {
        const { bytes, hold } = await ring.take();
        const count = await reader.fill(bytes.subarray(0, Math.min(bytes.length, end - at)));
        if (count > 0) yield { offset: at, bytes: bytes.subarray(0, count), hold };
        at += count;
        if (count === bytes.length || at === end) continue;
        if (layout.bytes === null) return;
        throw fail('agent.image_failed', { message: `the data of the image end at ${at}, and should go on to ${end}` });
      }
    }
    if (layout.bytes !== null && layout.bytes > end) yield { offset: end, zeroes: layout.bytes - end };
  } finally {
    await reader.close();
  }
}

class Reader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** As many as there is room for, or as there are. */
  async fill(room: Buffer): Promise<number> {
    let used = 0;
    while (used < room.length) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) break;
        this.#rest = next.value;
      }
      const count = this.#rest.copy(room, used);
      this.#rest = this.#rest.subarray(count);
      used += count;
    }
    return used;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
