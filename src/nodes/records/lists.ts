// JSON lists in records (steps, conditions, actions, traits): capped when written, checked when read. Pure.

import { damaged, isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { fail } from './errors.ts';

const MAX_BYTES = 256 * 1024;
const MAX_ITEMS = 1000;

export function listText(what: string, list: readonly JsonValue[]): string {
  const text = JSON.stringify(list);
  const bytes = Buffer.byteLength(text);
  if (list.length <= MAX_ITEMS && bytes <= MAX_BYTES) return text;
  throw fail('records.too_large', {
    message: `${what}: ${list.length} entries of ${bytes} bytes in all; at most ${MAX_ITEMS} of ${MAX_BYTES} are taken`,
    hint: 'Split it into several records.',
  });
}

/** `where` names the record, for the message when the store was damaged. */
export function objectsIn(what: string, text: string, where: string): JsonObject[] {
  const list = parse(what, text, where);
  if (list.every(isJsonObject)) return [...list];
  throw damaged(`${what} of ${where} holds something other than objects`);
}

export function wordsIn(what: string, text: string, where: string): string[] {
  const list = parse(what, text, where);
  if (list.every((one) => typeof one === 'string')) return [...list];
  throw damaged(`${what} of ${where} holds something other than words`);
}

function parse(what: string, text: string, where: string): readonly JsonValue[] {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue; // whatever JSON.parse returns is one
  } catch (error) {
    throw damaged(`${what} of ${where} is no JSON`, error);
  }
  if (isList(value)) return value;
  throw damaged(`${what} of ${where} holds no list`);
}

// Array.isArray makes any[] of a readonly array.
function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
