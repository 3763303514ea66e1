// Tables and indexes as data, for migrations that add several: what each is made with. Part of released migrations: what these make of a
// row of data never changes.

import type { CreateTableBuilder } from 'kysely';
import type { ColumnTypes, MigrationTx } from './types.ts';

/** text! is never null; text is null where nothing is known. */
export type Kind = 'text!' | 'text' | 'int!' | 'int';
type Columns = Readonly<Record<string, Kind>>;

export interface Table {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: Columns;
  /** The node whose removal takes the row along. */
  readonly ofNode?: true;
}

export interface Index {
  readonly table: string;
  readonly columns: readonly string[];
  readonly unique?: true;
}

export async function makeTable(tx: MigrationTx, types: ColumnTypes, { name, key, columns, ofNode }: Table): Promise<void> {
  let table: CreateTableBuilder<string, string> = tx.schema.createTable(name);
  for (const [column, kind] of Object.entries(columns)) {
    const isOwner = ofNode === true && column === 'node_uuid';
    table = table.addColumn(column, typeOf(kind, types), (c) => {
      const sized = kind.endsWith('!') ? c.notNull() : c;
      return isOwner ? sized.references('nodes.uuid').onDelete('cascade') : sized;
    });
  }
  await types.finish(table.addPrimaryKeyConstraint(`${name}_pkey`, [...key])).execute();
}

export function typeOf(kind: Kind, { int, text }: ColumnTypes): ColumnTypes['text'] {
  return kind.startsWith('int') ? int : text;
}

export async function makeIndexes(tx: MigrationTx, indexes: readonly Index[]): Promise<void> {
  for (const { table, columns, unique } of indexes) {
    const index = tx.schema
      .createIndex(`${table}_${columns.join('_')}`)
      .on(table)
      .columns([...columns]);
    await (unique === true ? index.unique() : index).execute();
  }
}
