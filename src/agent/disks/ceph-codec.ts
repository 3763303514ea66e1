// Ceph BlueStore: the label of a device of an OSD, at its start and, from Ceph 19 on, in copies further in (Ceph,
// src/os/bluestore/bluestore_types.h: bluestore_bdev_label_t). Its map also holds the OSD's key: that one is never read out. Pure.

import { hasText, shown, u8, u32le, uuidAt } from './bytes.ts';
import type { Find, Probe } from './probe.ts';

const MAGIC = 'bluestore block device\n';
const HEADER = 60;
const LABEL = 4096;
const GIB = 2 ** 30;
/** BlueStore.cc: bdev_label_positions. */
const PLACES = [0, GIB, 10 * GIB, 100 * GIB, 1000 * GIB] as const;
const PAIRS_MAX = 128;
const PARTS: Readonly<Record<string, string>> = { main: 'block', 'bluefs db': 'db', 'bluefs wal': 'wal' };

export interface BluestoreLabel {
  readonly osdUuid: string | null;
  readonly part: string | null;
  /** Only the main device has these. */
  readonly osdId: string | null;
  readonly fsid: string | null;
}

export const probeCeph: Probe = async ({ read, size }) => {
  const finds: Find[] = [];
  for (const offset of PLACES.filter((one) => one + LABEL <= size)) {
    const label = decodeBluestore(await read(offset, LABEL));
    if (label !== undefined) finds.push(cephFind(label, offset));
  }
  return finds;
};

export function cephFind({ osdUuid, part, osdId, fsid }: BluestoreLabel, offset: number): Find {
  const osd = osdId === null ? 'an OSD' : `OSD ${osdId}`;
  const what = part === null || part === 'block' ? osd : `the ${part} of ${osd}`;
  return {
    kind: 'ceph',
    type: 'ceph_bluestore',
    offset,
    uuid: osdUuid,
    about: `Ceph: ${what}${fsid === null ? '' : ` of cluster ${fsid}`}${offset >= GIB ? ', a copy of its label' : ''}`,
    ids: { osd_id: osdId, osd_uuid: osdUuid, ceph_fsid: fsid, osd_part: part },
  };
}

/** The text header, then version, compatible version and length of a structure, then the structure. */
export function decodeBluestore(bytes: Uint8Array): BluestoreLabel | undefined {
  if (!hasText(bytes, 0, MAGIC)) return undefined;
  const osdUuid = uuidAt(bytes, HEADER + 6) ?? textUuid(bytes);
  const version = u8(bytes, HEADER);
  const end = Math.min(bytes.length, HEADER + 6 + u32le(bytes, HEADER + 2));
  // The OSD's uuid (16), the size (8), the time it was made (8), then texts.
  const cursor = { at: HEADER + 6 + 16 + 8 + 8, end };
  const description = readText(bytes, cursor);
  const part = description === undefined ? null : (PARTS[description] ?? shown(description, 32));
  const meta = version >= 2 && description !== undefined ? readPairs(bytes, cursor) : new Map<string, string>();
  return { osdUuid, part, osdId: shown(meta.get('whoami') ?? '', 16), fsid: shown(meta.get('ceph_fsid') ?? '', 64) };
}

interface Cursor {
  at: number;
  readonly end: number;
}

const WANTED: ReadonlySet<string> = new Set(['whoami', 'ceph_fsid']);

function readPairs(bytes: Uint8Array, cursor: Cursor): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  const count = Math.min(u32le(bytes, cursor.at), PAIRS_MAX);
  cursor.at += 4;
  for (let index = 0; index < count; index += 1) {
    const key = readText(bytes, cursor);
    const value = readText(bytes, cursor);
    if (key === undefined || value === undefined) break;
    if (WANTED.has(key)) pairs.set(key, value);
  }
  return pairs;
}

function readText(bytes: Uint8Array, cursor: Cursor): string | undefined {
  if (cursor.at + 4 > cursor.end) return undefined;
  const length = u32le(bytes, cursor.at);
  const start = cursor.at + 4;
  if (start + length > cursor.end) return undefined;
  cursor.at = start + length;
  return Buffer.from(bytes.subarray(start, start + length)).toString('utf8');
}

function textUuid(bytes: Uint8Array): string | null {
  return shown(Buffer.from(bytes.subarray(MAGIC.length, HEADER - 1)).toString('latin1'), 36);
}
