// A document in kebab-case → the TOML that one release reads: its names of keys, its words, without the keys it does not know. Pure.

import { stringify } from 'smol-toml';
import { isTable, type Table } from '../../config/index.ts';
import { type InstallerRelease, isAtLeast } from './releases.ts';
import { type KeySpec, keysIn, nameOf, snakeOf } from './schema.ts';

export function serialiseFor(document: Table, release: InstallerRelease): string {
  return stringify(section(document, '', release));
}

function section(table: Table, key: string, release: InstallerRelease): Table {
  const specs = keysIn(key);
  const entries = Object.entries(table).flatMap(([name, value]): [string, unknown][] => {
    const spec = specs.find((one) => nameOf(one.key) === name || snakeOf(nameOf(one.key)) === name);
    if (spec === undefined || !isAtLeast(release.installer, spec.since) || isNothing(spec, value)) return [];
    return [[nameFor(spec, release), valueFor(spec, value, release)]];
  });
  return Object.fromEntries(entries);
}

function nameFor({ key, spelling }: KeySpec, { installer }: InstallerRelease): string {
  const name = nameOf(key);
  return spelling === undefined || isAtLeast(installer, spelling.kebabSince) ? name : snakeOf(name);
}

function valueFor(spec: KeySpec, value: unknown, release: InstallerRelease): unknown {
  if (isTable(value) && keysIn(spec.key).length > 0) return section(value, spec.key, release);
  // In small letters every release knows them, and before 9.1.7 a card is found by small letters only.
  if (typeof value === 'string' && spec.otherWords?.words.includes(value) === true) return value.toLowerCase();
  if (spec.kind === 'names' && isTable(value)) return plain(withSmallKeys(value));
  return plain(value);
}

/** An empty filter chooses nothing, and before 9.0 may not stand beside a list. */
function isNothing({ kind }: KeySpec, value: unknown): boolean {
  return value === null || value === undefined || (kind === 'globs' && isTable(value) && Object.keys(value).length === 0);
}

/** TOML has no null, and no halves of characters: with an escaped one in it the whole file is none. */
function plain(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.filter((one) => one !== null).map(plain);
  if (!isTable(value)) return value;
  const entries = Object.entries(value).filter(([, one]) => one !== null && one !== undefined);
  return Object.fromEntries(entries.map(([name, one]) => [name, plain(one)]));
}

function withSmallKeys(table: Table): Table {
  return Object.fromEntries(Object.entries(table).map(([mac, name]) => [mac.toLowerCase(), name]));
}
