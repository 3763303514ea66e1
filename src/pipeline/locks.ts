// Locks of clusters that outlive a process: leases of the store, held by a run. One whose time has run out still counts while the holder's
// node is being serviced: that run will go on in the middle of its work.

import type { Store, Tx } from '../store/index.ts';

const TTL_MS = 120_000;
const DRIVEN = ['servicing', 'service wait', 'service hold'];

/** Null: it is ours now. Otherwise whose it is, in words. Taken again by its holder it only lasts longer. */
export async function takeLock(
  store: Store,
  tx: Tx,
  lock: string,
  run: { readonly uuid: string; readonly purpose: string },
): Promise<string | null> {
  const key = keyOf(lock);
  const row = await tx.selectFrom('leases').select(['holder', 'purpose']).where('key', '=', key).executeTakeFirst();
  if (row !== undefined && row.holder !== run.uuid && (await isDriven(tx, row.holder))) return row.purpose;
  const answer = await store.leases.acquire(tx, { key, holder: run.uuid, purpose: run.purpose, ttlMs: TTL_MS });
  return answer.ok ? null : answer.heldBy.purpose;
}

async function isDriven(tx: Tx, run: string): Promise<boolean> {
  const holder = tx.selectFrom('pipeline_runs').innerJoin('nodes', 'nodes.uuid', 'pipeline_runs.node_uuid').select('nodes.provision_state');
  const found = await holder.where('pipeline_runs.uuid', '=', run).where('pipeline_runs.ended_at', 'is', null).executeTakeFirst();
  return found !== undefined && DRIVEN.includes(found.provision_state);
}

/** All that the run holds. */
export async function freeLocks(tx: Tx, run: string): Promise<void> {
  await tx.deleteFrom('leases').where('holder', '=', run).where('key', 'like', 'pipeline:%').execute();
}

function keyOf(lock: string): string {
  return `pipeline:${lock}`;
}
