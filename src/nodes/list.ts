// Pages of nodes: filters, order, marker. Reads only.

import { type Kysely, type RawBuilder, type Selectable, type SelectQueryBuilder, sql } from 'kysely';
import { mapInSlices } from '../lib/index.ts';
import { type Database, type NodeTable, prepared } from '../store/index.ts';
import { fail } from './errors.ts';
import { type Node, type NodeUuid, nodeOfRow, nodeUuidOf, parseNodeUuid } from './model.ts';
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
  readonly retired?: boolean;
  readonly conductorGroup?: string;
  readonly chassisUuid?: string;
  readonly instanceName?: string;
  /** Owner or lessee. */
  readonly project?: string;
  /** In one of these shards. */
  readonly shards?: readonly string[];
  /** In any shard, or in none. */
  readonly sharded?: boolean;
  /** The children of this node; null: nodes that are nobody's child. */
  readonly parentNode?: string | null;
}

type SortKind = 'number' | 'text' | 'number?' | 'text?';
/** Every column that is no JSON. Those with ? may be empty: empty values sort before all others on every database. */
const SORT_COLUMNS = {
  created_at: 'number',
  updated_at: 'number',
  provision_updated_at: 'number?',
  inspection_started_at: 'number?',
  inspection_finished_at: 'number?',
  uuid: 'text',
  name: 'text?',
  description: 'text?',
  driver: 'text',
  resource_class: 'text?',
  provision_state: 'text',
  target_provision_state: 'text?',
  power_state: 'text?',
  target_power_state: 'text?',
  maintenance: 'number',
  maintenance_reason: 'text?',
  fault: 'text?',
  protected: 'number',
  protected_reason: 'text?',
  retired: 'number',
  retired_reason: 'text?',
  automated_clean: 'number?',
  disable_power_off: 'number',
  console_enabled: 'number',
  last_error: 'text?',
  instance_uuid: 'text?',
  instance_name: 'text?',
  allocation_uuid: 'text?',
  chassis_uuid: 'text?',
  conductor_group: 'text',
  shard: 'text?',
  parent_node: 'text?',
  boot_mode: 'text?',
  secure_boot: 'number?',
  health: 'text?',
  owner: 'text?',
  lessee: 'text?',
} as const satisfies { readonly [column in keyof NodeTable]?: SortKind };

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
/** Two to three milliseconds' work: a thousand at once would keep everybody else waiting for twenty. */
const SLICE = 100;

export function isNodeSortKey(text: string): text is NodeSortKey {
  return Object.hasOwn(SORT_COLUMNS, text);
}

export async function listNodes(db: Reader, query: NodeQuery): Promise<Node[]> {
  const rows = await paged(db, db.selectFrom('nodes').selectAll(), query);
  return mapInSlices(await rows.execute(), SLICE, nodeOfRow);
}

/** A node as it was once: whatever else is known of it is still true while this has not changed. */
export interface NodeVersion {
  readonly uuid: NodeUuid;
  readonly version: number;
  /** One that was removed and made again under the same UUID counts its versions anew. */
  readonly createdAt: number;
  readonly conductorGroup: string;
}

const VERSION_COLUMNS = ['uuid', 'version', 'created_at', 'conductor_group'] as const;

/** The same page, without reading what is in it. */
export async function listVersions(db: Reader, query: NodeQuery): Promise<NodeVersion[]> {
  const rows = await paged(db, db.selectFrom('nodes').select(VERSION_COLUMNS), query);
  return (await rows.execute()).map(versionOfRow);
}

const versionByUuid = prepared((db, given: { readonly uuid: string }) =>
  db.selectFrom('nodes').select(VERSION_COLUMNS).where('uuid', '=', given.uuid),
);
const versionByName = prepared((db, given: { readonly name: string }) =>
  db.selectFrom('nodes').select(VERSION_COLUMNS).where('name', '=', given.name),
);

/** The same of one node, by UUID or name. */
export async function findVersion(db: Reader, ref: string): Promise<NodeVersion | undefined> {
  const uuid = parseNodeUuid(ref);
  const [row] = await (uuid === undefined ? versionByName(db, { name: ref }) : versionByUuid(db, { uuid }));
  return row === undefined ? undefined : versionOfRow(row);
}

function versionOfRow(row: Pick<Selectable<NodeTable>, (typeof VERSION_COLUMNS)[number]>): NodeVersion {
  return { uuid: nodeUuidOf(row.uuid), version: row.version, createdAt: row.created_at, conductorGroup: row.conductor_group };
}

/** As many as one question for some nodes can name. */
export const SOME_NODES = 64;

/** These nodes, as they are now, in no order. */
export async function listSome(db: Reader, uuids: readonly NodeUuid[]): Promise<Node[]> {
  const first = uuids[0];
  if (first === undefined) return [];
  // The same text for every number of them: statements stay prepared.
  const named = Array.from({ length: SOME_NODES }, (_, index) => uuids[index] ?? first);
  return (await db.selectFrom('nodes').selectAll().where('uuid', 'in', named).execute()).map(nodeOfRow);
}

async function paged<Row>(db: Reader, from: Rows<Row>, query: NodeQuery): Promise<Rows<Row>> {
  const key = query.sort?.key ?? 'created_at';
  const descending = query.sort?.descending === true;
  let rows = filtered(from, query.filters ?? {});
  if (query.marker !== undefined) rows = rows.where(await behind(db, query.marker, key, descending));
  const direction = descending ? 'desc' : 'asc';
  return rows.orderBy(sortable(key), direction).orderBy('uuid', direction).limit(checkedLimit(query.limit));
}

/** How many nodes each shard has; those in none are counted under null. */
export async function countByShard(db: Reader): Promise<readonly { readonly name: string | null; readonly count: number }[]> {
  const rows = await db
    .selectFrom('nodes')
    .select((eb) => ['shard', eb.fn.countAll().as('count')] as const)
    .groupBy('shard')
    .execute();
  const shards = rows.map((row) => ({ name: row.shard, count: Number(row.count) }));
  return shards.toSorted((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
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

type Rows<Row> = SelectQueryBuilder<Database, 'nodes', Row>;

function filtered<Row>(rows: Rows<Row>, filters: NodeFilters): Rows<Row> {
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
  if (filters.sharded !== undefined) found = found.where('shard', filters.sharded ? 'is not' : 'is', null);
  if (filters.shards !== undefined) found = found.where('shard', 'in', filters.shards.length === 0 ? [''] : [...filters.shards]);
  if (filters.parentNode !== undefined) {
    // Nearly every node is nobody's child: not by its index, or SQLite sorts all of them for each page.
    const isNobodys = sql<boolean>`coalesce(parent_node, '') = ''`;
    found = filters.parentNode === null ? found.where(isNobodys) : found.where('parent_node', '=', filters.parentNode);
  }
  const { project } = filters;
  if (project !== undefined) found = found.where((eb) => eb.or([eb('owner', '=', project), eb('lessee', '=', project)]));
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
    ['retired', flag(filters.retired)],
    ['conductor_group', filters.conductorGroup],
    ['chassis_uuid', filters.chassisUuid],
    ['instance_name', filters.instanceName],
  ];
}

function flag(value: boolean | undefined): 0 | 1 | undefined {
  return value === undefined ? undefined : value ? 1 : 0;
}

function likePattern(text: string): string {
  return `%${text.replaceAll(/[!%_]/g, '!$&')}%`;
}

// NULL sorts first on SQLite and last on PostgreSQL, and can't be compared with a marker on either. A column that is never
// empty stands as it is, so that its index is used.
function sortable(key: NodeSortKey): RawBuilder<string | number> {
  const kind: SortKind = SORT_COLUMNS[key];
  if (!kind.endsWith('?')) return sql`${sql.ref(key)}`;
  return sql`coalesce(${sql.ref(key)}, ${kind === 'number?' ? sql.lit(0) : sql.lit('')})`;
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
