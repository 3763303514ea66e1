// What a destructive step may touch: the disks of the node's approved wipe plan, and nothing else. All disks only by a manual clean that
// names the node.

import type { JsonObject, JsonValue, Node } from '../nodes/index.ts';
import { nodeTitle } from '../nodes/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { fail } from './errors.ts';
import { observeRefusal } from './rules.ts';
import type { Offered } from './steps-decide.ts';
import { type WorkDeps, without } from './work.ts';

/** It has no disks: nothing can be lost by it, and nobody approves plans for it. */
const HARMLESS = 'fake';

/**
 * `approved`: somebody said yes to these disks with what was on them then. `standing`: they were erased by that yes and are ours, whatever
 * is on them, until the node is torn down for good or removed. `void`: they have changed since, and the yes with them.
 */
const GIVEN_STATES = ['approved', 'standing', 'void'];

export interface StepArgs {
  readonly args: JsonObject;
  /** The plan whose disks they hold. */
  readonly plan?: string;
  /** Said in the log of the task. */
  readonly note: string | undefined;
}

interface Asked {
  readonly args: JsonObject;
  readonly isManual: boolean;
  /** It was begun before, and the agent has answered: nothing more is written by it. */
  readonly isUnderWay: boolean;
}

/** Throws lifecycle.observe_only, lifecycle.wipe_plan_void. */
export async function destructiveArgs(
  { store: { db }, observeOnly }: Pick<WorkDeps, 'store' | 'observeOnly'>,
  node: Node,
  offered: Offered,
  asked: Asked,
): Promise<StepArgs> {
  // Also here: it may have become observe-only since the verb was asked for, and queues and restarts lie between.
  const observed =
    offered.step.isDestructive === true && !asked.isUnderWay ? observeRefusal(node, offered.step.step, observeOnly(node)) : undefined;
  if (observed !== undefined) throw observed;
  if (!isWiping(offered) && offered.step.needsDisks !== true) return { args: asked.args, note: undefined };
  const args = without(asked.args, 'confirm', 'disks');
  const title = nodeTitle(node);
  if (isConfirmed(node, asked)) return { args: { ...args, disks: 'all' }, note: `all disks of ${title}, as typed` };
  const plan = await lastYes(db, node);
  const name = offered.step.step;
  if (plan === undefined)
    return { args: { ...args, disks: [] }, note: `no wipe plan of ${title} is approved, so ${name} is given no disks and erases nothing` };
  const whose = plan.isStanding ? 'that are ours by the wipe plan' : 'of the approved wipe plan';
  // What writes to none settles nothing.
  const settles = offered.step.isDestructive === true ? { plan: plan.uuid } : {};
  return { args: { ...args, disks: plan.disks }, ...settles, note: `${name} is given the ${plan.disks.length} disks ${whose}` };
}

interface Used {
  readonly task: string;
  readonly now: number;
  /** Places of the disks that were written; undefined: all that the step was given. */
  readonly wrote: readonly number[] | undefined;
}

/**
 * A step has erased by the approval: that was for what the disks held then, and is over; the disks that it wrote are ours from now on, as
 * what the next step finds on them is what this one wrote there. Those that it did not write stay what they were when somebody said yes.
 */
export async function settlePlan(tx: Tx, uuid: string, { task, now, wrote }: Used): Promise<void> {
  const row = await tx.selectFrom('wipe_plans').select('plan').where('uuid', '=', uuid).where('state', '=', 'approved').executeTakeFirst();
  if (row === undefined) return;
  const plan = JSON.parse(row.plan) as StoredPlan; // as below
  const disks = plan.disks ?? [];
  const written = disks.filter((_, at) => wrote?.includes(at) ?? true);
  if (written.length === 0) return;
  const ours = disks.map((disk) => (written.includes(disk) ? { ...disk, expects: null } : disk));
  const set =
    written.length === disks.length
      ? { state: 'standing', reason: `used by task ${task}` }
      : { plan: JSON.stringify({ ...plan, disks: ours }), reason: `used in part by task ${task}` };
  await tx
    .updateTable('wipe_plans')
    .set({ ...set, updated_at: now })
    .where('uuid', '=', uuid)
    .execute();
}

/** Its disks are its owner's again: it is cleaned for the last time, or taken over with what runs on it. */
export async function spendPlans(tx: Tx, uuid: string, { reason, now }: { readonly reason: string; readonly now: number }): Promise<void> {
  await tx
    .updateTable('wipe_plans')
    .set({ state: 'spent', reason, updated_at: now })
    .where('node_uuid', '=', uuid)
    .where('state', 'in', ['approved', 'standing'])
    .execute();
}

function isWiping({ step, driver }: Offered): boolean {
  return step.isDestructive === true && driver !== HARMLESS;
}

function isConfirmed(node: Node, { args, isManual }: Asked): boolean {
  return isManual && args.confirm === nodeTitle(node);
}

interface StoredPlan {
  readonly disks?: readonly JsonObject[];
}

interface Yes {
  readonly uuid: string;
  readonly disks: readonly JsonValue[];
  readonly isStanding: boolean;
}

async function lastYes(db: Store['db'], node: Node): Promise<Yes | undefined> {
  const row = await db
    .selectFrom('wipe_plans')
    .select(['uuid', 'plan', 'state', 'reason'])
    .where('node_uuid', '=', node.uuid)
    .where('state', 'in', GIVEN_STATES)
    .where('approved_at', 'is not', null)
    .orderBy('approved_at', 'desc')
    .orderBy('updated_at', 'desc')
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (row.state === 'void') throw voided(node, row.reason);
  const isStanding = row.state === 'standing';
  const { disks = [] } = JSON.parse(row.plan) as StoredPlan; // written by us, an object with a list
  return { uuid: row.uuid, isStanding, disks: isStanding ? disks.map((disk) => ({ ...disk, expects: null })) : disks };
}

function voided(node: Node, reason: string | null): Error {
  return fail('lifecycle.wipe_plan_void', {
    message: `the wipe plan of ${nodeTitle(node)} that was approved is void: ${reason ?? 'its disks have changed'}`,
    hint: `Nothing is erased. Look at the new plan and say yes to it: rackseed node plan ${nodeTitle(node)}`,
    detail: { node: node.uuid },
  });
}
