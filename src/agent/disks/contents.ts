// What is on one disk: its table, and every signature on the whole of it and in each partition. Reads bytes and nothing else; whatever the
// bytes are, it ends, with a bound on what is read, and says what it could not read. Pure but for the reading that is passed in.

import type { DiskContents, Partition, Signature } from '../../inspect/disk-contents.ts';
import type { Disk } from '../../inspect/inventory.ts';
import { messageOf } from '../../lib/index.ts';
import { sampleBlank } from './blank.ts';
import { shown } from './bytes.ts';
import { probeCeph } from './ceph-codec.ts';
import { probeDosFs } from './dos-fs-codec.ts';
import { PARTITIONS_MAX, readGpt, type Table } from './gpt-codec.ts';
import { probeBtrfs, probeExt, probeSwap, probeXfs } from './linux-fs-codec.ts';
import { probeLvm } from './lvm-codec.ts';
import { probeMagics } from './magics-codec.ts';
import { readMbr } from './mbr-codec.ts';
import { probeMd } from './md-codec.ts';
import { ESP, MBR_EXTENDED, MBR_PROTECTIVE } from './partition-types.ts';
import type { Find, Probe } from './probe.ts';
import { blockwise, type ReadAt, type Region, regionOf } from './read-at.ts';
import { recogniseSystem } from './system.ts';
import { probeBcache, probeHardwareRaid, probeLuks } from './volumes-codec.ts';
import { probeZfs } from './zfs-codec.ts';

const PROBES: readonly Probe[] = [
  probeZfs,
  probeCeph,
  probeLvm,
  probeMd,
  probeHardwareRaid,
  probeLuks,
  probeBcache,
  probeExt,
  probeXfs,
  probeBtrfs,
  probeDosFs,
  probeSwap,
  probeMagics,
];

/** Of one disk. An ordinary one takes about 10 MiB, each partition less than one. */
const BYTES_MAX = 256 * 2 ** 20;
const SIGNATURES_MAX = 512;

/** What a table takes at the ends of a disk: one sector, or protective MBR, header and 16 KiB of entries in sectors of 4096 (UEFI 2.10 §5.3). */
const TABLE_BYTES = { mbr: 512, gpt: 6 * 4096 } as const;

/** About what is left of one that says only that. */
const SHORT_LENGTH = 1024;

export type DiskName = Pick<Disk, 'name' | 'serial' | 'wwn' | 'size'>;

/** Never rejects. */
export async function readContents({ name, serial, wwn, size }: DiskName, read: ReadAt): Promise<DiskContents> {
  const notes = new Set<string>();
  const note = (error: unknown): void => {
    notes.add(messageOf(error));
  };
  const disk: Region = { read: blockwise(read, size, BYTES_MAX), size, start: 0 };
  const table = await readTable(disk).catch(note);
  if (table?.damage !== undefined && table.damage !== null) notes.add(table.damage);
  const partitions = sane(table?.partitions ?? []);
  const signatures: Signature[] = [...(await probeRegion(disk, null, note))];
  for (const partition of partitions.filter(isProbed)) {
    signatures.push(...(await probeRegion(regionOf(disk, partition.start, partition.size), partition, note)));
    if (signatures.length > SIGNATURES_MAX) notes.add(`it has more than ${SIGNATURES_MAX} signatures`);
    if (signatures.length > SIGNATURES_MAX) break;
  }
  const kept = unique(signatures).slice(0, SIGNATURES_MAX);
  const system = await recogniseSystem(disk, { partitions, signatures: kept }).catch(note);
  const sampled = await sampleBlank(disk).catch(note);
  const isEmptyTable = table !== undefined && table.partitions.length === 0;
  const beside = isEmptyTable ? await sampleBlank(disk, TABLE_BYTES[table.table]).catch(note) : undefined;
  const isNamed = kept.length > 0 || table !== undefined;
  return {
    name: name.slice(0, 256),
    serial,
    wwn,
    size,
    table: table?.table ?? null,
    tableUuid: table?.uuid ?? null,
    partitions: [...partitions],
    signatures: kept,
    system: system ?? null,
    isBlank: sampled?.isBlank === true && !isNamed && notes.size === 0,
    ...(sampled === undefined ? {} : { sampled: sampled.words }),
    ...(isEmptyTable ? { isBlankBeside: beside?.isBlank === true } : {}),
    unread: notes.size === 0 ? null : shown([...notes].join('; ')),
  };
}

/** What a report has room for: of so many disks that it would be too long, those with the most to tell say only that. */
export function fitting(all: readonly DiskContents[], maxLength: number): readonly DiskContents[] {
  const lengths = all.map((one) => JSON.stringify(one).length);
  let left = lengths.reduce((sum, length) => sum + length, 0) - maxLength;
  const longest = [...lengths.entries()].sort(([, a], [, b]) => b - a);
  const short = new Set<number>();
  for (const [index, length] of longest) {
    if (left <= 0) break;
    short.add(index);
    left -= length - SHORT_LENGTH;
  }
  return all.map((one, index) =>
    short.has(index)
      ? { ...one, partitions: [], signatures: [], isBlank: false, unread: 'there is too much on the disks of this machine to report' }
      : one,
  );
}

/** Behind a protective MBR there is a GPT, or was one. */
async function readTable(disk: Region): Promise<Table | undefined> {
  return (await readGpt(disk)) ?? (await readMbr(disk));
}

async function probeRegion(region: Region, partition: Partition | null, note: (error: unknown) => void): Promise<readonly Signature[]> {
  const signatures: Signature[] = [];
  for (const probe of PROBES) {
    try {
      signatures.push(...(await probe(region)).map((find) => signatureOf(find, region.start, partition)));
    } catch (error) {
      note(error);
    }
  }
  return signatures;
}

function signatureOf({ kind, type, offset, label, uuid, about, ids = {} }: Find, start: number, partition: Partition | null): Signature {
  const isEsp = type === 'vfat' && (partition?.type === ESP || partition?.type === '0xef');
  const entries = Object.entries(ids).flatMap(([key, value]) => {
    const text = value === null ? null : shown(value);
    return text === null ? [] : [[key, text] as const];
  });
  return {
    kind: isEsp ? 'esp' : kind,
    type,
    offset: start + offset,
    partition: partition?.number ?? null,
    label: label === undefined || label === null ? null : shown(label),
    uuid: uuid === undefined || uuid === null ? null : shown(uuid),
    about: (shown(about) ?? type).slice(0, 256),
    ids: Object.fromEntries(entries.slice(0, 16)),
  };
}

/** As the schema has them; a table can name places that no disk has. */
function sane(partitions: readonly Partition[]): readonly Partition[] {
  return partitions.filter(({ number, start, size }) => number <= 1024 && Number.isSafeInteger(start + size)).slice(0, PARTITIONS_MAX);
}

function isProbed({ type, size }: Partition): boolean {
  const kind = type.startsWith('0x') ? Number(type) : 0;
  return size > 0 && !MBR_EXTENDED.has(kind) && kind !== MBR_PROTECTIVE;
}

/** What lies at the end of the last partition may lie at the end of the disk as well: then it is the partition's. By place. */
function unique(signatures: readonly Signature[]): readonly Signature[] {
  const found = new Map(signatures.map((one) => [`${one.type} ${one.offset} ${one.uuid ?? ''}`, one]));
  return [...found.values()].sort((a, b) => a.offset - b.offset);
}
