// Directories of a FAT file system (12, 16 and 32 bit, long names), for looking at an EFI system partition without mounting it. Pure over
// a way to read; bytes that make no sense are undefined, never an error, and no chain or directory is followed without end.

import type { ReadAt } from '../../disks/read-at.ts';

const MAX_ENTRIES = 4096;
const MAX_CLUSTERS = 1024;
const END = 0x0ffffff8;

export interface FatEntry {
  /** The long name where it has one. */
  readonly name: string;
  readonly isDirectory: boolean;
  readonly size: number;
  readonly cluster: number;
}

interface Volume {
  readonly read: ReadAt;
  readonly bits: 12 | 16 | 32;
  readonly fatOffset: number;
  readonly dataOffset: number;
  readonly clusterBytes: number;
  readonly clusters: number;
  /** Of 12 and 16 bit: it has a place of its own. */
  readonly rootOffset: number;
  readonly rootBytes: number;
  readonly rootCluster: number;
}

/** What is in a directory such as `EFI/BOOT`, upper and lower case alike; undefined: no such directory, or no FAT. */
export async function listFat(read: ReadAt, path: string): Promise<readonly FatEntry[] | undefined> {
  const volume = await openVolume(read);
  if (volume === undefined) return undefined;
  let entries = await readDirectory(volume, volume.rootCluster, true);
  for (const part of path.split(/[\\/]/).filter((name) => name !== '')) {
    const next = entries?.find(({ name, isDirectory }) => isDirectory && name.toLowerCase() === part.toLowerCase());
    if (next === undefined) return undefined;
    entries = await readDirectory(volume, next.cluster, next.cluster === 0);
  }
  return entries;
}

async function openVolume(read: ReadAt): Promise<Volume | undefined> {
  const boot = Buffer.from(await read(0, 512));
  if (boot.length < 512 || boot.readUInt16LE(510) !== 0xaa55) return undefined;
  const [sector, perCluster, reserved, fats] = [boot.readUInt16LE(11), boot[13] ?? 0, boot.readUInt16LE(14), boot[16] ?? 0];
  if (![512, 1024, 2048, 4096].includes(sector) || perCluster === 0 || reserved === 0 || fats === 0 || fats > 4) return undefined;
  const rootEntries = boot.readUInt16LE(17);
  const total = boot.readUInt16LE(19) || boot.readUInt32LE(32);
  const fatSectors = boot.readUInt16LE(22) || boot.readUInt32LE(36);
  const rootSectors = Math.ceil((rootEntries * 32) / sector);
  const dataStart = reserved + fats * fatSectors + rootSectors;
  const clusters = Math.floor((total - dataStart) / perCluster);
  if (fatSectors === 0 || clusters <= 0) return undefined;
  return {
    read,
    // The count of clusters alone decides the kind (Microsoft's FAT specification, "FAT Type Determination").
    bits: clusters < 4085 ? 12 : clusters < 65_525 ? 16 : 32,
    clusters,
    clusterBytes: sector * perCluster,
    fatOffset: reserved * sector,
    dataOffset: dataStart * sector,
    rootOffset: (dataStart - rootSectors) * sector,
    rootBytes: rootSectors * sector,
    rootCluster: clusters < 65_525 ? 0 : boot.readUInt32LE(44),
  };
}

async function readDirectory(volume: Volume, cluster: number, isRoot: boolean): Promise<readonly FatEntry[] | undefined> {
  if (isRoot && volume.bits !== 32) return parseDirectory(Buffer.from(await volume.read(volume.rootOffset, volume.rootBytes)));
  const start = isRoot ? volume.rootCluster : cluster;
  const parts: Uint8Array[] = [];
  for (let at = start, count = 0; at >= 2 && at < volume.clusters + 2; count += 1) {
    if (count === MAX_CLUSTERS || parts.length * volume.clusterBytes > MAX_ENTRIES * 32) break;
    parts.push(await volume.read(volume.dataOffset + (at - 2) * volume.clusterBytes, volume.clusterBytes));
    const next = await nextCluster(volume, at);
    if (next >= END || next === at) break;
    at = next;
  }
  return parts.length === 0 ? undefined : parseDirectory(Buffer.concat(parts));
}

async function nextCluster({ read, bits, fatOffset }: Volume, cluster: number): Promise<number> {
  const at = bits === 12 ? Math.floor((cluster * 3) / 2) : (cluster * bits) / 8;
  const bytes = Buffer.from(await read(fatOffset + at, bits === 32 ? 4 : 2));
  if (bytes.length < (bits === 32 ? 4 : 2)) return END;
  if (bits === 32) return bytes.readUInt32LE(0) & 0x0fffffff;
  const raw = bytes.readUInt16LE(0);
  const value = bits === 16 ? raw : cluster % 2 === 0 ? raw & 0xfff : raw >> 4;
  return value >= (bits === 16 ? 0xfff8 : 0xff8) ? END : value;
}

const LONG_NAME = 0x0f;
const VOLUME = 0x08;
const DIRECTORY = 0x10;
/** Where a long name's characters lie in its entry. */
const LONG_AT = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;

function parseDirectory(bytes: Buffer): FatEntry[] {
  const found: FatEntry[] = [];
  let long = '';
  for (let at = 0; at + 32 <= bytes.length && found.length < MAX_ENTRIES; at += 32) {
    const entry = bytes.subarray(at, at + 32);
    const [first, attributes] = [entry[0] ?? 0, entry[11] ?? 0];
    if (first === 0) break;
    if (first !== 0xe5 && (attributes & LONG_NAME) === LONG_NAME) {
      const part = LONG_AT.map((index) => entry.readUInt16LE(index));
      const end = part.findIndex((unit) => unit === 0 || unit === 0xffff);
      long = `${String.fromCharCode(...(end < 0 ? part : part.slice(0, end)))}${long}`.slice(0, 255);
      continue;
    }
    if (first !== 0xe5 && (attributes & VOLUME) === 0) {
      const short = shortName(entry);
      if (short !== '.' && short !== '..')
        found.push({
          name: long === '' ? short : long,
          isDirectory: (attributes & DIRECTORY) !== 0,
          size: entry.readUInt32LE(28),
          cluster: entry.readUInt16LE(20) * 65_536 + entry.readUInt16LE(26),
        });
    }
    long = '';
  }
  return found;
}

const LOWER_BASE = 0x08;
const LOWER_EXTENSION = 0x10;

/** Byte 12 says where a short name was written in lower case: as Windows NT does it, and Linux after it. */
function shortName(entry: Buffer): string {
  const flags = entry[12] ?? 0;
  const base = entry.toString('latin1', 0, 8).trimEnd();
  const extension = entry.toString('latin1', 8, 11).trimEnd();
  const name = (flags & LOWER_BASE) === 0 ? base : base.toLowerCase();
  if (extension === '') return name;
  return `${name}.${(flags & LOWER_EXTENSION) === 0 ? extension : extension.toLowerCase()}`;
}
