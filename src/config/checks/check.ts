// What a check is: a rule between settings, told what it reads so that it runs only on parts that are well-formed.

import type { Config } from '../schema.ts';

export interface Notes {
  /** Reports something wrong at a pointer. */
  problem(pointer: string, message: string, more?: { readonly expected?: string; readonly nearest?: string }): void;
  /** Reports something that is allowed and still worth a word. */
  warning(pointer: string, message: string): void;
  /** False for a default. */
  isWritten(pointer: string): boolean;
  /** 'dhcp.subnet[0] (line 12)': for naming another place in a message. */
  where(pointer: string): string;
}

export interface Check {
  /** Pointers that it reads; * stands for one segment. With a wrong value at, above or below one of them the check waits. */
  readonly needs: readonly string[];
  readonly run: (config: Config, notes: Notes) => void;
}

export function isReady(check: Check, broken: readonly (readonly string[])[]): boolean {
  const needs = check.needs.map((need) => need.split('/').slice(1));
  return !needs.some((need) => broken.some((path) => touches(need, path)));
}

/** True when one lies at, above or below the other. */
function touches(need: readonly string[], path: readonly string[]): boolean {
  return need.slice(0, path.length).every((segment, index) => segment === '*' || segment === path[index]);
}
