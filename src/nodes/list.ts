// Pages of nodes: filters, order, marker. Reads only.

import { type Kysely, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import type { Database, NodeTable } from '../store/index.ts';
import { fail } from './errors.ts';
import { type Node, nodeOfRow } from './model.ts';
import type { ProvisionState } from './states.ts';

export type Reader = Kysely<Database>;

export interface NodeFilters {
  readonly provisionState?: ProvisionState | readonly ProvisionState[];
  readonly maintenance?: boolean;
  readonly ignored?: boolean;
  readonly protected?: boolean;
  readonly driver?: string;
  readonly resourceClass?: string;
  readonly instanceUuid?: string;
  /** Carries an instance, or carries none. */
  readonly associated?: boolean;
  readonly owner?: string;
  readonly lessee?: string;
  readonly fault?: string;
  readonly smbiosUuid?: string;
  readonly descriptionContains?: string;
}

/** Sort keys and the columns behind them. Empty values sort before all others on every database. */
const SORT_COLUMNS = {
  created_at: 'number',
  updated_at: 'number',
  provision_updated_at: 'number',
  uuid: 'text',
  name: 'text',
  driver: 'text',
  resource_class: 'text',
  provision_state: 'text',
  power_state: 'text',
  instance_uuid: 'text',
  owner: 'text',
} as const satisfies { readonly [column in keyof NodeTable]?: 'number' | 'text' };

export type NodeSortKey = keyof typeof SORT_COLUMNS;
export const NODE_SORT_KEYS: readonly string[] = Object.keys(SORT_COLUMNS);

export interface NodeQuery {
  readonly filters?: NodeFilters;
  /** 1 to 1000; 1000 unless told. */
  readonly limit?: number;
  /** UUID of the last node of the page before. */
  readonly marker?: string;
  readonly sort?: { readonly key: NodeSortKey; readonly descending?: boolean };
}

/** As many as Ironic gives in one page. */
export const MAX_PAGE = 1000;

export function isNodeSortKey(text: string): text is NodeSortKey {
  return Object.hasOwn(SORT_COLUMNS, text);
}

export async function listNodes(db: Reader, query: NodeQuery): Promise<Node[]> {
  const key = query.sort?.key ?? 'created_at';
  const descending = query.sort?.descending === true;
  let rows = filtered(db.selectFrom('nodes').selectAll(), query.filters ?? {});
  if (query.marker !== undefined) rows = rows.where(await behind(db, query.marker, key, descending));
  const direction = descending ? 'desc' : 'asc';
  const page = await rows.orderBy(sortable(key), direction).orderBy('uuid', direction).limit(checkedLimit(query.limit)).execute();
  return page.map(nodeOfRow);
}

/** How many nodes there are in each state that any is in. */
export async function countByState(db: Reader): Promise<Readonly<Record<string, number>>> {
  const rows = await db
    .selectFrom('nodes')
    .select((eb) => ['provision_state', eb.fn.countAll().as('count')] as const)
    .groupBy('provision_state')
    .execute();
  return Object.fromEntries(rows.map((row) => [row.provision_state, Number(row.count)]));
}

export function checkedLimit(limit: number | undefined): number {
  if (limit === undefined) return MAX_PAGE;
  // One more than a page, for those who look whether there is a next one.
  if (Number.isSafeInteger(limit) && limit >= 1) return Math.min(limit, MAX_PAGE + 1);
  throw fail('nodes.bad_query', {
    message: `the limit ${limit} is no number of rows`,
    hint: `Ask for 1 to ${MAX_PAGE} rows and go on with the marker.`,
  });
}

type Rows = SelectQueryBuilder<Database, 'nodes', NodeTable>;

function filtered(rows: Rows, filters: NodeFilters): Rows {
  const { provisionState, associated, descriptionContains } = filters;
  let found = rows;
  if (provisionState !== undefined) {
    const states = typeof provisionState === 'string' ? [provisionState] : provisionState;
    found = found.where('provision_state', 'in', states.length === 0 ? [''] : [...states]);
  }
  for (const [column, wanted] of equalities(filters)) {
    if (wanted !== undefined) found = found.where(column, '=', wanted);
  }
  if (associated !== undefined) found = found.where('instance_uuid', associated ? 'is not' : 'is', null);
  if (descriptionContains !== undefined) found = found.where(sql<boolean>`description like ${likePattern(descriptionContains)} escape '!'`);
  return found;
}

type Equality = readonly [column: keyof NodeTable, wanted: string | number | undefined];

function equalities(filters: NodeFilters): Equality[] {
  return [
    ['maintenance', flag(filters.maintenance)],
    ['ignored', flag(filters.ignored)],
    ['protected', flag(filters.protected)],
    ['driver', filters.driver],
    ['resource_class', filters.resourceClass],
    ['instance_uuid', filters.instanceUuid],
    ['owner', filters.owner],
    ['lessee', filters.lessee],
    ['fault', filters.fault],
    ['smbios_uuid', filters.smbiosUuid],
  ];
}

function flag(value: boolean | undefined): 0 | 1 | undefined {
  return value === undefined ? undefined : value ? 1 : 0;
}

function likePattern(text: string): string {
  return `%${text.replaceAll(/[!%_]/g, '!$&')}%`;
}

// NULL sorts first on SQLite and last on PostgreSQL, and can't be compared with a marker on either.
function sortable(key: NodeSortKey): RawBuilder<string | number> {
  return sql`coalesce(${sql.ref(key)}, ${SORT_COLUMNS[key] === 'number' ? sql.lit(0) : sql.lit('')})`;
}

async function behind(db: Reader, marker: string, key: NodeSortKey, descending: boolean): Promise<RawBuilder<boolean>> {
  const last = await db
    .selectFrom('nodes')
    .select(['uuid', sortable(key).as('value')])
    .where('uuid', '=', marker)
    .executeTakeFirst();
  if (last === undefined) {
    throw fail('nodes.bad_query', {
      message: `the marker ${marker.slice(0, 80)} is no node`,
      hint: 'Begin again with the first page: the node at which you stopped was removed.',
    });
  }
  const compare = descending ? sql`<` : sql`>`;
  return sql<boolean>`(${sortable(key)}, ${sql.ref('uuid')}) ${compare} (${last.value}, ${last.uuid})`;
}
