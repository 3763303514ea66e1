// The rows of orders to agents: written, read, moved. Decides nothing.

import { Secret } from '../lib/index.ts';
import type { JsonObject } from '../nodes/index.ts';
import { type Asked, prepared, type Store, type Tx } from '../store/index.ts';
import { fail } from './errors.ts';
import type { OrderEnd, OrderFacts } from './orders-decide.ts';

export interface OrderRow extends OrderFacts {
  readonly nodeUuid: string;
  readonly title: string;
  readonly args: string;
  readonly progress: number;
  readonly progressText: string;
  readonly message: string;
  readonly result: string;
  readonly heardAt: number | null;
}

export interface NewOrder {
  readonly id: string;
  readonly nodeUuid: string;
  readonly key: string;
  readonly name: string;
  readonly title: string;
  readonly args: JsonObject;
}

/** More wait for one machine than any work places. */
const OPEN_MAX = 32;
const ARGS_MAX = 128 * 1024;

const COLUMNS = [
  'id',
  'node_uuid',
  'key',
  'name',
  'title',
  'args',
  'state',
  'session',
  'attempts',
  'progress',
  'progress_text',
  'message',
  'result',
  'created_at',
  'heard_at',
] as const;

type Picked = Awaited<ReturnType<typeof openRows>>[number];

const openRows = prepared((db, given: { readonly uuid: string }) =>
  db
    .selectFrom('agent_orders')
    .select(COLUMNS)
    .where('node_uuid', '=', given.uuid)
    .where('state', 'in', ['waiting', 'given'])
    .orderBy('created_at')
    .orderBy('key'),
);

/** Waiting and given ones of a machine, the oldest first. */
export async function openOrders(db: Asked, nodeUuid: string): Promise<OrderRow[]> {
  return (await openRows(db, { uuid: nodeUuid })).map(rowOf);
}

export async function orderOf(db: Asked, nodeUuid: string, key: string): Promise<OrderRow | undefined> {
  const row = await db
    .selectFrom('agent_orders')
    .select(COLUMNS)
    .where('node_uuid', '=', nodeUuid)
    .where('key', '=', key)
    .executeTakeFirst();
  return row === undefined ? undefined : rowOf(row);
}

export type OrderOutcome = 'done' | 'untouched' | 'unknown';

/**
 * What became of what was ordered under a key, and under those that begin with it, when nobody waits for it any more. `untouched`: nothing was
 * done, for certain. What an agent is at just now, or is no longer known, may have been begun.
 */
export async function orderOutcome(db: Asked, nodeUuid: string, key: string): Promise<OrderOutcome> {
  const rows = db.selectFrom('agent_orders').select(COLUMNS).where('node_uuid', '=', nodeUuid);
  const found = (await rows.where((is) => is.or([is('key', '=', key), is('key', 'like', `${key}:%`)])).execute()).map(rowOf);
  if (found.length === 0) return 'unknown';
  if (found.every(({ state }) => state === 'done')) return 'done';
  return found.every((row) => row.state === 'waiting' || isUntouched(row)) ? 'untouched' : 'unknown';
}

/** In place of a result: its agent refused it. */
export const UNTOUCHED = { untouched: true } as const;

/** One that the machine was given in more than one boot was begun by an agent before, for all that anybody knows. */
export function isUntouched({ state, result, attempts }: Pick<OrderRow, 'state' | 'result' | 'attempts'>): boolean {
  return attempts <= 1 && (state === 'cancelled' || (state === 'failed' && result === JSON.stringify(UNTOUCHED)));
}

export async function orderById(db: Asked, id: string): Promise<OrderRow | undefined> {
  const row = await db.selectFrom('agent_orders').select(COLUMNS).where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : rowOf(row);
}

export async function ordersIn(db: Asked, state: 'waiting' | 'given', limit: number): Promise<OrderRow[]> {
  const rows = await db.selectFrom('agent_orders').select(COLUMNS).where('state', '=', state).orderBy('created_at').limit(limit).execute();
  return rows.map(rowOf);
}

/** Undefined: it was placed already, by whoever has that key. */
export async function insertOrder(tx: Tx, vault: Store['vault'], order: NewOrder, now: number): Promise<OrderRow | undefined> {
  if ((await orderOf(tx, order.nodeUuid, order.key)) !== undefined) return undefined;
  const open = await openOrders(tx, order.nodeUuid);
  if (open.length >= OPEN_MAX) {
    throw fail('inspect.too_many_orders', {
      message: `${open.length} orders wait for the agent of node ${order.nodeUuid} already`,
      hint: 'Wait until its agent has taken some of them, or end the work that placed them.',
    });
  }
  const text = JSON.stringify(order.args);
  if (text.length > ARGS_MAX)
    throw fail('inspect.bad_order', {
      message: `the arguments of ${order.name} are ${text.length} characters long, and at most ${ARGS_MAX} are kept`,
    });
  // The oldest first, also among those of one millisecond.
  const at = Math.max(now, ...open.map(({ createdAt }) => createdAt + 1));
  const { args: _, ...rest } = order;
  const row = {
    ...rest,
    args: vault.seal(new Secret(text), argsContext(order)),
    state: 'waiting',
    session: null,
    attempts: 0,
    progress: 0,
    progressText: '',
    message: '',
    result: '{}',
    createdAt: at,
    heardAt: null,
  };
  await tx
    .insertInto('agent_orders')
    .values({
      id: row.id,
      node_uuid: row.nodeUuid,
      key: row.key,
      name: row.name,
      title: row.title,
      args: row.args,
      state: row.state,
      session: null,
      attempts: 0,
      progress: 0,
      progress_text: '',
      message: '',
      result: '{}',
      given_at: null,
      heard_at: null,
      finished_at: null,
      created_at: at,
      updated_at: now,
    })
    .execute();
  return row;
}

export function openArgs(vault: Store['vault'], { id, nodeUuid, args }: Pick<OrderRow, 'id' | 'nodeUuid' | 'args'>): JsonObject {
  return JSON.parse(vault.open(args, argsContext({ id, nodeUuid })).reveal()) as JsonObject; // sealed by insertOrder, an object
}

export async function markGiven(tx: Tx, { id, attempts }: Pick<OrderRow, 'id' | 'attempts'>, session: string, now: number): Promise<void> {
  await tx
    .updateTable('agent_orders')
    .set({ state: 'given', session, attempts: attempts + 1, given_at: now, heard_at: now, updated_at: now })
    .where('id', '=', id)
    .execute();
}

export async function markProgress(
  db: Asked,
  id: string,
  { fraction, text, now }: { readonly fraction: number; readonly text: string; readonly now: number },
): Promise<void> {
  const progress = Math.round(1000 * Math.min(1, Math.max(0, fraction)));
  await db
    .updateTable('agent_orders')
    .set({ progress, progress_text: text, heard_at: now, updated_at: now })
    .where('id', '=', id)
    .where('state', '=', 'given')
    .execute();
}

/** What it was given is forgotten with it: passwords and keys are among it. False: somebody else was faster. */
export async function markEnded(
  tx: Tx,
  order: Pick<OrderRow, 'id' | 'state'>,
  end: OrderEnd,
  result: string,
  now: number,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('agent_orders')
    .set({ state: end.state, message: end.message, result, args: '', finished_at: now, heard_at: now, updated_at: now })
    .where('id', '=', order.id)
    .where('state', '=', order.state)
    .executeTakeFirst();
  return Number(numUpdatedRows) > 0;
}

export async function forgetEnded(tx: Tx, before: number): Promise<void> {
  await tx.deleteFrom('agent_orders').where('state', 'in', ['done', 'failed', 'cancelled']).where('finished_at', '<', before).execute();
}

/** Of these tasks, those that have not ended. */
export async function unfinishedTasks(db: Asked, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const rows = db.selectFrom('tasks').select('id').where('id', 'in', ids).where('state', 'in', ['queued', 'running', 'waiting']);
  return new Set((await rows.execute()).map(({ id }) => id));
}

/** store/rotate.ts seals them anew in the same context. */
function argsContext({ id, nodeUuid }: Pick<OrderRow, 'id' | 'nodeUuid'>): string {
  return `agent_orders/${nodeUuid}/${id}/args`;
}

function rowOf(row: Picked): OrderRow {
  return {
    id: row.id,
    nodeUuid: row.node_uuid,
    key: row.key,
    name: row.name,
    title: row.title,
    args: row.args,
    state: row.state,
    session: row.session,
    attempts: row.attempts,
    progress: row.progress,
    progressText: row.progress_text,
    message: row.message,
    result: row.result,
    createdAt: row.created_at,
    heardAt: row.heard_at,
  };
}
