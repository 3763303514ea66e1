// The locks a task holds from its first step to its end: store leases held by "task:<id>". All of them or none.

import { sql } from 'kysely';
import { type Asked, type Lease, type LeaseRequest, prepared, type Store, type Tx } from '../store/index.ts';
import { fail } from './errors.ts';

export const MAX_LOCKS = 8;

const LOCK = /^(?:node|cluster):[\x21-\x7e]{1,200}$/;

/** Who has a lock that a task wants. */
export interface HeldLock {
  readonly key: string;
  readonly holder: string;
  readonly purpose: string;
}

export function holderOf(taskId: string): string {
  return `task:${taskId}`;
}

/** Sorted, so that two tasks always take common locks in the same order. */
export function checkedLocks(locks: readonly string[]): string[] {
  const unique = [...new Set(locks)].sort();
  const bad = unique.find((lock) => !LOCK.test(lock));
  if (bad !== undefined)
    throw fail('tasks.bad_request', { message: `lock ${JSON.stringify(bad)} is not allowed`, hint: 'Use node:UUID or cluster:NAME.' });
  if (unique.length <= MAX_LOCKS) return unique;
  throw fail('tasks.bad_request', {
    message: `${unique.length} locks, at most ${MAX_LOCKS} are allowed`,
    hint: 'Lock the cluster instead.',
  });
}

/**
 * Which of the keys are held, and by whom. A lease that has run out still counts while its task is unfinished: that task will be
 * resumed in the middle of its work, and nobody may start on the same node before.
 */
export async function heldLocks(db: Asked, keys: readonly string[], now: number): Promise<Map<string, HeldLock>> {
  const [key] = keys;
  if (key === undefined) return new Map();
  const rows = await (keys.length === 1 ? leaseOfOne(db, { key }) : leasesOf(db).where('leases.key', 'in', keys).execute());
  const held = rows.filter((row) => row.expires_at > now || row.state === 'running' || row.state === 'waiting');
  return new Map(held.map((row) => [row.key, { key: row.key, holder: row.holder, purpose: row.purpose }]));
}

function leasesOf(db: Asked) {
  return db
    .selectFrom('leases')
    .leftJoin('tasks', (join) => join.on(sql`substr(leases.holder, 6)`, '=', sql.ref('tasks.id'))) // what follows "task:"
    .select(['leases.key', 'leases.holder', 'leases.purpose', 'leases.expires_at', 'tasks.state']);
}

const leaseOfOne = prepared((db, given: { readonly key: string }) => leasesOf(db).where('leases.key', '=', given.key));

/** Takes the locks in their order; says which one could not be had. The caller rolls back then. */
export async function takeLocks(
  store: Store,
  tx: Tx,
  want: {
    readonly taskId: string;
    readonly keys: readonly string[];
    readonly purpose: string;
    readonly ttlMs: number;
    readonly now: number;
  },
): Promise<{ readonly leases: Lease[] } | { readonly heldBy: HeldLock }> {
  const holder = holderOf(want.taskId);
  const held = await heldLocks(tx, want.keys, want.now);
  for (const lock of held.values()) if (lock.holder !== holder) return { heldBy: lock };
  const leases: Lease[] = [];
  for (const key of want.keys) {
    const request: LeaseRequest = { key, holder, purpose: want.purpose, ttlMs: want.ttlMs };
    const answer = await store.leases.acquire(tx, request);
    if (!answer.ok) return { heldBy: answer.heldBy };
    leases.push(answer.lease);
  }
  return { leases };
}

/** Frees whatever the task holds. Does nothing for locks that have passed to others. */
export async function releaseLocks(store: Store, tx: Tx, taskId: string): Promise<void> {
  const rows = await leasesHeldBy(tx, { holder: holderOf(taskId) });
  for (const row of rows.toSorted((a, b) => (a.key < b.key ? -1 : 1)))
    await store.leases.release(tx, { key: row.key, holder: row.holder, purpose: row.purpose, expiresAt: row.expires_at, fence: row.fence });
}

const leasesHeldBy = prepared((tx, given: { readonly holder: string }) =>
  tx.selectFrom('leases').selectAll().where('holder', '=', given.holder),
);
