// One table of a document, read as the installer's parser does: every key is taken once with its type, and what is left over is refused.
// Knows no key.

import { isTable, type Table } from './toml-codec.ts';

export class Refused extends Error {}

export interface Section {
  string(key: string): string | undefined;
  /** One of these words. */
  word<W extends string>(key: string, words: readonly W[]): W | undefined;
  bool(key: string): boolean | undefined;
  number(key: string): number | undefined;
  integer(key: string): number | undefined;
  strings(key: string): readonly string[] | undefined;
  table(key: string): Section | undefined;
  /** A table of strings by any name. */
  map(key: string): Readonly<Record<string, string>> | undefined;
  raw(key: string): unknown;
  /** Throws when a key was not taken. */
  end(): void;
}

/** By which names a key may be written: the first one is said in messages. */
export type Names = (key: string) => readonly string[];

export function openSection(path: string, values: Table, names: Names): Section {
  const left = new Set(Object.keys(values));
  const where = (key: string): string => (path === '' ? key : `${path}.${key}`);
  const raw = (key: string): unknown => {
    const found = names(key).filter((name) => left.delete(name));
    if (found.length > 1) throw new Refused(`duplicate field ${where(key)}`);
    return found[0] === undefined ? undefined : values[found[0]];
  };
  function typed<T>(key: string, what: string, check: (value: unknown) => value is T): T | undefined {
    const value = raw(key);
    if (value === undefined) return undefined;
    if (!check(value)) throw new Refused(`${where(key)}: invalid type, expected ${what}`);
    return value;
  }
  return {
    raw,
    string: (key) => typed(key, 'a string', isString),
    word: (key, words) => {
      const value = typed(key, 'a string', isString);
      const found = words.find((one) => one === value);
      if (value !== undefined && found === undefined)
        throw new Refused(`${where(key)}: unknown variant ${value}, expected one of ${words.join(', ')}`);
      return found;
    },
    bool: (key) => typed(key, 'a boolean', (value) => typeof value === 'boolean'),
    number: (key) => typed(key, 'a number', isNumber),
    integer: (key) =>
      typed(key, 'a positive integer', (value): value is number => isNumber(value) && Number.isInteger(value) && value >= 0),
    strings: (key) => typed(key, 'a list of strings', (value): value is string[] => Array.isArray(value) && value.every(isString)),
    table: (key) => {
      const value = typed(key, 'a table', isTable);
      return value && openSection(where(key), value, names);
    },
    map: (key) => typed(key, 'a table of strings', isMap),
    end: () => {
      const [unknown] = left;
      if (unknown !== undefined) throw new Refused(`unknown field ${where(unknown)}`);
    },
  };
}

/** A key that must be there. */
export function required<T>(value: T | undefined, key: string): T {
  if (value === undefined) throw new Refused(`missing field ${key}`);
  return value;
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && !Number.isNaN(value);
}

function isMap(value: unknown): value is Record<string, string> {
  return isTable(value) && Object.values(value).every(isString);
}
