// Query parameters as Ironic's clients write them. Pure.

import { Type } from 'typebox';
import { fail } from '../errors.ts';
import type { View } from './fields.ts';
import { newerField } from './view.ts';

/** As many as Ironic gives in one page. */
export const MAX_LIMIT = 1000;

const word = Type.Optional(Type.String({ maxLength: 255 }));

/** Everything is text here: Python's clients write True and 10 alike. */
export const PAGE_QUERY = {
  limit: Type.Optional(Type.String({ maxLength: 10 })),
  marker: Type.Optional(Type.String({ maxLength: 64 })),
  sort_key: word,
  sort_dir: Type.Optional(Type.Enum(['asc', 'desc'])),
  fields: Type.Optional(Type.String({ maxLength: 2048 })),
  detail: word,
};

export interface PageQuery {
  readonly limit?: string;
  readonly detail?: string;
  readonly fields?: string;
}

/** Ironic cuts what is above its cap, and refuses 0. */
export function limitOf(text: string | undefined): number {
  if (text === undefined) return MAX_LIMIT;
  if (!/^\d{1,9}$/.test(text)) throw bad(`Limit must be a positive number, not ${JSON.stringify(text)}`);
  if (Number(text) === 0) throw bad('Limit must be positive');
  return Math.min(Number(text), MAX_LIMIT);
}

const TRUE = ['true', 't', '1', 'yes', 'y', 'on'];
const FALSE = ['false', 'f', '0', 'no', 'n', 'off'];

export function booleanOf(name: string, text: string): boolean {
  const lower = text.trim().toLowerCase();
  if (TRUE.includes(lower)) return true;
  if (FALSE.includes(lower)) return false;
  throw bad(`Invalid value for ${name}: ${JSON.stringify(text)} is neither true nor false.`);
}

/** Undefined: none were asked for. */
export function fieldNames(text: string | undefined): readonly string[] | undefined {
  const names = text?.split(',').filter((name) => name !== '');
  return names === undefined || names.length === 0 ? undefined : names;
}

/** Which list is wanted: chosen fields, everything, or the short form. */
export function detailOf(
  { detail, fields }: PageQuery,
  { minor }: Pick<View, 'minor'>,
): { readonly isFull: boolean; readonly names: readonly string[] | undefined } {
  const names = fieldNames(fields);
  if (names !== undefined && minor < 8) throw newerField('fields', 8, minor);
  if (detail !== undefined && minor < 43) throw bad(`Invalid query parameter ?detail=${detail.slice(0, 80)} received.`);
  const isFull = detail !== undefined && booleanOf('detail', detail);
  if (isFull && names !== undefined) throw bad('Can not specify ?detail=True and fields in the same request.');
  return { isFull, names };
}

/** The link to the next page: Ironic gives one whenever the page is full. */
export function nextLink(options: {
  readonly baseUrl: string;
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly limit: number;
  readonly page: readonly { readonly uuid: string }[];
}): { readonly next?: string } {
  const last = options.page.at(-1);
  if (last === undefined || options.page.length < options.limit) return {};
  const kept = Object.entries(options.query).filter(([key]) => key !== 'limit' && key !== 'marker');
  const search = new URLSearchParams(kept.map(([key, value]): [string, string] => [key, String(value)]));
  search.set('limit', String(options.limit));
  search.set('marker', last.uuid);
  return { next: `${options.baseUrl}${options.path}?${search.toString()}` };
}

export function bad(message: string): Error {
  return fail('api.validation', { message });
}
