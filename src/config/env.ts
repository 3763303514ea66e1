// RACKSEED_… environment variables: every key of the schema has one. Pure: the environment is passed in.

import { didYouMean, expectedOf, near } from './explain.ts';
import { isTableList, jsonSchema, type SchemaNode } from './json-schema.ts';
import { keyOfPointer, putAt, type Table, toPointer } from './pointer.ts';
import type { Problem } from './problem.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvVariable {
  readonly name: string;
  readonly pointer: string;
  readonly schema: SchemaNode;
}

const PREFIX = 'RACKSEED_';

/** Variables that are not configuration keys: for the command line, the lab and the set-up. A name that ends in _ stands for all that begin so. */
export const OTHER_VARIABLES = {
  RACKSEED_CONFIG: 'Path of the configuration file, when --config is not given.',
  RACKSEED_URL: 'Where the command line finds the API.',
  RACKSEED_TOKEN: 'Token of the command line.',
  RACKSEED_CA: 'Certificate (PEM file) that the command line trusts, for RACKSEED_URL.',
  RACKSEED_CACHE_DIR: 'Where downloads and built RAM systems are kept.',
  RACKSEED_LAB_: 'Settings of the lab.',
} as const;

let variables: readonly EnvVariable[] | undefined;

/** RACKSEED_DHCP_MODE for dhcp.mode; lists of tables (RACKSEED_RULE, RACKSEED_DHCP_SUBNET …) as JSON. */
export function envVariables(): readonly EnvVariable[] {
  variables ??= Object.entries(jsonSchema().properties ?? {}).flatMap(([key, node]) => variablesOf(node, [key]));
  return variables;
}

function variablesOf(schema: SchemaNode, path: readonly string[]): EnvVariable[] {
  if (schema.properties === undefined || schema['x-secret'] === true)
    return [{ name: PREFIX + path.join('_').toUpperCase(), pointer: toPointer(path), schema }];
  return Object.entries(schema.properties).flatMap(([key, child]) => variablesOf(child, [...path, key]));
}

export interface EnvSettings {
  readonly settings: readonly (EnvVariable & { readonly value: unknown })[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export function readEnvironment(env: Environment): EnvSettings {
  const settings: (EnvVariable & { value: unknown })[] = [];
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  for (const variable of envVariables()) {
    const text = env[variable.name];
    if (text === undefined) continue;
    const key = keyOfPointer(variable.pointer);
    if (text === '') warnings.push({ variable: variable.name, key, message: 'is empty and counts as not set' });
    else {
      const read = readText(text, variable);
      if ('value' in read) settings.push({ ...variable, value: read.value });
      else problems.push({ variable: variable.name, key, ...read });
    }
  }
  return { settings, problems, warnings };
}

/** RACKSEED_ variables that mean nothing: a slip that would otherwise change nothing and say nothing. */
export function unknownVariables(env: Environment, referenced: ReadonlySet<string>): Problem[] {
  const known = [...envVariables().map(({ name }) => name), ...Object.keys(OTHER_VARIABLES)];
  const isKnown = (name: string): boolean => known.some((other) => other === name || (other.endsWith('_') && name.startsWith(other)));
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && env[name] !== undefined && !isKnown(name) && !referenced.has(name))
    .sort()
    .map((name) => unknownVariable(name, known));
}

function unknownVariable(name: string, known: readonly string[]): Problem {
  // The common beginning would make every name near to every other.
  const word = near(
    name.slice(PREFIX.length),
    known.map((other) => other.slice(PREFIX.length)),
  );
  const full = word === undefined ? undefined : PREFIX + word;
  const message = `unknown environment variable${didYouMean(full)}`;
  return full === undefined ? { variable: name, key: '', message } : { variable: name, key: '', message, nearest: full };
}

type Read = { readonly value: unknown } | { readonly message: string; readonly expected: string };

function readText(text: string, { name, pointer, schema }: EnvVariable): Read {
  if (schema['x-secret'] === true) return text.trimStart().startsWith('{') ? readJson(text, schema) : { value: { env: name } };
  if (isTableList(schema)) return readJson(text, schema);
  if (schema.items !== undefined) return text.trimStart().startsWith('[') ? readJson(text, schema) : { value: splitList(text) };
  if (schema.type === 'boolean') return readFlag(text, schema, pointer);
  if (schema.type === 'integer') return /^-?\d{1,15}$/.test(text.trim()) ? { value: Number(text) } : refused(text, schema, pointer);
  return { value: text };
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

const FLAGS = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['0', false],
  ['no', false],
  ['off', false],
]);

function readFlag(text: string, schema: SchemaNode, pointer: string): Read {
  const value = FLAGS.get(text.trim().toLowerCase());
  return value === undefined ? refused(text, schema, pointer) : { value };
}

function readJson(text: string, schema: SchemaNode): Read {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    // The parser's own words may repeat the text, which may be a secret; what was expected says enough.
    const expected = `JSON such as ${exampleJson(schema)}`;
    return { message: `expected ${expected}, got ${text.length} characters that are not JSON`, expected };
  }
}

function exampleJson(schema: SchemaNode): string {
  if (!isTableList(schema)) return JSON.stringify(schema.examples?.[0]);
  const required = schema.items?.required ?? [];
  const pairs = required.map((key): [string, unknown] => [key, schema.items?.properties?.[key]?.examples?.[0]]);
  return JSON.stringify([Object.fromEntries(pairs)]);
}

function refused(text: string, schema: SchemaNode, pointer: string): Read {
  const expected = expectedOf(schema, keyOfPointer(pointer));
  return { message: `expected ${expected}, got ${JSON.stringify(text.slice(0, 60))}`, expected };
}

/** Puts the settings over the tree of the file, and says which pointers came from which variable. */
export function overlay(tree: Table, settings: EnvSettings['settings']): Map<string, string> {
  const from = new Map<string, string>();
  for (const { name, pointer, value } of settings) {
    from.set(pointer, name);
    putAt(tree, pointer, value);
  }
  return from;
}
