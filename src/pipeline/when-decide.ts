// Whether an entry of a pipeline is for this machine: facts it asks for, all of which must hold. Pure.

import type { JsonObject } from '../nodes/index.ts';
import type { StepLook } from './seam.ts';

interface Key {
  readonly expected: string;
  readonly takes: (value: unknown) => boolean;
  /** Null: it holds. Otherwise why not. */
  readonly holds: (value: unknown, look: StepLook) => string | null;
}

const FLAG = { expected: 'true or false', takes: (value: unknown) => typeof value === 'boolean' };
const COUNT = { expected: 'a whole number from 1 on', takes: (value: unknown) => Number.isInteger(value) && Number(value) >= 1 };
const NAMED = { expected: 'a text', takes: (value: unknown) => typeof value === 'string' && value !== '' };

const KEYS: Readonly<Record<string, Key>> = {
  cluster: {
    ...FLAG,
    holds: (value, { cluster }) => why(value === (cluster !== null), cluster === null ? 'it is for no cluster' : 'it is for a cluster'),
  },
  first_member: {
    ...FLAG,
    holds: (value, { members }) =>
      why(value === (members.length === 0), members.length === 0 ? 'its cluster has no members yet' : 'its cluster has members'),
  },
  boot_mode: {
    expected: '"bios" or "uefi"',
    takes: (value) => value === 'bios' || value === 'uefi',
    holds: (value, { node }) => why(value === node.bootMode, `it boots by ${node.bootMode ?? 'nobody knows what'}`),
  },
  filesystem: {
    ...NAMED,
    holds: (value, { profile }) => why(value === filesystemOf(profile), `its system is on ${filesystemOf(profile)}`),
  },
  min_disks: { ...COUNT, holds: (value, { node }) => atLeast(value, disksOf(node.inventory), 'disks') },
  min_members: { ...COUNT, holds: (value, { members }) => atLeast(value, members.length + 1, 'members with it') },
  profile: { ...NAMED, holds: (value, { profile }) => why(value === profile.name, `its profile is ${JSON.stringify(profile.name)}`) },
};

export const WHEN_KEYS: readonly string[] = Object.keys(KEYS);

/** What is wrong with a condition as it is written, by key. */
export function whenFaults(when: JsonObject): readonly { readonly key: string; readonly message: string }[] {
  return Object.entries(when).flatMap(([key, value]) => {
    const known = KEYS[key];
    if (known === undefined) return [{ key, message: `is no fact that steps can depend on; known: ${WHEN_KEYS.join(', ')}` }];
    return known.takes(value) ? [] : [{ key, message: `expected ${known.expected}` }];
  });
}

/** Null: the step is for it. */
export function whenRefusal(when: JsonObject | null, look: StepLook): string | null {
  for (const [key, value] of Object.entries(when ?? {})) {
    const known = KEYS[key];
    const refusal = known === undefined ? `nobody knows the fact ${key}` : known.holds(value, look);
    if (refusal !== null) return refusal;
  }
  return null;
}

/** As [[profile]] system_disks has it, and by default. */
function filesystemOf(profile: JsonObject): string {
  const disks: unknown = profile.system_disks;
  const named = typeof disks === 'object' && disks !== null && 'filesystem' in disks ? disks.filesystem : undefined;
  return typeof named === 'string' ? named : 'zfs';
}

function why(isSo: boolean, words: string): string | null {
  return isSo ? null : words;
}

function atLeast(wanted: unknown, there: number, what: string): string | null {
  return why(there >= Number(wanted), `it has ${there} ${what}, not ${String(wanted)}`);
}

function disksOf(inventory: JsonObject | null): number {
  const disks = inventory?.disks;
  return Array.isArray(disks) ? disks.length : 0;
}
