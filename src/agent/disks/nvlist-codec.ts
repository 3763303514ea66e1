// Name-value lists in XDR, as ZFS keeps its configuration in labels (OpenZFS, module/nvpair/nvpair.c: nvs_xdr). Reads what it knows, steps
// over the rest. Pure.

import { place, u8, u16be, u32be, u64be } from './bytes.ts';

export type NvValue = bigint | string | boolean | NvList | readonly NvList[];
export type NvList = ReadonlyMap<string, NvValue>;

const XDR = 1;
const TYPES = { boolean: 1, uint64: 8, string: 9, nvlist: 19, nvlistArray: 20 } as const;
const DEPTH_MAX = 16;
const PAIRS_MAX = 4096;
const NAME_MAX = 256;

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  /** Pairs that may still be read, in all lists together: nested lists could repeat themselves without end. */
  pairsLeft: number;
}

/** Undefined: these bytes are no such list. */
export function decodeNvlist(bytes: Uint8Array): NvList | undefined {
  const at = decodeNvlistHeader(bytes);
  return at === undefined ? undefined : readList({ bytes, at, pairsLeft: PAIRS_MAX }, 0);
}

/** The encoding, the byte order of whoever wrote it, two spare bytes; gives where the list begins. */
export function decodeNvlistHeader(bytes: Uint8Array): number | undefined {
  return bytes.length >= 12 && u8(bytes, 0) === XDR && u8(bytes, 1) <= 1 && u16be(bytes, 2) === 0 ? 4 : undefined;
}

function readList(cursor: Cursor, depth: number): NvList | undefined {
  const { bytes } = cursor;
  // Version 0, then flags: names are unique (1) or name and type together (2).
  if (depth > DEPTH_MAX || cursor.at + 8 > bytes.length || u32be(bytes, cursor.at) !== 0) return undefined;
  cursor.at += 8;
  const list = new Map<string, NvValue>();
  for (;;) {
    if (cursor.at + 8 > bytes.length) return undefined;
    const size = u32be(bytes, cursor.at);
    if (size === 0) {
      cursor.at += 8;
      return list;
    }
    const end = cursor.at + size;
    cursor.pairsLeft -= 1;
    // Size as encoded, size as decoded, the name's length, type and count at least.
    if (cursor.pairsLeft < 0 || size < 20 || end > bytes.length) return undefined;
    const pair = readPair(cursor, end, depth);
    if (pair !== undefined) list.set(pair.name, pair.value);
    cursor.at = end;
  }
}

function readPair(cursor: Cursor, end: number, depth: number): { name: string; value: NvValue } | undefined {
  cursor.at += 8;
  const name = readString(cursor, end, NAME_MAX);
  if (name === undefined || cursor.at + 8 > end) return undefined;
  const type = u32be(cursor.bytes, cursor.at);
  const count = u32be(cursor.bytes, cursor.at + 4);
  cursor.at += 8;
  const value = readValue(cursor, { end, type, count, depth });
  return value === undefined ? undefined : { name, value };
}

interface Shape {
  readonly end: number;
  readonly type: number;
  readonly count: number;
  readonly depth: number;
}

function readValue(cursor: Cursor, { end, type, count, depth }: Shape): NvValue | undefined {
  switch (type) {
    case TYPES.boolean:
      return true;
    case TYPES.uint64:
      return cursor.at + 8 <= end ? u64be(cursor.bytes, cursor.at) : undefined;
    case TYPES.string:
      return readString(cursor, end, end - cursor.at);
    case TYPES.nvlist:
      return readList(cursor, depth + 1);
    case TYPES.nvlistArray:
      return readLists(cursor, count, depth);
    default:
      return undefined;
  }
}

function readLists(cursor: Cursor, count: number, depth: number): readonly NvList[] | undefined {
  const lists: NvList[] = [];
  for (let index = 0; index < Math.min(count, PAIRS_MAX); index += 1) {
    const list = readList(cursor, depth + 1);
    if (list === undefined) return undefined;
    lists.push(list);
  }
  return lists;
}

/** Length, characters, zeros up to a multiple of four (RFC 4506 §4.11). */
function readString(cursor: Cursor, end: number, maxLength: number): string | undefined {
  if (cursor.at + 4 > end) return undefined;
  const length = u32be(cursor.bytes, cursor.at);
  const start = cursor.at + 4;
  if (length > maxLength || start + length > end) return undefined;
  cursor.at = start + Math.ceil(length / 4) * 4;
  return Buffer.from(cursor.bytes.subarray(start, start + length)).toString('utf8');
}

export function textOf(list: NvList, name: string): string | null {
  const value = list.get(name);
  return typeof value === 'string' && value !== '' ? value : null;
}

/** As a decimal, since ids do not fit a number. */
export function decimalOf(list: NvList, name: string): string | null {
  const value = list.get(name);
  return typeof value === 'bigint' ? value.toString() : null;
}

/** Small numbers: states and kinds. */
export function numberOf(list: NvList, name: string): number | undefined {
  const value = list.get(name);
  return typeof value === 'bigint' ? place(value) : undefined;
}
