// TOML text as plain values. Knows nothing of what it is for.

import { getStaticTOMLValue, parseTOML } from 'toml-eslint-parser';

export interface Table {
  readonly [key: string]: unknown;
}

/** Throws with the parser's words. */
export function parseToml(text: string): Table {
  const value: unknown = getStaticTOMLValue(parseTOML(text, { tomlVersion: '1.0' }));
  if (!isTable(value)) throw new Error('this is no table');
  return value;
}

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
