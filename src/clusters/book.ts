// The tables of clusters and their members. Decides nothing.

import type { Clock } from '../lib/index.ts';
import type { Reader } from '../nodes/index.ts';
import type { Database, Tx } from '../store/index.ts';
import type { Link } from './match-decide.ts';
import { ORIGINS, type Origin } from './model.ts';

export interface ClusterRecord {
  readonly name: string;
  readonly origin: Origin;
  readonly apiUrl: string | null;
  readonly fingerprint: string | null;
  readonly version: string | null;
  readonly observeOnly: boolean;
  readonly importedBy: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface MemberRecord extends Link {
  readonly addresses: readonly string[];
  /** Whether somebody had the node only observed before; null: from a time when that was not kept. */
  readonly wasObserved: boolean | null;
}

export interface ClusterBook {
  list(on?: Reader): Promise<ClusterRecord[]>;
  get(name: string, on?: Reader): Promise<ClusterRecord | undefined>;
  members(cluster: string, on?: Reader): Promise<MemberRecord[]>;
  linksOf(nodeUuids: readonly string[], on?: Reader): Promise<Link[]>;
  counts(): Promise<ReadonlyMap<string, number>>;
  write(tx: Tx, record: Omit<ClusterRecord, 'createdAt' | 'updatedAt'>): Promise<void>;
  /** What a node was before it became a member is kept of the first time. */
  link(tx: Tx, member: MemberRecord): Promise<void>;
  unlink(tx: Tx, nodeUuid: string): Promise<void>;
  remove(tx: Tx, name: string): Promise<void>;
}

export function createClusterBook({ db, clock }: { readonly db: Reader; readonly clock: Clock }): ClusterBook {
  return {
    async list(on) {
      return (await (on ?? db).selectFrom('clusters').selectAll().orderBy('name').execute()).map(recordOf);
    },

    async get(name, on) {
      const row = await (on ?? db).selectFrom('clusters').selectAll().where('name', '=', name).executeTakeFirst();
      return row === undefined ? undefined : recordOf(row);
    },

    async members(cluster, on) {
      const rows = (on ?? db).selectFrom('cluster_members').selectAll().where('cluster', '=', cluster);
      return (await rows.orderBy('member').execute()).map(memberOf);
    },

    async linksOf(nodeUuids, on) {
      if (nodeUuids.length === 0) return [];
      return (await (on ?? db).selectFrom('cluster_members').selectAll().where('node_uuid', 'in', nodeUuids).execute()).map(memberOf);
    },

    async counts() {
      const rows = await db
        .selectFrom('cluster_members')
        .select((eb) => ['cluster', eb.fn.countAll<number>().as('members')])
        .groupBy('cluster')
        .execute();
      return new Map(rows.map(({ cluster, members }) => [cluster, Number(members)]));
    },

    async write(tx, { name, origin, apiUrl, fingerprint, version, observeOnly, importedBy }) {
      const now = clock.now();
      const columns = {
        origin,
        api_url: apiUrl,
        fingerprint,
        version,
        observe_only: observeOnly ? (1 as const) : (0 as const),
        imported_by: importedBy,
        updated_at: now,
      };
      await tx
        .insertInto('clusters')
        .values({ name, ...columns, created_at: now })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(columns))
        .execute();
    },

    async link(tx, { nodeUuid, cluster, member, addresses, wasObserved }) {
      const now = clock.now();
      const was_observed = wasObserved === null ? null : wasObserved ? (1 as const) : (0 as const);
      const columns = { cluster, member, addresses: JSON.stringify(addresses), updated_at: now };
      await tx
        .insertInto('cluster_members')
        .values({ node_uuid: nodeUuid, ...columns, was_observed, created_at: now })
        .onConflict((conflict) => conflict.column('node_uuid').doUpdateSet(columns))
        .execute();
    },

    async unlink(tx, nodeUuid) {
      await tx.deleteFrom('cluster_members').where('node_uuid', '=', nodeUuid).execute();
    },

    async remove(tx, name) {
      await tx.deleteFrom('cluster_members').where('cluster', '=', name).execute();
      await tx.deleteFrom('clusters').where('name', '=', name).execute();
    },
  };
}

function recordOf(row: Database['clusters']): ClusterRecord {
  return {
    name: row.name,
    origin: ORIGINS.find((known) => known === row.origin) ?? 'csv',
    apiUrl: row.api_url,
    fingerprint: row.fingerprint,
    version: row.version,
    observeOnly: row.observe_only === 1,
    importedBy: row.imported_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function memberOf(row: Database['cluster_members']): MemberRecord {
  const addresses: unknown = JSON.parse(row.addresses);
  return {
    nodeUuid: row.node_uuid,
    cluster: row.cluster,
    member: row.member,
    addresses: Array.isArray(addresses) ? addresses.map(String) : [],
    wasObserved: row.was_observed === null ? null : row.was_observed === 1,
  };
}
