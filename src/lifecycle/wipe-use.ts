// How far wipe plans were used, in the store: what is begun, ended, given up, and what a system of ours was put on. Decides nothing itself.

import { orderOutcome } from '../inspect/index.ts';
import type { DiskIdentity } from '../install/index.ts';
import type { JsonObject, JsonValue } from '../nodes/index.ts';
import type { Tx } from '../store/index.ts';
import {
  isPerhaps,
  isSurely,
  type PlanUse,
  type SameDisk,
  type StepUse,
  type Touch,
  useBegun,
  useEnded,
  useErased,
  useFailed,
  useInstalled,
  useLived,
} from './wipe-decide.ts';

export interface StoredPlan extends PlanUse {
  readonly disks?: readonly JsonObject[];
}

export type Step = StepUse & { readonly now: number };

interface Used extends Step {
  readonly task: string;
  /** Places of the disks that were written; undefined: all that it said that it would write, else all that it was given. */
  readonly wrote: readonly number[] | undefined;
}

/**
 * A step has erased by the approval: that was for what the disks held then, and is over; the disks that it wrote are ours from now on, as
 * what the next step finds on them is what this one wrote there. Those that it did not write stay what they were when somebody said yes.
 */
export async function settlePlan(tx: Tx, uuid: string, used: Used): Promise<void> {
  const kept = await readPlan(tx, uuid);
  if (kept !== undefined) await settle(tx, kept, used);
}

async function settle(tx: Tx, kept: Kept, { task, now, wrote, kind, key }: Used): Promise<void> {
  const { under, disks = [] } = kept.plan;
  const touch = under?.key === key ? under : undefined;
  const only = wrote ?? touch?.at;
  const written = disks.flatMap((_, at) => ((only?.includes(at) ?? true) ? [at] : []));
  const leaves = Object.fromEntries(Object.entries(touch?.leaves ?? {}).filter(([at]) => written.includes(Number(at))));
  const use = useEnded(kept.plan, kind, { wrote: written, count: disks.length, leaves });
  const isWhole = written.length > 0 && use.ours?.length === disks.length;
  const moved = isWhole ? { state: 'standing', reason: `used by task ${task}` } : { reason: `used in part by task ${task}` };
  await writePlan(tx, kept, now, { use, ...(kept.isStanding || written.length === 0 ? {} : moved) });
}

/** The agent is about to get the step: until it ends, what is half done is nobody else's. */
export async function beginPlan(tx: Tx, uuid: string, { now, ...step }: Step & Touch): Promise<void> {
  const kept = await readPlan(tx, uuid);
  if (kept !== undefined) await writePlan(tx, kept, now, { use: useBegun(kept.plan, step) });
}

/** What is on the disks now may be half of what it erased or wrote: the same yes holds for that, or nobody could go on. */
export async function failPlan(
  tx: Tx,
  uuid: string,
  { now, isUntouched, ...step }: Step & { readonly isUntouched: boolean | undefined },
): Promise<void> {
  const kept = await readPlan(tx, uuid);
  if (kept !== undefined) await writePlan(tx, kept, now, { use: useFailed(kept.plan, step, isUntouched) });
}

/** Nobody waits for the agent any more: what is known of its last order is what counts, and where nothing is, it was begun. */
export async function closeUses(tx: Tx, nodeUuid: string, now: number): Promise<void> {
  for (const kept of await plansOf(tx, nodeUuid)) {
    const { under } = kept.plan;
    if (under === undefined) continue;
    const end = await orderOutcome(tx, nodeUuid, under.key);
    if (end === 'done') await settle(tx, kept, { ...under, task: under.key.split(':')[0] ?? '', now, wrote: under.at });
    else await writePlan(tx, kept, now, { use: useFailed(kept.plan, under, end === 'untouched' ? true : undefined) });
  }
}

/** The machine starts what was put on its disks. */
export async function livePlans(tx: Tx, nodeUuid: string, now: number): Promise<void> {
  for (const kept of await plansOf(tx, nodeUuid)) {
    const use = useLived(kept.plan);
    if (use !== kept.plan) await writePlan(tx, kept, now, { use });
  }
}

/** An installer was answered: from now on what is on these disks is what it puts there. */
export function installedOn(tx: Tx, nodeUuid: string, disks: readonly JsonObject[], now: number): Promise<void> {
  return onPlaces(tx, nodeUuid, { disks, now, isSame: isSurely }, useInstalled);
}

/** They are about to be erased because somebody typed that all disks of the machine are meant. */
export function erasedAll(tx: Tx, nodeUuid: string, disks: readonly JsonObject[], now: number): Promise<void> {
  return onPlaces(tx, nodeUuid, { disks, now, isSame: isPerhaps }, useErased);
}

type OnPlaces = (use: PlanUse, at: readonly number[], count: number) => PlanUse;

async function onPlaces(
  tx: Tx,
  nodeUuid: string,
  { disks, now, isSame }: { readonly disks: readonly JsonObject[]; readonly now: number; readonly isSame: SameDisk },
  change: OnPlaces,
): Promise<void> {
  const wanted = disks.map(identityOf);
  for (const kept of await plansOf(tx, nodeUuid)) {
    const planned = kept.plan.disks ?? [];
    const at = planned.flatMap((one, place) => (wanted.some((disk) => isSame(identityOf(one), disk)) ? [place] : []));
    if (at.length > 0) await writePlan(tx, kept, now, { use: change(kept.plan, at, planned.length) });
  }
}

function identityOf({ serial, wwn, size, byPath }: JsonObject): DiskIdentity {
  return { serial: text(serial), wwn: text(wwn), size: typeof size === 'number' ? size : 0, byPath: text(byPath) };
}

function text(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Its disks are its owner's again: it is cleaned for the last time, or taken over with what runs on it. */
export async function spendPlans(tx: Tx, uuid: string, { reason, now }: { readonly reason: string; readonly now: number }): Promise<void> {
  await tx
    .updateTable('wipe_plans')
    .set({ state: 'spent', reason, updated_at: now })
    .where('node_uuid', '=', uuid)
    .where('state', 'in', HELD)
    .execute();
}

const HELD = ['approved', 'standing'];

interface Kept {
  readonly uuid: string;
  readonly plan: StoredPlan;
  readonly isStanding: boolean;
}

async function readPlan(tx: Tx, uuid: string): Promise<Kept | undefined> {
  const rows = tx.selectFrom('wipe_plans').select(['uuid', 'plan', 'state']).where('uuid', '=', uuid).where('state', 'in', HELD);
  const row = await rows.executeTakeFirst();
  return row === undefined ? undefined : keptOf(row);
}

async function plansOf(tx: Tx, nodeUuid: string): Promise<readonly Kept[]> {
  const rows = tx.selectFrom('wipe_plans').select(['uuid', 'plan', 'state']).where('node_uuid', '=', nodeUuid).where('state', 'in', HELD);
  return (await rows.execute()).map(keptOf);
}

function keptOf({ uuid, plan, state }: { readonly uuid: string; readonly plan: string; readonly state: string }): Kept {
  return { uuid, plan: JSON.parse(plan) as StoredPlan, isStanding: state === 'standing' }; // written by us, an object with a list
}

interface PlanChange {
  readonly use: PlanUse;
  readonly state?: string;
  readonly reason?: string;
}

async function writePlan(tx: Tx, { uuid, plan }: Kept, now: number, { use, ...rest }: PlanChange): Promise<void> {
  const { under: _, ...before } = plan;
  const set = { ...rest, plan: JSON.stringify({ ...before, ...use }), updated_at: now };
  await tx.updateTable('wipe_plans').set(set).where('uuid', '=', uuid).execute();
}
