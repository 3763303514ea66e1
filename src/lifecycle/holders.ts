// Who works on a node: what Ironic shows as its reservation. Reads the leases and the queue, changes nothing.

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
  const [tasks, leases] = [await unfinished(db, uuids), await leased(db, uuids)];
  const held = new Map<string, Holder>();
  const wanted = new Set(uuids);
  for (const [node, { holder, purpose, expires_at: expiresAt }] of leases) {
    if (wanted.has(node) && expiresAt > now) held.set(node, { node, host: hostOf(holder) ?? host, task: undefined, purpose });
  }
  for (const row of tasks) {
    if (row.node_uuid === null || !wanted.has(row.node_uuid)) continue;
    const lease = leases.get(row.node_uuid);
    const own = lease?.holder === `task:${row.id}` ? lease : undefined;
    if (row.state === 'waiting' && own === undefined) continue;
    if (!row.locks.includes(`"${NODE}${row.node_uuid}"`)) continue;
    held.set(row.node_uuid, {
      node: row.node_uuid,
      host: hostOf(row.owner) ?? host,
      task: { id: row.id, kind: row.kind, state: row.state },
      purpose: own?.purpose ?? row.kind,
    });
  }
  return held;
}

/** More than so many: a page of a list. What is unfinished and leased is little, and read whole. */
const FEW = 20;
const CALL = 'call:';
const NODE = 'node:';

// Joined here, not in SQL: a join costs SQLite more than both answers, which nearly always are empty.
function unfinishedTasks(db: Asked) {
  const rows = db.selectFrom('tasks').select(['id', 'kind', 'state', 'node_uuid', 'owner', 'locks']);
  return rows.where('state', 'in', ['queued', 'running', 'waiting']);
}

const leases = (db: Asked) => db.selectFrom('leases').select(['key', 'holder', 'purpose', 'expires_at']);

const unfinishedOfAll = prepared((db, _given: object) => unfinishedTasks(db));
// A node has many tasks that have ended: found by its UUID.
const unfinishedOfOne = prepared((db, given: { readonly uuid: string }) => unfinishedTasks(db).where('node_uuid', '=', given.uuid));
const leasesOfAll = prepared((db, _given: object) => leases(db).where('key', 'like', `${NODE}%`));
const leasesOfOne = prepared((db, given: { readonly key: string }) => leases(db).where('key', '=', given.key));

function unfinished(db: Asked, uuids: readonly string[]) {
  const [uuid] = uuids;
  if (uuids.length === 1 && uuid !== undefined) return unfinishedOfOne(db, { uuid });
  return uuids.length <= FEW ? unfinishedTasks(db).where('node_uuid', 'in', uuids).execute() : unfinishedOfAll(db, {});
}

async function leased(db: Asked, uuids: readonly string[]) {
  const [uuid] = uuids;
  const isOne = uuids.length === 1 && uuid !== undefined;
  const rows = await (isOne ? leasesOfOne(db, { key: `${NODE}${uuid}` }) : leasesOfAll(db, {}));
  return new Map(rows.map((row) => [row.key.slice(NODE.length), row]));
}

/** A call's lease: call:HOST/random. A task's owner: HOST/life. */
export function callHolder(host: string, id: string): string {
  return `${CALL}${host}/${id}`;
}

function hostOf(owner: string | null): string | undefined {
  // A task's lease without an unfinished task: its step does not let go. Which appliance it is on is not known any more.
  return owner === null || owner.startsWith('task:') ? undefined : owner.replace(CALL, '').split('/')[0];
}
