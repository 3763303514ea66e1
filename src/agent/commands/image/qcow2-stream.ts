// A qcow2 image onto a disk in one pass over the file, so that its checksum is of every byte: the tables are read first, by ranges; then
// the file goes by from its beginning, and what belongs somewhere is put there.

import { promisify } from 'node:util';
import { inflateRaw, constants as zlibConstants, zstdDecompress } from 'node:zlib';
import { fail } from '../../errors.ts';
import type { Block, Piece } from './blocks.ts';
import { decodeQcow2, type Extent, extentsOf, gapsOf, l2Offsets, QCOW2_HEADER_BYTES, type Qcow2 } from './qcow2-codec.ts';

const inflateRawAsync = promisify(inflateRaw);
const zstdDecompressAsync = promisify(zstdDecompress);

export interface Qcow2Map {
  readonly image: Qcow2;
  readonly extents: readonly Extent[];
  /** What was read ahead, to be found the same in the pass. */
  readonly tables: readonly { readonly host: number; readonly bytes: Buffer }[];
}

export type ReadRange = (offset: number, length: number) => Promise<Buffer>;

export async function readQcow2Map(read: ReadRange, diskBytes: number): Promise<Qcow2Map> {
  const head = await read(0, QCOW2_HEADER_BYTES);
  const image = decodeQcow2(head);
  if ('refuse' in image) throw fail('agent.image_failed', { message: `the qcow2 image can not be used: ${image.refuse}` });
  if (image.size > diskBytes)
    throw fail('agent.image_failed', { message: `the image is of a disk of ${image.size} bytes, and this one has ${diskBytes}` });
  const l1 = await read(image.l1Offset, image.l1Entries * 8);
  const tables = [
    { host: 0, bytes: head },
    { host: image.l1Offset, bytes: l1 },
  ];
  const extents: Extent[] = [];
  for (const [index, host] of l2Offsets(l1).entries()) {
    if (host === 0 || index * (image.clusterBytes / 8) * image.clusterBytes >= image.size) continue;
    const bytes = await read(host, image.clusterBytes);
    tables.push({ host, bytes });
    extentsOf(image, index, bytes, extents);
  }
  return { image, extents, tables };
}

export interface Target {
  put(offset: number, bytes: Buffer): Promise<void>;
  place(offset: number, bytes: Buffer, hold: Block['hold']): Promise<void>;
  zero(offset: number, length: number): Promise<void>;
}

interface Open {
  readonly extent: Extent;
  readonly parts: Buffer[];
}

/** The pieces are those of all of the file, in order. */
export async function writeQcow2(map: Qcow2Map, pieces: AsyncIterable<Piece>, target: Target): Promise<void> {
  const { image, tables } = map;
  const queue = map.extents.toSorted((a, b) => a.host - b.host);
  for (const { offset, length } of gapsOf(image, map.extents)) await target.zero(offset, length);
  let [next, at, open] = [0, 0, [] as Open[]];
  for await (const piece of pieces) {
    const end = at + piece.bytes.length;
    checkTables(tables, at, piece.bytes);
    for (; next < queue.length; next += 1) {
      const extent = queue[next];
      if (extent === undefined || extent.host >= end) break;
      open.push({ extent, parts: [] });
    }
    for (const one of open) await take(image, one, piece, target);
    open = open.filter(({ extent }) => extent.host + extent.length > end);
    at = end;
  }
  // The last compressed cluster may end before the last of its sectors.
  for (const one of open) await finish(image, one, target);
  if (next < queue.length) throw fail('agent.image_failed', { message: `the image ends after ${at} bytes, before what its tables name` });
}

async function take(image: Qcow2, { extent, parts }: Open, { offset: at, bytes: chunk, hold }: Piece, target: Target): Promise<void> {
  const from = Math.max(extent.host, at);
  const to = Math.min(extent.host + extent.length, at + chunk.length);
  if (from >= to) return;
  const bytes = chunk.subarray(from - at, to - at);
  if (extent.kind === 'compressed') {
    // Its rest may come when this block holds something else.
    parts.push(Buffer.from(bytes));
    if (to === extent.host + extent.length) await unpack(image, extent, Buffer.concat(parts), target);
    return;
  }
  const guest = extent.guest + (from - extent.host);
  const room = image.size - guest;
  if (room > 0) await target.place(guest, bytes.subarray(0, room), hold);
}

async function finish(image: Qcow2, { extent, parts }: Open, target: Target): Promise<void> {
  if (extent.kind === 'plain')
    throw fail('agent.image_failed', { message: `the image ends in the middle of the cluster at ${extent.host}` });
  await unpack(image, extent, Buffer.concat(parts), target);
}

/** The sectors may hold more than the cluster: what follows its end is not looked at. */
async function unpack({ compression, clusterBytes, size }: Qcow2, { guest, host }: Extent, packed: Buffer, target: Target): Promise<void> {
  try {
    const bytes =
      compression === 'zlib'
        ? await inflateRawAsync(packed, { finishFlush: zlibConstants.Z_SYNC_FLUSH, maxOutputLength: clusterBytes })
        : await zstdDecompressAsync(zstdFrame(packed), { maxOutputLength: clusterBytes });
    await target.put(guest, bytes.subarray(0, size - guest));
  } catch (error) {
    throw fail('agent.image_failed', { message: `the compressed cluster at ${host} of the image is damaged`, cause: error });
  }
}

/** One frame without what pads its last sector: its length is the sum of its blocks (RFC 8878 §3.1.1). */
export function zstdFrame(packed: Buffer): Buffer {
  if (packed.length < 6 || packed.readUInt32LE(0) !== 0xfd2fb528) return packed;
  const descriptor = packed[4] ?? 0;
  const isSingle = (descriptor & 0x20) !== 0;
  const contentBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let at = 5 + (isSingle ? 0 : 1) + dictionaryBytes + contentBytes;
  for (;;) {
    if (at + 3 > packed.length) return packed;
    const block = packed.readUIntLE(at, 3);
    at += 3 + (((block >> 1) & 3) === 1 ? 1 : block >> 3);
    if ((block & 1) === 1) break;
  }
  return packed.subarray(0, at + ((descriptor & 4) === 0 ? 0 : 4));
}

function checkTables(tables: Qcow2Map['tables'], at: number, chunk: Buffer): void {
  for (const { host, bytes } of tables) {
    const from = Math.max(host, at);
    const to = Math.min(host + bytes.length, at + chunk.length);
    if (from < to && chunk.compare(bytes, from - host, to - host, from - at, to - at) !== 0)
      throw fail('agent.image_failed', { message: 'the image changed while it was being fetched' });
  }
}
