// The face by commands: what a shell of root on a member would say. For fake shells and for shims in guests.

import type { Member, World } from '../world.ts';
import { ceph, pveceph } from './pveceph.ts';
import { pvecm } from './pvecm.ts';
import { pvesh } from './pvesh.ts';
import type { SimRan } from './words.ts';

export type { SimRan } from './words.ts';

const NOT_FOUND = 127;

/** A machine that is off answers nobody: throws. */
export async function execOn(world: World, name: string, argv: readonly string[], stdin = ''): Promise<SimRan> {
  const member = memberCalled(world, name);
  const [program = '', ...rest] = argv;
  if (program === 'pvesh') return pvesh(world, member, rest);
  if (program === 'pveceph') return pveceph(world, member, rest);
  if (program === 'ceph') return ceph(world, member, rest);
  if (program === 'pvecm') return pvecm(world, member, rest, stdin);
  return { code: NOT_FOUND, out: '', err: `sh: 1: ${program}: not found\n` };
}

function memberCalled(world: World, name: string): Member {
  const member = world.members.get(name);
  if (member === undefined || !member.isOn) throw new Error(`no machine called ${name} that is on`);
  return member;
}
