// Page tokens: opaque to the client, versioned, and holding the sort they belong to, so that a page continues where the
// last one ended even when rows come and go in between.

import { fail } from './errors.ts';

const VERSION = 1;
const MAX_LENGTH = 1024;

export interface PagePosition {
  /** The sort and filters the token belongs to: another one makes it void. */
  readonly scope: string;
  /** The sort values of the last row that was given out. */
  readonly after: readonly (string | number | null)[];
}

export function encodePageToken(position: PagePosition): string {
  return Buffer.from(JSON.stringify([VERSION, position.scope, ...position.after])).toString('base64url');
}

/** Throws api.bad_page_token for anything that encodePageToken did not make for this scope. */
export function decodePageToken(token: string, scope: string, length: number): readonly (string | number | null)[] {
  const parsed = token.length <= MAX_LENGTH ? parse(token) : undefined;
  if (!Array.isArray(parsed) || parsed[0] !== VERSION) throw bad('is not a page token of this API');
  if (parsed[1] !== scope) throw bad('belongs to another list, sort or filter');
  const after: unknown[] = parsed.slice(2);
  if (after.length !== length || !after.every(isKey)) throw bad('is not a page token of this API');
  return after;
}

function isKey(value: unknown): value is string | number | null {
  return value === null || typeof value === 'string' || typeof value === 'number';
}

function parse(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    return undefined; // the caller says what is wrong with it
  }
}

function bad(what: string): Error {
  return fail('api.bad_page_token', { message: `query.pageToken ${what}`, hint: 'Leave pageToken out to start with the first page.' });
}
