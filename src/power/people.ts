// The person who is asked to press a button. Types only: who shows it and how is told by whoever wires the appliance.

import type { PowerTarget, Target } from './seam.ts';

export interface People {
  /** "Press the power button of pve3". Shown until it is done or withdrawn. */
  ask(target: Target, wanted: PowerTarget, what: string): Promise<void>;
  /** It was done, or nobody needs it any more. */
  settle(target: Target, end: 'done' | 'withdrawn', why: string): Promise<void>;
  /** Why something was tried, or was not: for whoever asks later. */
  note(target: Target, decision: string, reason: string): void;
}

export const NOBODY: People = {
  ask: () => Promise.resolve(),
  settle: () => Promise.resolve(),
  note: () => undefined,
};

/** A wish that nobody has looked after for so long is one that nobody has any more: who waits for it looks every five seconds. */
export const ABANDONED_MS = 45_000;
/** Until somebody comes by; a little less than a task of power may take, so that what is said at the end is ours. */
export const PERSON_SECONDS = 7000;

export function goalOf(wanted: PowerTarget): 'power on' | 'power off' {
  return wanted === 'power off' || wanted === 'soft power off' ? 'power off' : 'power on';
}

export function isReboot(wanted: PowerTarget): boolean {
  return wanted === 'rebooting' || wanted === 'soft rebooting';
}
