// What a destructive step may touch: the disks of the node's approved wipe plan, and nothing else. All disks only by a manual clean that
// names the node.

import type { JsonObject, JsonValue, Node } from '../nodes/index.ts';
import { nodeTitle } from '../nodes/index.ts';
import type { Store, Tx } from '../store/index.ts';
import type { Offered } from './steps-decide.ts';
import { without } from './work.ts';

/** It has no disks: nothing can be lost by it, and nobody approves plans for it. */
const HARMLESS = 'fake';

export interface StepArgs {
  readonly args: JsonObject;
  /** Said in the log of the task. */
  readonly note: string | undefined;
}

interface Asked {
  readonly args: JsonObject;
  readonly isManual: boolean;
}

export async function destructiveArgs(db: Store['db'], node: Node, offered: Offered, asked: Asked): Promise<StepArgs> {
  if (!isWiping(offered)) return { args: asked.args, note: undefined };
  const args = without(asked.args, 'confirm', 'disks');
  const title = nodeTitle(node);
  if (isConfirmed(node, asked)) return { args: { ...args, disks: 'all' }, note: `all disks of ${title}, as typed` };
  const plan = await approvedDisks(db, node.uuid);
  const name = offered.step.step;
  if (plan === undefined)
    return { args: { ...args, disks: [] }, note: `no wipe plan of ${title} is approved, so ${name} is given no disks and erases nothing` };
  return { args: { ...args, disks: plan }, note: `${name} is given the ${plan.length} disks of the approved wipe plan` };
}

/** Does this step work by the approved plan? */
export function usesPlan(node: Node, offered: Offered | undefined, asked: Asked): boolean {
  return offered !== undefined && isWiping(offered) && !isConfirmed(node, asked);
}

/** An approval is for once: what was done by it is done. One that comes later than the step is spent too, rather than one too few. */
export async function spendPlans(tx: Tx, uuid: string, { task, now }: { readonly task: string; readonly now: number }): Promise<void> {
  await tx
    .updateTable('wipe_plans')
    .set({ state: 'spent', reason: `used by task ${task}`, updated_at: now })
    .where('node_uuid', '=', uuid)
    .where('state', '=', 'approved')
    .execute();
}

function isWiping({ step, driver }: Offered): boolean {
  return step.isDestructive === true && driver !== HARMLESS;
}

function isConfirmed(node: Node, { args, isManual }: Asked): boolean {
  return isManual && args.confirm === nodeTitle(node);
}

async function approvedDisks(db: Store['db'], uuid: string): Promise<readonly JsonValue[] | undefined> {
  const row = await db
    .selectFrom('wipe_plans')
    .select('plan')
    .where('node_uuid', '=', uuid)
    .where('state', '=', 'approved')
    .orderBy('approved_at', 'desc')
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { disks } = JSON.parse(row.plan) as { readonly disks?: readonly JsonValue[] }; // written by us, an object with a list
  return disks ?? [];
}
