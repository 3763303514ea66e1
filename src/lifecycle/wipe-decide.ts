// What may be on the disks of a wipe plan beside what they held when somebody said yes. Pure. The wipe plan's own review and the orders to
// the agent both go by it, so that neither refuses what the other lets pass.

import type { WalkKind } from './steps-decide.ts';

/** What the life cycle keeps of a plan's use, beside what was agreed to. */
export interface PlanUse {
  /** Places of the disks that were written by it. */
  readonly ours?: readonly number[];
  /** Something was written by it that was not brought to its end. */
  readonly begun?: boolean;
  /** Since they were erased, something of ours was put on its disks. */
  readonly deployed?: boolean;
  /** The step that the agent is at: an agent that starts anew reports what is half done. */
  readonly under?: { readonly key: string; readonly kind: WalkKind };
}

/**
 * `bytes`: those that nobody recognises, as a disk that was half erased has them. `all`: whatever is there is ours. A disk that was erased is
 * not ours with what somebody put on it afterwards, unless that was a deployment of ours.
 */
export type Lenience = 'none' | 'bytes' | 'all';

export function lenienceOf(state: 'approved' | 'standing', { ours, begun, deployed, under }: PlanUse, at: number): Lenience {
  const isOurs = state === 'standing' || ours?.includes(at) === true;
  const isDeployed = deployed === true || (under !== undefined && under.kind !== 'clean');
  if (isOurs && isDeployed) return 'all';
  return isOurs || begun === true || under !== undefined ? 'bytes' : 'none';
}

export interface StepUse {
  readonly key: string;
  readonly kind: WalkKind;
}

/** The same for a report of the disks: while a deployment is under way, what it has put there so far is in it. */
export function reportLenienceOf(state: 'approved' | 'standing', use: PlanUse, at: number): Lenience {
  return use.under !== undefined && use.under.kind !== 'clean' ? 'all' : lenienceOf(state, use, at);
}

/** The step is with the agent now. */
export function useBegun(use: PlanUse, { key, kind }: StepUse): PlanUse {
  return { ...use, under: { key, kind } };
}

/** `isUntouched`: it failed before it did anything, for certain; undefined: nobody can say. */
export function useFailed(use: PlanUse, { key, kind }: StepUse, isUntouched: boolean | undefined): PlanUse {
  const { under, ...rest } = use;
  const mayHaveBegun = isUntouched === false || (isUntouched === undefined && under?.key === key);
  if (!mayHaveBegun) return rest;
  return { ...rest, begun: true, ...(kind === 'clean' ? {} : { deployed: true }) };
}

/** `wrote`: places of the disks that it wrote; `count`: how many the plan has. */
export function useEnded(
  use: PlanUse,
  kind: WalkKind,
  { wrote, count }: { readonly wrote: readonly number[]; readonly count: number },
): PlanUse {
  const { under: _, ...rest } = use;
  if (wrote.length === 0) return rest;
  const ours = [...new Set([...(use.ours ?? []), ...wrote])].sort((a, b) => a - b);
  // Erased whole, they hold nothing of a deployment any more.
  const deployed = kind !== 'clean' || (use.deployed === true && wrote.length < count);
  return { ...rest, ours, deployed };
}
