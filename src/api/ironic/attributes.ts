// What clients may give of a resource, in a POST body or by a patch: a row per attribute with its kind, and the readers of both. Pure.
// A body that is refused changes nothing: everything is read before anything is written.

import { isDeepStrictEqual } from 'node:util';
import { type TSchema, Type } from 'typebox';
import { isUuid, type JsonObject } from '../../nodes/index.ts';
import { closed, nullable } from '../schemas.ts';
import { applyPatch, type Document, isPlain, type Patch, touchedBy } from './json-patch.ts';
import { bad } from './query.ts';
import type { Minor } from './version.ts';
import { newerField } from './view.ts';

/** How a JSON value is checked and what it becomes. Null and what a patch removed come as null. */
export interface Kind<Value> {
  readonly schema: TSchema;
  readonly read: (value: unknown, name: string) => Value;
}

type Row<Fields> = { readonly [F in keyof Fields]: { readonly field: F; readonly kind: Kind<Fields[F]> } }[keyof Fields];

/** `Fields` is what the domain takes: an attribute fills one of them. */
export type Attribute<Fields> = Row<Fields> & {
  /** In the API. */
  readonly name: string;
  readonly since: Minor;
  /** Must be in a POST body. */
  readonly isRequired?: true;
  /** Taken only in a POST body, or only by a patch. */
  readonly only?: 'create' | 'patch';
};

/** The schema of a POST body: unknown keys are refused. */
export function bodySchema<Fields>(attributes: readonly Attribute<Fields>[]): TSchema {
  const taken = attributes.filter((row) => row.only !== 'patch');
  return Type.Object(
    Object.fromEntries(taken.map((row) => [row.name, row.isRequired === true ? row.kind.schema : Type.Optional(row.kind.schema)])),
    closed,
  );
}

/** What a checked POST body gives. An attribute newer than the version asked for is 406 unless it is null, as from Ironic. */
export function readBody<Fields>(attributes: readonly Attribute<Fields>[], body: unknown, minor: Minor): Partial<Fields> {
  const given: Document = isPlain(body) ? body : {};
  const read = attributes.flatMap((row) => {
    const value = Object.hasOwn(given, row.name) ? given[row.name] : undefined;
    if (value === undefined || row.only === 'patch') return [];
    if (row.since > minor && value !== null && value !== '') throw newerField(row.name, row.since, minor);
    return row.since > minor ? [] : [[row.field, row.kind.read(value, row.name)] as const];
  });
  return Object.fromEntries(read) as Partial<Fields>; // a row ties the kind to the type of its field
}

/** What a patch changes: only fields that are other than before. `document` has every attribute under its API name. */
export function readPatch<Fields>(
  attributes: readonly Attribute<Fields>[],
  document: Document,
  patch: Patch,
  minor: Minor,
): Partial<Fields> {
  const taken = attributes.filter((row) => row.only !== 'create');
  const touched = touchedBy(patch, minor).map((name) => {
    const row = taken.find((candidate) => candidate.name === name);
    if (row === undefined) throw notPatchable(name, taken);
    return row;
  });
  const newer = touched.find(
    (row) => row.since > minor && patch.some(({ op, path }) => op !== 'remove' && path.split('/')[1] === row.name),
  );
  if (newer !== undefined) throw newerField(newer.name, newer.since, minor);
  const patched = applyPatch(document, patch, minor);
  const changed = touched
    .filter((row) => !isDeepStrictEqual(patched[row.name], document[row.name]))
    .map((row) => [row.field, row.kind.read(patched[row.name] ?? null, row.name)] as const);
  return Object.fromEntries(changed) as Partial<Fields>; // a row ties the kind to the type of its field
}

/** The patch gives another value to the attribute itself or to something below it. */
export function touches(patch: Patch, name: string): boolean {
  return patch.some(({ path }) => path === `/${name}` || path.startsWith(`/${name}/`));
}

function notPatchable<Fields>(name: string, taken: readonly Attribute<Fields>[]): Error {
  const known = taken.map((row) => row.name).join(', ');
  return bad(`Cannot patch /${name.slice(0, 100)}. Only the following can be updated: ${known}`);
}

export const requiredText = (maxLength = 255): Kind<string> => ({
  schema: Type.String({ minLength: 1, maxLength }),
  read: (value, name) => {
    if (value === null) throw bad(`'${name}' is a required property`);
    const text = textOf(value, name, maxLength);
    if (text === '') throw bad(`${name} is empty`);
    return text;
  },
});

export const maybeText = (maxLength = 255): Kind<string | null> => ({
  schema: nullable(Type.String({ maxLength })),
  read: (value, name) => (value === null ? null : textOf(value, name, maxLength)),
});

/** Lower case, as it is stored. */
export const maybeUuid: Kind<string | null> = {
  schema: nullable(Type.String({ maxLength: 255 })),
  read: (value, name) => {
    const text = value === null ? null : textOf(value, name, 255);
    if (text !== null && !isUuid(text)) throw bad(`Expected UUID for ${name}: ${text}`);
    return text === null ? null : text.toLowerCase();
  },
};

const TRUE = ['true', 't', '1', 'yes', 'y', 'on'];
const FALSE = ['false', 'f', '0', 'no', 'n', 'off'];

/** Words count as well, since Python's clients send "True"; null is the default given, or "not said". */
const flagSchema = Type.Unsafe<unknown>({ type: ['string', 'boolean', 'null'], maxLength: 8 });
export const maybeFlag: Kind<boolean | null> = { schema: flagSchema, read: (value, name) => (value === null ? null : flagOf(value, name)) };
export const flag = (byDefault = false): Kind<boolean> => ({
  schema: flagSchema,
  read: (value, name) => (value === null ? byDefault : flagOf(value, name)),
});

/** Null is {}. */
export const jsonObject: Kind<JsonObject> = {
  schema: Type.Unsafe<unknown>({ type: ['object', 'null'] }),
  read: (value, name) => {
    if (value === null) return {};
    if (!isPlain(value)) throw bad(`${name} must be a JSON object`);
    return value as JsonObject; // from a parsed body or a stored object, patched with the like
  },
};

export const oneOf = <W extends string>(words: readonly W[]): Kind<W> => ({
  schema: Type.Enum([...words]),
  read: (value, name) => {
    const word = words.find((known) => known === value);
    if (word === undefined) throw bad(`${JSON.stringify(value)?.slice(0, 100)} is no value of ${name}: ${words.join(', ')}`);
    return word;
  },
});

/** Whole numbers from 0 on; digits in quotes count as well. */
export const wholeNumber = (maximum = 2 ** 31 - 1): Kind<number> => ({
  schema: Type.Unsafe<unknown>({ type: ['integer', 'string'], minimum: 0, maximum, pattern: '^[0-9]{1,10}$' }),
  read: (value, name) => {
    const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 && number <= maximum) return number;
    throw bad(`${name} must be a whole number from 0 to ${maximum}`);
  },
});

function textOf(value: unknown, name: string, maxLength: number): string {
  if (typeof value !== 'string') throw bad(`${name} must be a string`);
  if (value.length > maxLength) throw bad(`${name} has ${value.length} characters, at most ${maxLength} are taken`);
  if (value.includes('\0')) throw bad(`${name} holds a NUL character`);
  return value;
}

function flagOf(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.trim().toLowerCase() : '';
  if (TRUE.includes(word)) return true;
  if (FALSE.includes(word)) return false;
  throw bad(
    `Invalid ${name}: Unrecognized value ${JSON.stringify(value)?.slice(0, 100)}, acceptable values are: ${[...FALSE, ...TRUE].toSorted().join(', ')}`,
  );
}
