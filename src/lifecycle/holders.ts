// Who works on a node: what Ironic shows as its reservation. Reads the leases and the queue, changes nothing.

import { sql } from 'kysely';
import { type Asked, prepared } from '../store/index.ts';

export interface Holder {
  readonly node: string;
  /** The appliance, as Ironic names its host. */
  readonly host: string;
  /** Undefined: a call of the API, not a task. */
  readonly task: { readonly id: string; readonly kind: string; readonly state: string } | undefined;
  readonly purpose: string;
}

/**
 * By node. A task that has not begun holds its node as well: it was accepted, and nothing may come between. One that waits for the
 * machine or a person has given its lock back, and does not.
 */
export async function readHolders(db: Asked, uuids: readonly string[], now: number, host: string): Promise<Map<string, Holder>> {
  if (uuids.length === 0) return new Map();
  const [tasks, leases] = [await unfinished(db, uuids), await leased(db, uuids, now)];
  const held = new Map<string, Holder>();
  const wanted = new Set(uuids);
  for (const { node, holder, purpose } of leases) held.set(node, { node, host: hostOf(holder) ?? host, task: undefined, purpose });
  for (const row of tasks) {
    if (row.node_uuid === null || !wanted.has(row.node_uuid) || (row.state === 'waiting' && row.key === null)) continue;
    if (!row.locks.includes(`"node:${row.node_uuid}"`)) continue;
    held.set(row.node_uuid, {
      node: row.node_uuid,
      host: hostOf(row.owner) ?? host,
      task: { id: row.id, kind: row.kind, state: row.state },
      purpose: row.purpose ?? row.kind,
    });
  }
  return held;
}

/** More than so many: a page of a list. What is unfinished and leased is little, and read whole. */
const FEW = 20;
const CALL = 'call:';
const NODE = 'node:';

function unfinishedTasks(db: Asked) {
  return db
    .selectFrom('tasks')
    .leftJoin('leases', (join) =>
      join.on(sql`leases.holder`, '=', sql`'task:' || tasks.id`).on(sql`leases.key`, '=', sql`'node:' || tasks.node_uuid`),
    )
    .select(['tasks.id', 'tasks.kind', 'tasks.state', 'tasks.node_uuid', 'tasks.owner', 'tasks.locks', 'leases.key', 'leases.purpose'])
    .where('tasks.state', 'in', ['queued', 'running', 'waiting']);
}

function leasesAt(db: Asked, now: number) {
  return db.selectFrom('leases').select(['key', 'holder', 'purpose']).where('expires_at', '>', now);
}

const unfinishedOfAll = prepared((db, _given: object) => unfinishedTasks(db));
// A node has many tasks that have ended: found by its UUID.
const unfinishedOfOne = prepared((db, given: { readonly uuid: string }) => unfinishedTasks(db).where('tasks.node_uuid', '=', given.uuid));
const leasesOfAll = prepared((db, given: { readonly now: number }) => leasesAt(db, given.now).where('key', 'like', `${NODE}%`));
const leasesOfOne = prepared((db, given: { readonly key: string; readonly now: number }) =>
  leasesAt(db, given.now).where('key', '=', given.key),
);

function unfinished(db: Asked, uuids: readonly string[]) {
  const [uuid] = uuids;
  if (uuids.length === 1 && uuid !== undefined) return unfinishedOfOne(db, { uuid });
  return uuids.length <= FEW ? unfinishedTasks(db).where('tasks.node_uuid', 'in', uuids).execute() : unfinishedOfAll(db, {});
}

async function leased(db: Asked, uuids: readonly string[], now: number) {
  const [uuid] = uuids;
  const isOne = uuids.length === 1 && uuid !== undefined;
  const rows = await (isOne ? leasesOfOne(db, { key: `${NODE}${uuid}`, now }) : leasesOfAll(db, { now }));
  const wanted = new Set(uuids);
  return rows.map((row) => ({ ...row, node: row.key.slice(NODE.length) })).filter(({ node }) => wanted.has(node));
}

/** A call's lease: call:HOST/random. A task's owner: HOST/life. */
export function callHolder(host: string, id: string): string {
  return `${CALL}${host}/${id}`;
}

function hostOf(owner: string | null): string | undefined {
  // A task's lease without an unfinished task: its step does not let go. Which appliance it is on is not known any more.
  return owner === null || owner.startsWith('task:') ? undefined : owner.replace(CALL, '').split('/')[0];
}
