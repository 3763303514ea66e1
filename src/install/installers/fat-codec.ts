// Files of a FAT file system, as the EFI image of an ISO has: by their short names, which all names of boot loaders are. Pure; for images that
// are small enough to be in memory. (Microsoft, FAT: General Overview of On-Disk Format, 1.03)

export interface FatFile {
  /** "EFI/BOOT/BOOTX64.EFI", in capitals. */
  readonly path: string;
  readonly bytes: number;
  /** Its first bytes, at most so many. */
  readonly head: Buffer;
}

const DEPTH_MAX = 6;
const ENTRIES_MAX = 4096;
const CLUSTERS_MAX = 65_536;
const [VOLUME_LABEL, DIRECTORY] = [0x08, 0x10];

interface Fat {
  readonly image: Buffer;
  readonly clusterBytes: number;
  readonly dataAt: number;
  readonly tableAt: number;
  readonly bits: 12 | 16 | 32;
  readonly clusters: number;
  /** Of FAT12 and FAT16; else the root begins at a cluster. */
  readonly fixedRoot: { readonly at: number; readonly bytes: number } | undefined;
  readonly rootCluster: number;
}

/** A text says why it is none. */
export function readFat(image: Buffer, headBytes: number): readonly FatFile[] | string {
  const fat = openFat(image);
  if (typeof fat === 'string') return fat;
  const { fixedRoot } = fat;
  const root =
    fixedRoot === undefined ? chain(fat, fat.rootCluster, Infinity) : image.subarray(fixedRoot.at, fixedRoot.at + fixedRoot.bytes);
  const files: FatFile[] = [];
  walk(fat, root, { path: '', depth: 0, headBytes, files });
  return files;
}

function openFat(image: Buffer): Fat | string {
  if (image.length < 512 || image.readUInt16LE(510) !== 0xaa55) return 'it does not begin as a FAT file system does';
  const sectorBytes = image.readUInt16LE(11);
  const clusterBytes = sectorBytes * image.readUInt8(13);
  const reserved = image.readUInt16LE(14);
  const tables = image.readUInt8(16);
  const rootBytes = image.readUInt16LE(17) * 32;
  const sectors = image.readUInt16LE(19) || image.readUInt32LE(32);
  const tableSectors = image.readUInt16LE(22) || image.readUInt32LE(36);
  if (![512, 1024, 2048, 4096].includes(sectorBytes) || clusterBytes === 0 || tables === 0 || tableSectors === 0)
    return 'its FAT header makes no sense';
  const rootAt = (reserved + tables * tableSectors) * sectorBytes;
  const dataAt = rootAt + Math.ceil(rootBytes / sectorBytes) * sectorBytes;
  const clusters = Math.floor((sectors * sectorBytes - dataAt) / clusterBytes);
  // By the count of clusters alone (ibid., 3.5).
  const bits = clusters < 4085 ? 12 : clusters < 65_525 ? 16 : 32;
  const fixedRoot = bits === 32 ? undefined : { at: rootAt, bytes: rootBytes };
  return {
    image,
    clusterBytes,
    dataAt,
    tableAt: reserved * sectorBytes,
    bits,
    clusters,
    fixedRoot,
    rootCluster: bits === 32 ? image.readUInt32LE(44) : 0,
  };
}

interface Walk {
  readonly path: string;
  readonly depth: number;
  readonly headBytes: number;
  readonly files: FatFile[];
}

function walk(fat: Fat, directory: Buffer, at: Walk): void {
  for (let offset = 0; offset + 32 <= directory.length && at.files.length < ENTRIES_MAX; offset += 32) {
    const entry = directory.subarray(offset, offset + 32);
    if (entry[0] === 0) return;
    const attributes = entry.readUInt8(11);
    // Deleted ones, labels, and the parts of long names, which have the label's bit.
    if (entry[0] === 0xe5 || (attributes & VOLUME_LABEL) !== 0) continue;
    const name = shortName(entry);
    const cluster = entry.readUInt16LE(26) + (fat.bits === 32 ? entry.readUInt16LE(20) * 65_536 : 0);
    const path = `${at.path}${name}`;
    if ((attributes & DIRECTORY) === 0) {
      const bytes = entry.readUInt32LE(28);
      at.files.push({ path, bytes, head: chain(fat, cluster, Math.min(bytes, at.headBytes)) });
    } else if (name !== '.' && name !== '..' && at.depth < DEPTH_MAX)
      walk(fat, chain(fat, cluster, Infinity), { ...at, path: `${path}/`, depth: at.depth + 1 });
  }
}

function shortName(entry: Buffer): string {
  const base = entry.toString('latin1', 0, 8).trimEnd();
  const extension = entry.toString('latin1', 8, 11).trimEnd();
  return (extension === '' ? base : `${base}.${extension}`).toUpperCase();
}

/** The bytes of a chain of clusters; a chain that leads nowhere or in a circle ends. */
function chain(fat: Fat, first: number, maxBytes: number): Buffer {
  const parts: Buffer[] = [];
  let length = 0;
  let cluster = first;
  for (let count = 0; count < CLUSTERS_MAX && cluster >= 2 && cluster < fat.clusters + 2 && length < maxBytes; count += 1) {
    const at = fat.dataAt + (cluster - 2) * fat.clusterBytes;
    const part = fat.image.subarray(at, at + fat.clusterBytes);
    parts.push(part);
    length += fat.clusterBytes;
    cluster = nextCluster(fat, cluster);
    if (length >= fat.image.length) break;
  }
  return Buffer.concat(parts).subarray(0, maxBytes === Infinity ? undefined : maxBytes);
}

function nextCluster({ image, tableAt, bits }: Fat, cluster: number): number {
  const at = tableAt + Math.floor((cluster * bits) / 8);
  if (at + 4 > image.length) return 0;
  if (bits === 32) return image.readUInt32LE(at) & 0x0fffffff;
  const word = image.readUInt16LE(at);
  if (bits === 16) return word;
  return cluster % 2 === 0 ? word & 0xfff : word >> 4;
}
