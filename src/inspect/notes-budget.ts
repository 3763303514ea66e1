// How many notes of a machine become events: so many an hour, then word that more were left out. In memory: a start forgets it.

import type { Clock } from '../lib/index.ts';

export interface NotesBudget {
  /** Of so many notes, how many may be kept; `isFirstOver`: the first of this hour are left out. */
  take(node: string, count: number): { readonly kept: number; readonly isFirstOver: boolean };
  /** What was taken could not be kept: its machine sends it again. */
  giveBack(node: string, taken: { readonly kept: number; readonly isFirstOver: boolean }): void;
}

export const NOTES_AN_HOUR = 60;
const HOUR_MS = 3_600_000;
/** At the cap the one that was heard longest ago is forgotten: its hour begins anew. */
const MAX_NODES = 20_000;

interface Hour {
  readonly begun: number;
  kept: number;
  isTold: boolean;
}

export function createNotesBudget(clock: Pick<Clock, 'monotonic'>, maxNodes = MAX_NODES): NotesBudget {
  const hours = new Map<string, Hour>();
  return {
    take: (node, count) => {
      const now = clock.monotonic();
      const known = hours.get(node);
      const hour = known === undefined || now - known.begun >= HOUR_MS ? { begun: now, kept: 0, isTold: false } : known;
      hours.delete(node); // put back at the end: the map's order is the order of last use
      hours.set(node, hour);
      for (const oldest of hours.keys()) {
        if (hours.size <= maxNodes) break;
        hours.delete(oldest);
      }
      const kept = Math.min(count, NOTES_AN_HOUR - hour.kept);
      const isFirstOver = kept < count && !hour.isTold;
      hour.kept += kept;
      hour.isTold ||= isFirstOver;
      return { kept, isFirstOver };
    },
    giveBack: (node, { kept, isFirstOver }) => {
      const hour = hours.get(node);
      if (hour === undefined) return;
      hour.kept = Math.max(0, hour.kept - kept);
      if (isFirstOver) hour.isTold = false;
    },
  };
}
