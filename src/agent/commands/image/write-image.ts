// write_image: a disk image from a URL onto the one disk that the order names. What it is made of is beside it; here is the order of things.

import { contentItems } from '../../../inspect/disk-contents.ts';
import { fail } from '../../errors.ts';
import type { BlockDevice } from '../../writing/block-device.ts';
import { type NamedDisk, namedDisk, refuseNameless } from '../named-disk.ts';
import { type CommandContext, type CommandHandler, CommandRefused, type Done } from '../types.ts';
import type { Layout } from './blocks.ts';
import { mib, STREAM_SHARE, writeBody } from './body.ts';
import { packingOf } from './inflate.ts';
import { fitTable, growFileSystem, rereadTable } from './layout.ts';
import { isQcow2 } from './qcow2-codec.ts';
import { readQcow2Map } from './qcow2-stream.ts';
import { findRootFs } from './root-fs.ts';
import { followRedirects, openSource, type Source, type SourceLimits } from './source.ts';
import { openSparse } from './sparse.ts';
import { HEAD_BYTES, ImageWriter } from './writer.ts';

/** As many as an order may name. */
const ITEMS_MAX = 1024;

type Handler = CommandHandler<'write_image'>;
type Args = Parameters<Handler>[0];

/** What older systems left at both ends: boot loaders, labels of pools and arrays. */
const ENDS_BYTES = 4 * 2 ** 20;

export function createWriteImage(limits: Partial<SourceLimits> = {}): Handler {
  return async (args, context) => {
    refuseNameless([args.disk]);
    const disk = namedDisk(args.disk, context);
    // A disk that is refused is refused without asking anybody for the image; which one it is counts only when the image is there.
    await disk.now();
    const image = await openImage(args, context, limits);
    try {
      const work = await disk.withDevice('writes', (device, found) => {
        refuseTooLarge(image, args, found.disk.size);
        return writeAndVerify({ ...image, args, context, device });
      });
      return await settle(args, context, disk, work);
    } finally {
      image.source.close();
    }
  };
}

interface Image {
  readonly source: Source;
  readonly stream: AsyncGenerator<Buffer>;
  /** What was read of it before the disk was opened. */
  readonly first: Buffer;
  /** Only what is not zero comes, and goes there; undefined: all comes. */
  readonly layout: Layout | undefined;
}

async function openImage(args: Args, context: CommandContext, limits: Partial<SourceLimits>): Promise<Image> {
  const { isAppliance, url } = args;
  const opened = (where: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) =>
    context.open(where, { isAppliance, isReused: true, headers, signal });
  const parts = { clock: context.clock, signal: context.signal, log: (line: string) => context.log(line), limits };
  const mayBeRaw = (args.format === 'raw' || args.format === 'auto') && (args.compression === 'none' || args.compression === 'auto');
  if (isAppliance && mayBeRaw) {
    const sparse = await openSparse((part, headers, signal) => opened(`${url}?part=${part}`, headers, signal), parts);
    const image = sparse === null ? null : { ...sparse, ...(await begun(sparse.source)) };
    if (image !== null && isPlain(image, args)) return image;
    image?.source.close();
  }
  const open = isAppliance
    ? (headers: Readonly<Record<string, string>>, signal: AbortSignal) => opened(url, headers, signal)
    : followRedirects(url, opened);
  const source = await openSource({ ...parts, open });
  return { source, layout: undefined, ...(await begun(source)) };
}

async function begun(source: Source): Promise<Pick<Image, 'stream' | 'first'>> {
  try {
    const stream = source.bytes();
    return { stream, first: await atLeast(stream, 16) };
  } catch (error) {
    source.close();
    throw error;
  }
}

/** Neither packed nor a map of a disk, as what begins with zeroes can not be. */
function isPlain({ first, layout }: Image, { format, compression }: Args): boolean {
  if (layout?.runs[0]?.offset !== 0) return true;
  return (compression === 'none' || packingOf(first) === 'none') && (format === 'raw' || !isQcow2(first));
}

/** Before anything is written, where it can be known: what is packed says its size only when it is unpacked. */
function refuseTooLarge(image: Image, { compression, format, disk }: Args, size: number): void {
  const bytes = bytesOf(image);
  if (compression === 'none' && format === 'raw' && bytes !== null && bytes > size)
    throw new CommandRefused(`the image has ${bytes} bytes, and ${disk.title} only ${size}`);
}

function bytesOf({ source, layout }: Image): number | null {
  return layout === undefined ? source.length : layout.bytes;
}

interface Job extends Image {
  readonly args: Args;
  readonly context: CommandContext;
  readonly device: BlockDevice;
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
  const { args, context, source, device, first, layout } = job;
  const { clock, log } = context;
  const begun = clock.monotonic();
  const packing = layout !== undefined ? 'none' : args.compression === 'auto' ? packingOf(first) : args.compression;
  const isMap = layout === undefined && packing === 'none' && (args.format === 'qcow2' || (args.format === 'auto' && isQcow2(first)));
  // Of a map everything is known before the first write: a file that is none, or too large, is refused with the disk as it was.
  const map = isMap ? await mapOf(source, device) : undefined;
  const whole = bytesOf(job);
  if (!isMap && packing === 'none' && whole !== null && whole > device.size)
    throw new CommandRefused(`the image has ${whole} bytes, and ${args.disk.title} only ${device.size}`);

  await clear(device, context);
  const writer = await ImageWriter.on(device, context.signal);
  let bytes: number;
  try {
    bytes = await writeBody({ ...job, packing, map, writer });
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

async function atLeast(stream: AsyncGenerator<Buffer>, count: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let length = 0; length < count; ) {
    const next = await stream.next();
    if (next.done === true) break;
    parts.push(Buffer.from(next.value)); // see OpenOptions.isReused
    length += next.value.length;
  }
  const bytes = Buffer.concat(parts);
  if (bytes.length === 0) throw fail('agent.image_failed', { message: 'the image is empty' });
  return bytes;
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
  const { disk: on, contents } = await disk.now();
  const identity = { serial: on.serial, wwn: on.wwn, size: on.size, byPath: on.by_path };
  const rate = work.bytes / 2 ** 20 / Math.max(work.seconds, 0.001);
  return {
    message: `${mib(work.bytes)} MiB are on ${args.disk.title}, ${mib(work.written)} of them written, in ${work.seconds.toFixed(1)} s (${rate.toFixed(0)} MiB/s)${words}`,
    result: {
      bytes: work.bytes,
      written: work.written,
      seconds: work.seconds,
      disk: args.disk.title,
      rootUuid: work.root.uuid,
      on: identity,
      ...(contents.unread === null ? { holds: contentItems(contents).slice(0, ITEMS_MAX) } : {}),
    },
  };
}
