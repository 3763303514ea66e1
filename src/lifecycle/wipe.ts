// What a destructive step may touch: the disks of the node's approved wipe plan, and nothing else. All disks only by a manual clean that
// names the node.

import { UNRECOGNISED } from '../inspect/index.ts';
import type { JsonObject, JsonValue, Node } from '../nodes/index.ts';
import { nodeTitle } from '../nodes/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { fail } from './errors.ts';
import { observeRefusal } from './rules.ts';
import type { Offered } from './steps-decide.ts';
import { type Lenience, lenienceOf, type PlanUse, type StepUse, useBegun, useEnded, useFailed } from './wipe-decide.ts';
import { type WorkDeps, without } from './work.ts';

/** It has no disks: nothing can be lost by it, and nobody approves plans for it. */
const HARMLESS = 'fake';

/**
 * `approved`: somebody said yes to these disks with what was on them then. `standing`: they were erased by that yes and are ours until the
 * node is torn down for good or removed: with what they held at the yes, with bytes that nobody recognises, and, since something was deployed
 * on them, with whatever is there. `void`: they have changed since, and the yes with them.
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

interface Used extends StepUse {
  readonly task: string;
  readonly now: number;
  /** Places of the disks that were written; undefined: all that the step was given. */
  readonly wrote: readonly number[] | undefined;
}

/**
 * A step has erased by the approval: that was for what the disks held then, and is over; the disks that it wrote are ours from now on, as
 * what the next step finds on them is what this one wrote there. Those that it did not write stay what they were when somebody said yes.
 */
export async function settlePlan(tx: Tx, uuid: string, { task, now, wrote, kind }: Used): Promise<void> {
  const kept = await readPlan(tx, uuid);
  if (kept === undefined) return;
  const disks = kept.plan.disks ?? [];
  const written = disks.flatMap((_, at) => ((wrote?.includes(at) ?? true) ? [at] : []));
  const plan = { ...kept.plan, under: undefined, ...useEnded(kept.plan, kind, { wrote: written, count: disks.length }) };
  const isWhole = written.length > 0 && plan.ours?.length === disks.length;
  const moved = isWhole ? { state: 'standing', reason: `used by task ${task}` } : { reason: `used in part by task ${task}` };
  await writePlan(tx, uuid, now, { plan, ...(kept.isStanding || written.length === 0 ? {} : moved) });
}

/** The agent has the step: until it ends, what is half done is nobody else's. */
export async function beginPlan(tx: Tx, uuid: string, { now, ...step }: StepUse & Pick<Used, 'now'>): Promise<void> {
  const kept = await readPlan(tx, uuid);
  if (kept !== undefined) await writePlan(tx, uuid, now, { plan: { ...kept.plan, ...useBegun(kept.plan, step) } });
}

/** What is on the disks now may be half of what it erased or wrote: the same yes holds for that, or nobody could go on. */
export async function failPlan(
  tx: Tx,
  uuid: string,
  { now, isUntouched, ...step }: StepUse & Pick<Used, 'now'> & { readonly isUntouched: boolean | undefined },
): Promise<void> {
  const kept = await readPlan(tx, uuid);
  if (kept === undefined) return;
  await writePlan(tx, uuid, now, { plan: { ...kept.plan, under: undefined, ...useFailed(kept.plan, step, isUntouched) } });
}

async function readPlan(tx: Tx, uuid: string): Promise<{ readonly plan: StoredPlan; readonly isStanding: boolean } | undefined> {
  const rows = tx
    .selectFrom('wipe_plans')
    .select(['plan', 'state'])
    .where('uuid', '=', uuid)
    .where('state', 'in', ['approved', 'standing']);
  const row = await rows.executeTakeFirst();
  return row === undefined ? undefined : { plan: JSON.parse(row.plan) as StoredPlan, isStanding: row.state === 'standing' }; // as below
}

interface PlanChange {
  readonly plan: { readonly [K in keyof StoredPlan]: StoredPlan[K] | undefined };
  readonly state?: string;
  readonly reason?: string;
}

async function writePlan(tx: Tx, uuid: string, now: number, { plan, ...rest }: PlanChange): Promise<void> {
  const set = { ...rest, plan: JSON.stringify(plan), updated_at: now };
  await tx.updateTable('wipe_plans').set(set).where('uuid', '=', uuid).execute();
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

interface StoredPlan extends PlanUse {
  readonly disks?: readonly JsonObject[];
}

/** What the agent may find on a disk and write over. */
function expectedOn({ expects }: JsonObject, lenience: Lenience): JsonValue {
  if (!Array.isArray(expects) || lenience === 'all') return null;
  const agreed = expects.filter((item) => typeof item === 'string');
  return lenience === 'bytes' ? [...new Set([...agreed, UNRECOGNISED])] : agreed;
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
  const plan = JSON.parse(row.plan) as StoredPlan; // written by us, an object with a list
  const state = isStanding ? 'standing' : 'approved';
  const disks = (plan.disks ?? []).map((disk, at) => ({ ...disk, expects: expectedOn(disk, lenienceOf(state, plan, at)) }));
  return { uuid: row.uuid, isStanding, disks };
}

function voided(node: Node, reason: string | null): Error {
  return fail('lifecycle.wipe_plan_void', {
    message: `the wipe plan of ${nodeTitle(node)} that was approved is void: ${reason ?? 'its disks have changed'}`,
    hint: `Nothing is erased. Look at the new plan and say yes to it: rackseed node plan ${nodeTitle(node)}`,
    detail: { node: node.uuid },
  });
}
