// Directory records and their system use area as bytes. Pure: ECMA-119 §9.1, SUSP 1.12 and RRIP 1.12. Throws only DecodeError. Knows
// nothing of trees.

import { DecodeError } from '../../lib/index.ts';

export const SECTOR = 2048;
const FIXED_BYTES = 33;
const RECORD_MAX_BYTES = 254;
export const RECORD_FLAGS = { hidden: 0x01, directory: 0x02, associated: 0x04, multiExtent: 0x80 } as const;

export interface DirectoryRecord {
  /** In the directory. */
  readonly at: number;
  /** The whole record, as it is. */
  readonly raw: Buffer;
  /** Of its data, behind an extended attribute record. */
  readonly sector: number;
  readonly bytes: number;
  readonly flags: number;
  readonly identifier: Buffer;
  readonly systemUse: Buffer;
}

/** Of a directory's bytes; a zero where a record should begin means that the next begins with the next sector (§6.8.1.1). */
export function decodeRecords(directory: Buffer): DirectoryRecord[] {
  const records: DirectoryRecord[] = [];
  let at = 0;
  while (at < directory.length) {
    const length = directory.readUInt8(at);
    const left = Math.min(SECTOR - (at % SECTOR), directory.length - at);
    if (length === 0) {
      at += left;
      continue;
    }
    if (length > left) throw new DecodeError(at, `a directory record of ${length} bytes where ${left} are left in the sector`);
    records.push(decodeRecord(directory.subarray(at, at + length), at));
    at += length;
  }
  return records;
}

export function decodeRecord(raw: Buffer, at: number): DirectoryRecord {
  if (raw.length <= FIXED_BYTES) throw new DecodeError(at, `a directory record of ${raw.length} bytes`);
  const nameBytes = raw.readUInt8(32);
  const nameEnd = FIXED_BYTES + nameBytes;
  if (nameBytes === 0 || nameEnd > raw.length) throw new DecodeError(at, `a name of ${nameBytes} bytes in a record of ${raw.length}`);
  if (raw.readUInt8(26) !== 0 || raw.readUInt8(27) !== 0) throw new DecodeError(at, 'an interleaved file, which nobody reads');
  const systemUseAt = Math.min(nameEnd + (nameBytes % 2 === 0 ? 1 : 0), raw.length);
  return {
    at,
    raw,
    sector: raw.readUInt32LE(2) + raw.readUInt8(1),
    bytes: raw.readUInt32LE(10),
    flags: raw.readUInt8(25),
    identifier: raw.subarray(FIXED_BYTES, nameEnd),
    systemUse: raw.subarray(systemUseAt),
  };
}

export interface NewRecord {
  readonly identifier: Buffer;
  readonly sector: number;
  readonly bytes: number;
  /** §9.1.5, seven bytes. */
  readonly time: Buffer;
  readonly systemUse: Buffer;
}

/** Undefined when it does not fit into the 254 bytes that a record can have. */
export function encodeFileRecord({ identifier, sector, bytes, time, systemUse }: NewRecord): Buffer | undefined {
  const systemUseAt = FIXED_BYTES + identifier.length + (identifier.length % 2 === 0 ? 1 : 0);
  const used = systemUseAt + systemUse.length;
  const record = Buffer.alloc(used + (used % 2));
  if (record.length > RECORD_MAX_BYTES) return undefined;
  record.writeUInt8(record.length, 0);
  record.set(both32(sector), 2);
  record.set(both32(bytes), 10);
  record.set(time.subarray(0, 7), 18);
  record.writeUInt16LE(1, 28);
  record.writeUInt16BE(1, 30);
  record.writeUInt8(identifier.length, 32);
  record.set(identifier, FIXED_BYTES);
  record.set(systemUse, systemUseAt);
  return record;
}

/** A number in both byte orders (§7.3.3). */
export function both32(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
}

/** Which entry of a directory a record is: of itself, of its parent, or a named one (§7.6.2, §9.1.11). */
export function specialName({ identifier }: DirectoryRecord): '.' | '..' | undefined {
  if (identifier.length !== 1) return undefined;
  const first = identifier.readUInt8(0);
  return first === 0 ? '.' : first === 1 ? '..' : undefined;
}
