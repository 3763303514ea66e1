// What a document is made of before it is an answer: tables, lists and values, each with where it was written; one laid over the other.
// Knows nothing of what the keys mean, but that names of udev properties and MAC addresses are kept as they are. Pure.

import { childPointer, isTable, type Place } from '../../config/index.ts';

/** Where a value was written; line null: not in a file. */
export interface Origin {
  readonly source: string;
  readonly line: number | null;
}

export type Branch =
  | { readonly kind: 'table'; readonly entries: ReadonlyMap<string, Branch>; readonly origin: Origin }
  | { readonly kind: 'list'; readonly items: readonly Branch[]; readonly origin: Origin }
  | { readonly kind: 'value'; readonly value: unknown; readonly isLiteral: boolean; readonly origin: Origin };
export type TableBranch = Extract<Branch, { kind: 'table' }>;

export interface Written {
  readonly value: unknown;
  readonly source: string;
  /** By JSON pointer. */
  readonly keys?: ReadonlyMap<string, Place>;
  readonly values?: ReadonlyMap<string, Place>;
  /** Braces in it are braces. */
  readonly isLiteral?: boolean;
}

/** Below these keys stand names of others: of udev properties, of network cards. */
const AS_WRITTEN: readonly string[] = ['filter', 'mapping'];

export function branchOf(written: Written): Branch {
  return build(written, { value: written.value, pointer: '', isOurs: true });
}

export function tableOf(written: Written): TableBranch {
  const branch = branchOf(written);
  return branch.kind === 'table' ? branch : nothing(written.source);
}

export function nothing(source: string): TableBranch {
  return { kind: 'table', entries: new Map(), origin: { source, line: null } };
}

interface At {
  readonly value: unknown;
  readonly pointer: string;
  /** Whether keys here are the installer's words, which are the same with "_" and "-". */
  readonly isOurs: boolean;
}

function build(written: Written, { value, pointer, isOurs }: At): Branch {
  const place = written.keys?.get(pointer) ?? written.values?.get(pointer);
  const origin = { source: written.source, line: place?.line ?? null };
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    return {
      kind: 'list',
      items: items.map((item, index) => build(written, { value: item, pointer: childPointer(pointer, index), isOurs })),
      origin,
    };
  }
  if (!isTable(value)) return { kind: 'value', value, isLiteral: written.isLiteral === true, origin };
  const entries = Object.entries(value).map(([key, inner]): [string, Branch] => {
    const below = { value: inner, pointer: childPointer(pointer, key), isOurs: isOurs && !AS_WRITTEN.includes(key) };
    return [isOurs ? key.replaceAll('_', '-') : key, build(written, below)];
  });
  return { kind: 'table', entries: new Map(entries), origin };
}

/** Tables are merged key by key; anything else of the upper one takes the place of what was there. */
export function lay(lower: TableBranch, upper: TableBranch): TableBranch {
  const entries = new Map(lower.entries);
  for (const [key, branch] of upper.entries) {
    const below = entries.get(key);
    entries.set(key, below?.kind === 'table' && branch.kind === 'table' ? lay(below, branch) : branch);
  }
  return { kind: 'table', entries, origin: upper.origin };
}

export function at(table: TableBranch, path: readonly string[]): Branch | undefined {
  let branch: Branch | undefined = table;
  for (const key of path) branch = branch?.kind === 'table' ? branch.entries.get(key) : undefined;
  return branch;
}

/** Without the key at the path, and without what it leaves empty. The same table where there is none. */
export function without(table: TableBranch, [key = '', ...rest]: readonly string[]): TableBranch {
  const branch = table.entries.get(key);
  if (branch === undefined) return table;
  const entries = new Map(table.entries);
  const left = rest.length > 0 && branch.kind === 'table' ? without(branch, rest) : undefined;
  if (rest.length > 0 && left === undefined) return table;
  if (left === undefined || left.entries.size === 0) entries.delete(key);
  else entries.set(key, left);
  return { ...table, entries };
}
