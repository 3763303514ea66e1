// The system use entries of a directory record and what Rock Ridge says with them. Pure: SUSP 1.12 §5, RRIP 1.12 §4. Throws only
// DecodeError. Knows nothing of sectors: who reads follows the continuation areas.

import { DecodeError } from '../../lib/index.ts';
import { both32, SECTOR } from './record-codec.ts';

const ENTRY_HEAD = 4;
const AREA_MAX_BYTES = 8 * SECTOR;
const NAME_MAX_BYTES = 255;
const LINK_MAX_BYTES = 4096;

export interface SystemUseEntry {
  /** "NM" */
  readonly signature: string;
  /** With its head of four bytes. */
  readonly raw: Buffer;
  /** In the area that it was read from. */
  readonly at: number;
}

export interface Continuation {
  readonly sector: number;
  readonly offset: number;
  readonly bytes: number;
}

export interface SystemUseArea {
  readonly entries: readonly SystemUseEntry[];
  /** Where the list goes on; the last one named counts, as in Linux (fs/isofs/rock.c). */
  readonly continuation: Continuation | undefined;
}

/** Bytes behind the last entry are padding; so is anything that is too short to be one. */
export function decodeSystemUse(area: Buffer): SystemUseArea {
  const entries: SystemUseEntry[] = [];
  let continuation: Continuation | undefined;
  let at = 0;
  while (at + ENTRY_HEAD <= area.length) {
    const length = area.readUInt8(at + 2);
    if (length < ENTRY_HEAD || at + length > area.length) break;
    const signature = area.toString('latin1', at, at + 2);
    const raw = area.subarray(at, at + length);
    if (signature === 'ST') break;
    if (signature === 'CE') continuation = continuationOf(raw, at);
    else entries.push({ signature, raw, at });
    at += length;
  }
  return { entries, continuation };
}

function continuationOf(raw: Buffer, at: number): Continuation {
  if (raw.length < 28) throw new DecodeError(at, `a CE entry of ${raw.length} bytes`);
  const found = { sector: raw.readUInt32LE(4), offset: raw.readUInt32LE(12), bytes: raw.readUInt32LE(20) };
  if (found.offset >= SECTOR || found.bytes > AREA_MAX_BYTES)
    throw new DecodeError(at, `a continuation area of ${found.bytes} bytes at ${found.offset}`);
  return found;
}

/** How the first record of the root says that SUSP is in use: bytes to leave out at the start of each other area (§5.3). */
export function skipOf(entries: readonly SystemUseEntry[]): number | undefined {
  const found = entries.find(({ signature, raw }) => signature === 'SP' && raw.length >= 7 && raw.readUInt16BE(4) === 0xbeef);
  return found?.raw.readUInt8(6);
}

/** CD-ROM XA keeps 14 bytes in front of the entries of every record (libarchive and Linux look there too). */
export const XA_BYTES = 14;

export interface RockRidge {
  readonly name: string | undefined;
  readonly mode: number | undefined;
  /** Of a symbolic link. */
  readonly target: string | undefined;
  /** Where the directory is that this entry stands for: it was too deep for the standard. */
  readonly child: number | undefined;
  /** Where the parent of such a directory is, in its "..". */
  readonly parent: number | undefined;
  /** Only kept here for the other end of `child`. */
  readonly isRelocated: boolean;
}

export function rockRidgeOf(entries: readonly SystemUseEntry[]): RockRidge {
  const last = (signature: string): Buffer | undefined => entries.findLast((entry) => entry.signature === signature)?.raw;
  const sector = (raw: Buffer | undefined): number | undefined => (raw === undefined || raw.length < 12 ? undefined : raw.readUInt32LE(4));
  const px = last('PX');
  return {
    name: nameOf(entries),
    mode: px === undefined || px.length < 12 ? undefined : px.readUInt32LE(4),
    target: targetOf(entries),
    child: sector(last('CL')),
    parent: sector(last('PL')),
    isRelocated: last('RE') !== undefined,
  };
}

/** RRIP §4.1.4: pieces, each but the last saying that it goes on. */
function nameOf(entries: readonly SystemUseEntry[]): string | undefined {
  const [CONTINUE, SPECIAL] = [0x01, 0x06];
  const parts: Buffer[] = [];
  for (const { signature, raw } of entries) {
    if (signature !== 'NM' || raw.length < 5) continue;
    const flags = raw.readUInt8(4);
    if ((flags & SPECIAL) !== 0) return undefined;
    parts.push(raw.subarray(5));
    if ((flags & CONTINUE) === 0) break;
  }
  if (parts.length === 0) return undefined;
  const name = Buffer.concat(parts);
  if (name.length > NAME_MAX_BYTES) throw new DecodeError(0, `a name of ${name.length} bytes`);
  return name.toString('utf8');
}

/** RRIP §4.1.3: components with flags of their own; a component may go on in the next. */
function targetOf(entries: readonly SystemUseEntry[]): string | undefined {
  const [CONTINUE, CURRENT, PARENT, ROOT] = [0x01, 0x02, 0x04, 0x08];
  let target: string | undefined;
  let isOpen = true;
  for (const { raw } of entries.filter(({ signature }) => signature === 'SL')) {
    for (let at = 5; at + 2 <= raw.length; at += 2 + raw.readUInt8(at + 1)) {
      const [flags, length] = [raw.readUInt8(at), raw.readUInt8(at + 1)];
      const text = (flags & CURRENT) !== 0 ? '.' : (flags & PARENT) !== 0 ? '..' : raw.toString('utf8', at + 2, at + 2 + length);
      if ((flags & ROOT) !== 0) target = '/';
      else target = (target ?? '') + (isOpen || target === '/' || target === undefined ? '' : '/') + text;
      isOpen = (flags & CONTINUE) !== 0 || target === '/';
      if (target.length > LINK_MAX_BYTES) throw new DecodeError(at, `a link of more than ${LINK_MAX_BYTES} bytes`);
    }
  }
  return target;
}

/** S_IFREG with 0444. */
const READABLE_FILE = 0o100_444;
/** RRIP 1.09's "RR" says which entries follow: PX, NM, TF. */
const RR_FLAGS = 0x01 | 0x08 | 0x80;

export interface NewEntries {
  readonly name: string;
  /** What another record has in front of its entries, zero-filled. */
  readonly skip: number;
  /** Of root's own record: the new file has the forms and times that are in use there. */
  readonly like: readonly SystemUseEntry[];
}

/** For a regular file of root's, readable by all. */
export function encodeFileEntries({ name, skip, like }: NewEntries): { readonly full: Buffer; readonly withoutTimes: Buffer } {
  const seen = (signature: string): Buffer | undefined => like.find((entry) => entry.signature === signature)?.raw;
  const times = seen('TF');
  const front = [Buffer.alloc(skip), ...(seen('RR') === undefined ? [] : [Buffer.from([0x52, 0x52, 5, 1, RR_FLAGS])])];
  const text = Buffer.from(name, 'utf8');
  const nm = Buffer.concat([Buffer.from([0x4e, 0x4d, 5 + text.length, 1, 0]), text]);
  const own = [...front, posix(seen('PX')?.length ?? 36), nm];
  return { full: Buffer.concat(times === undefined ? own : [...own, times]), withoutTimes: Buffer.concat(own) };
}

/** RRIP §4.1.1; 36 bytes in 1.09 and 1.10, 44 with a file serial number in 1.12. */
function posix(length: number): Buffer {
  const UNUSED_SERIAL = 0x7fff_ffff;
  const px = Buffer.alloc(length >= 44 ? 44 : 36);
  px.write('PX', 0, 'latin1');
  px.writeUInt8(px.length, 2);
  px.writeUInt8(1, 3);
  px.set(both32(READABLE_FILE), 4);
  px.set(both32(1), 12);
  if (px.length === 44) px.set(both32(UNUSED_SERIAL), 36);
  return px;
}
