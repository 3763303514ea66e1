// The partition table of BIOS machines: four entries in the first sector, and a chain of more within an extended one. Pure.

import type { Partition } from '../../inspect/disk-contents.ts';
import { isAll, u8, u16le, u32le } from './bytes.ts';
import { fatLayout } from './dos-fs-codec.ts';
import type { Table } from './gpt-codec.ts';
import { MBR_EXTENDED, MBR_PROTECTIVE, MBR_TYPES } from './partition-types.ts';
import type { Region } from './read-at.ts';

const SECTOR = 512;
const ENTRIES_AT = 446;
const ENTRY = 16;
const LOGICAL_MAX = 128;

/** Asked only where neither header of a GPT is there. */
const LOST_GPT = 'its partition table (GPT) is lost: only the entry that protects it is left';

interface Entry {
  readonly index: number;
  readonly isActive: number;
  readonly type: number;
  readonly first: number;
  readonly sectors: number;
}

/** Undefined: no table; a boot sector of a file system ends in the same two bytes. */
export async function readMbr(region: Region): Promise<Table | undefined> {
  const sector = await region.read(0, SECTOR);
  if (!isSigned(sector)) return undefined;
  const entries = entriesOf(sector);
  const disk = u32le(sector, 440);
  if (!entries.every((entry) => isPlausible(entry, region.size))) return undefined;
  const used = entries.filter(({ type }) => type !== 0);
  if (used.length === 0 && (disk === 0 || isFileSystem(sector))) return undefined;
  const uuid = disk === 0 ? null : disk.toString(16).padStart(8, '0');
  const partitions = used.map((entry) => partitionOf(entry, { number: entry.index + 1, base: 0, disk }));
  const extended = used.find(({ type }) => MBR_EXTENDED.has(type));
  const { logical, damage } = extended === undefined ? { logical: [], damage: null } : await readLogical(region, extended, disk);
  const isLost = used.some(({ type }) => type === MBR_PROTECTIVE);
  return { table: 'mbr', uuid, partitions: [...partitions, ...logical], damage: isLost ? LOST_GPT : damage };
}

/** Each link has one partition, from itself on, and the next link, from the extended partition's start on. */
async function readLogical(
  region: Region,
  extended: Entry,
  disk: number,
): Promise<{ readonly logical: readonly Partition[]; readonly damage: string | null }> {
  const logical: Partition[] = [];
  const seen = new Set<number>();
  let link = extended.first;
  while (!seen.has(link) && seen.size < LOGICAL_MAX) {
    seen.add(link);
    const sector = await region.read(link * SECTOR, SECTOR);
    if (!isSigned(sector)) return { logical, damage: 'its chain of logical partitions is broken' };
    const entries = entriesOf(sector).filter(({ type }) => type !== 0);
    const own = entries.find(({ type }) => !MBR_EXTENDED.has(type));
    if (own !== undefined) logical.push(partitionOf(own, { number: 5 + logical.length, base: link, disk }));
    const next = entries.find(({ type }) => MBR_EXTENDED.has(type));
    if (next === undefined || next.first === 0) return { logical, damage: null };
    link = extended.first + next.first;
  }
  return { logical, damage: 'its chain of logical partitions has no end' };
}

function entriesOf(sector: Uint8Array): readonly Entry[] {
  return Array.from({ length: 4 }, (_, index) => {
    const at = ENTRIES_AT + index * ENTRY;
    return {
      index,
      isActive: u8(sector, at),
      type: u8(sector, at + 4),
      first: u32le(sector, at + 8),
      sectors: u32le(sector, at + 12),
    };
  });
}

function isPlausible({ isActive, type, first, sectors }: Entry, size: number): boolean {
  if (isActive !== 0 && isActive !== 0x80) return false;
  return type === 0 || (first > 0 && sectors > 0 && first * SECTOR < size);
}

function isSigned(sector: Uint8Array): boolean {
  return sector.length === SECTOR && u16le(sector, 510) === 0xaa55;
}

function isFileSystem(sector: Uint8Array): boolean {
  return fatLayout(sector) !== undefined || !isAll(sector.subarray(3, 11), 0);
}

function partitionOf({ type, first, sectors }: Entry, at: { number: number; base: number; disk: number }): Partition {
  const number = at.number.toString(16).padStart(2, '0');
  return {
    number: at.number,
    start: (at.base + first) * SECTOR,
    size: sectors * SECTOR,
    type: `0x${type.toString(16).padStart(2, '0')}`,
    typeName: MBR_TYPES[type] ?? null,
    label: null,
    // As udev has it in ID_PART_ENTRY_UUID.
    uuid: at.disk === 0 ? null : `${at.disk.toString(16).padStart(8, '0')}-${number}`,
  };
}
