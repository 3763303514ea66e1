// Writes whichever columns of a node changed. Each set of columns is a statement of its own, and few sets come again and again.

import { type NodeTable, prepared, type Tx } from '../store/index.ts';
import type { Node } from './model.ts';

/** More sets than these are somebody trying them out: then all are forgotten. */
const MOST_SETS = 200;

type Changed = { readonly [C in keyof NodeTable]?: NodeTable[C] | undefined };
interface Given {
  readonly was_uuid: string;
  readonly was_version: number;
  readonly [column: string]: unknown;
}
type Write = (on: Tx, given: Given) => Promise<readonly NodeTable[]>;

const writes = new Map<string, Write>();

/** Only if the node is still as it was read: else no row comes back. */
export async function writeColumns(tx: Tx, node: Pick<Node, 'uuid' | 'version'>, changed: Changed): Promise<readonly NodeTable[]> {
  const set = Object.entries(changed).filter(([, value]) => value !== undefined);
  const write = writeOf(set.map(([column]) => column));
  return write(tx, { ...Object.fromEntries(set), was_uuid: node.uuid, was_version: node.version });
}

function writeOf(columns: readonly string[]): Write {
  const key = columns.join(' ');
  const known = writes.get(key);
  if (known !== undefined) return known;
  const made = prepared((db, given: Given) =>
    db
      .updateTable('nodes')
      .set(Object.fromEntries(columns.map((column) => [column, given[column]])))
      .where('uuid', '=', given.was_uuid)
      .where('version', '=', given.was_version)
      .returningAll(),
  );
  if (writes.size >= MOST_SETS) writes.clear();
  writes.set(key, made);
  return made;
}
