// JSON Patch (RFC 6902) as Ironic takes it: add, replace and remove, below the attributes of a resource. Pure: makes a new document.

import { type Static, Type } from 'typebox';
import { closed } from '../schemas.ts';
import { bad } from './query.ts';
import type { Minor } from './version.ts';

/** More operations than any client sends; each walks the document. */
const MAX_OPERATIONS = 1000;
/** From here on ~0 and ~1 (RFC 6901 §3) stand for ~ and /. */
const ESCAPES_SINCE: Minor = 98;

/** `test`, `move` and `copy` are refused, as by Ironic. */
export const patchBody = Type.Array(
  Type.Object(
    {
      op: Type.Enum(['add', 'replace', 'remove']),
      path: Type.String({ minLength: 2, maxLength: 4096, pattern: '^(/[^/]+)+$' }),
      value: Type.Optional(Type.Unknown()),
    },
    closed,
  ),
  { maxItems: MAX_OPERATIONS },
);
export type Patch = Static<typeof patchBody>;
export type PatchOperation = Patch[number];
export type Document = Readonly<Record<string, unknown>>;

/** The attributes that the patch touches, each once. */
export function touchedBy(patch: Patch, minor: Minor): readonly string[] {
  return [...new Set(patch.map((operation) => segmentsOf(operation, minor)[0] ?? ''))];
}

/** The document after all operations; throws for the first that can't be applied. Values that are no plain JSON are leaves. */
export function applyPatch(document: Document, patch: Patch, minor: Minor): Document {
  let patched: unknown = document;
  for (const operation of patch) {
    if (operation.op !== 'remove' && operation.value === undefined) throw notApplied(operation, 'the operation needs a value');
    patched = changedAt(patched, segmentsOf(operation, minor), operation);
  }
  if (!isPlain(patched)) throw new TypeError('a patch below the attributes leaves a document');
  return patched;
}

function segmentsOf(operation: PatchOperation, minor: Minor): readonly string[] {
  const segments = operation.path.slice(1).split('/');
  const hasEscapes = segments.some((segment) => segment.includes('~'));
  if (!hasEscapes) return segments;
  if (minor < ESCAPES_SINCE) throw notApplied(operation, `~ in a path needs version 1.${ESCAPES_SINCE}`);
  if (segments.some((segment) => /~(?![01])/.test(segment))) throw notApplied(operation, 'after ~ only 0 or 1 may stand');
  return segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function changedAt(container: unknown, [key = '', ...rest]: readonly string[], operation: PatchOperation): unknown {
  if (Array.isArray(container)) return changedList(container, key, rest, operation);
  if (!isPlain(container)) throw notApplied(operation, `there is nothing below which ${JSON.stringify(key.slice(0, 80))} could stand`);
  const isThere = Object.hasOwn(container, key);
  if (rest.length > 0) {
    if (!isThere) throw notApplied(operation, `member ${JSON.stringify(key.slice(0, 80))} not found`);
    return withMember(container, key, changedAt(container[key], rest, operation));
  }
  if (operation.op !== 'add' && !isThere) throw notApplied(operation, `can't ${operation.op} a non-existent object '${key.slice(0, 80)}'`);
  if (operation.op === 'remove') return Object.fromEntries(Object.entries(container).filter(([name]) => name !== key));
  return withMember(container, key, operation.value);
}

function changedList(list: readonly unknown[], key: string, rest: readonly string[], operation: PatchOperation): readonly unknown[] {
  const isNew = rest.length === 0 && operation.op === 'add';
  const index = key === '-' && isNew ? list.length : /^(?:0|[1-9]\d{0,8})$/.test(key) ? Number(key) : Number.NaN;
  const isInside = index < list.length || (isNew && index === list.length);
  if (!isInside) throw notApplied(operation, `${JSON.stringify(key.slice(0, 80))} is no index of the list`);
  if (rest.length > 0) return list.with(index, changedAt(list[index], rest, operation));
  if (operation.op === 'remove') return list.toSpliced(index, 1);
  return isNew ? list.toSpliced(index, 0, operation.value) : list.with(index, operation.value);
}

// fromEntries defines own members, so that __proto__ is only a name.
function withMember(container: Document, key: string, value: unknown): Document {
  if (Object.hasOwn(container, key))
    return Object.fromEntries(Object.entries(container).map(([name, old]) => [name, name === key ? value : old]));
  return Object.fromEntries([...Object.entries(container), [key, value]]);
}

export function isPlain(value: unknown): value is Document {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function notApplied({ op, path }: PatchOperation, reason: string): Error {
  return bad(`Couldn't apply patch '${JSON.stringify({ op, path: path.slice(0, 200) })}'. Reason: ${reason}`);
}
