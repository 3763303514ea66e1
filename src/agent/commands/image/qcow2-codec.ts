// qcow2 as a list of what lies where: which bytes of the file are which bytes of the disk. Pure; docs/interop/qcow2.txt of QEMU is the form.
// Nobody is asked for a file beside this one: images that need one are refused.

const MAGIC = 'QFI\xfb';
const OFFSET_MASK = 0x00fffffffffffe00n;
const COMPRESSED = 1n << 62n;
const ZERO = 1n;
const INCOMPATIBLE = { dirty: 1n, corrupt: 2n, externalData: 4n, compression: 8n, extendedL2: 16n } as const;
/** 4 million runs are an image of terabytes without two clusters in a row: nothing that is deployed. */
const MAX_EXTENTS = 4_000_000;
const MAX_SIZE = 2 ** 46;

export const QCOW2_HEADER_BYTES = 112;

export interface Qcow2 {
  readonly size: number;
  readonly clusterBytes: number;
  readonly clusterBits: number;
  readonly l1Offset: number;
  readonly l1Entries: number;
  readonly compression: 'zlib' | 'zstd';
}

export type Qcow2Reading = Qcow2 | { readonly refuse: string };

/** A run of the file. */
export interface Extent {
  readonly kind: 'plain' | 'compressed';
  readonly host: number;
  readonly length: number;
  readonly guest: number;
}

export function isQcow2(head: Buffer): boolean {
  return head.toString('latin1', 0, 4) === MAGIC;
}

export function decodeQcow2(head: Buffer): Qcow2Reading {
  if (head.length < 72 || !isQcow2(head)) return { refuse: 'it does not begin as a qcow2 image' };
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) return { refuse: `it is qcow2 of version ${version}; 2 and 3 are known` };
  if (head.readBigUInt64BE(8) !== 0n) return { refuse: 'it is only the difference to a backing file; flatten it with qemu-img convert' };
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 12 || clusterBits > 21) return { refuse: `its clusters are 2^${clusterBits} bytes; 2^12 to 2^21 are known` };
  if (head.readUInt32BE(32) !== 0) return { refuse: 'it is encrypted' };
  const features = version === 3 && head.length >= 80 ? head.readBigUInt64BE(72) : 0n;
  const refuse = featureRefusal(features);
  if (refuse !== undefined) return { refuse };
  const [size, l1Offset] = [Number(head.readBigUInt64BE(24)), Number(head.readBigUInt64BE(40))];
  const [l1Entries, clusterBytes] = [head.readUInt32BE(36), 2 ** clusterBits];
  if (size <= 0 || size > MAX_SIZE) return { refuse: `it says that its disk has ${size} bytes` };
  if (l1Entries * (clusterBytes / 8) * clusterBytes < size || l1Entries > 4_194_304)
    return { refuse: 'its first table does not fit its size' };
  const isZstd = (features & INCOMPATIBLE.compression) !== 0n && head.length >= 105 && head[104] === 1;
  return { size, clusterBits, clusterBytes, l1Offset, l1Entries, compression: isZstd ? 'zstd' : 'zlib' };
}

function featureRefusal(features: bigint): string | undefined {
  if ((features & INCOMPATIBLE.corrupt) !== 0n) return 'it is marked as corrupt; see qemu-img check';
  if ((features & INCOMPATIBLE.externalData) !== 0n) return 'its data is in another file';
  if ((features & INCOMPATIBLE.extendedL2) !== 0n) return 'it has extended L2 entries; convert it without them';
  const known = Object.values(INCOMPATIBLE).reduce((all, one) => all | one, 0n);
  return (features & ~known) === 0n ? undefined : 'it has features that are not known here';
}

/** Where the L2 tables are, by the index of the L1 table; 0: none, that part of the disk is empty. */
export function l2Offsets(l1: Buffer): number[] {
  return Array.from({ length: Math.floor(l1.length / 8) }, (_, index) => Number(l1.readBigUInt64BE(index * 8) & OFFSET_MASK));
}

/** What one L2 table says, in the order of the disk; neighbours that are neighbours in the file too are one. */
export function extentsOf(image: Qcow2, l1Index: number, l2: Buffer, into: Extent[]): void {
  const { clusterBytes, clusterBits, size } = image;
  const base = l1Index * (clusterBytes / 8) * clusterBytes;
  for (let at = 0; at + 8 <= l2.length; at += 8) {
    const guest = base + (at / 8) * clusterBytes;
    if (guest >= size) return;
    const entry = l2.readBigUInt64BE(at);
    if ((entry & COMPRESSED) !== 0n) into.push(compressedExtent(entry, clusterBits, guest));
    else if ((entry & ZERO) === 0n && (entry & OFFSET_MASK) !== 0n) addPlain(into, Number(entry & OFFSET_MASK), guest, clusterBytes);
    if (into.length > MAX_EXTENTS) throw new RangeError(`the image is in more than ${MAX_EXTENTS} pieces`);
  }
}

/** Offset and, above it, how many 512-byte sectors it goes on for after the one that it begins in. */
function compressedExtent(entry: bigint, clusterBits: number, guest: number): Extent {
  const bits = BigInt(62 - (clusterBits - 8));
  const host = Number(entry & ((1n << bits) - 1n));
  const sectors = Number((entry & (COMPRESSED - 1n)) >> bits);
  return { kind: 'compressed', host, length: (sectors + 1) * 512 - (host % 512), guest };
}

function addPlain(into: Extent[], host: number, guest: number, length: number): void {
  const last = into.at(-1);
  if (last?.kind === 'plain' && last.host + last.length === host && last.guest + last.length === guest)
    into[into.length - 1] = { ...last, length: last.length + length };
  else into.push({ kind: 'plain', host, length, guest });
}

/** The parts of the disk that no extent covers: zero. */
export function gapsOf(image: Qcow2, extents: readonly Extent[]): { readonly offset: number; readonly length: number }[] {
  const gaps: { offset: number; length: number }[] = [];
  let end = 0;
  for (const { guest, length, kind } of extents.toSorted((a, b) => a.guest - b.guest)) {
    if (guest > end) gaps.push({ offset: end, length: guest - end });
    end = guest + (kind === 'plain' ? length : image.clusterBytes);
  }
  if (end < image.size) gaps.push({ offset: end, length: image.size - end });
  return gaps;
}
