// Volume descriptors of an ISO 9660 image as bytes. Pure: ECMA-119 §8 and Microsoft's Joliet specification. Throws only DecodeError.

import { DecodeError } from '../../lib/index.ts';
import { both32, type DirectoryRecord, decodeRecord, SECTOR } from './record-codec.ts';

/** In front of them is the system area: 16 sectors for boot loaders and partition tables. */
export const FIRST_DESCRIPTOR = 16;
export const MAX_DESCRIPTORS = 64;
const TYPES = { primary: 1, supplementary: 2, terminator: 255 } as const;
const [SPACE_SIZE_AT, ROOT_AT, ROOT_BYTES] = [80, 156, 34];
const [LABEL_AT, LABEL_BYTES, ESCAPES_AT] = [40, 32, 88];
const [MODIFIED_AT, DATE_DIGITS] = [830, 16];
/** UCS-2 levels 1 to 3. */
const JOLIET_ESCAPES = ['%/@', '%/C', '%/E'];

export interface Volume {
  /** `other`: an enhanced descriptor, or one with another character set. */
  readonly kind: 'primary' | 'joliet' | 'other';
  /** Of the descriptor itself. */
  readonly sector: number;
  readonly label: string;
  /** Of the volume, in sectors. */
  readonly sectors: number;
  readonly root: DirectoryRecord;
  /** Where its path tables are; those of big-endian machines apart. The second copies are optional. */
  readonly tables: { readonly little: readonly number[]; readonly big: readonly number[] };
  /** 16 digits: what GRUB takes for the UUID of the file system (grub-core/fs/iso9660.c). */
  readonly modified: string;
}

/** `undefined`: the list ends here; null: one of a kind that we have no use for (boot record, partition). */
export function decodeVolume(bytes: Buffer, sector: number): Volume | null | undefined {
  const at = sector * SECTOR;
  if (bytes.toString('latin1', 1, 6) !== 'CD001') throw new DecodeError(at, 'no volume descriptor of ISO 9660');
  const type = bytes.readUInt8(0);
  if (type === TYPES.terminator) return undefined;
  if (type !== TYPES.primary && type !== TYPES.supplementary) return null;
  const blockBytes = bytes.readUInt16LE(128);
  if (blockBytes !== SECTOR) throw new DecodeError(at + 128, `blocks of ${blockBytes} bytes where ${SECTOR} are usual`);
  const kind = type === TYPES.primary ? 'primary' : JOLIET_ESCAPES.includes(escapesOf(bytes)) ? 'joliet' : 'other';
  const label = Buffer.from(bytes.subarray(LABEL_AT, LABEL_AT + LABEL_BYTES));
  return {
    kind,
    sector,
    label: (kind === 'joliet' ? label.swap16().toString('utf16le') : label.toString('latin1')).replace(/[\s\0]+$/, ''),
    sectors: bytes.readUInt32LE(SPACE_SIZE_AT),
    root: decodeRecord(bytes.subarray(ROOT_AT, ROOT_AT + ROOT_BYTES), at + ROOT_AT),
    tables: {
      little: [bytes.readUInt32LE(140), bytes.readUInt32LE(144)].filter((table) => table !== 0),
      big: [bytes.readUInt32BE(148), bytes.readUInt32BE(152)].filter((table) => table !== 0),
    },
    modified: bytes.toString('latin1', MODIFIED_AT, MODIFIED_AT + DATE_DIGITS),
  };
}

function escapesOf(bytes: Buffer): string {
  return bytes.toString('latin1', ESCAPES_AT, ESCAPES_AT + 3);
}

export interface Patch {
  /** In the image. */
  readonly offset: number;
  readonly bytes: Buffer;
}

export function volumeSizePatch(volume: Volume, sectors: number): Patch {
  return { offset: volume.sector * SECTOR + SPACE_SIZE_AT, bytes: both32(sectors) };
}

/** Root's record in the descriptor: its place and size. */
export function rootPatches(volume: Volume, root: { readonly sector: number; readonly bytes: number }): Patch[] {
  const at = volume.sector * SECTOR + ROOT_AT;
  return placePatches(at, root);
}

/** Of any directory record at this offset of the image. An extended attribute record does not move along. */
export function placePatches(at: number, place: { readonly sector: number; readonly bytes: number }): Patch[] {
  return [{ offset: at + 1, bytes: Buffer.concat([Buffer.alloc(1), both32(place.sector), both32(place.bytes)]) }];
}

/** The root is the first entry of every path table (§9.4, §6.9.1): length, attributes, place, parent. */
export function pathTablePatches(volume: Volume, sector: number): Patch[] {
  const at = (table: number): number => table * SECTOR + 1;
  const place = Buffer.alloc(5);
  place.writeUInt32LE(sector, 1);
  const little = volume.tables.little.map((table) => ({ offset: at(table), bytes: Buffer.from(place) }));
  place.writeUInt32BE(sector, 1);
  return [...little, ...volume.tables.big.map((table) => ({ offset: at(table), bytes: Buffer.from(place) }))];
}
