// What a migration is, and the column types that mean the same on both databases.

import { type ColumnDataType, type CreateTableBuilder, type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';

export type StoreDialect = 'sqlite' | 'postgres';
/** A migration works on the tables of its own time, so it may not use today's Database type. */
export type MigrationTx = Transaction<Record<string, Record<string, unknown>>>;
export type MigrationDb = Kysely<Record<string, Record<string, unknown>>>;

export interface Migration {
  readonly version: number;
  readonly name: string;
  up(tx: MigrationTx, types: ColumnTypes): Promise<void>;
}

export interface ColumnTypes {
  readonly dialect: StoreDialect;
  readonly int: ColumnDataType;
  readonly real: ColumnDataType;
  readonly text: ColumnDataType | RawBuilder<unknown>;
  /** Adds the growing primary key. AUTOINCREMENT, because a number once used may not come back after trimming. */
  readonly autoId: <T extends string>(table: CreateTableBuilder<T>) => CreateTableBuilder<T, 'id'>;
  /** SQLite checks types only in STRICT tables; PostgreSQL always does. */
  readonly finish: <T extends string, C extends string>(table: CreateTableBuilder<T, C>) => CreateTableBuilder<T, C>;
}

export const SQLITE_TYPES: ColumnTypes = {
  dialect: 'sqlite',
  int: 'integer',
  real: 'real',
  text: 'text',
  autoId: (table) => table.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement()),
  finish: (table) => table.modifyEnd(sql`strict`),
};

/** Collation "C": sorts by bytes as SQLite does, whatever the server's locale, so that pages end at the same rows. */
export const POSTGRES_TYPES: ColumnTypes = {
  dialect: 'postgres',
  int: 'bigint',
  real: 'double precision',
  text: sql`text collate "C"`,
  autoId: (table) => table.addColumn('id', 'bigint', (column) => column.primaryKey().generatedByDefaultAsIdentity()),
  finish: (table) => table,
};
