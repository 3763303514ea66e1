// Which nodes may be looked at now: not ignored, not enrolled only, and not under way. Reads only.

import { isTransient, type Node, STATE_NAMES } from '../../nodes/index.ts';
import type { Store } from '../../store/index.ts';

type Reader = Pick<Store['db'], 'selectFrom'>;

export const POWER_FAULT = 'power failure';

/** `failed`: those whose maintenance is a power failure; the others must be out of maintenance. */
export type Sort = 'well' | 'failed';

// A node that nobody verified yet may be described wrongly, and its power is nobody's business; Ironic leaves it out too.
const RESTING = STATE_NAMES.filter((state) => !isTransient(state) && state !== 'enroll');
const PAGE = 200;

/** Page by page in the order of their UUIDs. */
export async function* freeNodes(db: Reader, sort: Sort, now: () => number): AsyncGenerator<readonly string[]> {
  for (let after = ''; ; ) {
    const page = (await chosen(db, sort).select('uuid').where('uuid', '>', after).orderBy('uuid').limit(PAGE).execute()).map(
      (row) => row.uuid,
    );
    const last = page.at(-1);
    if (last === undefined) return;
    after = last;
    const held = await heldOf(db, page, now());
    yield page.filter((uuid) => !held.has(uuid));
  }
}

export async function countFree(db: Reader, sort: Sort): Promise<number> {
  const row = await chosen(db, sort)
    .select((eb) => eb.fn.countAll().as('count'))
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}

/** Asked again in the transaction that writes: somebody may have begun with the node meanwhile. */
export async function isStillFree(db: Reader, node: Node, sort: Sort, now: number): Promise<boolean> {
  const isOfSort = sort === 'well' ? !node.maintenance : node.maintenance && node.fault === POWER_FAULT;
  if (!isOfSort || node.ignored || node.targetPowerState !== null || !RESTING.includes(node.provisionState)) return false;
  return !(await heldOf(db, [node.uuid], now)).has(node.uuid);
}

function chosen(db: Reader, sort: Sort) {
  const rows = db
    .selectFrom('nodes')
    .where('ignored', '=', 0)
    .where('target_power_state', 'is', null)
    .where('provision_state', 'in', RESTING);
  return sort === 'well' ? rows.where('maintenance', '=', 0) : rows.where('maintenance', '=', 1).where('fault', '=', POWER_FAULT);
}

async function heldOf(db: Reader, uuids: readonly string[], now: number): Promise<ReadonlySet<string>> {
  const keys = uuids.map((uuid) => `node:${uuid}`);
  const rows = await db.selectFrom('leases').select('key').where('key', 'in', keys).where('expires_at', '>', now).execute();
  return new Set(rows.map((row) => row.key.slice('node:'.length)));
}
