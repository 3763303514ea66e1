// Puts the bytes of an image on a disk: in large aligned writes past the page cache, while the next are being received. The first MiB is
// held back until somebody says that the image is what it should be: until then there is nothing on the disk that anybody starts.

import { constants } from 'node:fs/promises';
import { alignedBuffers } from '../../writing/aligned.ts';
import { type BlockDevice, writeAll } from '../../writing/block-device.ts';

/** Of one write; large enough that the calls cost nothing beside the bytes. */
const BLOCK = 2 * 2 ** 20;
/** So many are filled or on their way at once: a disk behind a queue need not wait for us, and 16 MiB are little in a machine with 1 GB. */
const DEPTH = 8;
/** Direct I/O takes memory from there on (dma_alignment of a queue is 511 or less; some file systems ask for more). */
const MEMORY_ALIGN = 4096;
/** Zeroes are looked for in pieces of this size. */
const PIECE = 64 * 1024;
export const HEAD_BYTES = 2 ** 20;
const ZERO_STRIDE = 2 ** 30;
const ZEROES = Buffer.alloc(PIECE);

interface Slot {
  readonly bytes: Buffer;
  busy: Promise<void>;
}

interface Sink {
  write(offset: number, bytes: Buffer): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export class ImageWriter {
  readonly #device: BlockDevice;
  readonly #signal: AbortSignal;
  readonly #sink: Sink;
  readonly #slots: readonly Slot[];
  #at = 0;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headUsed = 0;
  #start = 0;
  #length = 0;
  #failure: Error | undefined;
  readonly #flying = new Set<Promise<void>>();
  #zeroed = 0;
  #zeroesFast: boolean;
  /** Bytes that went over the wire to the disk. */
  written = 0;

  static async on(device: BlockDevice, signal: AbortSignal): Promise<ImageWriter> {
    return new ImageWriter(device, signal, await openSink(device));
  }

  private constructor(device: BlockDevice, signal: AbortSignal, sink: Sink) {
    this.#device = device;
    this.#signal = signal;
    this.#sink = sink;
    // A spinning disk that is told to zero writes every zero, and then the image over it.
    this.#zeroesFast = device.zeroesFast && !device.isRotational;
    this.#slots = alignedBuffers(DEPTH, BLOCK).map((bytes) => ({ bytes, busy: Promise.resolve() }));
  }

  /** In any order of places; what follows on the last is put together with it. */
  async put(offset: number, bytes: Buffer): Promise<void> {
    let [at, rest] = this.#afterHead(offset, bytes);
    while (rest.length > 0) {
      const blank = await this.#blankAt(at, rest);
      if (blank > 0) {
        [at, rest] = [at + blank, rest.subarray(blank)];
        continue;
      }
      if (this.#length > 0 && at !== this.#start + this.#length) await this.#flush();
      if (this.#length === 0) this.#start = at;
      // Blocks end at whole multiples, so that pieces of zero are found where file systems put them.
      const room = BLOCK - ((this.#start % BLOCK) + this.#length);
      const piece = this.#zeroesFast ? PIECE - (at % PIECE) : room;
      const count = rest.copy(this.#slot().bytes, this.#length, 0, Math.min(rest.length, piece, room));
      this.#length += count;
      [at, rest] = [at + count, rest.subarray(count)];
      if (count === room) await this.#flush();
    }
  }

  /** Written from where they are: `hold` is told until when they must stay. What lies askew is put in the other way. */
  async place(offset: number, bytes: Buffer, hold: (use: Promise<void>) => void): Promise<void> {
    const [at, rest] = this.#afterHead(offset, bytes);
    const { sectorSize } = this.#device;
    const whole = at % sectorSize === 0 && rest.byteOffset % MEMORY_ALIGN === 0 ? rest.length - (rest.length % sectorSize) : 0;
    if (whole > 0) {
      await this.#flush();
      await this.zeroUpTo(at + whole);
      this.#signal.throwIfAborted();
      const done = this.#writeRuns(at, rest.subarray(0, whole));
      this.#flying.add(done);
      hold(done);
      done.catch((error: unknown) => this.#fails(error)).finally(() => this.#flying.delete(done));
    }
    if (whole < rest.length) await this.put(at + whole, rest.subarray(whole));
  }

  #afterHead(offset: number, bytes: Buffer): [at: number, rest: Buffer] {
    if (offset >= HEAD_BYTES) return [offset, bytes];
    const count = bytes.copy(this.#head, offset, 0, Math.min(bytes.length, HEAD_BYTES - offset));
    this.#headUsed = Math.max(this.#headUsed, offset + count);
    return [offset + count, bytes.subarray(count)];
  }

  /** So many bytes from there are zero, and so is the disk: nothing to copy, nothing to send. */
  async #blankAt(at: number, bytes: Buffer): Promise<number> {
    if (!this.#zeroesFast || at % PIECE !== 0) return 0;
    let length = 0;
    while (length + PIECE <= bytes.length && bytes.compare(ZEROES, 0, PIECE, length, length + PIECE) === 0) length += PIECE;
    if (length === 0) return 0;
    await this.zeroUpTo(at + length);
    return Math.min(length, Math.max(0, this.#zeroed - at));
  }

  /** Reads as zero up to there, and what is zero need not be sent. */
  async zeroUpTo(end: number): Promise<void> {
    while (this.#zeroesFast && this.#zeroed < end) {
      const length = Math.min(ZERO_STRIDE, this.#device.size - this.#zeroed);
      try {
        await this.#device.zero(this.#zeroed, length, this.#signal);
        this.#zeroed += length;
      } catch {
        this.#signal.throwIfAborted();
        this.#zeroesFast = false; // it said it could: from here on zeroes are sent as all else
      }
    }
  }

  /** Zero there, whatever it takes. */
  async zero(offset: number, length: number): Promise<void> {
    const from = Math.max(offset, HEAD_BYTES);
    const end = Math.min(offset + length, this.#device.size);
    if (this.#zeroesFast) await this.zeroUpTo(end);
    const start = Math.max(from, this.#zeroed);
    if (start < end) await this.#device.zero(start, end - start, this.#signal);
  }

  /** All but the head is on the disk. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#settled();
    this.#check();
    await this.#sink.sync();
  }

  /** Now it is an image that can be started. */
  async writeHead(): Promise<void> {
    const bytes = Math.min(HEAD_BYTES, this.#device.size);
    await this.#device.write(0, this.#head.subarray(0, bytes));
    this.written += this.#headUsed;
    await this.#device.sync();
  }

  get head(): Buffer {
    return this.#head;
  }

  async close(): Promise<void> {
    await this.#settled();
    await this.#sink.close();
  }

  #slot(): Slot {
    const slot = this.#slots[this.#at];
    if (slot === undefined) throw new TypeError('no buffer');
    return slot;
  }

  async #settled(): Promise<void> {
    await Promise.allSettled([...this.#flying, ...this.#slots.map(({ busy }) => busy)]);
  }

  /** Begins to write what is full, and waits until the next buffer is free. */
  async #flush(): Promise<void> {
    if (this.#length === 0) return;
    const { sectorSize } = this.#device;
    const length = Math.ceil(this.#length / sectorSize) * sectorSize;
    const slot = this.#slot();
    slot.bytes.fill(0, this.#length, length);
    const start = this.#start;
    await this.zeroUpTo(start + length);
    this.#signal.throwIfAborted();
    slot.busy = this.#writeRuns(start, slot.bytes.subarray(0, length)).catch((error: unknown) => this.#fails(error));
    this.#length = 0;
    this.#at = (this.#at + 1) % DEPTH;
    await this.#slot().busy;
    this.#check();
  }

  async #writeRuns(start: number, block: Buffer): Promise<void> {
    const isZeroed = start + block.length <= this.#zeroed;
    for (const [from, to] of isZeroed ? runsOf(block) : [[0, block.length] as const]) {
      await this.#sink.write(start + from, block.subarray(from, to));
      this.written += to - from;
    }
  }

  /** Told at the next flush, and at the end. */
  #fails(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** The parts that are not zero. */
export function runsOf(block: Buffer): (readonly [from: number, to: number])[] {
  const runs: [number, number][] = [];
  for (let at = 0; at < block.length; at += PIECE) {
    const end = Math.min(at + PIECE, block.length);
    if (block.compare(ZEROES, 0, end - at, at, end) === 0) continue;
    const last = runs.at(-1);
    if (last?.[1] === at) last[1] = end;
    else runs.push([at, end]);
  }
  return runs;
}

/** O_DIRECT: 10 GB through the page cache of a machine with 1 GB stall everything else on it. Where it is not possible, through the cache. */
async function openSink(device: BlockDevice): Promise<Sink> {
  try {
    const handle = await device.reopen(constants.O_WRONLY | constants.O_DIRECT);
    const [probe] = alignedBuffers(1, 4096);
    try {
      if (probe === undefined) throw new TypeError('no buffer');
      await handle.write(probe.fill(0), 0, Math.max(device.sectorSize, 512), 0); // the head is zero until the end anyway
    } catch (error) {
      await handle.close();
      throw error;
    }
    return { write: (offset, bytes) => writeAll(handle, offset, bytes), sync: () => handle.datasync(), close: () => handle.close() };
  } catch {
    // A file system or driver without it (EINVAL): the cache it is, and the data is forced out at the end.
    return {
      write: (offset, bytes) => device.write(offset, bytes),
      sync: () => device.sync(),
      close: () => Promise.resolve(),
    };
  }
}
