// The wipe plans of a node in the store: at most one that is proposed, and at most one that somebody said yes to. Decides nothing.

import type { Clock, Random } from '../lib/index.ts';
import type { Reader } from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';
import { planHash, type WipePlan } from './wipe-plan-decide.ts';

export type PlanState = 'proposed' | 'approved' | 'standing' | 'void' | 'spent';

export interface StoredPlan {
  readonly uuid: string;
  readonly nodeUuid: string;
  readonly hash: string;
  readonly plan: WipePlan;
  readonly state: PlanState;
  readonly approvedBy: string | null;
  readonly approvedAt: number | null;
  readonly reason: string | null;
  readonly createdAt: number;
}

export interface Plans {
  /** What waits for a yes. */
  proposed(uuid: string, on?: Reader): Promise<StoredPlan | undefined>;
  /** What destructive steps go by. */
  given(uuid: string, on?: Reader): Promise<StoredPlan | undefined>;
  propose(tx: Tx, uuid: string, plan: WipePlan): Promise<StoredPlan>;
  approve(tx: Tx, stored: StoredPlan, by: string): Promise<void>;
  end(tx: Tx, stored: StoredPlan, state: 'void' | 'spent', reason: string): Promise<void>;
}

/** Of each node, for the record; older ones go. */
const KEPT = 20;

export interface PlansOptions {
  readonly db: Reader;
  readonly clock: Clock;
  readonly random: Random;
}

export function createPlans({ db, clock, random }: PlansOptions): Plans {
  async function newest(on: Reader, uuid: string, states: readonly PlanState[]): Promise<StoredPlan | undefined> {
    const rows = on.selectFrom('wipe_plans').selectAll().where('node_uuid', '=', uuid).where('state', 'in', states);
    const row = await rows.orderBy('created_at', 'desc').orderBy('updated_at', 'desc').executeTakeFirst();
    return row === undefined ? undefined : storedOf(row);
  }

  async function setState(tx: Tx, plan: string, set: { readonly state: PlanState; readonly reason: string | null }): Promise<void> {
    await tx
      .updateTable('wipe_plans')
      .set({ ...set, updated_at: clock.now() })
      .where('uuid', '=', plan)
      .execute();
  }

  return {
    proposed: (uuid, on) => newest(on ?? db, uuid, ['proposed']),
    given: (uuid, on) => newest(on ?? db, uuid, ['approved', 'standing']),

    async propose(tx, nodeUuid, plan) {
      const now = clock.now();
      const stored: StoredPlan = {
        uuid: random.uuid(),
        nodeUuid,
        hash: planHash(plan),
        plan,
        state: 'proposed',
        approvedBy: null,
        approvedAt: null,
        reason: null,
        createdAt: now,
      };
      await tx
        .insertInto('wipe_plans')
        .values({
          uuid: stored.uuid,
          node_uuid: nodeUuid,
          hash: stored.hash,
          plan: JSON.stringify(plan),
          state: 'proposed',
          approved_by: null,
          approved_at: null,
          reason: null,
          created_at: now,
          updated_at: now,
        })
        .execute();
      await prune(tx, nodeUuid);
      return stored;
    },

    async approve(tx, { uuid, nodeUuid }, by) {
      const now = clock.now();
      await tx
        .updateTable('wipe_plans')
        .set({ state: 'spent', reason: 'another plan was approved', updated_at: now })
        .where('node_uuid', '=', nodeUuid)
        .where('state', 'in', ['approved', 'standing'])
        .execute();
      const set = { state: 'approved', approved_by: by, approved_at: now, updated_at: now };
      await tx.updateTable('wipe_plans').set(set).where('uuid', '=', uuid).execute();
    },

    end: (tx, { uuid }, state, reason) => setState(tx, uuid, { state, reason }),
  };
}

/** Those that hold, and the last yes that became void, are never among the oldest that go. */
async function prune(tx: Tx, nodeUuid: string): Promise<void> {
  const rows = await tx
    .selectFrom('wipe_plans')
    .select(['uuid', 'state', 'approved_at'])
    .where('node_uuid', '=', nodeUuid)
    .orderBy('created_at', 'desc')
    .execute();
  const old = rows.slice(KEPT).filter((row) => row.state === 'spent' || (row.state === 'void' && row.approved_at === null));
  if (old.length === 0) return;
  await tx
    .deleteFrom('wipe_plans')
    .where(
      'uuid',
      'in',
      old.map((row) => row.uuid),
    )
    .execute();
}

interface Row {
  readonly uuid: string;
  readonly node_uuid: string;
  readonly hash: string;
  readonly plan: string;
  readonly state: string;
  readonly approved_by: string | null;
  readonly approved_at: number | null;
  readonly reason: string | null;
  readonly created_at: number;
}

function storedOf(row: Row): StoredPlan {
  return {
    uuid: row.uuid,
    nodeUuid: row.node_uuid,
    hash: row.hash,
    plan: JSON.parse(row.plan) as WipePlan, // written by propose()
    state: row.state as PlanState, // written by us
    approvedBy: row.approved_by,
    approvedAt: row.approved_at,
    reason: row.reason,
    createdAt: row.created_at,
  };
}
