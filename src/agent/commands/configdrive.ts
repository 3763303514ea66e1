// write_configdrive: a small partition at the end of the disk that the order names, with the file system that the appliance made for it.
// Knows nothing of what is in it.

import { fail } from '../errors.ts';
import type { BlockDevice } from '../writing/block-device.ts';
import {
  ALIGN_BYTES,
  encodeGpt,
  GPT_TYPES,
  type Gpt,
  onDiskOf,
  partitionsOf,
  withoutPartition,
  withPartition,
} from '../writing/gpt-codec.ts';
import { decodeMbr, withEntry } from '../writing/mbr-codec.ts';
import { readGpt } from '../writing/tables.ts';
import { rereadTable } from './image/layout.ts';
import { openSource } from './image/source.ts';
import { namedDisk, refuseNameless } from './named-disk.ts';
import type { CommandContext, CommandHandler } from './types.ts';

/** As Ironic's: 64 MiB, and its name. */
const PARTITION_BYTES = 64 * 2 ** 20;
const PARTITION_NAME = 'config-2';

export const writeConfigdrive: CommandHandler<'write_configdrive'> = async ({ disk: ref, path }, context) => {
  refuseNameless([ref]);
  const disk = namedDisk(ref, context);
  // Refused before anybody is asked for the drive; which disk it is counts only when the drive is there.
  await disk.now();
  const image = await fetchImage(path, context);
  const { number, isBlock } = await disk.withDevice('writes', async (device) => {
    const place = await makeRoom(device, context);
    await writeInto(device, place, image);
    return { number: place.number, isBlock: device.isBlock };
  });
  if (isBlock) await rereadTable(context, await disk.pathToChange());
  return {
    message: `the config drive (${image.length} bytes) is in partition ${number} of ${ref.title}`,
    result: { partition: String(number) },
  };
};

async function fetchImage(path: string, context: CommandContext): Promise<Buffer> {
  const open = (headers: Readonly<Record<string, string>>, signal: AbortSignal) =>
    context.open(path, { isAppliance: true, headers, signal });
  const source = await openSource({ open, clock: context.clock, signal: context.signal, log: (line) => context.log(line) });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of source.bytes()) {
    length += chunk.length;
    if (length > PARTITION_BYTES) {
      source.close();
      throw fail('agent.image_failed', { message: `the config drive is larger than its partition of ${PARTITION_BYTES} bytes` });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

interface Place {
  readonly number: number;
  readonly offset: number;
  readonly bytes: number;
}

async function makeRoom(device: BlockDevice, context: CommandContext): Promise<Place> {
  const sectors = Math.floor(device.size / device.sectorSize);
  const gpt = await readGpt(device);
  if (gpt !== null) return inGpt(device, onDiskOf(gpt, sectors), sectors, context);
  const sector = await device.read(0, 512);
  const mbr = decodeMbr(sector);
  if (mbr === null || mbr.length === 0)
    throw fail('agent.image_failed', {
      message: 'the image has no partition table, so that there is no place for a config drive',
      hint: 'Use an image of a whole disk, or one that needs no config drive.',
    });
  const used = Math.max(...mbr.map(({ first, sectors: count }) => first + count));
  const place = endPlace(device, Math.min(sectors, 2 ** 32 - 1), used);
  const added = withEntry(sector, { type: 0x83, first: place.first, sectors: place.count });
  if (added === null)
    throw fail('agent.image_failed', { message: 'the partition table of the image (MBR) has no free entry for a config drive' });
  await device.write(0, added.bytes);
  return { number: added.number, offset: place.first * device.sectorSize, bytes: place.count * device.sectorSize };
}

/** One of an earlier try, or of the image, is replaced. */
async function inGpt(device: BlockDevice, gpt: Gpt, sectors: number, { random }: CommandContext): Promise<Place> {
  const old = partitionsOf(gpt).find(({ name }) => name === PARTITION_NAME);
  const table = old === undefined ? gpt : withoutPartition(gpt, old.number);
  const used = Math.max(table.firstUsable, ...partitionsOf(table).map(({ last }) => last + 1));
  const { first, count } = endPlace(device, table.lastUsable + 1, used);
  const entry = { type: GPT_TYPES.linuxData, guid: random.uuid(), first, last: first + count - 1, name: PARTITION_NAME };
  const added = withPartition(table, entry);
  if (added === null)
    throw fail('agent.image_failed', { message: 'the partition table of the image has no free entry for a config drive' });
  for (const { offset, bytes } of encodeGpt(added.gpt, sectors, await device.read(0, device.sectorSize))) await device.write(offset, bytes);
  return { number: added.number, offset: first * device.sectorSize, bytes: count * device.sectorSize };
}

function endPlace({ sectorSize }: BlockDevice, end: number, used: number): { readonly first: number; readonly count: number } {
  const [align, count] = [ALIGN_BYTES / sectorSize, PARTITION_BYTES / sectorSize];
  const first = Math.floor((end - count) / align) * align;
  if (first >= used) return { first, count };
  throw fail('agent.image_failed', {
    message: `the partitions of the image leave no ${PARTITION_BYTES / 2 ** 20} MiB at the end of the disk for a config drive`,
    hint: 'Use a smaller image or a larger disk.',
  });
}

async function writeInto(device: BlockDevice, { offset, bytes }: Place, image: Buffer): Promise<void> {
  await device.write(offset, Buffer.concat([image, Buffer.alloc(Math.min(ALIGN_BYTES, bytes - image.length))]));
  await device.sync();
  const back = await device.read(offset, image.length);
  if (!back.equals(image)) throw fail('agent.disk_failed', { message: `${device.path} gives something else back than the config drive` });
}
