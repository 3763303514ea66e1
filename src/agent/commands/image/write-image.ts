// write_image: a disk image from a URL onto the one disk that the order names. What it is made of is beside it; here is the order of things.

import { createHash, type Hash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { fail } from '../../errors.ts';
import type { BlockDevice } from '../../writing/block-device.ts';
import { type NamedDisk, namedDisk } from '../named-disk.ts';
import { type CommandContext, type CommandHandler, CommandRefused, type Done } from '../types.ts';
import { createInflater, type Packing, packingOf } from './inflate.ts';
import { fitTable, growFileSystem, rereadTable } from './layout.ts';
import { isQcow2 } from './qcow2-codec.ts';
import { readQcow2Map, writeQcow2 } from './qcow2-stream.ts';
import { findRootFs } from './root-fs.ts';
import { followRedirects, openSource, type Source, type SourceLimits } from './source.ts';
import { HEAD_BYTES, ImageWriter } from './writer.ts';

type Handler = CommandHandler<'write_image'>;
type Args = Parameters<Handler>[0];

/** What older systems left at both ends: boot loaders, labels of pools and arrays. */
const ENDS_BYTES = 4 * 2 ** 20;
/** The disk takes what is written in the order of the stream; the rest of the share is for what follows. */
const STREAM_SHARE = 0.95;
const PROGRESS_MS = 500;

export function createWriteImage(limits: Partial<SourceLimits> = {}): Handler {
  return async (args, context) => {
    const disk = namedDisk(args.disk, context);
    // A disk that is refused is refused without asking anybody for the image; which one it is counts only when the image is there.
    await disk.now();
    const source = await openImage(args, context, limits);
    try {
      const stream = source.bytes();
      const first = await atLeast(stream, 16);
      const work = await disk.withDevice('writes', (device, found) => {
        refuseTooLarge(source, args, found.disk.size);
        return writeAndVerify({ args, context, source, device, stream, first });
      });
      return await settle(args, context, disk, work);
    } finally {
      source.close();
    }
  };
}

function openImage(args: Args, context: CommandContext, limits: Partial<SourceLimits>): Promise<Source> {
  const { isAppliance } = args;
  const opened = (url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) =>
    context.open(url, { isAppliance, headers, signal });
  const open = isAppliance
    ? (headers: Readonly<Record<string, string>>, signal: AbortSignal) => opened(args.url, headers, signal)
    : followRedirects(args.url, opened);
  return openSource({ open, clock: context.clock, signal: context.signal, log: (line) => context.log(line), limits });
}

/** Before anything is written, where it can be known: what is packed says its size only when it is unpacked. */
function refuseTooLarge({ length }: Source, { compression, format, disk }: Args, size: number): void {
  if (compression === 'none' && format === 'raw' && length !== null && length > size)
    throw new CommandRefused(`the image has ${length} bytes, and ${disk.title} only ${size}`);
}

interface Job {
  readonly args: Args;
  readonly context: CommandContext;
  readonly source: Source;
  readonly device: BlockDevice;
  readonly stream: AsyncGenerator<Buffer>;
  /** What was read of it before the disk was opened. */
  readonly first: Buffer;
}

interface Written {
  readonly bytes: number;
  readonly written: number;
  readonly seconds: number;
  readonly grown: number | undefined;
  /** The kernel has nodes for its partitions. */
  readonly isBlock: boolean;
  readonly root: Awaited<ReturnType<typeof findRootFs>>;
}

async function writeAndVerify(job: Job): Promise<Written> {
  const { args, context, source, device, stream, first } = job;
  const { clock, log } = context;
  const begun = clock.monotonic();
  const packing = args.compression === 'auto' ? packingOf(first) : args.compression;
  const isMap = packing === 'none' && (args.format === 'qcow2' || (args.format === 'auto' && isQcow2(first)));
  // Of a map everything is known before the first write: a file that is none, or too large, is refused with the disk as it was.
  const map = isMap ? await mapOf(source, device) : undefined;
  if (!isMap && packing === 'none' && source.length !== null && source.length > device.size)
    throw new CommandRefused(`the image has ${source.length} bytes, and ${args.disk.title} only ${device.size}`);

  await clear(device, context);
  const hash = args.checksum === null ? undefined : createHash(args.checksum.slice(0, args.checksum.indexOf(':')));
  const writer = await ImageWriter.on(device, context.signal);
  let bytes: number;
  try {
    const counted = meter(job, first, stream, hash);
    if (map !== undefined) {
      await writeQcow2(map, counted, writer);
      bytes = map.image.size;
    } else {
      bytes = await writeRaw(job, counted, packing, writer);
    }
    await writer.finish();
    checkSum(args, hash);
    if (map === undefined && isQcow2(writer.head))
      throw fail('agent.image_failed', {
        message: `the image is ${packing} around qcow2, whose tables can not be read ahead`,
        hint: 'Give the qcow2 itself (it can be compressed inside: qemu-img convert -c), or a raw image packed with zstd.',
      });
    await writer.writeHead();
  } finally {
    await writer.close();
  }
  context.progress(STREAM_SHARE, 'the image is written and verified; fitting it to the disk');
  const grown = await fitTable({ device, run: context.run, clock, signal: context.signal, log: (line) => log(line) }, args.grow);
  const root = await findRootFs(device, grown);
  const named = root.uuid === null ? await findRootFs(device) : root;
  const seconds = (clock.monotonic() - begun) / 1000;
  return {
    bytes,
    written: writer.written,
    seconds,
    grown,
    isBlock: device.isBlock,
    root: { ...named, partition: root.partition ?? named.partition },
  };
}

async function mapOf(source: Source, device: BlockDevice) {
  if (source.takesRanges) return readQcow2Map((offset, length) => source.range(offset, length), device.size);
  throw fail('agent.image_failed', {
    message: 'the server of the qcow2 image gives no ranges of it, and its tables must be read before its data',
    hint: 'Put it on a server that does (nginx, Apache, Caddy, the appliance itself), or convert it to raw and pack it with zstd.',
  });
}

/** Both ends are zero, and what the disk need not keep it is told. */
async function clear(device: BlockDevice, { signal, log }: CommandContext): Promise<void> {
  if (device.discards && !device.isRotational) {
    try {
      await device.discard(0, device.size, signal);
    } catch {
      signal.throwIfAborted();
      log('the disk does not take a discard of all of it; it is overwritten as it is');
    }
  }
  const ends = Math.min(ENDS_BYTES, device.size);
  await device.write(device.size - ends, Buffer.alloc(ends));
  await device.write(0, Buffer.alloc(Math.min(ends, HEAD_BYTES)));
  await device.sync();
}

async function writeRaw(job: Job, bytes: AsyncGenerator<Buffer>, packing: Packing, writer: ImageWriter): Promise<number> {
  const { device, args } = job;
  let at = 0;
  const put = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) {
      if (at + chunk.length > device.size)
        throw fail('agent.image_failed', { message: `the image is larger than ${args.disk.title} of ${device.size} bytes` });
      await writer.put(at, chunk);
      at += chunk.length;
    }
  };
  const inflater = await createInflater(packing);
  if (inflater === undefined) await put(bytes);
  else {
    try {
      await pipeline(bytes, inflater, put);
    } catch (error) {
      // A stream that was cut says what cut it; only zlib's own words need ours.
      if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(?:Z_|ZSTD_|ERR_ZLIB)/.test(error.code))
        throw fail('agent.image_failed', { message: `the image can not be unpacked as ${packing}: ${error.message}`, cause: error });
      throw error;
    }
  }
  return at;
}

/** Every byte of the file goes through here once: counted, summed up, said. */
async function* meter(job: Job, first: Buffer, rest: AsyncGenerator<Buffer>, hash: Hash | undefined): AsyncGenerator<Buffer> {
  const { context, source } = job;
  const { clock } = context;
  const begun = clock.monotonic();
  let count = 0;
  let saidAt = -PROGRESS_MS;
  async function* all(): AsyncGenerator<Buffer> {
    if (first.length > 0) yield first;
    yield* rest;
  }
  for await (const chunk of all()) {
    hash?.update(chunk);
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

function mib(bytes: number): string {
  return String(Math.round(bytes / 2 ** 20));
}

async function atLeast(stream: AsyncGenerator<Buffer>, count: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let length = 0; length < count; ) {
    const next = await stream.next();
    if (next.done === true) break;
    parts.push(next.value);
    length += next.value.length;
  }
  const bytes = Buffer.concat(parts);
  if (bytes.length === 0) throw fail('agent.image_failed', { message: 'the image is empty' });
  return bytes;
}

function checkSum({ checksum }: Args, hash: Hash | undefined): void {
  if (checksum === null || hash === undefined) return;
  const [algorithm, wanted] = checksum.split(':');
  const seen = hash.digest('hex');
  if (seen === wanted) return;
  throw fail('agent.image_failed', {
    message: `the image is not what was expected: its ${algorithm} is ${seen} and should be ${wanted}; the disk has no partition table and starts nothing`,
    hint: 'Look at the image and its checksum; whoever changed one must change the other.',
  });
}

/** The disk is closed: the kernel may look at it. */
async function settle(args: Args, context: CommandContext, disk: NamedDisk, work: Written): Promise<Done<'write_image'>> {
  const { run, clock, signal, log } = context;
  const say = (line: string): void => log(line);
  if (work.isBlock) await rereadTable({ run, clock, signal }, await disk.pathToChange());
  const type = work.root.partition === work.grown ? work.root.type : null;
  const words =
    work.grown === undefined || !work.isBlock
      ? ''
      : `; ${await growFileSystem({ run, clock, signal, log: say }, await disk.pathToChange(), work.grown, type)}`;
  const rate = work.bytes / 2 ** 20 / Math.max(work.seconds, 0.001);
  return {
    message: `${mib(work.bytes)} MiB are on ${args.disk.title}, ${mib(work.written)} of them written, in ${work.seconds.toFixed(1)} s (${rate.toFixed(0)} MiB/s)${words}`,
    result: { bytes: work.bytes, written: work.written, seconds: work.seconds, disk: args.disk.title, rootUuid: work.root.uuid },
  };
}
