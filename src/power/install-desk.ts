// How the deploy driver of installers has an installation made: what is asked before a disk is touched, what proves the answer, and how the
// machine stands. Types only; whoever serves installers keeps the record, also over a restart of the appliance.

import type { DiskRef } from './agent-steps/seen-disks.ts';

export interface InstallOrder {
  readonly nodeUuid: string;
  /** Of the deployment; the same gives the same installation. */
  readonly deployment: string;
  /** What the wipe plan allows. */
  readonly disks: readonly DiskRef[];
  /** Of these, those on which the last system of ours is and that were not erased since: a new one goes there and nowhere else. */
  readonly systemOn: readonly DiskRef[];
  /** What is there is installed anew: where no disk is known to be the last system's, the last installation's record says which were. */
  readonly isRebuild: boolean;
  readonly signal: AbortSignal;
  progress(fraction: number, text: string): void;
}

/** One of the wipe plan's, by its identity. */
export type ChosenDisk = Pick<DiskRef, 'serial' | 'wwn' | 'size' | 'byPath' | 'title'>;

export interface InstallPrepared {
  /** Of the wipe plan's: where the system goes. */
  readonly disks: readonly ChosenDisk[];
  /** GUIDs for the empty partition tables, one for each disk; null: they need no stamp. */
  readonly stamps: readonly string[] | null;
}

export type InstallStanding =
  /** `until`: the next time at which something may be to be said without a word from the machine. */
  | { readonly state: 'waits'; readonly fraction: number; readonly text: string; readonly until: number | null }
  | { readonly state: 'reached' }
  | { readonly state: 'failed'; readonly message: string; readonly hint: string };

export interface InstallDesk {
  /** What can be known at once and without the machine; null: nothing is against it. */
  refusal(target: {
    readonly uuid: string;
    readonly extra?: unknown;
    readonly instanceInfo: Readonly<Record<string, unknown>>;
  }): string | null;
  /** Looks at the installer, memory, Secure Boot, the profile, the disks and the address. Throws with the next step; nothing was touched then. */
  prepare(order: InstallOrder): Promise<InstallPrepared>;
  /** With the inventory that was taken after the stamps: proves that the answer can select nothing else, and lets the machine boot the installer. */
  arm(order: Pick<InstallOrder, 'nodeUuid' | 'deployment' | 'signal'>): Promise<void>;
  /** `goal`: how far it is to come. Says why it waits, and after a while what to look at. */
  standing(nodeUuid: string, deployment: string, goal: 'installed' | 'first-boot'): Promise<InstallStanding>;
  /** Signs in as root with the host keys that the installer told. Throws while it can't. */
  signIn(nodeUuid: string, deployment: string, signal: AbortSignal): Promise<{ readonly address: string; readonly system: string }>;
  /** The deployment is over without success: nothing of it is answered any more. */
  abandon(nodeUuid: string, deployment: string, reason: string): Promise<void>;
}
