// One finding of the schema checker → one sentence for people. Pure.

import type { ErrorObject } from 'ajv';
import { nearest as nearestWord } from '../lib/index.ts';
import { FORMATS, STANDARD_FORMATS } from './formats.ts';
import { isTableList, type SchemaNode } from './json-schema.ts';
import { childPointer, isTable, keyOfPointer } from './pointer.ts';

export interface Finding {
  /** Where: for an unknown or a missing key the key itself. */
  readonly pointer: string;
  readonly kind: 'unknown' | 'missing' | 'wrong';
  readonly message: string;
  readonly expected?: string;
  readonly nearest?: string;
}

/** Every key of the schema with the section it lives in, for keys that were written in the wrong place. */
export type KnownKeys = readonly { readonly key: string; readonly section: string }[];

const SECRET = 'a secret by reference: { env = "NAME" }, { file = "/path" } or { credential = "name" }';

export function explain(error: ErrorObject, known: KnownKeys): Finding {
  const node = error.parentSchema as SchemaNode; // `verbose: true` gives the schema that was violated: ours
  const params = error.params as Readonly<Record<string, unknown>>; // typed by keyword in ajv; read by name below
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(error.instancePath, String(params.additionalProperty), node, known);
    case 'required':
      return missingKey(error.instancePath, String(params.missingProperty), node);
    default:
      return wrongValue(error, node);
  }
}

/** A word longer than any of ours is no slip of the finger, and comparing it would take time that the sender chooses. */
export function near(word: string, known: readonly string[]): string | undefined {
  return word.length > 64 ? undefined : nearestWord(word, known);
}

/** "Did you mean "x"?" for the end of a message, or nothing. */
export function didYouMean(word: string | undefined): string {
  return word === undefined ? '' : `. Did you mean ${JSON.stringify(word)}?`;
}

function unknownKey(pointer: string, name: string, node: SchemaNode, known: KnownKeys): Finding {
  const place = { pointer: childPointer(pointer, name), kind: 'unknown' } as const;
  const pattern = Object.keys(node.patternProperties ?? {})[0];
  if (pattern !== undefined)
    return { ...place, message: `not a name for a variable; expected lower case letters, digits and "_"`, expected: pattern };
  const siblings = Object.keys(node.properties ?? {});
  const expected = `one of ${siblings.join(', ')}`;
  const sibling = near(name, siblings);
  if (sibling !== undefined) return { ...place, message: `unknown key${didYouMean(sibling)}`, expected, nearest: sibling };
  const homes = known.filter(({ key, section }) => key === name && section !== keyOfPointer(pointer).replaceAll(/\[\d+\]/g, ''));
  const home = homes[0] ?? elsewhere(name, known);
  if (home === undefined) return { ...place, message: `unknown key; known here: ${siblings.join(', ')}`, expected };
  const sections = homes.length === 0 ? sectionName(home.section) : homes.map(({ section }) => sectionName(section)).join(', ');
  return {
    ...place,
    message: `unknown key here. ${JSON.stringify(home.key)} belongs in ${sections}`,
    expected,
    nearest: `${home.section}.${home.key}`,
  };
}

function elsewhere(name: string, known: KnownKeys): KnownKeys[number] | undefined {
  const word = near(
    name,
    known.map(({ key }) => key),
  );
  return known.find(({ key }) => key === word);
}

function sectionName(section: string): string {
  return section === '' ? 'the top of the file' : `[${section}]`;
}

function missingKey(pointer: string, name: string, node: SchemaNode): Finding {
  const wanted = node.properties?.[name] ?? {};
  const expected = expectedOf(wanted, name);
  return { pointer: childPointer(pointer, name), kind: 'missing', message: `missing; expected ${expected}`, expected };
}

function wrongValue(error: ErrorObject, node: SchemaNode): Finding {
  const value: unknown = error.data;
  const expected = expectedOf(node, keyOfPointer(error.instancePath));
  const word = node.enum !== undefined && typeof value === 'string' ? near(value, node.enum) : undefined;
  const got = node['x-secret'] === true || node['x-hide'] === true ? kindOf(value) : shown(value);
  const where = error.keyword === 'maxLength' || error.keyword === 'maxItems' ? tooLong(node, value) : `got ${got}`;
  const finding = {
    pointer: error.instancePath,
    kind: 'wrong',
    message: `expected ${expected}, ${where}${didYouMean(word)}`,
    expected,
  } as const;
  return word === undefined ? finding : { ...finding, nearest: word };
}

function tooLong(node: SchemaNode, value: unknown): string {
  const length = typeof value === 'string' || Array.isArray(value) ? value.length : 0;
  return `at most ${node.maxLength ?? node.maxItems ?? 0} long, got ${length}`;
}

/** What should stand there, in words. */
export function expectedOf(node: SchemaNode, key: string): string {
  if (node['x-expected'] !== undefined) return node['x-expected'];
  if (node['x-secret'] === true && node.properties !== undefined) return SECRET;
  if (node.enum !== undefined) return `one of ${node.enum.map((word) => JSON.stringify(word)).join(', ')}`;
  if (node.format !== undefined) return FORMATS[node.format]?.expected ?? STANDARD_FORMATS[node.format] ?? `a ${node.format}`;
  if (isTableList(node)) return `tables, each begun by [[${key.replaceAll(/\[\d+\]/g, '')}]]`;
  if (node.items !== undefined) return 'a list in brackets, such as ["one", "two"]';
  if (node.properties !== undefined || node.patternProperties !== undefined) return tableWords(node, key);
  return simpleType(node);
}

function tableWords(node: SchemaNode, key: string): string {
  const header = `[${key}]`;
  if (node.minProperties !== undefined) return `a table with at least one of ${Object.keys(node.properties ?? {}).join(', ')}`;
  return key.includes('[') || node.properties === undefined ? 'a table such as { name = "value" }' : `a table, begun by ${header}`;
}

function simpleType(node: SchemaNode): string {
  if (node.type === 'boolean') return 'true or false';
  if (node.type === 'integer') return `a whole number from ${node.minimum ?? 0} to ${node.maximum ?? Number.MAX_SAFE_INTEGER}`;
  return 'a text in quotation marks';
}

const MAX_SHOWN = 60;

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'a date or time (put it in quotation marks)';
  if (isTable(value)) return Object.keys(value).length === 0 ? 'an empty table' : 'a table';
  if (typeof value === 'string') return 'a plain text';
  return typeof value === 'boolean' ? 'true or false' : 'a number';
}
