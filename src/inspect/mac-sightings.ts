// Under which SMBIOS UUIDs each network card was seen. A card seen under two never identifies a machine again, until a person says so.
// Kept in the store and bounded; what follows from it is decided elsewhere.

import type { Clock } from '../lib/index.ts';
import { type Reader, SOME_NODES } from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';

export interface MacSighting {
  readonly mac: string;
  readonly smbiosUuid: string;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
}

export interface MacSightings {
  /** Notes it, and says which of these cards were under one other UUID until now. */
  note(tx: Tx, macs: readonly string[], smbiosUuid: string): Promise<string[]>;
  /** Whether noting this would tell anything new. */
  isNews(on: Reader, mac: string, smbiosUuid: string): Promise<boolean>;
  /** Which of these were seen under several UUIDs, and under which. */
  sharedOf(on: Reader, macs: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** All that were seen under several, the newest first. */
  listShared(on: Reader): Promise<MacSighting[]>;
  /** How many rows went. */
  forget(tx: Tx, mac: string): Promise<number>;
}

export interface MacSightingsOptions {
  readonly clock: Clock;
  readonly maxRows?: number;
}

const MAX_ROWS = 20_000;
/** More UUIDs say no more than that it is shared: the one not seen for longest makes room. */
const MAX_UUIDS = 8;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Of cards that are no port of a node and were seen under one UUID only. */
const SINGLE_KEPT_MS = 90 * DAY_MS;
const SHARED_KEPT_MS = 730 * DAY_MS;
const LISTED_MAX = 1000;
const PRUNED_AT_ONCE = 500;

export function createMacSightings({ clock, maxRows = MAX_ROWS }: MacSightingsOptions): MacSightings {
  let agedAt = Number.NEGATIVE_INFINITY;

  async function prune(tx: Tx, added: number): Promise<void> {
    const now = clock.now();
    if (now - agedAt >= DAY_MS) {
      agedAt = now;
      await dropOld(tx, now);
    }
    if (added > 0) await dropMany(tx, maxRows);
  }

  return {
    async note(tx, macs, smbiosUuid) {
      const now = clock.now();
      const known = Map.groupBy(await rowsOf(tx, macs), (row) => row.mac);
      const became: string[] = [];
      let added = 0;
      for (const mac of new Set(macs.slice(0, SOME_NODES))) {
        const rows = known.get(mac) ?? [];
        const same = rows.find((row) => row.smbios_uuid === smbiosUuid);
        if (same !== undefined) {
          if (now - same.last_seen_at >= HOUR_MS) await touch(tx, mac, smbiosUuid, now);
          continue;
        }
        const oldest = rows.toSorted((a, b) => a.last_seen_at - b.last_seen_at)[0];
        if (rows.length >= MAX_UUIDS && oldest !== undefined) await remove(tx, mac, oldest.smbios_uuid);
        const row = { mac, smbios_uuid: smbiosUuid, first_seen_at: now, last_seen_at: now };
        await tx
          .insertInto('mac_sightings')
          .values(row)
          .onConflict((conflict) => conflict.columns(['mac', 'smbios_uuid']).doNothing())
          .execute();
        added += 1;
        if (rows.length === 1) became.push(mac);
      }
      await prune(tx, added);
      return became;
    },

    async isNews(on, mac, smbiosUuid) {
      const row = (await rowsOf(on, [mac])).find((one) => one.smbios_uuid === smbiosUuid);
      return row === undefined || clock.now() - row.last_seen_at >= HOUR_MS;
    },

    sharedOf,

    async listShared(on) {
      const shared = on
        .selectFrom('mac_sightings')
        .select('mac')
        .groupBy('mac')
        .having((eb) => eb.fn.countAll(), '>', 1);
      const rows = await on
        .selectFrom('mac_sightings')
        .selectAll()
        .where('mac', 'in', shared)
        .orderBy('last_seen_at', 'desc')
        .orderBy('mac')
        .orderBy('smbios_uuid')
        .limit(LISTED_MAX)
        .execute();
      return rows.map((row) => ({
        mac: row.mac,
        smbiosUuid: row.smbios_uuid,
        firstSeenAt: row.first_seen_at,
        lastSeenAt: row.last_seen_at,
      }));
    },

    async forget(tx, mac) {
      const { numDeletedRows } = await tx.deleteFrom('mac_sightings').where('mac', '=', mac).executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}

export async function sharedOf(on: Reader, macs: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const byMac = Map.groupBy(await rowsOf(on, macs), (row) => row.mac);
  return new Map([...byMac].filter(([, rows]) => rows.length > 1).map(([mac, rows]) => [mac, rows.map((row) => row.smbios_uuid)]));
}

interface Row {
  readonly mac: string;
  readonly smbios_uuid: string;
  readonly last_seen_at: number;
}

async function rowsOf(on: Reader, macs: readonly string[]): Promise<Row[]> {
  const some = macs.slice(0, SOME_NODES);
  if (some.length === 0) return [];
  return on.selectFrom('mac_sightings').select(['mac', 'smbios_uuid', 'last_seen_at']).where('mac', 'in', some).execute();
}

async function touch(tx: Tx, mac: string, smbiosUuid: string, now: number): Promise<void> {
  const row = tx.updateTable('mac_sightings').set({ last_seen_at: now });
  await row.where('mac', '=', mac).where('smbios_uuid', '=', smbiosUuid).execute();
}

async function remove(tx: Tx, mac: string, smbiosUuid: string): Promise<void> {
  await tx.deleteFrom('mac_sightings').where('mac', '=', mac).where('smbios_uuid', '=', smbiosUuid).execute();
}

async function dropOld(tx: Tx, now: number): Promise<void> {
  await tx
    .deleteFrom('mac_sightings')
    .where('last_seen_at', '<', now - SHARED_KEPT_MS)
    .execute();
  const single = tx
    .selectFrom('mac_sightings')
    .select('mac')
    .groupBy('mac')
    .having((eb) => eb.fn.countAll(), '=', 1);
  await tx
    .deleteFrom('mac_sightings')
    .where('last_seen_at', '<', now - SINGLE_KEPT_MS)
    .where('mac', 'in', single)
    .where('mac', 'not in', tx.selectFrom('ports').select('address'))
    .execute();
}

/** So that invented cards cannot fill the store, nor push out what is known of the ports of nodes: those go last. */
async function dropMany(tx: Tx, maxRows: number): Promise<void> {
  const { count } = await tx
    .selectFrom('mac_sightings')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  const excess = Number(count) - maxRows;
  if (excess <= 0) return;
  const oldest = tx.selectFrom('mac_sightings').select(['mac', 'smbios_uuid']).orderBy('last_seen_at').orderBy('mac');
  const limit = Math.min(excess, PRUNED_AT_ONCE);
  const strangers = await oldest.where('mac', 'not in', tx.selectFrom('ports').select('address')).limit(limit).execute();
  const gone = strangers.length > 0 ? strangers : await oldest.limit(limit).execute();
  for (const row of gone) await remove(tx, row.mac, row.smbios_uuid);
}
