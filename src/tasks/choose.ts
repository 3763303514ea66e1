// Which tasks are begun or taken up next. Pure: what is claimable and what is held is read elsewhere.

import { type HeldLock, holderOf } from './locks.ts';

export interface Candidate {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly fence: number;
  readonly locks: readonly string[];
  readonly isBegun: boolean;
}

export interface QueueView {
  readonly held: ReadonlyMap<string, HeldLock>;
  /** Raised here for each that is chosen. */
  readonly begunByKind: Map<string, number>;
  /** undefined = this version does not know the kind. Infinity = no limit. */
  readonly limitOf: (kind: string) => number | undefined;
  /** Tasks that this process has in its hands already. */
  readonly isOurs: (id: string) => boolean;
  /**
   * Keys that earlier tasks in the queue wait for. A later task may not pass them by: else one that needs two locks could wait
   * for ever behind many that need one. Filled here; pass the same set for each page of one scan.
   */
  readonly awaited: Set<string>;
  /** Keys of those that were chosen. As above. */
  readonly taken: Set<string>;
}

/** At most so many, none of which is in another's way. */
export function chooseTasks(candidates: readonly Candidate[], view: QueueView, most: number): Candidate[] {
  const chosen: Candidate[] = [];
  for (const candidate of candidates) {
    if (chosen.length === most) break;
    if (!isEligible(candidate, view)) continue;
    if (candidate.locks.every((key) => isFree(key, candidate, view))) {
      chosen.push(candidate);
      for (const key of candidate.locks) view.taken.add(key);
      if (!candidate.isBegun) view.begunByKind.set(candidate.kind, (view.begunByKind.get(candidate.kind) ?? 0) + 1);
    } else {
      for (const key of candidate.locks) view.awaited.add(key);
    }
  }
  return chosen;
}

function isEligible(candidate: Candidate, view: QueueView): boolean {
  const limit = view.limitOf(candidate.kind);
  if (limit === undefined || view.isOurs(candidate.id)) return false;
  return candidate.isBegun || (view.begunByKind.get(candidate.kind) ?? 0) < limit;
}

function isFree(key: string, candidate: Candidate, view: QueueView): boolean {
  if (view.taken.has(key)) return false;
  const holder = view.held.get(key)?.holder;
  if (holder !== undefined) return holder === holderOf(candidate.id);
  // One that has begun holds its place already: it never queues behind those that wait for its own lock.
  return candidate.isBegun || !view.awaited.has(key);
}
