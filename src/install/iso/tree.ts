// One tree of an ISO 9660 image: its directories, read as they are asked for, within limits that no honest image reaches. Throws only
// DecodeError for what the image says, and what reading it throws.

import { DecodeError } from '../../lib/index.ts';
import { type DirectoryRecord, decodeRecord, decodeRecords, RECORD_FLAGS, SECTOR, specialName } from './record-codec.ts';
import {
  type Continuation,
  decodeSystemUse,
  type RockRidge,
  rockRidgeOf,
  type SystemUseEntry,
  skipOf,
  XA_BYTES,
} from './rock-ridge-codec.ts';
import type { Volume } from './volume-codec.ts';

/** Resolves with exactly so many bytes from this offset on. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

export type TreeKind = 'rock-ridge' | 'joliet' | 'plain';

export const LIMITS = {
  /** An installer has about 3000 files in 60 directories. */
  records: 200_000,
  directoryBytes: 16 * 1024 * 1024,
  allDirectoriesBytes: 128 * 1024 * 1024,
  depth: 64,
  /** Of one record: as many as Linux follows (fs/isofs/rock.c). */
  continuations: 32,
} as const;

export interface Place {
  readonly sector: number;
  readonly bytes: number;
}

/** A directory entry with all its extents; what its record says of itself is kept in `records`. */
export interface TreeEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  readonly place: Place;
  readonly bytes: number;
  readonly extents: readonly Place[];
  readonly target: string | undefined;
  readonly records: readonly DirectoryRecord[];
}

export interface TreeDirectory {
  readonly place: Place;
  readonly bytes: Buffer;
  readonly records: readonly DirectoryRecord[];
}

/** What one walk may still read. */
export interface Budget {
  records: number;
  bytes: number;
}

export function newBudget(): Budget {
  return { records: LIMITS.records, bytes: LIMITS.allDirectoriesBytes };
}

export interface Tree {
  readonly kind: TreeKind;
  readonly volume: Volume;
  readonly root: Place;
  /** In front of the system use entries of every record but root's own. */
  readonly skip: number;
  directory(place: Place, budget: Budget): Promise<TreeDirectory>;
  /** Without "." and "..", relocated directories where they belong. */
  entries(directory: TreeDirectory, budget: Budget): Promise<TreeEntry[]>;
  /** All its system use entries, also those kept elsewhere; each with where it is in the image. */
  systemUse(directory: Place, record: DirectoryRecord, budget: Budget): Promise<readonly PlacedEntry[]>;
}

export interface PlacedEntry extends SystemUseEntry {
  /** In the image. */
  readonly offset: number;
}

export function openTree(readAt: ReadAt, volume: Volume, kind: TreeKind, skip = 0): Tree {
  const root = { sector: volume.root.sector, bytes: volume.root.bytes };
  const continued = oneSectorKept(readAt);

  async function directory(place: Place, budget: Budget): Promise<TreeDirectory> {
    const at = place.sector * SECTOR;
    if (place.bytes > LIMITS.directoryBytes) throw new DecodeError(at, `a directory of ${place.bytes} bytes`);
    spend(budget, 'bytes', place.bytes, at);
    const bytes = await readAt(at, place.bytes);
    const records = decodeRecords(bytes);
    spend(budget, 'records', records.length, at);
    return { place, bytes, records };
  }

  async function systemUse(of: Place, record: DirectoryRecord, budget: Budget): Promise<PlacedEntry[]> {
    const start = of.sector === root.sector && record.at === 0 ? rootSkip(record) : skip;
    const areaAt = of.sector * SECTOR + record.at + record.raw.length - record.systemUse.length + start;
    const first = decodeSystemUse(record.systemUse.subarray(start));
    const all = placed(first.entries, areaAt);
    let next: Continuation | undefined = first.continuation;
    for (let hops = 0; next !== undefined; hops += 1) {
      const at = next.sector * SECTOR + next.offset;
      if (hops === LIMITS.continuations) throw new DecodeError(at, `more than ${hops} continuation areas of one record`);
      spend(budget, 'records', 1, at);
      const area = decodeSystemUse(await continued(next));
      all.push(...placed(area.entries, at));
      next = area.continuation;
    }
    return all;
  }

  async function entries(of: TreeDirectory, budget: Budget): Promise<TreeEntry[]> {
    const found: TreeEntry[] = [];
    const named = of.records.filter((record) => specialName(record) === undefined && (record.flags & RECORD_FLAGS.associated) === 0);
    for (let index = 0; index < named.length; ) {
      const sections = sectionsFrom(named, index);
      index += sections.length;
      const entry = await entryOf(of.place, sections, budget);
      if (entry !== undefined) found.push(entry);
    }
    return found;
  }

  async function entryOf(of: Place, sections: readonly DirectoryRecord[], budget: Budget): Promise<TreeEntry | undefined> {
    const [first] = sections;
    if (first === undefined) return undefined;
    const extra: RockRidge | undefined = kind === 'rock-ridge' ? rockRidgeOf(await systemUse(of, first, budget)) : undefined;
    if (extra?.isRelocated === true) return undefined;
    const name = checkedName(extra?.name ?? standardName(first.identifier, kind), of.sector * SECTOR + first.at);
    const rest = { name, target: extra?.target, records: sections };
    if (extra?.child !== undefined) {
      const place = await ownPlace(extra.child);
      return { ...rest, kind: 'directory', place, bytes: place.bytes, extents: [place] };
    }
    const extents = sections.map(({ sector, bytes }) => ({ sector, bytes })).filter(({ bytes }) => bytes > 0);
    const bytes = extents.reduce((sum, extent) => sum + extent.bytes, 0);
    return { ...rest, kind: kindOf(first, extra), place: { sector: first.sector, bytes: first.bytes }, bytes, extents };
  }

  /** A directory's size as its own "." has it. */
  async function ownPlace(sector: number): Promise<Place> {
    const head = await readAt(sector * SECTOR, SECTOR);
    const own = decodeRecord(head.subarray(0, head.readUInt8(0)), sector * SECTOR);
    if (specialName(own) !== '.') throw new DecodeError(sector * SECTOR, 'no directory where a relocated one should be');
    return { sector, bytes: own.bytes };
  }

  return { kind, volume, root, skip, directory, entries, systemUse };
}

/** The primary tree with Rock Ridge's names where it has them: told as Linux does, by SP and ER in root's own record. */
export async function openPrimary(readAt: ReadAt, volume: Volume): Promise<{ readonly plain: Tree; readonly rockRidge: Tree | undefined }> {
  const plain = openTree(readAt, volume, 'plain');
  const budget = newBudget();
  const { records, place } = await plain.directory(plain.root, budget);
  const [own] = records;
  if (own === undefined || specialName(own) !== '.') throw new DecodeError(plain.root.sector * SECTOR, 'no root directory');
  const entries = await plain.systemUse(place, own, budget);
  const skip = skipOf(entries);
  const isRockRidge = skip !== undefined && entries.some(({ signature }) => signature === 'ER');
  return { plain, rockRidge: isRockRidge ? openTree(readAt, volume, 'rock-ridge', skip) : undefined };
}

export interface Walked {
  readonly path: string;
  readonly entry: TreeEntry;
}

/** Every entry of a tree once, parents first. Directories that are met twice are a loop: no image has hard links to directories. */
export async function* walkTree(tree: Tree): AsyncGenerator<Walked, void, void> {
  const budget = newBudget();
  const seen = new Set([tree.root.sector]);
  const open: { readonly path: string; readonly place: Place; readonly depth: number }[] = [{ path: '', place: tree.root, depth: 0 }];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    for (const entry of await tree.entries(await tree.directory(one.place, budget), budget)) {
      const path = `${one.path}/${entry.name}`;
      yield { path, entry };
      if (entry.kind !== 'directory') continue;
      const { sector } = entry.place;
      if (seen.has(sector)) throw new DecodeError(sector * SECTOR, `the directory ${path} is another one too`);
      if (one.depth + 1 > LIMITS.depth) throw new DecodeError(sector * SECTOR, `directories more than ${LIMITS.depth} deep`);
      seen.add(sector);
      open.push({ path, place: entry.place, depth: one.depth + 1 });
    }
  }
}

function spend(budget: Budget, what: keyof Budget, amount: number, at: number): void {
  budget[what] -= amount;
  if (budget[what] < 0)
    throw new DecodeError(at, `more ${what === 'bytes' ? 'bytes of directories' : 'directory records'} than any image has`);
}

/** SP stands at the very start, or behind what CD-ROM XA keeps there (SUSP §5.3). */
function rootSkip({ systemUse }: DirectoryRecord): number {
  return systemUse.toString('latin1', 0, 2) === 'SP' || systemUse.toString('latin1', XA_BYTES, XA_BYTES + 2) !== 'SP' ? 0 : XA_BYTES;
}

function placed(entries: readonly SystemUseEntry[], base: number): PlacedEntry[] {
  return entries.map((entry) => ({ ...entry, offset: base + entry.at }));
}

/** Continuation areas stand beside each other: many records share one sector of them. */
function oneSectorKept(readAt: ReadAt): (where: Continuation) => Promise<Buffer> {
  let kept: { readonly sector: number; readonly bytes: Buffer } | undefined;
  return async ({ sector, offset, bytes }) => {
    if (offset + bytes > SECTOR) return readAt(sector * SECTOR + offset, bytes);
    if (kept?.sector !== sector) kept = { sector, bytes: await readAt(sector * SECTOR, SECTOR) };
    return kept.bytes.subarray(offset, offset + bytes);
  };
}

/** The records of one file: all but the last say that another follows (§6.5.1). */
function sectionsFrom(records: readonly DirectoryRecord[], start: number): DirectoryRecord[] {
  const last = records.findIndex((record, index) => index >= start && (record.flags & RECORD_FLAGS.multiExtent) === 0);
  const [first, ...rest] = records.slice(start, last === -1 ? undefined : last + 1);
  if (first === undefined) return [];
  const stranger = rest.find(({ identifier }) => !identifier.equals(first.identifier));
  if (stranger !== undefined || last === -1) throw new DecodeError(first.at, 'a file whose next part is not there');
  return [first, ...rest];
}

function kindOf({ flags }: DirectoryRecord, extra: RockRidge | undefined): TreeEntry['kind'] {
  if ((flags & RECORD_FLAGS.directory) !== 0) return 'directory';
  const [TYPE, FILE, LINK] = [0o170_000, 0o100_000, 0o120_000];
  const type = extra?.mode === undefined ? FILE : extra.mode & TYPE;
  return type === LINK || extra?.target !== undefined ? 'link' : type === FILE || type === 0 ? 'file' : 'other';
}

/** Without the version, and without the dot of a name that has no extension. */
export function standardName(identifier: Buffer, kind: TreeKind): string {
  const text = kind === 'joliet' ? utf16(identifier) : identifier.toString('latin1');
  return text.replace(/;\d*$/, '').replace(/(?<=.)\.$/, '');
}

function utf16(identifier: Buffer): string {
  const even = Buffer.from(identifier.subarray(0, identifier.length - (identifier.length % 2)));
  return even.swap16().toString('utf16le');
}

/** A name is one part of a path, and nothing else: whoever gets it may write it somewhere. */
function checkedName(name: string, at: number): string {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name))
    throw new DecodeError(at, `a file called ${JSON.stringify(name)}`);
  return name;
}
