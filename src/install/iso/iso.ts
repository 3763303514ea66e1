// Reads ISO 9660 images: which files are where. From anything that can be read by offsets; knows nothing of files of the disk.
// Everything wrong with an image is install.bad_iso.

import { DecodeError, type RackseedError } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { SECTOR } from './record-codec.ts';
import { newBudget, openPrimary, openTree, type ReadAt, type Tree, type TreeEntry, type TreeKind, walkTree } from './tree.ts';
import { decodeVolume, FIRST_DESCRIPTOR, MAX_DESCRIPTORS, type Volume } from './volume-codec.ts';

export type { ReadAt, TreeKind } from './tree.ts';

export interface IsoExtent {
  readonly offset: number;
  readonly bytes: number;
}

export interface IsoEntry {
  /** "/boot/linux26" */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  readonly bytes: number;
  /** In the image; their bytes one after the other are the file's. */
  readonly extents: readonly IsoExtent[];
  /** Of a symbolic link. */
  readonly target: string | undefined;
}

export interface Iso {
  readonly volumeId: string;
  /** 16 digits, as GRUB and xorriso call it. */
  readonly volumeUuid: string;
  /** Of the volume: behind it may be padding, or the second partition table of a hybrid image. */
  readonly volumeBytes: number;
  /** Which of its trees is read. */
  readonly tree: TreeKind;
  readonly trees: readonly TreeKind[];
  /** Everything but the root itself; parents first. */
  files(): AsyncGenerator<IsoEntry, void, void>;
  /** By its whole path; upper and lower case are alike in the plain tree, whose names are capitals. Links are not followed. */
  find(path: string): Promise<IsoEntry | undefined>;
  /** A file that must be there, of this size at most. */
  read(path: string, maxBytes: number): Promise<Buffer>;
}

export interface IsoOptions {
  /** For messages. */
  readonly name?: string;
  /** Else the one that Linux mounts: Rock Ridge, Joliet, the plain one. */
  readonly tree?: TreeKind;
}

export async function openIso(readAt: ReadAt, bytes: number, { name = 'the ISO', tree: wanted }: IsoOptions = {}): Promise<Iso> {
  const opened = await openVolumes(readAt, bytes, name);
  const tree = wanted === undefined ? opened.trees[0] : opened.trees.find(({ kind }) => kind === wanted);
  if (tree === undefined) throw badIso(name, `it has no ${wanted ?? 'usable'} names`);
  return {
    volumeId: opened.primary.label,
    volumeUuid: opened.primary.modified,
    volumeBytes: opened.primary.sectors * SECTOR,
    tree: tree.kind,
    trees: opened.trees.map(({ kind }) => kind),
    async *files() {
      try {
        for await (const { path, entry } of walkTree(tree)) yield isoEntry(path, entry, bytes);
      } catch (thrown) {
        throw told(name, thrown);
      }
    },
    find: (path) => guarded(name, () => find(tree, path, bytes)),
    read: (path, maxBytes) => guarded(name, () => read({ readAt: opened.readAt, tree, bytes }, path, { maxBytes, name })),
  };
}

export interface OpenedIso {
  /** Never beyond the image. */
  readonly readAt: ReadAt;
  readonly primary: Volume;
  readonly volumes: readonly Volume[];
  /** In the order in which Linux prefers them. */
  readonly trees: readonly Tree[];
}

/** All its descriptors and trees, for who changes them. */
export function openVolumes(readAt: ReadAt, bytes: number, name: string): Promise<OpenedIso> {
  return guarded(name, async () => {
    const within = readWithin(readAt, bytes);
    const volumes = await readVolumes(within);
    const primary = volumes.find(({ kind }) => kind === 'primary');
    if (primary === undefined) throw new DecodeError(FIRST_DESCRIPTOR * SECTOR, 'no primary volume descriptor');
    if (primary.sectors * SECTOR > bytes)
      throw badIso(name, `its volume has ${primary.sectors * SECTOR} bytes, the file only ${bytes}`, 'It is not complete. Fetch it again.');
    const { plain, rockRidge } = await openPrimary(within, primary);
    const joliet = volumes.filter(({ kind }) => kind === 'joliet').map((volume) => openTree(within, volume, 'joliet'));
    return { readAt: within, primary, volumes, trees: [...(rockRidge === undefined ? [] : [rockRidge]), ...joliet.slice(0, 1), plain] };
  });
}

async function readVolumes(readAt: ReadAt): Promise<Volume[]> {
  const volumes: Volume[] = [];
  for (let sector = FIRST_DESCRIPTOR; sector < FIRST_DESCRIPTOR + MAX_DESCRIPTORS; sector += 1) {
    const volume = decodeVolume(await readAt(sector * SECTOR, SECTOR), sector);
    if (volume === undefined) return volumes;
    if (volume !== null) volumes.push(volume);
  }
  throw new DecodeError(FIRST_DESCRIPTOR * SECTOR, `more than ${MAX_DESCRIPTORS} volume descriptors`);
}

function readWithin(readAt: ReadAt, bytes: number): ReadAt {
  return (offset, length) => {
    if (offset + length > bytes) throw new DecodeError(offset, `${length} bytes are wanted where the file has ${bytes} in all: it ends`);
    return readAt(offset, length);
  };
}

async function find(tree: Tree, path: string, bytes: number): Promise<IsoEntry | undefined> {
  const fold = (text: string): string => (tree.kind === 'plain' ? text.toUpperCase() : text);
  const parts = path.split('/').filter((part) => part !== '');
  const budget = newBudget();
  let [place, at] = [tree.root, ''];
  for (const [index, part] of parts.entries()) {
    const entries = await tree.entries(await tree.directory(place, budget), budget);
    const entry = entries.find(({ name }) => fold(name) === fold(part));
    if (entry === undefined) return undefined;
    at = `${at}/${entry.name}`;
    if (index === parts.length - 1) return isoEntry(at, entry, bytes);
    if (entry.kind !== 'directory') return undefined;
    place = entry.place;
  }
  return undefined;
}

async function read(
  { readAt, tree, bytes }: { readonly readAt: ReadAt; readonly tree: Tree; readonly bytes: number },
  path: string,
  { maxBytes, name }: { readonly maxBytes: number; readonly name: string },
): Promise<Buffer> {
  const entry = await find(tree, path, bytes);
  if (entry?.kind !== 'file') throw badIso(name, entry === undefined ? `it has no ${path}` : `${path} is a ${entry.kind}, not a file`);
  if (entry.bytes > maxBytes) throw badIso(name, `${path} has ${entry.bytes} bytes, more than the ${maxBytes} that it may have`);
  const parts: Buffer[] = [];
  for (const extent of entry.extents) parts.push(await readAt(extent.offset, extent.bytes));
  return Buffer.concat(parts);
}

function isoEntry(path: string, entry: TreeEntry, bytes: number): IsoEntry {
  const extents = entry.extents.map((extent) => ({ offset: extent.sector * SECTOR, bytes: extent.bytes }));
  const beyond = extents.find((extent) => extent.offset + extent.bytes > bytes);
  if (beyond !== undefined && entry.kind !== 'link')
    throw new DecodeError(beyond.offset, `${path}: the file ends before its ${beyond.bytes} bytes`);
  return { path, kind: entry.kind, bytes: entry.bytes, extents, target: entry.target };
}

async function guarded<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw told(name, thrown);
  }
}

/** A reader's own failure (a disk that can't be read) is not the image's fault and stays what it is. */
function told(name: string, thrown: unknown): unknown {
  return thrown instanceof DecodeError ? badIso(name, thrown.message, undefined, thrown) : thrown;
}

function badIso(name: string, message: string, hint?: string, cause?: unknown): RackseedError {
  return fail('install.bad_iso', {
    message: `${name}: ${message}`,
    hint: hint ?? 'Check the file against the SHA-256 that its maker publishes, and fetch it again if they differ.',
    ...(cause === undefined ? {} : { cause }),
  });
}
