// GPT as the agent changes it: read, moved to a disk of another size, last partition grown, a partition added. Bytes in, bytes out.
// UEFI 2.10 §5.3 (header, entries, CRCs) and §5.2.3 (protective MBR).

import { crc32 } from 'node:zlib';

const SIGNATURE = 'EFI PART';
const HEADER_BYTES = 92;
/** Windows, sgdisk and parted all begin partitions at whole MiB. */
export const ALIGN_BYTES = 2 ** 20;
const MAX_ENTRIES = 1024;

export interface Gpt {
  readonly sectorSize: number;
  readonly diskGuid: string;
  readonly firstUsable: number;
  readonly lastUsable: number;
  readonly entryBytes: number;
  readonly entryCount: number;
  /** The array as it is on the disk: what we do not know in it stays. */
  readonly entries: Buffer;
}

export interface GptPartition {
  /** From 1. */
  readonly number: number;
  readonly type: string;
  readonly guid: string;
  readonly first: number;
  readonly last: number;
  readonly name: string;
}

export interface Placed {
  readonly offset: number;
  readonly bytes: Buffer;
}

export const GPT_TYPES = {
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  biosBoot: '21686148-6449-6e6f-744e-656564454649',
  linuxData: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  basicData: 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7',
} as const;

/** The first three fields of a GUID are little-endian on disks. */
export function guidText(bytes: Uint8Array): string {
  const hex = (...at: number[]): string => at.map((index) => (bytes[index] ?? 0).toString(16).padStart(2, '0')).join('');
  return `${hex(3, 2, 1, 0)}-${hex(5, 4)}-${hex(7, 6)}-${hex(8, 9)}-${hex(10, 11, 12, 13, 14, 15)}`;
}

export function guidBytes(text: string): Buffer {
  const raw = Buffer.from(text.replaceAll('-', ''), 'hex');
  if (raw.length !== 16) throw new TypeError(`${text} is no GUID`);
  return Buffer.concat([raw.subarray(0, 4).reverse(), raw.subarray(4, 6).reverse(), raw.subarray(6, 8).reverse(), raw.subarray(8)]);
}

export interface GptPlace {
  readonly entriesOffset: number;
  readonly entriesBytes: number;
}

/** Where the entries of a header are; null: no header, or its checksum is wrong. */
export function gptPlace(header: Buffer, sectorSize: number): GptPlace | null {
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, 8) !== SIGNATURE) return null;
  const length = header.readUInt32LE(12);
  if (length < HEADER_BYTES || length > header.length) return null;
  const plain = Buffer.from(header.subarray(0, length));
  plain.writeUInt32LE(0, 16);
  if (crc32(plain) !== header.readUInt32LE(16)) return null;
  const [count, each] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  if (count === 0 || count > MAX_ENTRIES || each < 128 || each > 4096 || each % 8 !== 0) return null;
  return { entriesOffset: Number(header.readBigUInt64LE(72)) * sectorSize, entriesBytes: count * each };
}

/** Null: the entries are not those that the header was made for. */
export function decodeGpt(header: Buffer, entries: Buffer, sectorSize: number): Gpt | null {
  const place = gptPlace(header, sectorSize);
  if (place === null || entries.length !== place.entriesBytes || crc32(entries) !== header.readUInt32LE(88)) return null;
  return {
    sectorSize,
    diskGuid: guidText(header.subarray(56, 72)),
    firstUsable: Number(header.readBigUInt64LE(40)),
    lastUsable: Number(header.readBigUInt64LE(48)),
    entryCount: header.readUInt32LE(80),
    entryBytes: header.readUInt32LE(84),
    entries: Buffer.from(entries),
  };
}

export function partitionsOf(gpt: Gpt): GptPartition[] {
  return Array.from({ length: gpt.entryCount }, (_, index) => index).flatMap((index) => {
    const entry = gpt.entries.subarray(index * gpt.entryBytes, (index + 1) * gpt.entryBytes);
    if (entry.subarray(0, 16).every((byte) => byte === 0)) return [];
    return {
      number: index + 1,
      type: guidText(entry),
      guid: guidText(entry.subarray(16)),
      first: Number(entry.readBigUInt64LE(32)),
      last: Number(entry.readBigUInt64LE(40)),
      name: entry.toString('utf16le', 56, 128).replace(/\0.*$/s, ''),
    };
  });
}

/** A disk of so many sectors: the backup goes to its end. */
export function onDiskOf(gpt: Gpt, sectors: number): Gpt {
  const entrySectors = Math.ceil(gpt.entries.length / gpt.sectorSize);
  return { ...gpt, lastUsable: sectors - entrySectors - 2 };
}

/** The partition that ends last ends at `last` now. */
export function withEndOf(gpt: Gpt, number: number, last: number): Gpt {
  const entries = Buffer.from(gpt.entries);
  entries.writeBigUInt64LE(BigInt(last), (number - 1) * gpt.entryBytes + 40);
  return { ...gpt, entries };
}

/** In the first free entry; null: all are taken. */
export function withPartition(gpt: Gpt, one: Omit<GptPartition, 'number'>): { readonly gpt: Gpt; readonly number: number } | null {
  const taken = new Set(partitionsOf(gpt).map(({ number }) => number));
  const number = Array.from({ length: gpt.entryCount }, (_, index) => index + 1).find((free) => !taken.has(free));
  if (number === undefined) return null;
  const entries = Buffer.from(gpt.entries);
  const entry = entries.subarray((number - 1) * gpt.entryBytes, number * gpt.entryBytes).fill(0);
  guidBytes(one.type).copy(entry, 0);
  guidBytes(one.guid).copy(entry, 16);
  entry.writeBigUInt64LE(BigInt(one.first), 32);
  entry.writeBigUInt64LE(BigInt(one.last), 40);
  Buffer.from(one.name.slice(0, 36), 'utf16le').copy(entry, 56);
  return { gpt: { ...gpt, entries }, number };
}

export function withoutPartition(gpt: Gpt, number: number): Gpt {
  const entries = Buffer.from(gpt.entries);
  entries.fill(0, (number - 1) * gpt.entryBytes, number * gpt.entryBytes);
  return { ...gpt, entries };
}

/** One that names no partition. As every tool writes it: 128 entries of 128 bytes (UEFI 2.10 §5.3.1 wants room for as many at least). */
export function emptyGpt(guid: string, sectors: number, sectorSize: number): Gpt {
  const [entryCount, entryBytes] = [128, 128];
  const entries = Buffer.alloc(entryCount * entryBytes);
  const firstUsable = 2 + Math.ceil(entries.length / sectorSize);
  return onDiskOf({ sectorSize, diskGuid: guid, firstUsable, lastUsable: 0, entryBytes, entryCount, entries }, sectors);
}

/** A first sector without boot code, whose one entry protects the whole disk from what knows no GPT (UEFI 2.10 §5.2.3). */
export function protectiveMbr(sectorSize: number): Buffer {
  const bytes = Buffer.alloc(sectorSize);
  bytes.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], 446);
  bytes.writeUInt32LE(1, 446 + 8);
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

/** Everything to be written, the backup first: at no moment is there none that is whole. `mbr` is the first sector as it is. */
export function encodeGpt(gpt: Gpt, sectors: number, mbr: Buffer): Placed[] {
  const { sectorSize, entries } = gpt;
  const entrySectors = Math.ceil(entries.length / sectorSize);
  const padded = Buffer.concat([entries, Buffer.alloc(entrySectors * sectorSize - entries.length)]);
  const backupEntries = sectors - 1 - entrySectors;
  return [
    { offset: backupEntries * sectorSize, bytes: padded },
    { offset: (sectors - 1) * sectorSize, bytes: headerOf(gpt, { at: sectors - 1, other: 1, entriesAt: backupEntries }) },
    { offset: 2 * sectorSize, bytes: padded },
    { offset: sectorSize, bytes: headerOf(gpt, { at: 1, other: sectors - 1, entriesAt: 2 }) },
    { offset: 0, bytes: protective(mbr, sectors, sectorSize) },
  ];
}

function headerOf(gpt: Gpt, where: { readonly at: number; readonly other: number; readonly entriesAt: number }): Buffer {
  const header = Buffer.alloc(gpt.sectorSize);
  header.write(SIGNATURE, 0, 'latin1');
  header.writeUInt32LE(0x00010000, 8);
  header.writeUInt32LE(HEADER_BYTES, 12);
  header.writeBigUInt64LE(BigInt(where.at), 24);
  header.writeBigUInt64LE(BigInt(where.other), 32);
  header.writeBigUInt64LE(BigInt(gpt.firstUsable), 40);
  header.writeBigUInt64LE(BigInt(gpt.lastUsable), 48);
  guidBytes(gpt.diskGuid).copy(header, 56);
  header.writeBigUInt64LE(BigInt(where.entriesAt), 72);
  header.writeUInt32LE(gpt.entryCount, 80);
  header.writeUInt32LE(gpt.entryBytes, 84);
  header.writeUInt32LE(crc32(gpt.entries), 88);
  header.writeUInt32LE(crc32(header.subarray(0, HEADER_BYTES)), 16);
  return header;
}

/** Its boot code and hybrid entries stay; the entry that protects (0xEE) covers the whole disk, as far as 32 bits go. */
function protective(mbr: Buffer, sectors: number, sectorSize: number): Buffer {
  const bytes = Buffer.concat([mbr, Buffer.alloc(Math.max(0, sectorSize - mbr.length))]).subarray(0, sectorSize);
  for (const at of [446, 462, 478, 494]) {
    if (bytes[at + 4] === 0xee) bytes.writeUInt32LE(Math.min(sectors - bytes.readUInt32LE(at + 8), 0xffffffff), at + 12);
  }
  return bytes;
}
