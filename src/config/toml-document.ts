// Parsed TOML → plain values, and for each key and value the place where it stands. Pure. Knows nothing of the schema.

import { type AST, parseTOML } from 'toml-eslint-parser';
import { childPointer, isTable, type Segment, type Table } from './pointer.ts';

/** Line and column counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface TomlDocument {
  readonly value: Table;
  /** The table that the last line belongs to. */
  readonly lastTable: string;
  /** By JSON pointer: where the key stands (for a table its first header). */
  readonly keys: ReadonlyMap<string, Place>;
  /** By JSON pointer: where the value stands. */
  readonly values: ReadonlyMap<string, Place>;
  /** Values that TOML can write and we cannot hold exactly. */
  readonly inexact: readonly { readonly pointer: string; readonly written: string }[];
  /** By JSON pointer: numbers written as floats, which a whole number's reader may refuse (12.0 is not 12). */
  readonly floats: ReadonlySet<string>;
}

/** Throws what the parser throws. */
export function parseDocument(source: string): TomlDocument {
  return documentOf(parseTOML(source, { tomlVersion: '1.0' }));
}

/** Nothing of ours is half as deep; each level costs memory in every pointer below it. */
const MAX_DEPTH = 32;

class Builder implements TomlDocument {
  readonly value: Table = emptyTable();
  lastTable = '';
  readonly keys = new Map<string, Place>();
  readonly values = new Map<string, Place>();
  readonly inexact: { pointer: string; written: string }[] = [];
  readonly floats = new Set<string>();

  /** The table at the end of the path below `table`, made where it is missing. */
  open(table: Table, pointer: string, path: readonly Segment[], place: Place): { table: Table; pointer: string } {
    if (path.length > MAX_DEPTH) throw new RangeError('a key has too many parts');
    let current: unknown = table;
    let at = pointer;
    for (const [index, segment] of path.entries()) {
      at = childPointer(at, segment);
      if (!this.keys.has(at)) this.keys.set(at, place);
      current = step(current, segment, typeof path[index + 1] === 'number');
    }
    return { table: isTable(current) ? current : emptyTable(), pointer: at };
  }

  assign(table: Table, pointer: string, entry: AST.TOMLKeyValue): void {
    const names = entry.key.keys.map(nameOf);
    const parent = this.open(table, pointer, names.slice(0, -1), placeOf(entry.key));
    const name = names.at(-1) ?? '';
    const at = childPointer(parent.pointer, name);
    this.keys.set(at, placeOf(entry.key));
    put(parent.table, name, this.content(entry.value, at));
  }

  content(node: AST.TOMLContentNode, pointer: string): unknown {
    this.values.set(pointer, placeOf(node));
    if (node.type === 'TOMLArray') return node.elements.map((element, index) => this.content(element, childPointer(pointer, index)));
    if (node.type === 'TOMLInlineTable') {
      const table = emptyTable();
      for (const entry of node.body) this.assign(table, pointer, entry);
      return table;
    }
    if (node.kind === 'float') this.floats.add(pointer);
    if (node.kind === 'integer' && !Number.isSafeInteger(node.value)) this.inexact.push({ pointer, written: node.number });
    return node.value;
  }
}

function documentOf(program: AST.TOMLProgram): TomlDocument {
  const builder = new Builder();
  for (const entry of program.body[0].body) {
    if (entry.type === 'TOMLKeyValue') {
      builder.assign(builder.value, '', entry);
      continue;
    }
    const { table, pointer } = builder.open(builder.value, '', entry.resolvedKey, placeOf(entry));
    builder.lastTable = pointer;
    if (entry.kind === 'array') builder.values.set(pointer, placeOf(entry));
    for (const line of entry.body) builder.assign(table, pointer, line);
  }
  return builder;
}

/** One step down: into a list by number, into a table by name; what is missing is made. */
function step(current: unknown, segment: Segment, isListNext: boolean): unknown {
  const make = (): unknown => (isListNext ? [] : emptyTable());
  if (Array.isArray(current) && typeof segment === 'number') {
    const list: unknown[] = current;
    list[segment] ??= make();
    return list[segment];
  }
  if (!isTable(current)) return undefined;
  if (!Object.hasOwn(current, segment)) put(current, String(segment), make());
  return current[segment];
}

/** Without a prototype: a key named __proto__ is a key like any other. */
function emptyTable(): Table {
  return Object.create(null) as Table; // Object.create says any
}

function put(table: Table, name: string, value: unknown): void {
  table[name] = value;
}

function nameOf(key: AST.TOMLBare | AST.TOMLQuoted): string {
  return key.type === 'TOMLBare' ? key.name : key.value;
}

function placeOf(node: AST.TOMLNode): Place {
  return { line: node.loc.start.line, column: node.loc.start.column + 1 };
}
