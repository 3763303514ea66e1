// What may be on the disks of a wipe plan beside what they held when somebody said yes, each disk for itself. Pure. The wipe plan's own review
// and the orders to the agent both go by it, so that neither refuses what the other lets pass.

import { UNRECOGNISED } from '../inspect/index.ts';
import { type DiskIdentity, isNamed } from '../install/index.ts';
import type { WalkKind } from './steps-decide.ts';

/** Of disks in the plan; true: all of them, where nobody said which. */
export type Places = readonly number[] | boolean;

/** What a step is about to write to. */
export interface Touch {
  /** Places; undefined: all that it was given. */
  readonly at?: readonly number[];
  /** By place: all that anybody recognises there when it has ended. Left out: nobody can say beforehand. */
  readonly leaves?: Readonly<Record<string, readonly string[]>>;
}

export interface StepUse {
  readonly key: string;
  readonly kind: WalkKind;
}

/** What the life cycle keeps of a plan's use, beside what was agreed to. */
export interface PlanUse {
  /** Places of the disks that were written by it. */
  readonly ours?: readonly number[];
  /** Something was begun there and not brought to its end. */
  readonly begun?: Places;
  /** Since they were erased, a system of ours was put there: an image, or an installer that has its answer. */
  readonly deployed?: Places;
  /** That system was started: it may have written to every disk that is ours, and these were not written anew by us since. */
  readonly lived?: Places;
  /** By place: what our own steps put there since. */
  readonly left?: Readonly<Record<string, readonly string[]>>;
  /** The step that the agent is at: an agent that starts anew reports what is half done. */
  readonly under?: StepUse & Touch;
}

type PlanState = 'approved' | 'standing';

/**
 * `bytes`: those that nobody recognises, as a disk that was half erased has them. `all`: whatever is there is ours. A disk that was erased is
 * not ours with what somebody put on it afterwards, unless that was a system of ours; and what is under way is gone on with by the order that
 * began it, never by a new one that would not look.
 */
export type Lenience = 'none' | 'bytes' | 'all';

export interface Asking {
  readonly state: PlanState;
  readonly use: PlanUse;
  readonly at: number;
  /**
   * A cleaning ends what a system of ours put on any disk of the plan, and a report is nobody's reason to void that; a deployment takes over
   * the disks of the last one, and no disk on which that system keeps its data.
   */
  readonly by: WalkKind | 'report';
}

export function lenienceOf({ state, use, at, by }: Asking): Lenience {
  const { ours, begun, deployed, under } = use;
  const isUnder = under !== undefined && has(under.at ?? true, at);
  // While a deployment is under way, what it has put there so far is in a report.
  if (by === 'report' && isUnder && under.kind !== 'clean' && under.leaves === undefined) return 'all';
  const isOurs = state === 'standing' || ours?.includes(at) === true;
  const endsAll = by === 'clean' || by === 'report';
  if (isOurs && (has(deployed, at) || (endsAll && has(use.lived, at)))) return 'all';
  return isOurs || has(begun, at) || isUnder ? 'bytes' : 'none';
}

export interface PlannedDisk {
  readonly serial?: string | null | undefined;
  readonly wwn?: string | null | undefined;
  /** Null: nobody could read it when somebody said yes all the same. */
  readonly expects: readonly string[] | null;
}

/**
 * What may be found there and written over; null: whatever it is. A disk without a name of its own is known by its slot only, and what is in
 * that slot now may be another one: there only what was seen when somebody said yes, or what we put there.
 */
export function allowedOn({ serial, wwn, expects }: PlannedDisk, asking: Asking): readonly string[] | null {
  const lenience = lenienceOf(asking);
  const hasName = (serial ?? null) !== null || (wwn ?? null) !== null;
  if (hasName ? lenience === 'all' || expects === null : expects === null && asking.by === 'report') return null;
  const { left, under } = asking.use;
  const put = [...(left?.[asking.at] ?? []), ...(under?.leaves?.[asking.at] ?? [])];
  return [...new Set([...(expects ?? []), ...put, ...(lenience === 'none' ? [] : [UNRECOGNISED])])];
}

/** Places on which the last system of ours was put, and that were not erased since; null: there was one, and nobody wrote down where. */
export function systemPlaces({ deployed, ours }: PlanUse, state: PlanState): readonly number[] | null {
  if (deployed === true) return null;
  return listOf(deployed).filter((at) => state === 'standing' || ours?.includes(at) === true);
}

/** The step is about to be the agent's. */
export function useBegun(use: PlanUse, { key, kind, at, leaves }: StepUse & Touch): PlanUse {
  const touch = { ...(at === undefined ? {} : { at }), ...(leaves === undefined ? {} : { leaves }) };
  return { ...withoutOther(use, key), under: { key, kind, ...touch } };
}

/** `isUntouched`: it failed before it did anything, for certain; undefined: nobody can say. */
export function useFailed(use: PlanUse, { key }: Pick<StepUse, 'key'>, isUntouched: boolean | undefined): PlanUse {
  const { under, ...rest } = withoutOther(use, key);
  const mayHaveBegun = isUntouched === false || (isUntouched === undefined && under !== undefined);
  if (!mayHaveBegun) return rest;
  const put = Object.entries(under?.leaves ?? {}).map(([at, items]) => [at, [...(rest.left?.[at] ?? []), ...items]] as const);
  return {
    ...rest,
    begun: joined(rest.begun, under?.at ?? true),
    ...(put.length === 0 ? {} : { left: { ...rest.left, ...Object.fromEntries(put) } }),
  };
}

export interface Ended extends Pick<Touch, 'leaves'> {
  /** Places of the disks that it wrote. */
  readonly wrote: readonly number[];
  /** How many the plan has. */
  readonly count: number;
}

export function useEnded(use: PlanUse, kind: WalkKind, { wrote, count, leaves = {} }: Ended): PlanUse {
  const { under: _, ...rest } = use;
  if (wrote.length === 0) return rest;
  const ours = [...new Set([...(rest.ours ?? []), ...wrote])].sort((a, b) => a - b);
  const others = Object.entries(rest.left ?? {}).filter(([at]) => !wrote.includes(Number(at)));
  const systems = kind === 'clean' ? [] : wrote.filter((at) => leaves[at] === undefined);
  return {
    ...rest,
    ours,
    begun: removed(rest.begun, wrote, count),
    deployed: joined(removed(rest.deployed, wrote, count), systems),
    lived: removed(livedOn(rest), wrote, count),
    left: { ...Object.fromEntries(others), ...leaves },
  };
}

/** Erased by another yes than that to the plan: nothing of ours is there any more, and nothing that anybody agreed to either. */
export function useErased(use: PlanUse, at: readonly number[], count: number): PlanUse {
  const left = Object.entries(use.left ?? {}).filter(([place]) => !at.includes(Number(place)));
  return {
    ...use,
    begun: joined(use.begun, at),
    deployed: removed(use.deployed, at, count),
    lived: removed(livedOn(use), at, count),
    left: Object.fromEntries(left),
  };
}

/** The system that was put there is started. */
export function useLived(use: PlanUse): PlanUse {
  return use.deployed === true || listOf(use.deployed).length > 0 ? { ...use, lived: true } : use;
}

/** An installer has its answer, and erases these disks from now on. */
export function useInstalled(use: PlanUse, at: readonly number[]): PlanUse {
  return useLived({ ...use, deployed: joined(use.deployed, at) });
}

/** Whether a planned disk is this one. */
export type SameDisk = (planned: DiskIdentity, disk: DiskIdentity) => boolean;

/** In whatever slot it is now, if it has a name: so the agent knows it, too. */
export const isSurely: SameDisk = (planned, disk) => isNamed(planned, disk) && isNamed(disk, planned);

/** It may have been seen without one of its names at one time. */
export const isPerhaps: SameDisk = (planned, disk) => isNamed(planned, disk) || isNamed(disk, planned);

/** A step that was given up without a word of how it ended. */
function withoutOther(use: PlanUse, key: string): PlanUse {
  return use.under === undefined || use.under.key === key ? use : useFailed(use, use.under, undefined);
}

/** Before that was kept, where a system had been put was not either. */
function livedOn({ lived, deployed }: PlanUse): Places {
  return lived ?? deployed === true;
}

function has(places: Places | undefined, at: number): boolean {
  return places === true || (typeof places === 'object' && places.includes(at));
}

function joined(some: Places | undefined, more: Places): Places {
  if (some === true || more === true) return true;
  return [...new Set([...listOf(some), ...listOf(more)])].sort((a, b) => a - b);
}

function removed(places: Places | undefined, gone: readonly number[], count: number): Places {
  return (places === true ? placesIn(count) : listOf(places)).filter((at) => !gone.includes(at));
}

function listOf(places: Places | undefined): readonly number[] {
  return typeof places === 'object' ? places : [];
}

function placesIn(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at);
}
