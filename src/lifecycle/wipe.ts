// What a destructive step may touch: the disks of the node's approved wipe plan, and nothing else. All disks only by a manual clean that
// names the node.

import type { MachineReport } from '../install/index.ts';
import type { JsonObject, JsonValue, Node } from '../nodes/index.ts';
import { nodeTitle } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';
import { newcomers, type TypedDisk } from './all-disks-decide.ts';
import { fail } from './errors.ts';
import { observeRefusal } from './rules.ts';
import type { Offered, WalkKind } from './steps-decide.ts';
import { allowedOn, type PlannedDisk, systemPlaces } from './wipe-decide.ts';
import type { StoredPlan } from './wipe-use.ts';
import { type WorkDeps, without } from './work.ts';

/** It has no disks: nothing can be lost by it, and nobody approves plans for it. */
const HARMLESS = 'fake';

/**
 * `approved`: somebody said yes to these disks with what was on them then. `standing`: they were erased by that yes and are ours until the
 * node is torn down for good or removed: with what they held at the yes, with bytes that nobody recognises, and, since a system of ours was
 * put on them, with whatever is there. `void`: they have changed since, and the yes with them.
 */
const GIVEN_STATES = ['approved', 'standing', 'void'];

export interface StepArgs {
  readonly args: JsonObject;
  /** The plan whose disks they hold. */
  readonly plan?: string;
  /** What is erased without a plan. */
  readonly typed?: readonly JsonObject[];
  /** Said in the log of the task. */
  readonly note: string | undefined;
}

interface Asked {
  readonly args: JsonObject;
  readonly isManual: boolean;
  /** It was begun before, and the agent has answered: nothing more is written by it. */
  readonly isUnderWay: boolean;
  readonly kind: WalkKind;
  /** The disks that the machine had when somebody typed that all of them are meant. */
  readonly typed: readonly TypedDisk[] | undefined;
  /** What is there is installed anew. */
  readonly isRebuild: boolean;
}

/** Throws lifecycle.observe_only, lifecycle.wipe_plan_void, lifecycle.disks_unknown, lifecycle.disks_appeared. */
export async function destructiveArgs(
  { store: { db }, nodes, observeOnly }: Pick<WorkDeps, 'store' | 'nodes' | 'observeOnly'>,
  node: Node,
  offered: Offered,
  asked: Asked,
): Promise<StepArgs> {
  // Also here: it may have become observe-only since the verb was asked for, and queues and restarts lie between.
  const observed =
    offered.step.isDestructive === true && !asked.isUnderWay ? observeRefusal(node, offered.step.step, observeOnly(node)) : undefined;
  if (observed !== undefined) throw observed;
  if (!isWiping(offered) && offered.step.needsDisks !== true) return { args: asked.args, note: undefined };
  const args = without(asked.args, 'confirm', 'disks', 'systemOn', 'isRebuild');
  const title = nodeTitle(node);
  if (isConfirmed(node, asked)) {
    const disks = allTyped(node, asked, await nodes.inventory(node.uuid));
    return { args: { ...args, disks }, typed: disks, note: `all ${disks.length} disks that ${title} had when that was typed` };
  }
  const plan = await lastYes(db, node, asked.kind);
  const name = offered.step.step;
  if (plan === undefined)
    return { args: { ...args, disks: [] }, note: `no wipe plan of ${title} is approved, so ${name} is given no disks and erases nothing` };
  const whose = plan.isStanding ? 'that are ours by the wipe plan' : 'of the approved wipe plan';
  // What writes to none settles nothing.
  const settles = offered.step.isDestructive === true ? { plan: plan.uuid } : {};
  const last = {
    ...((plan.systemOn?.length ?? 0) === 0 ? {} : { systemOn: plan.systemOn }),
    ...(asked.kind === 'deploy' && (asked.isRebuild || plan.systemOn === null) ? { isRebuild: true } : {}),
  };
  return { args: { ...args, ...last, disks: plan.disks }, ...settles, note: `${name} is given the ${plan.disks.length} disks ${whose}` };
}

function isWiping({ step, driver }: Offered): boolean {
  return step.isDestructive === true && driver !== HARMLESS;
}

function isConfirmed(node: Node, { args, isManual }: Asked): boolean {
  return isManual && args.confirm === nodeTitle(node);
}

function allTyped(node: Node, { typed, isUnderWay }: Asked, report: MachineReport | undefined): JsonObject[] {
  const title = nodeTitle(node);
  if (typed === undefined || report === undefined)
    throw fail('lifecycle.disks_unknown', {
      message: `nobody knew which disks ${title} has when it was typed that all of them are erased, so that nothing is`,
      hint: 'Let the agent look at it (provision state inspect), then type it again.',
      detail: { node: node.uuid },
    });
  const added = isUnderWay ? [] : newcomers(typed, report);
  if (added.length > 0)
    throw fail('lifecycle.disks_appeared', {
      message: `${title} has disks that it had not when it was typed that all of them are erased, so that nothing is: ${added.join('; ')}`,
      hint: 'If they are meant too, ask for the same again; else take them out first.',
      detail: { node: node.uuid, disks: added },
    });
  return typed.map((disk) => ({ ...disk }));
}

interface Yes {
  readonly uuid: string;
  readonly disks: readonly JsonValue[];
  readonly isStanding: boolean;
  /** Places of the disks on which the last system of ours is; none for a cleaning, which asks nobody where it was. */
  readonly systemOn: readonly number[] | null;
}

async function lastYes(db: Store['db'], node: Node, by: WalkKind): Promise<Yes | undefined> {
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
  const disks = (plan.disks ?? []).map((disk, at) => {
    const expects = allowedOn(plannedOf(disk), { state, use: plan, at, by });
    return { ...disk, expects: expects === null ? null : [...expects] };
  });
  const systemOn = by === 'deploy' ? systemPlaces(plan, state) : [];
  return { uuid: row.uuid, isStanding, disks, systemOn };
}

function plannedOf({ serial, wwn, expects }: JsonObject): PlannedDisk {
  return {
    serial: typeof serial === 'string' ? serial : null,
    wwn: typeof wwn === 'string' ? wwn : null,
    expects: Array.isArray(expects) ? expects.filter((item) => typeof item === 'string') : null,
  };
}

function voided(node: Node, reason: string | null): Error {
  return fail('lifecycle.wipe_plan_void', {
    message: `the wipe plan of ${nodeTitle(node)} that was approved is void: ${reason ?? 'its disks have changed'}`,
    hint: `Nothing is erased. Look at the new plan and say yes to it: rackseed node plan ${nodeTitle(node)}`,
    detail: { node: node.uuid },
  });
}
