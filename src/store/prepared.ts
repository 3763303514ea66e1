// Statements that are asked all the time, put into SQL once: building and compiling one costs more than SQLite takes to answer it.

import type { Compilable, CompiledQuery, Insertable, Kysely } from 'kysely';
import { BugError } from '../lib/index.ts';
import type { Database } from './schema.ts';

/** The store's db, or the transaction of whoever asks. */
export type Asked = Pick<Kysely<Database>, 'selectFrom' | 'updateTable' | 'insertInto' | 'deleteFrom' | 'getExecutor' | 'executeQuery'>;

/** Stands in the SQL for what is given when it is run. */
class Marker {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

type Build<Given, Row> = (db: Asked, given: Given) => Compilable<Row>;

/** `build` is called once for each kind of database; it may only pass on what it is given, not look at it. */
export function prepared<Given extends object, Row>(build: Build<Given, Row>): (on: Asked, given: Given) => Promise<readonly Row[]> {
  const compiled = once((db) => build(db, markers<Given>()).compile());
  return async (on, given) => (await on.executeQuery(filled(compiled(on), given))).rows;
}

/** A statement that answers no rows: how many it changed. */
export function preparedWrite<Given extends object>(build: Build<Given, unknown>): (on: Asked, given: Given) => Promise<number> {
  const compiled = once((db) => build(db, markers<Given>()).compile());
  return async (on, given) => Number((await on.executeQuery(filled(compiled(on), given))).numAffectedRows ?? 0n);
}

/** Inserts such rows, which all have the same columns. */
export function preparedInsert<Table extends keyof Database>(table: Table): (on: Asked, row: Insertable<Database[Table]>) => Promise<void> {
  const compiled = new WeakMap<object, CompiledQuery<unknown>>();
  return async (on, row) => {
    const { adapter } = on.getExecutor();
    const query = compiled.get(adapter) ?? on.insertInto(table).values(markersOf(row)).compile();
    compiled.set(adapter, query);
    if (Object.keys(row).length !== query.parameters.length) throw new BugError(`rows of ${table} are inserted with different columns`);
    await on.executeQuery(filled(query, row));
  };
}

/** One store has one adapter, and its transactions have the same. */
function once<Row>(compile: (db: Asked) => CompiledQuery<Row>): (on: Asked) => CompiledQuery<Row> {
  const compiled = new WeakMap<object, CompiledQuery<Row>>();
  return (on) => {
    const { adapter } = on.getExecutor();
    const query = compiled.get(adapter) ?? compile(on);
    compiled.set(adapter, query);
    return query;
  };
}

function filled<Row>(query: CompiledQuery<Row>, given: object): CompiledQuery<Row> {
  const values: Readonly<Record<string, unknown>> = { ...given };
  return { ...query, parameters: query.parameters.map((parameter) => (parameter instanceof Marker ? values[parameter.name] : parameter)) };
}

function markers<Given extends object>(): Given {
  return new Proxy({}, { get: (_, name) => new Marker(String(name)) }) as Given; // only passed on to Kysely, which takes any value as a parameter
}

function markersOf<Row extends object>(row: Row): Row {
  return Object.fromEntries(Object.keys(row).map((name) => [name, new Marker(name)])) as Row; // as above
}
