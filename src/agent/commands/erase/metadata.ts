// What makes a disk look like something: partition tables at both ends, and the places where file systems, pools, arrays and volumes write
// who they are. Erases those and looks again. What is between them stays, and nothing finds it.

import type { DiskContents } from '../../../inspect/disk-contents.ts';
import { fail } from '../../errors.ts';
import type { BlockDevice } from '../../writing/block-device.ts';

export interface Range {
  readonly offset: number;
  readonly length: number;
}

const MIB = 2 ** 20;
/** ZFS has two labels of 256 KiB at each end, md 0.90 its block in the last 128 KiB, GPT 17 KiB: 4 MiB hold all of them. */
const END_BYTES = 4 * MIB;
/** Copies that lie elsewhere: btrfs' second and third superblock (btrfs on-disk format, "Superblock"). */
const FAR_COPIES = [64 * MIB, 256 * 2 ** 30] as const;
const SIGNATURE_BYTES = 8192;
const ALIGN = 4096;

/** Partitions first, the disk's own ends last: a disk that was cut off half-way still says less than before, and nothing new. */
export function metadataRanges({ size, partitions, signatures }: Pick<DiskContents, 'size' | 'partitions' | 'signatures'>): Range[] {
  const within = partitions.flatMap((one) => endsOf(one.start, Math.min(one.size, size - one.start)));
  const signed = signatures.map(({ offset }) => ({ offset: Math.floor(offset / ALIGN) * ALIGN, length: SIGNATURE_BYTES }));
  const all = [...within, ...signed, ...endsOf(0, size).reverse()];
  return all
    .map(({ offset, length }) => ({ offset, length: Math.min(length, size - offset) }))
    .filter(({ offset, length }) => offset >= 0 && length > 0);
}

function endsOf(start: number, size: number): Range[] {
  const length = Math.min(END_BYTES, size);
  const far = FAR_COPIES.filter((at) => at + ALIGN <= size).map((at) => ({ offset: start + at, length: ALIGN }));
  return [{ offset: start, length }, ...far, { offset: start + size - length, length }];
}

/** Written, on the disk, read back. */
export async function eraseRanges(device: BlockDevice, ranges: readonly Range[], signal: AbortSignal): Promise<void> {
  for (const { offset, length } of ranges) {
    signal.throwIfAborted();
    await device.write(offset, Buffer.alloc(length));
  }
  await device.sync();
  for (const { offset, length } of ranges) {
    const bytes = await device.read(offset, length);
    if (bytes.some((byte) => byte !== 0))
      throw fail('agent.disk_failed', { message: `${device.path} took zeroes at byte ${offset} and gives something else back` });
  }
}

/** What is still recognised, in words; undefined: nothing. */
export function remainsOf({ table, partitions, signatures, unread }: DiskContents): string | undefined {
  const left = [
    ...(table === null ? [] : [`a partition table (${table})`]),
    ...(partitions.length === 0 ? [] : [`${partitions.length} partitions`]),
    ...signatures.map(({ about }) => about),
    ...(unread === null ? [] : [`what could not be read (${unread})`]),
  ];
  return left.length === 0 ? undefined : left.slice(0, 4).join(', ');
}
