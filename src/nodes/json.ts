// JSON columns: parsed when read, capped when written. Pure.

import { messageOf } from '../lib/index.ts';
import { fail } from './errors.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** As deep as Ironic takes. */
const MAX_DEPTH = 25;
const KIB = 1024;

/** Bytes of UTF-8 a column may hold. The API's own body limit comes first; these hold for whoever writes. */
export const JSON_CAPS = {
  properties: 64 * KIB,
  driver_info: 64 * KIB,
  driver_internal_info: 256 * KIB,
  // A config drive rides in it.
  instance_info: 4096 * KIB,
  extra: 64 * KIB,
  local_link_connection: 4 * KIB,
  network_data: 64 * KIB,
  raid_config: 64 * KIB,
  target_raid_config: 64 * KIB,
  clean_step: 64 * KIB,
  deploy_step: 64 * KIB,
  service_step: 64 * KIB,
  traits: 32 * KIB,
  interfaces: 4 * KIB,
  internal_info: 16 * KIB,
  inventory: 1024 * KIB,
  // The agent's logs ride in it.
  plugin_data: 8192 * KIB,
} as const;
export type JsonColumn = keyof typeof JSON_CAPS;

/** Before anything recurses into a value that came from outside. */
export function checkDepth(column: JsonColumn, value: object): void {
  if (depthOf(value) <= MAX_DEPTH) return;
  throw fail('nodes.too_large', { message: `${column} is nested more than ${MAX_DEPTH} levels deep`, hint: 'Store flatter data.' });
}

export function jsonColumn(column: JsonColumn, value: JsonObject): string {
  checkDepth(column, value);
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > JSON_CAPS[column]) {
    throw fail('nodes.too_large', {
      message: `${column} is ${bytes} bytes of JSON, at most ${JSON_CAPS[column]} are taken`,
      hint: 'Store less, or a link to where the rest is kept.',
      detail: { column, bytes, limit: JSON_CAPS[column] },
    });
  }
  return text;
}

const NOTHING: JsonObject = Object.freeze({});
const NONE: readonly string[] = Object.freeze([]);

/** `where` names the row, for the message when the store was damaged. */
export function parseJsonColumn(column: JsonColumn, text: string, where: string): JsonObject {
  // Most columns of most nodes: a list of 1,000 has 10,000 of them.
  if (text === '{}') return NOTHING;
  const value = parse(column, text, where);
  if (isJsonObject(value)) return value;
  throw damaged(`${column} of ${where} holds no JSON object`);
}

export function parseTexts(column: JsonColumn, text: string, where: string): readonly string[] {
  if (text === '[]') return NONE;
  const value = parse(column, text, where);
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
  throw damaged(`${column} of ${where} holds no list of words`);
}

export function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function damaged(message: string, cause?: unknown): Error {
  return fail('nodes.damaged_record', {
    message,
    hint: 'The store was changed by other hands or is damaged: restore a backup of it.',
    cause,
  });
}

function parse(column: JsonColumn, text: string, where: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue; // whatever JSON.parse returns is one
  } catch (error) {
    throw damaged(`${column} of ${where} is no JSON: ${messageOf(error)}`, error);
  }
}

// Walks with a stack of its own: what is measured may be nested deeper than calls may be.
function depthOf(value: object): number {
  let deepest = 0;
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    deepest = Math.max(deepest, next.depth);
    if (deepest > MAX_DEPTH) return deepest;
    for (const inner of Object.values(next.value)) open.push({ value: inner, depth: next.depth + 1 });
  }
  return deepest;
}
