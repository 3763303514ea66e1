// GUID partition tables (UEFI 2.10 §5.3): the one at the start, or its backup at the end where that one is damaged. Pure.

import { crc32 } from 'node:zlib';
import type { Partition } from '../../inspect/disk-contents.ts';
import { guidAt, hasText, place, textAt, u32le, u64le } from './bytes.ts';
import { GPT_TYPES } from './partition-types.ts';
import type { Region } from './read-at.ts';

const SECTORS = [512, 4096] as const;
const HEADER_MIN = 92;
const ENTRIES_MAX_BYTES = 1024 * 1024;
export const PARTITIONS_MAX = 256;
const NUMBER_MAX = 1024;

export interface Table {
  readonly table: 'gpt' | 'mbr';
  readonly uuid: string | null;
  readonly partitions: readonly Partition[];
  /** What of it can not be believed. */
  readonly damage: string | null;
}

export async function readGpt(region: Region): Promise<Table | undefined> {
  let isSeen = false;
  for (const sector of SECTORS) {
    const places = [sector, Math.floor(region.size / sector) * sector - sector];
    for (const offset of places) {
      const header = await region.read(offset, sector);
      if (header.length < sector || !hasText(header, 0, 'EFI PART')) continue;
      isSeen = true;
      const table = await tableAt(region, header, { sector, offset });
      if (table !== undefined) return table;
    }
  }
  return isSeen
    ? { table: 'gpt', uuid: null, partitions: [], damage: 'its partition table (GPT) is damaged: neither copy is whole' }
    : undefined;
}

async function tableAt(region: Region, header: Uint8Array, at: { sector: number; offset: number }): Promise<Table | undefined> {
  const { sector, offset } = at;
  const size = u32le(header, 12);
  if (size < HEADER_MIN || size > sector || crcOf(header.subarray(0, size), 16) !== u32le(header, 16)) return undefined;
  if (u64le(header, 24) !== BigInt(offset / sector)) return undefined;
  const [entriesAt, count, entrySize] = [place(u64le(header, 72)), u32le(header, 80), u32le(header, 84)];
  const length = count * entrySize;
  if (entrySize < 128 || entrySize % 8 !== 0 || length > ENTRIES_MAX_BYTES || entriesAt <= 0) return undefined;
  const entries = await region.read(entriesAt * sector, length);
  if (entries.length < length || crc32(entries) !== u32le(header, 88)) return undefined;
  const all = Array.from({ length: Math.min(count, NUMBER_MAX) }, (_, index) =>
    partitionOf(entries.subarray(index * entrySize, (index + 1) * entrySize), index + 1, { sector, size: region.size }),
  ).filter((one) => one !== undefined);
  return {
    table: 'gpt',
    uuid: guidAt(header, 56),
    partitions: all.slice(0, PARTITIONS_MAX),
    damage: all.length > PARTITIONS_MAX ? `it has ${all.length} partitions` : null,
  };
}

/** The checksum is taken with its own place zero. */
function crcOf(bytes: Uint8Array, at: number): number {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(0, at);
  return crc32(copy);
}

function partitionOf(entry: Uint8Array, number: number, disk: { sector: number; size: number }): Partition | undefined {
  const type = guidAt(entry, 0);
  if (type === null) return undefined;
  const [first, last] = [place(u64le(entry, 32)), place(u64le(entry, 40))];
  const [start, end] = [first * disk.sector, (last + 1) * disk.sector];
  // One that lies beyond the disk is shown where it ends: it is there, and cannot be read.
  const isWithin = first > 0 && last >= first && end <= Number.MAX_SAFE_INTEGER;
  return {
    number,
    start: isWithin ? start : 0,
    size: isWithin ? end - start : 0,
    type,
    typeName: GPT_TYPES[type] ?? null,
    label: textAt(entry, 56, 72, 'utf16le'),
    uuid: guidAt(entry, 16),
  };
}
