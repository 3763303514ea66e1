// Plans one more file in the root directory of an ISO image as patches over it: a record in each tree, content behind the end. A root
// without room moves behind the end too, with all that points to it. Changes nothing itself.

import { DecodeError } from '../../lib/index.ts';
import type { OpenedIso } from './iso.ts';
import { editRoot, OverlayError } from './overlay-decide.ts';
import { both32, SECTOR, specialName } from './record-codec.ts';
import type { Overlay } from './sources.ts';
import { newBudget, type Place, standardName, type Tree, type TreeDirectory, type TreeKind, walkTree } from './tree.ts';
import { type Patch, pathTablePatches, placePatches, rootPatches, type Volume, volumeSizePatch } from './volume-codec.ts';

export interface AddedFile {
  /** "auto-installer-mode.toml" */
  readonly name: string;
  readonly content: Buffer;
}

export interface OverlayPlan extends Overlay {
  /** By what name each tree has the new file. */
  readonly names: ReadonlyMap<TreeKind, string>;
  /** Of these trees the root directory moved. */
  readonly moved: readonly TreeKind[];
}

export async function planOverlay(iso: OpenedIso, bytes: number, { name, content }: AddedFile): Promise<OverlayPlan> {
  let next = Math.ceil(bytes / SECTOR);
  const take = (size: number): number => {
    const sector = next;
    next += Math.max(1, Math.ceil(size / SECTOR));
    return sector;
  };
  const place = { sector: take(content.length), bytes: content.length };
  const patches: Patch[] = [{ offset: place.sector * SECTOR, bytes: content }];
  const names = new Map<TreeKind, string>();
  const moved: TreeKind[] = [];
  for (const tree of treesToEdit(iso)) {
    const directory = await tree.directory(tree.root, newBudget());
    const edited = editRoot({ ...(await rootOf(tree, directory)), name, place });
    if (tree.kind !== 'joliet') names.set('plain', standardName(edited.identifier, 'plain'));
    if (tree.kind !== 'plain') names.set(tree.kind, name);
    if (edited.fits) {
      patches.push(...differences(tree.root.sector * SECTOR, directory.bytes, edited.bytes));
      continue;
    }
    moved.push(tree.kind);
    patches.push(...(await moveRoot(iso, tree, edited.bytes, take(edited.bytes.length))));
  }
  patches.push(...iso.volumes.map((volume) => volumeSizePatch(volume, next)));
  return { patches: inOrder(patches), behind: bytes, bytes: next * SECTOR, names, moved };
}

/** Of the primary descriptor the best one: Rock Ridge is the plain tree with more in it. */
function treesToEdit({ trees }: OpenedIso): Tree[] {
  const isRockRidge = trees.some(({ kind }) => kind === 'rock-ridge');
  return trees.filter(({ kind }) => kind !== 'plain' || !isRockRidge);
}

async function rootOf(tree: Tree, directory: TreeDirectory) {
  const budget = newBudget();
  const entries = await tree.entries(directory, budget);
  const [own] = directory.records;
  const like = tree.kind === 'rock-ridge' && own !== undefined ? await tree.systemUse(directory.place, own, budget) : [];
  return { kind: tree.kind, directory, entries, like, skip: tree.skip };
}

/** From the first byte that is another one to the last. */
function differences(at: number, before: Buffer, after: Buffer): Patch[] {
  const first = after.findIndex((byte, index) => byte !== before[index]);
  if (first === -1) return [];
  const last = after.findLastIndex((byte, index) => byte !== before[index]);
  return [{ offset: at + first, bytes: after.subarray(first, last + 1) }];
}

async function moveRoot(iso: OpenedIso, tree: Tree, bytes: Buffer, sector: number): Promise<Patch[]> {
  const root = { sector, bytes: bytes.length };
  const [own, parent] = [bytes.readUInt8(0), bytes.readUInt8(bytes.readUInt8(0))];
  if (parent === 0) throw new OverlayError('the root directory has no record of its parent');
  const there = Buffer.from(bytes);
  for (const { offset, bytes: patch } of [...placePatches(0, root), ...placePatches(own, root)]) patch.copy(there, offset);
  const volumes = iso.volumes.filter((volume) => volume.root.sector === tree.root.sector);
  return [
    { offset: sector * SECTOR, bytes: there },
    ...volumes.flatMap((volume) => rootPatches(volume, root)),
    ...(await pathTables(iso, volumes, sector)),
    ...(await waysBack(iso, tree, root)),
  ];
}

/** Only where they hold what they should: a table that is not one must not be written to. */
async function pathTables({ readAt }: OpenedIso, volumes: readonly Volume[], sector: number): Promise<Patch[]> {
  for (const volume of volumes) {
    for (const { offset, bytes } of pathTablePatches(volume, volume.root.sector)) {
      const found = await readAt(offset, bytes.length);
      if (!found.equals(bytes)) throw new OverlayError(`no path table at byte ${offset}`);
    }
  }
  return volumes.flatMap((volume) => pathTablePatches(volume, sector));
}

/** The ".." of every directory in the root, and Rock Ridge's PL of those that were moved out of it. */
async function waysBack({ trees }: OpenedIso, tree: Tree, root: Place): Promise<Patch[]> {
  const patches: Patch[] = [];
  const budget = newBudget();
  // In the tree of the standard relocated directories are where their records are.
  const physical = tree.kind === 'rock-ridge' ? trees.find(({ kind }) => kind === 'plain') : tree;
  if (physical === undefined) return patches;
  for await (const { entry } of walkTree(physical)) {
    if (entry.kind !== 'directory') continue;
    const { records } = await physical.directory(entry.place, budget);
    const up = records.find((record) => specialName(record) === '..');
    if (up === undefined) throw new DecodeError(entry.place.sector * SECTOR, 'a directory without a way back to its parent');
    if (up.sector === tree.root.sector) patches.push(...placePatches(entry.place.sector * SECTOR + up.at, root));
    if (tree.kind !== 'rock-ridge') continue;
    for (const { signature, raw, offset } of await tree.systemUse(entry.place, up, budget))
      if (signature === 'PL' && raw.length >= 12 && raw.readUInt32LE(4) === tree.root.sector)
        patches.push({ offset: offset + 4, bytes: both32(root.sector) });
  }
  return patches;
}

/** Two descriptors may share a root or a table: the same patch twice is one. */
function inOrder(patches: readonly Patch[]): Patch[] {
  const sorted = patches.filter(({ bytes }) => bytes.length > 0).toSorted((a, b) => a.offset - b.offset);
  const kept: Patch[] = [];
  for (const patch of sorted) {
    const last = kept.at(-1);
    if (last !== undefined && last.offset === patch.offset && last.bytes.equals(patch.bytes)) continue;
    if (last !== undefined && last.offset + last.bytes.length > patch.offset) throw new OverlayError(`two changes at byte ${patch.offset}`);
    kept.push(patch);
  }
  return kept;
}
