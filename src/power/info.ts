// Reads driver_info: its secrets opened, its values held against the schema of who asks. Says which key is wrong, never its value.

import { type TObject, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Secret } from '../lib/index.ts';
import type { DriverInfo, SecretTree } from '../nodes/index.ts';

/** A text or a secret, as text; a number in digits; undefined when it is not there or something else. */
export function textIn(info: DriverInfo, key: string): string | undefined {
  const value = info[key];
  if (value instanceof Secret) return value.reveal();
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value : undefined;
}

export function numberIn(info: DriverInfo, key: string, otherwise: number): number {
  const text = textIn(info, key);
  return text === undefined || text === '' ? otherwise : Number(text);
}

export function flagIn(info: DriverInfo, key: string, otherwise: boolean): boolean {
  const value = info[key];
  if (typeof value === 'boolean') return value;
  return typeof value === 'string' ? ['true', 'yes', 'on', '1'].includes(value.toLowerCase()) : otherwise;
}

/** The first key that the schema does not take, in words; null when all are well. Keys of others are not looked at. */
export function infoRefusal(schema: TObject, info: DriverInfo): string | null {
  for (const [key, one] of Object.entries(schema.properties)) {
    const value = opened(info[key]);
    if (value === undefined) {
      if (!Type.IsOptional(one)) return `driver_info lacks ${key}`;
      continue;
    }
    if (!Value.Check(one, value)) return `driver_info/${key} has a value that it can not have: ${descriptionOf(one)}`;
  }
  return null;
}

/** Everything, with secrets as plain text: only for checks. */
export function opened(value: SecretTree | undefined): unknown {
  if (value instanceof Secret) return value.reveal();
  if (Array.isArray(value)) return value.map((one: SecretTree) => opened(one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, opened(one as SecretTree)])); // what a SecretTree holds is one
}

function descriptionOf(schema: object): string {
  return 'description' in schema && typeof schema.description === 'string' ? schema.description : 'see its type';
}
