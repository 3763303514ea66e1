// Which node has which built-in disks, by what is printed on them: evidence for who a machine is, when all else about it is new.

import type { Clock } from '../lib/index.ts';
import type { Reader } from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';
import { type DiskName, diskNames, sameDisks } from './disk-names-decide.ts';
import type { Inventory } from './inventory.ts';

/** One has so many disks and not more that are looked for. */
const DISKS_MAX = 64;
const NODES_MAX = 16;

/** The disks of each of these nodes. */
export async function disksOfNodes(on: Reader, nodeUuids: readonly string[]): Promise<ReadonlyMap<string, readonly DiskName[]>> {
  if (nodeUuids.length === 0) return new Map();
  const rows = await on.selectFrom('node_disks').select(['node_uuid', 'disk', 'title']).where('node_uuid', 'in', nodeUuids).execute();
  const byNode = Map.groupBy(rows, (row) => row.node_uuid);
  return new Map([...byNode].map(([uuid, disks]) => [uuid, disks.map(({ disk, title }) => ({ disk, title }))]));
}

/** Nodes that had any of these disks when they last reported. */
export async function nodesWithDisks(on: Reader, disks: readonly DiskName[]): Promise<string[]> {
  const some = disks.slice(0, DISKS_MAX).map(({ disk }) => disk);
  if (some.length === 0) return [];
  const rows = await on.selectFrom('node_disks').select('node_uuid').distinct().where('disk', 'in', some).limit(NODES_MAX).execute();
  return rows.map((row) => row.node_uuid);
}

export async function keepDisks(tx: Tx, clock: Clock, nodeUuid: string, inventory: Pick<Inventory, 'disks'>): Promise<void> {
  await tx.deleteFrom('node_disks').where('node_uuid', '=', nodeUuid).execute();
  const rows = diskNames(inventory.disks).map((disk) => ({ node_uuid: nodeUuid, ...disk, seen_at: clock.now() }));
  if (rows.length > 0) await tx.insertInto('node_disks').values(rows).execute();
}

export { type DiskName, diskNames, sameDisks };
