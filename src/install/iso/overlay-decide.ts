// What a root directory becomes when one file is added: its name in that tree, its record, its place among the others. Pure; knows nothing
// of where directories are.

import { encodeFileRecord, RECORD_FLAGS, SECTOR, specialName } from './record-codec.ts';
import { encodeFileEntries, type SystemUseEntry } from './rock-ridge-codec.ts';
import { type Place, standardName, type TreeDirectory, type TreeEntry, type TreeKind } from './tree.ts';

/** A directory that can't have the file. Becomes install.iso_overlay_failed. */
export class OverlayError extends Error {
  override readonly name = 'OverlayError';
}

export interface RootEdit {
  readonly kind: TreeKind;
  readonly directory: TreeDirectory;
  /** As this tree names them. */
  readonly entries: readonly TreeEntry[];
  readonly name: string;
  /** Where its content is. */
  readonly place: Place;
  /** Of Rock Ridge; else empty. */
  readonly like: readonly SystemUseEntry[];
  readonly skip: number;
}

export interface EditedRoot {
  readonly identifier: Buffer;
  /** Whole sectors. */
  readonly bytes: Buffer;
  /** Whether it stays where it is. */
  readonly fits: boolean;
}

export function editRoot(edit: RootEdit): EditedRoot {
  const { directory, entries, name } = edit;
  const replaced = entries.find((entry) => isSameName(edit.kind, entry.name, name));
  if (replaced !== undefined && replaced.kind === 'directory') throw new OverlayError(`${name} is a directory there`);
  const identifier = replaced?.records[0]?.identifier ?? newIdentifier(edit);
  const gone = new Set(replaced?.records);
  const kept = directory.records.filter((record) => !gone.has(record));
  const before = kept.findIndex(
    (record) => specialName(record) === undefined && compareIdentifiers(record.identifier, identifier, edit.kind) > 0,
  );
  const at = before === -1 ? kept.length : before;
  const raw = kept.map((record) => record.raw);
  const bytes = pack([...raw.slice(0, at), newRecord(edit, identifier), ...raw.slice(at)]);
  const room = directory.bytes.length;
  if (bytes.length > room || room % SECTOR !== 0) return { identifier, bytes, fits: false };
  return { identifier, bytes: Buffer.concat([bytes, Buffer.alloc(room - bytes.length)]), fits: true };
}

/** As Linux compares them: it shows the plain names of the standard in small letters. */
function isSameName(kind: TreeKind, found: string, wanted: string): boolean {
  return kind === 'plain' ? found.toLowerCase() === wanted.toLowerCase() : found === wanted;
}

function newRecord({ directory, name, place, like, skip, kind }: RootEdit, identifier: Buffer): Buffer {
  const [own] = directory.records;
  if (own === undefined) throw new OverlayError('the root directory has no record of itself');
  const base = { identifier, ...place, time: own.raw.subarray(18, 25) };
  if (kind !== 'rock-ridge') return encoded({ ...base, systemUse: Buffer.alloc(0) });
  const { full, withoutTimes } = encodeFileEntries({ name, skip, like });
  return encodeFileRecord({ ...base, systemUse: full }) ?? encoded({ ...base, systemUse: withoutTimes });
}

function encoded(record: Parameters<typeof encodeFileRecord>[0]): Buffer {
  const made = encodeFileRecord(record);
  if (made === undefined) throw new OverlayError('the name is too long for a directory record');
  return made;
}

/** No record crosses a sector (ECMA-119 §6.8.1.1). */
function pack(records: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let used = 0;
  const add = (part: Buffer): void => {
    parts.push(part);
    used += part.length;
  };
  for (const record of records) {
    const left = SECTOR - (used % SECTOR);
    if (record.length > left) add(Buffer.alloc(left));
    add(record);
  }
  if (used % SECTOR !== 0) add(Buffer.alloc(SECTOR - (used % SECTOR)));
  return Buffer.concat(parts);
}

/** ECMA-119 §7.5: 30 characters, of which Rock Ridge needs none to be right. Without it, Linux makes the name of them: they must be. */
function newIdentifier({ kind, directory, entries, name }: RootEdit): Buffer {
  const files = directory.records.filter((record) => specialName(record) === undefined && (record.flags & RECORD_FLAGS.directory) === 0);
  const semicolon = kind === 'joliet' ? Buffer.from([0, 0x3b]) : Buffer.from(';');
  const version = files.length > 0 && files.every(({ identifier }) => !identifier.includes(semicolon)) ? '' : ';1';
  if (kind === 'joliet') return Buffer.from(`${name}${version}`, 'utf16le').swap16();
  const taken = new Set(directory.records.map(({ identifier }) => standardName(identifier, 'plain').toUpperCase()));
  for (let number = 0; number <= entries.length; number += 1) {
    const identifier = Buffer.from(`${plainName(name, kind, number)}${version}`, 'latin1');
    if (!taken.has(standardName(identifier, 'plain'))) return identifier;
  }
  throw new OverlayError(`no name like ${name} is free`);
}

function plainName(name: string, kind: TreeKind, number: number): string {
  const [NAME_MAX, EXTENSION_MAX] = [30, 8];
  const dot = name.lastIndexOf('.');
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot + 1)] : [name, ''];
  // Capital letters, digits and the underscore; the hyphen is what Linux must find where there is no other name.
  const clean = (text: string): string => text.toUpperCase().replaceAll(kind === 'plain' ? /[^A-Z0-9_-]/g : /[^A-Z0-9_]/g, '_');
  const suffix = number === 0 ? '' : String(number);
  const end = clean(extension).slice(0, EXTENSION_MAX);
  return `${clean(stem).slice(0, NAME_MAX - end.length - suffix.length)}${suffix}.${end}`;
}

/** §9.3: by name, then by extension, as if filled with spaces; then by version. Joliet the same with two bytes each. */
export function compareIdentifiers(a: Buffer, b: Buffer, kind: TreeKind): number {
  const parts = (identifier: Buffer): string[] => {
    const text = kind === 'joliet' ? Buffer.from(identifier).swap16().toString('utf16le') : identifier.toString('latin1');
    const [whole = '', version = ''] = text.split(';', 2);
    const dot = whole.indexOf('.');
    return dot === -1 ? [whole, '', version] : [whole.slice(0, dot), whole.slice(dot + 1), version];
  };
  const [left, right] = [parts(a), parts(b)];
  for (const [index, part] of left.entries()) {
    const other = right[index] ?? '';
    const length = Math.max(part.length, other.length);
    const [one, two] = [part.padEnd(length), other.padEnd(length)];
    if (one !== two) return one < two ? -1 : 1;
  }
  return 0;
}
