// The initrd of an installer: its archives unpacked as they stream by, and packed anew with gzip. Proxmox's own preparation for network boot
// packs it with gzip too. Knows nothing of ISOs; reads through a function.

import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip, createZstdDecompress } from 'node:zlib';
import { messageOf } from '../../lib/index.ts';
import { align4, CPIO_HEADER_BYTES, type InitrdPart, initrdParts, type ReadAt, readCpioHead } from './initrd-codec.ts';

/** Unpacked; real ones have 200 to 400 MB. */
export const INITRD_MAX_BYTES = 2 ** 31;
const READ_BYTES = 1024 * 1024;

/** Why it can't be read, in words that follow "its initrd: ". */
export class InitrdFault extends Error {
  override readonly name = 'InitrdFault';
}

export interface Initrd {
  readonly parts: readonly InitrdPart[];
  /** All archives one after the other, without what they were packed with. */
  plain(from?: number): AsyncGenerator<Buffer>;
}

/** Rejects with InitrdFault. */
export async function openInitrd(readAt: ReadAt, bytes: number): Promise<Initrd> {
  const parts = await initrdParts(readAt, bytes);
  if (typeof parts === 'string') throw new InitrdFault(parts);
  return { parts, plain: (from = 0) => bounded(plainParts(readAt, parts.slice(from))) };
}

/**
 * For iPXE's machines: archives that lie unpacked at the beginning stay as they are (microcode is looked for there before anything is
 * unpacked), and all that follows, in its order, becomes one gzip.
 */
export async function* repacked(readAt: ReadAt, initrd: Initrd, bytes: number): AsyncGenerator<Buffer> {
  const { parts } = initrd;
  const isReady = parts.every(({ kind }) => kind !== 'zstd');
  if (isReady) {
    yield* ranged(readAt, 0, bytes);
    return;
  }
  const packed = parts.findIndex(({ kind }) => kind !== 'cpio');
  for (const part of parts.slice(0, packed)) yield* padded(ranged(readAt, part.start, part.end));
  yield* through(initrd.plain(packed), createGzip({ level: 6 }));
}

export interface InitrdEntry {
  /** Without a slash at the beginning. */
  readonly name: string;
  readonly bytes: number;
  /** Its first bytes, at most so many; once, and before the next entry is asked for. */
  read(maxBytes: number): Promise<Buffer>;
}

/** Every entry, in order; contents that nobody reads are passed over. */
export async function* entriesOfInitrd(initrd: Initrd): AsyncGenerator<InitrdEntry> {
  const source = new Reader(initrd.plain());
  try {
    while (await source.skipZeros()) {
      const head = readCpioHead(await source.take(CPIO_HEADER_BYTES));
      if (head === undefined || head.nameBytes > 4096) throw new InitrdFault('an archive in it is broken');
      const name = (await source.take(head.nameBytes)).toString('latin1').replace(/\0.*$/s, '');
      await source.skip(align4(CPIO_HEADER_BYTES + head.nameBytes) - CPIO_HEADER_BYTES - head.nameBytes);
      let left = align4(head.bytes);
      yield {
        name: name.replace(/^\.?\//, ''),
        bytes: head.bytes,
        read: async (maxBytes) => {
          const bytes = Math.min(head.bytes, maxBytes, left);
          left -= bytes;
          return source.take(bytes);
        },
      };
      await source.skip(left);
    }
  } finally {
    await source.close();
  }
}

async function* plainParts(readAt: ReadAt, parts: readonly InitrdPart[]): AsyncGenerator<Buffer> {
  for (const part of parts) {
    const bytes = ranged(readAt, part.start, part.end);
    const unpacked = part.kind === 'cpio' ? bytes : through(bytes, part.kind === 'zstd' ? createZstdDecompress() : createGunzip());
    yield* padded(archive(unpacked, part));
  }
}

/** What was packed must be an archive: else the kernel would find nothing to start. */
async function* archive(source: AsyncIterable<Buffer>, { start }: InitrdPart): AsyncGenerator<Buffer> {
  let isFirst = true;
  for await (const chunk of source) {
    if (isFirst && !/^07070[12]/.test(chunk.toString('latin1', 0, 6)))
      throw new InitrdFault(`what is packed at byte ${start} is no archive (cpio)`);
    isFirst = false;
    yield chunk;
  }
}

/** The kernel wants each archive at a multiple of four. */
async function* padded(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    yield chunk;
  }
  if (length % 4 !== 0) yield Buffer.alloc(4 - (length % 4));
}

async function* bounded(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > INITRD_MAX_BYTES) throw new InitrdFault(`it has more than ${INITRD_MAX_BYTES} bytes unpacked`);
    yield chunk;
  }
}

export async function* ranged(readAt: ReadAt, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; ) {
    const chunk = await readAt(at, Math.min(READ_BYTES, end - at));
    yield chunk;
    at += chunk.length;
  }
}

/** Ends with the source's fault when that is why it ended, else with the transform's. */
async function* through(source: AsyncIterable<Buffer>, transform: Transform): AsyncGenerator<Buffer> {
  const fed = pipeline(Readable.from(source, { objectMode: false }), transform);
  fed.catch(() => undefined); // looked at below
  try {
    for await (const chunk of transform) yield chunk as Buffer; // zlib's streams give buffers
    await fed;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && String(thrown.code).startsWith('Z'))
      throw new InitrdFault(`it can't be unpacked: ${messageOf(thrown)}`);
    throw thrown;
  } finally {
    transform.destroy();
  }
}

/** Takes so many bytes at a time from chunks of any size. */
class Reader {
  readonly #source: AsyncGenerator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncGenerator<Buffer>) {
    this.#source = source;
  }

  async take(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = bytes; left > 0; ) {
      if (this.#chunk.length === 0 && !(await this.#next())) throw new InitrdFault('an archive in it is cut off');
      parts.push(this.#chunk.subarray(0, left));
      left -= parts.at(-1)?.length ?? 0;
      this.#chunk = this.#chunk.subarray(parts.at(-1)?.length ?? 0);
    }
    return Buffer.concat(parts);
  }

  async skip(bytes: number): Promise<void> {
    for (let left = bytes; left > 0; ) {
      if (this.#chunk.length === 0 && !(await this.#next())) return;
      const now = Math.min(left, this.#chunk.length);
      this.#chunk = this.#chunk.subarray(now);
      left -= now;
    }
  }

  /** False at the end. */
  async skipZeros(): Promise<boolean> {
    for (;;) {
      const at = this.#chunk.findIndex((byte) => byte !== 0);
      if (at !== -1) {
        this.#chunk = this.#chunk.subarray(at);
        return true;
      }
      if (!(await this.#next())) return false;
    }
  }

  async close(): Promise<void> {
    await this.#source.return(undefined);
  }

  async #next(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#chunk = next.value;
    return true;
  }
}
