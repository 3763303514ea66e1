// The parts of an initrd, found without unpacking: archives as they are, and compressed ones (Linux, Documentation/driver-api/early-userspace/
// buffer-format.rst; RFC 8878 for zstd). Reads through a function; opens nothing.

export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

export type PartKind = 'cpio' | 'zstd' | 'gzip';

export interface InitrdPart {
  readonly kind: PartKind;
  readonly start: number;
  /** Behind its last byte. */
  readonly end: number;
}

export const CPIO_HEADER_BYTES = 110;
const CPIO_MAGIC = /^07070[12]/;
const ENTRIES_MAX = 200_000;
const PARTS_MAX = 64;
const NAME_MAX = 4096;
const BLOCKS_MAX = 500_000;
const ZERO_SCAN_BYTES = 4096;
const TRAILER = 'TRAILER!!!';
const MAGICS: readonly (readonly [name: string, hex: string])[] = [
  ['xz', 'fd377a585a00'],
  ['lz4', '02214c18'],
  ['bzip2', '425a68'],
  ['lzma', '5d000080'],
  ['lzo', '894c5a4f'],
];

export interface CpioHead {
  readonly mode: number;
  readonly bytes: number;
  readonly nameBytes: number;
}

/** Undefined: no header of an archive in the form newc. */
export function readCpioHead(head: Buffer): CpioHead | undefined {
  const text = head.toString('latin1', 0, CPIO_HEADER_BYTES);
  if (text.length < CPIO_HEADER_BYTES || !CPIO_MAGIC.test(text) || !/^[0-9a-fA-F]+$/.test(text)) return undefined;
  const field = (index: number): number => Number.parseInt(text.slice(6 + index * 8, 14 + index * 8), 16);
  return { mode: field(1), bytes: field(6), nameBytes: field(11) };
}

export function align4(value: number): number {
  return Math.ceil(value / 4) * 4;
}

/** In order, without the zeros between them. A text says what stands there that is none of these. */
export async function initrdParts(readAt: ReadAt, size: number): Promise<readonly InitrdPart[] | string> {
  const parts: InitrdPart[] = [];
  let at = await skipZeros(readAt, 0, size);
  while (at < size) {
    if (parts.length >= PARTS_MAX) return `it has more than ${PARTS_MAX} parts`;
    const part = await partAt(readAt, at, size);
    if (typeof part === 'string') return part;
    parts.push(part);
    at = await skipZeros(readAt, part.end, size);
  }
  return parts.length === 0 ? 'it is empty' : parts;
}

async function partAt(readAt: ReadAt, start: number, size: number): Promise<InitrdPart | string> {
  const head = await readAt(start, Math.min(8, size - start));
  if (CPIO_MAGIC.test(head.toString('latin1'))) return ended('cpio', start, await cpioEnd(readAt, start, size));
  if (head.length >= 4 && head.readUInt32LE(0) === ZSTD_MAGIC) return ended('zstd', start, await zstdEnd(readAt, start, size));
  // Where it ends only unpacking tells; what Node unpacks are all gzip members up to the end.
  if (head.length >= 2 && head.readUInt16BE(0) === 0x1f8b) return { kind: 'gzip', start, end: size };
  const hex = head.toString('hex');
  const [known] = MAGICS.find(([, magic]) => hex.startsWith(magic)) ?? [];
  return known === undefined ? `at byte ${start} stands ${hex}, which begins no archive` : `at byte ${start} it is packed with ${known}`;
}

function ended(kind: PartKind, start: number, end: number | string): InitrdPart | string {
  return typeof end === 'string' ? end : { kind, start, end };
}

async function skipZeros(readAt: ReadAt, from: number, size: number): Promise<number> {
  let at = from;
  while (at < size) {
    const bytes = await readAt(at, Math.min(ZERO_SCAN_BYTES, size - at));
    const found = bytes.findIndex((byte) => byte !== 0);
    if (found !== -1) return at + found;
    at += bytes.length;
  }
  return at;
}

async function cpioEnd(readAt: ReadAt, start: number, size: number): Promise<number | string> {
  let at = start;
  for (let entries = 0; entries < ENTRIES_MAX; entries += 1) {
    if (at + CPIO_HEADER_BYTES > size) return `its archive at byte ${start} is cut off`;
    const head = readCpioHead(await readAt(at, CPIO_HEADER_BYTES));
    if (head === undefined || head.nameBytes === 0 || head.nameBytes > NAME_MAX)
      return `its archive at byte ${start} is broken at byte ${at}`;
    const nameAt = at + CPIO_HEADER_BYTES;
    const content = start + align4(nameAt + head.nameBytes - start);
    const next = start + align4(content + head.bytes - start);
    if (content + head.bytes > size) return `its archive at byte ${start} is cut off`;
    const name = (await readAt(nameAt, head.nameBytes)).toString('latin1').replace(/\0.*$/s, '');
    if (name === TRAILER) return Math.min(next, size);
    at = next;
  }
  return `its archive at byte ${start} has more than ${ENTRIES_MAX} entries`;
}

const ZSTD_MAGIC = 0xfd2fb528;
/** RFC 8878 §3.1.1.1: by dictionary id flag, and by frame content size flag. */
const DICTIONARY_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

/** One frame, block by block. */
async function zstdEnd(readAt: ReadAt, start: number, size: number): Promise<number | string> {
  const cut = `what is packed with zstd at byte ${start} is cut off`;
  if (start + 6 > size) return cut;
  const [descriptor = 0] = await readAt(start + 4, 1);
  const isSingle = (descriptor & 0x20) !== 0;
  const contentFlag = descriptor >> 6;
  const contentBytes = contentFlag === 0 && isSingle ? 1 : (CONTENT_SIZE_BYTES[contentFlag] ?? 0);
  let at = start + 5 + (isSingle ? 0 : 1) + (DICTIONARY_BYTES[descriptor & 3] ?? 0) + contentBytes;
  for (let blocks = 0; blocks < BLOCKS_MAX; blocks += 1) {
    if (at + 3 > size) return cut;
    const header = (await readAt(at, 3)).readUIntLE(0, 3);
    const isRepeated = ((header >> 1) & 3) === 1;
    at += 3 + (isRepeated ? 1 : header >> 3);
    if ((header & 1) === 1) {
      const end = at + ((descriptor & 4) === 0 ? 0 : 4);
      return end > size ? cut : end;
    }
  }
  return `what is packed with zstd at byte ${start} has more than ${BLOCKS_MAX} blocks`;
}
