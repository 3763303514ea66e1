// What the set-up does about missing Debian packages. Pure: the machine as seen goes in, the decision and its reason come out.

import type { DebianPackage } from './debian-packages.ts';

export interface Situation {
  readonly missing: readonly DebianPackage[];
  readonly isRoot: boolean;
  /** apt-get is there, so that Debian package names mean something. */
  readonly hasApt: boolean;
  readonly isCi: boolean;
  /** A person is at the terminal and can answer a question. */
  readonly isAttended: boolean;
}

export type Decision =
  | { readonly do: 'nothing' }
  | { readonly do: 'install' }
  | { readonly do: 'ask' }
  | { readonly do: 'leave-out'; readonly reason: string; readonly next: string };

export function decideInstall(situation: Situation): Decision {
  const { missing, isRoot, hasApt, isCi, isAttended } = situation;
  if (missing.length === 0) return { do: 'nothing' };
  if (!hasApt) {
    const next = `install what provides them on this system: ${names(missing).join(' ')}`;
    return { do: 'leave-out', reason: 'this is not a Debian system (no apt-get)', next };
  }
  if (!isRoot) return { do: 'leave-out', reason: 'only root may install Debian packages', next: sudoLine(missing) };
  return { do: isAttended && !isCi ? 'ask' : 'install' };
}

export function names(packages: readonly DebianPackage[]): string[] {
  return packages.map((row) => row.package).toSorted();
}

/** The one line to paste; the same words that we would run ourselves. */
export function sudoLine(packages: readonly DebianPackage[]): string {
  return `sudo apt-get update && sudo apt-get install --no-install-recommends ${names(packages).join(' ')}`;
}

/** One line per package: its name and why it is wanted. */
export function listReasons(packages: readonly DebianPackage[]): string[] {
  const width = Math.max(0, ...packages.map((row) => row.package.length));
  return packages.toSorted((a, b) => a.package.localeCompare(b.package)).map((row) => `  ${row.package.padEnd(width)}  ${row.why}`);
}

/** CI systems set CI to true or 1; people switch it off with 0 or false. */
export function isCiValue(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value.toLowerCase());
}

/** Package lists older than this are fetched again: mirrors drop superseded files, and an install would end in 404. */
const LISTS_FRESH_MS = 24 * 60 * 60 * 1000;

export function areListsStale(newestListMs: number | undefined, nowMs: number): boolean {
  return newestListMs === undefined || nowMs - newestListMs > LISTS_FRESH_MS;
}
