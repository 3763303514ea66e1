// What a method of the API is given, and small helpers of all of them.

import type { Member, World } from '../world.ts';

export interface Call {
  readonly world: World;
  /** Who carries it out. */
  readonly member: Member;
  readonly user: string;
  /** Those of the path too; verified. */
  readonly params: Readonly<Record<string, string>>;
}

export type Methods = Readonly<Record<string, (call: Call) => unknown>>;

export function isYes(value: string | undefined): boolean {
  return value !== undefined && /^(1|on|yes|true)$/i.test(value);
}

export function listOf(value: string | undefined): string[] {
  return (value ?? '').split(/[,;\s]+/).filter((word) => word !== '');
}
