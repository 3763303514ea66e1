// Keeps what this appliance holds: renews the leases of its tasks and their locks, and adopts waiting tasks whose appliance is
// gone, so that their locks do not run out. Starts no work.

import { sql } from 'kysely';
import type { Clock } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { FINAL_STATES } from './record.ts';

export interface KeeperDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly owner: string;
  readonly leaseTtlMs: number;
}

/** Returns which of the running tasks are still ours. One we do not know of (its claim's answer was lost) is let run out. */
export async function renewLeases(deps: KeeperDeps, running: readonly string[]): Promise<Set<string>> {
  const now = deps.clock.now();
  const until = now + deps.leaseTtlMs;
  return deps.store.transaction(async (tx) => {
    const ours = await tx
      .updateTable('tasks')
      .set({ lease_until: until })
      .where('owner', '=', deps.owner)
      .where((eb) => {
        const waiting = eb('state', '=', 'waiting');
        return running.length === 0 ? waiting : eb.or([waiting, eb.and([eb('state', '=', 'running'), eb('id', 'in', running)])]);
      })
      .returning('id')
      .execute();
    await tx
      .updateTable('tasks')
      .set((eb) => ({ owner: deps.owner, fence: eb('fence', '+', 1), lease_until: until }))
      .where('state', '=', 'waiting')
      .where('lease_until', '<=', now)
      .execute();
    // One statement for all locks of all our tasks; renewing 500 leases one by one would take longer than is left between beats.
    await tx
      .updateTable('leases')
      .set({ expires_at: until })
      .where('holder', 'in', (eb) =>
        eb
          .selectFrom('tasks')
          .select(sql<string>`'task:' || id`.as('holder'))
          .where('owner', '=', deps.owner)
          .where('state', 'in', ['running', 'waiting'])
          .where('lease_until', '>', now),
      )
      .execute();
    return new Set(ours.map((row) => row.id));
  });
}

/** Lets others take our tasks at once. `keep`: tasks whose step would not stop; they are safe to take only when the lease has run out. */
export async function giveBack(deps: KeeperDeps, keep: readonly string[]): Promise<void> {
  await deps.store.db
    .updateTable('tasks')
    .set({ owner: null, lease_until: 0 })
    .where('owner', '=', deps.owner)
    .where('state', 'in', ['running', 'waiting'])
    .$if(keep.length > 0, (query) => query.where('id', 'not in', keep))
    .execute();
}

/** This appliance was restarted: what its earlier process held need not run out first. */
export async function endEarlierLives(deps: KeeperDeps, holderPrefix: string): Promise<void> {
  await deps.store.db
    .updateTable('tasks')
    .set({ lease_until: 0 })
    .where('state', 'in', ['running', 'waiting'])
    .where(sql<string>`substr(owner, 1, ${sql.lit(holderPrefix.length)})`, '=', holderPrefix)
    .where('owner', '!=', deps.owner)
    .execute();
}

const PRUNE_BATCH = 500;

/** Removes tasks that ended long ago, with steps and logs. */
export async function pruneFinished(deps: Pick<KeeperDeps, 'store'>, before: number): Promise<number> {
  return deps.store.transaction(async (tx) => {
    const old = await tx
      .selectFrom('tasks')
      .select('id')
      .where('state', 'in', FINAL_STATES)
      .where('finished_at', '<', before)
      .limit(PRUNE_BATCH)
      .execute();
    if (old.length === 0) return 0;
    const ids = old.map((row) => row.id);
    await tx.deleteFrom('task_logs').where('task_id', 'in', ids).execute();
    await tx.deleteFrom('task_steps').where('task_id', 'in', ids).execute();
    await tx.deleteFrom('tasks').where('id', 'in', ids).execute();
    return ids.length;
  });
}
