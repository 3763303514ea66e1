// What goes into JSON columns: bounded, and really JSON.

import { messageOf, RackseedError } from '../lib/index.ts';
import { fail } from './errors.ts';

export const MAX_JSON_BYTES = 64 * 1024;

export interface StoredError {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

export function encodeJson(value: unknown, what: string): string {
  const text = stringify(value, what);
  if (Buffer.byteLength(text) <= MAX_JSON_BYTES) return text;
  throw fail('tasks.too_large', {
    message: `${what}: ${Buffer.byteLength(text)} bytes of JSON, at most ${MAX_JSON_BYTES} are kept`,
    hint: 'Keep large data in its own table or file and pass its id.',
  });
}

function stringify(value: unknown, what: string): string {
  try {
    // undefined and functions have no JSON form; the types of JSON.stringify do not say so.
    return (JSON.stringify(value) as string | undefined) ?? 'null';
  } catch (error) {
    throw new TypeError(`${what} cannot be written as JSON: ${messageOf(error)}`, { cause: error });
  }
}

export function decodeJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return value;
}

const MAX_MESSAGE = 4000;

/** What is kept of a thrown value: never a stack, never more than a screen. A non-RackseedError is a bug by definition. */
export function storedError(thrown: unknown): StoredError {
  const message = messageOf(thrown).slice(0, MAX_MESSAGE);
  if (thrown instanceof RackseedError) return { code: thrown.code, message, hint: thrown.hint?.slice(0, MAX_MESSAGE) ?? null };
  return { code: 'tasks.bug', message, hint: 'This is a mistake in Rackseed. Please report it with the log of this task.' };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
