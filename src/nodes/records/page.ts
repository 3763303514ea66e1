// Pages of rows of one table: filters, order, marker. Reads only; knows tables and columns, not what they mean.

import { type RawBuilder, sql } from 'kysely';
import { checkedLimit, type Reader } from '../list.ts';
import { fail } from './errors.ts';

export type Cell = string | number | null;
/** Columns by which a list can be sorted. */
export type Sortable = Readonly<Record<string, 'text' | 'number'>>;

/** Which nodes the rows belong to. */
export interface OfNodes {
  readonly shards?: readonly string[];
  readonly conductorGroups?: readonly string[];
  /** Owner or lessee. */
  readonly project?: string;
}

export interface PageQuery {
  readonly limit?: number;
  /** UUID of the last row of the page before. */
  readonly marker?: string;
  /** A column, as Ironic names it. */
  readonly sort?: { readonly key: string; readonly descending?: boolean };
  readonly ofNodes?: OfNodes;
  /** Text that the description holds. */
  readonly descriptionContains?: string;
}

export interface Source {
  readonly table: string;
  readonly sortable: Sortable;
  /** For the message when the marker is gone. */
  readonly noun: string;
}

/** More names than any list of shards or groups that a person writes; each is a parameter of the statement. */
const MAX_NAMES = 200;

export async function pageOf<R extends object>(
  db: Reader,
  source: Source,
  query: PageQuery,
  equal: Readonly<Record<string, Cell | undefined>>,
  more: readonly RawBuilder<boolean>[] = [],
): Promise<R[]> {
  const conditions = [...equalities(equal), ...nodeConditions(query.ofNodes), ...more];
  if (query.descriptionContains !== undefined) conditions.push(contains(query.descriptionContains));
  const key = sortColumn(source, query.sort?.key);
  const descending = query.sort?.descending === true;
  if (query.marker !== undefined) conditions.push(await behind(db, source, query.marker, key, descending));
  const direction = descending ? sql`desc` : sql`asc`;
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
  const limit = sql.lit(checkedLimit(query.limit));
  const rows = sql<R>`select * from ${sql.table(source.table)} ${where} order by ${key} ${direction}, uuid ${direction} limit ${limit}`;
  return (await rows.execute(db)).rows;
}

export async function countOf(db: Reader, table: string, equal: Readonly<Record<string, Cell | undefined>>): Promise<number> {
  const conditions = equalities(equal);
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)} ${where}`.execute(db);
  return Number(rows[0]?.count ?? 0);
}

function equalities(equal: Readonly<Record<string, Cell | undefined>>): RawBuilder<boolean>[] {
  return Object.entries(equal).flatMap(([column, wanted]) => {
    if (wanted === undefined) return [];
    return [wanted === null ? sql<boolean>`${sql.ref(column)} is null` : sql<boolean>`${sql.ref(column)} = ${wanted}`];
  });
}

function nodeConditions(ofNodes: OfNodes | undefined): RawBuilder<boolean>[] {
  if (ofNodes === undefined) return [];
  const { shards, conductorGroups, project } = ofNodes;
  const wanted: RawBuilder<boolean>[] = [];
  if (shards !== undefined) wanted.push(oneOf('shard', shards));
  if (conductorGroups !== undefined) wanted.push(oneOf('conductor_group', conductorGroups));
  if (project !== undefined) wanted.push(sql<boolean>`(owner = ${project} or lessee = ${project})`);
  if (wanted.length === 0) return [];
  return [sql<boolean>`node_uuid in (select uuid from nodes where ${sql.join(wanted, sql` and `)})`];
}

function oneOf(column: string, names: readonly string[]): RawBuilder<boolean> {
  if (names.length > MAX_NAMES)
    throw fail('records.bad_query', {
      message: `${names.length} names of ${column} are asked for, at most ${MAX_NAMES} are taken`,
      hint: 'Ask several times.',
    });
  if (names.length === 0) return sql<boolean>`1 = 0`;
  return sql<boolean>`${sql.ref(column)} in (${sql.join([...names])})`;
}

function contains(text: string): RawBuilder<boolean> {
  return sql<boolean>`description like ${`%${text.replaceAll(/[!%_]/g, '!$&')}%`} escape '!'`;
}

// NULL sorts first on SQLite and last on PostgreSQL, and can't be compared with a marker on either.
function sortColumn({ sortable }: Source, key: string | undefined): RawBuilder<string | number> {
  // Ironic's `id`: order of making.
  const column = key === undefined || key === 'id' ? 'created_at' : key;
  const kind = Object.hasOwn(sortable, column) ? sortable[column] : undefined;
  if (kind === undefined)
    throw fail('records.bad_query', {
      message: `The sort_key value ${column.slice(0, 80)} is an invalid field for sorting`,
      hint: `These are valid: ${Object.keys(sortable).join(', ')}.`,
    });
  return sql`coalesce(${sql.ref(column)}, ${kind === 'number' ? sql.lit(0) : sql.lit('')})`;
}

async function behind(
  db: Reader,
  { table, noun }: Source,
  marker: string,
  key: RawBuilder<string | number>,
  descending: boolean,
): Promise<RawBuilder<boolean>> {
  const found = await sql<{ value: string | number }>`select ${key} as value from ${sql.table(table)} where uuid = ${marker}`.execute(db);
  const last = found.rows[0];
  if (last === undefined)
    throw fail('records.not_found', {
      message: `${noun} ${marker.slice(0, 80)} could not be found.`,
      hint: 'Begin again with the first page: what the last one ended with was removed.',
    });
  const compare = descending ? sql`<` : sql`>`;
  return sql<boolean>`(${key}, uuid) ${compare} (${last.value}, ${marker})`;
}
