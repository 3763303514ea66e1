// The bytes of an image on their way: received, summed up, unpacked and written, each beside the others. It ends when all but the head is
// on the disk and the sum is what it should be.

import { pipeline } from 'node:stream/promises';
import { fail } from '../../errors.ts';
import type { BlockDevice } from '../../writing/block-device.ts';
import type { CommandContext } from '../types.ts';
import { ALL, BlockRing, type Gap, type Layout, type Piece, pieces, type Sealed } from './blocks.ts';
import { createInflater, type Packing } from './inflate.ts';
import { isQcow2 } from './qcow2-codec.ts';
import { type Qcow2Map, writeQcow2 } from './qcow2-stream.ts';
import type { Source } from './source.ts';
import { createSumming, type Summing } from './summing.ts';
import type { ImageWriter } from './writer.ts';

/** The disk takes what is written in the order of the stream; the rest of the share is for what follows. */
export const STREAM_SHARE = 0.95;
const PROGRESS_MS = 500;

export interface Body {
  readonly args: { readonly checksum: string | null; readonly disk: { readonly title: string } };
  readonly context: CommandContext;
  readonly source: Pick<Source, 'length'>;
  readonly device: Pick<BlockDevice, 'size'>;
  readonly stream: AsyncGenerator<Buffer>;
  /** What was read of it before the disk was opened. */
  readonly first: Buffer;
  readonly packing: Packing;
  /** Of a qcow2. */
  readonly map: Qcow2Map | undefined;
  /** Where the bytes of the stream belong; undefined: it is all of the image. */
  readonly layout?: Layout | undefined;
  readonly writer: ImageWriter;
}

/** Bytes of the disk that the image is of. */
export async function writeBody(body: Body): Promise<number> {
  const { args, map, packing, writer, layout = ALL } = body;
  const ring = new BlockRing();
  const wanted = wantedOf(args.checksum, layout);
  const summing = wanted === null ? undefined : createSumming(wanted.algorithm, ring.memory);
  try {
    const summed = summedUp(pieces(meter(body), ring, layout), summing, wanted?.sealed === undefined);
    const bytes = await writePieces(body, summed);
    await ring.settled();
    await writer.finish();
    if (wanted !== null && summing !== undefined) await checkSum(wanted, summing);
    if (map !== undefined || !isQcow2(writer.head)) return bytes;
    throw fail('agent.image_failed', {
      message: `the image is ${packing} around qcow2, whose tables can not be read ahead`,
      hint: 'Give the qcow2 itself (it can be compressed inside: qemu-img convert -c), or a raw image packed with zstd.',
    });
  } finally {
    // What is being written is written from the ring's memory, which lives as long as that; the thread ends at once.
    await summing?.close();
  }
}

async function writePieces(body: Body, summed: AsyncGenerator<Piece | Gap>): Promise<number> {
  const { map, packing, writer } = body;
  if (map !== undefined) {
    await writeQcow2(map, withoutGaps(summed), writer);
    return map.image.size;
  }
  const inflater = await createInflater(packing);
  if (inflater === undefined) return writePlain(body, summed);
  let at = 0;
  const put = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      refuseBeyond(body, at + chunk.length);
      await writer.put(at, chunk);
      at += chunk.length;
    }
  };
  try {
    await pipeline(copies(withoutGaps(summed)), inflater, put);
  } catch (error) {
    // A stream that was cut says what cut it; only zlib's own words need ours.
    if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(?:Z_|ZSTD_|ERR_ZLIB)/.test(error.code))
      throw fail('agent.image_failed', { message: `the image can not be unpacked as ${packing}: ${error.message}`, cause: error });
    throw error;
  }
  return at;
}

async function writePlain(body: Body, summed: AsyncGenerator<Piece | Gap>): Promise<number> {
  const { writer } = body;
  let end = 0;
  for await (const one of summed) {
    end = one.offset + ('zeroes' in one ? one.zeroes : one.bytes.length);
    refuseBeyond(body, end);
    if ('zeroes' in one) await writer.zero(one.offset, one.zeroes);
    else await writer.place(one.offset, one.bytes, one.hold);
  }
  return end;
}

function refuseBeyond({ device, args }: Body, end: number): void {
  if (end > device.size)
    throw fail('agent.image_failed', { message: `the image is larger than ${args.disk.title} of ${device.size} bytes` });
}

interface Wanted {
  readonly algorithm: string;
  readonly sum: string;
  /** The sum is of what comes, and not of the zeroes between. */
  readonly sealed?: Sealed | undefined;
}

/**
 * The appliance has read the very file that is wanted, and sealed which of its parts are zero: then these are not summed up again, which
 * would take longer than all the rest. Of a file with another checksum, or one by another algorithm, every byte counts.
 */
function wantedOf(checksum: string | null, { sealed }: Layout): Wanted | null {
  if (checksum === null) return null;
  if (sealed?.checksum === checksum) return { algorithm: 'sha256', sum: sealed.seal, sealed };
  const [algorithm = '', sum = ''] = checksum.split(':');
  return { algorithm, sum };
}

/** Every byte of the image once, in order; `isWhole`: also those that nobody sent. */
async function* summedUp(all: AsyncIterable<Piece | Gap>, summing: Summing | undefined, isWhole: boolean): AsyncGenerator<Piece | Gap> {
  for await (const one of all) {
    if (summing !== undefined) {
      if (!('zeroes' in one)) one.hold(summing.update(one.bytes));
      else if (isWhole) summing.zeroes(one.zeroes);
    }
    yield one;
  }
}

async function* withoutGaps(all: AsyncIterable<Piece | Gap>): AsyncGenerator<Piece> {
  for await (const one of all) {
    if ('zeroes' in one) throw new TypeError('only a plain image has gaps');
    yield one;
  }
}

/** Whoever unpacks says nowhere when a piece is no longer needed: it gets its own. */
async function* copies(all: AsyncIterable<Piece>): AsyncGenerator<Buffer> {
  for await (const { bytes } of all) yield Buffer.from(bytes);
}

/** Every byte that comes goes through here once: counted and said. */
async function* meter({ context, source, first, stream }: Body): AsyncGenerator<Buffer> {
  const { clock } = context;
  const begun = clock.monotonic();
  let count = 0;
  let saidAt = -PROGRESS_MS;
  async function* all(): AsyncGenerator<Buffer> {
    if (first.length > 0) yield first;
    yield* stream;
  }
  for await (const chunk of all()) {
    count += chunk.length;
    yield chunk;
    const now = clock.monotonic();
    if (now - saidAt < PROGRESS_MS) continue;
    saidAt = now;
    const rate = count / 2 ** 20 / Math.max((now - begun) / 1000, 0.001);
    const of = source.length === null ? '' : ` of ${mib(source.length)}`;
    context.progress(
      source.length === null ? 0 : (STREAM_SHARE * count) / source.length,
      `${mib(count)}${of} MiB, ${rate.toFixed(0)} MiB/s`,
    );
  }
}

export function mib(bytes: number): string {
  return String(Math.round(bytes / 2 ** 20));
}

async function checkSum({ algorithm, sum, sealed }: Wanted, summing: Summing): Promise<void> {
  if (sealed !== undefined) summing.text(sealed.text);
  const seen = await summing.digest();
  if (seen === sum) return;
  const [what, whose] =
    sealed === undefined ? ['the image is', 'its'] : ['the data of the image, with the list of where they belong, are', 'their'];
  throw fail('agent.image_failed', {
    message: `${what} not what was expected: ${whose} ${algorithm} is ${seen} and should be ${sum}; the disk has no partition table and starts nothing`,
    hint: 'Look at the image and its checksum; whoever changed one must change the other.',
  });
}
