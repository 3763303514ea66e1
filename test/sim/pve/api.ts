// One call of the API, whoever makes it: found, permitted, passed on to the node that it is of, verified, done.

import { ApiError, died, wrongParameters } from './errors.ts';
import { ACCESS } from './methods/access.ts';
import { APT } from './methods/apt.ts';
import type { Call, Methods } from './methods/call.ts';
import { CEPH } from './methods/ceph.ts';
import { CLUSTER } from './methods/cluster.ts';
import { DISKS } from './methods/disks.ts';
import { HA } from './methods/ha.ts';
import { JOBS } from './methods/jobs.ts';
import { MACHINE } from './methods/machine.ts';
import { NETWORK } from './methods/network.ts';
import { NODE } from './methods/node.ts';
import { SDN } from './methods/sdn.ts';
import { STORAGE } from './methods/storage.ts';
import { assertMay } from './permissions.ts';
import { findMethod, methodsOf } from './schema/index.ts';
import { wrongsOf } from './schema/verify.ts';
import { type Member, reaches, type World } from './world.ts';

const METHODS: Methods = {
  ...ACCESS,
  ...APT,
  ...CEPH,
  ...CLUSTER,
  ...DISKS,
  ...HA,
  ...JOBS,
  ...MACHINE,
  ...NETWORK,
  ...NODE,
  ...SDN,
  ...STORAGE,
};

export interface Ask {
  readonly verb: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
}

export interface Asker {
  /** Undefined: nobody has said who he is. */
  readonly user: string | undefined;
}

/** Whether anybody at all may ask it, without a ticket. */
export function isForAll(world: World, { verb, path }: Ask): boolean {
  return findMethod(methodsOf(world.release), verb, path)?.method.permissions === 'world';
}

/** What the method gives. Throws ApiError. */
export async function callApi(world: World, asked: Member, { user }: Asker, { verb, path, params }: Ask): Promise<unknown> {
  const found = findMethod(methodsOf(world.release), verb, path);
  const code = found === undefined ? undefined : METHODS[`${verb} ${found.method.path}`];
  if (found === undefined || code === undefined) throw new ApiError(501, `Method '${verb} ${path}' not implemented`);
  const twice = Object.keys(found.inPath).find((name) => params[name] !== undefined);
  if (twice !== undefined) throw new ApiError(400, `Parameter verification failed - duplicate parameter '${twice}'`);
  const all = { ...params, ...found.inPath };
  assertMay(asked.etc, user ?? '', found.method, all);
  const member = found.method.isOfNode === true ? passedOn(world, asked, all.node ?? '') : asked;
  const wrongs = wrongsOf(found.method, all);
  if (Object.keys(wrongs).length > 0) throw wrongParameters(wrongs);
  const call: Call = { world, member, user: user ?? '', params: all };
  return (await code(call)) ?? null;
}

/** As pveproxy asks the node that a call is of. */
function passedOn(world: World, asked: Member, node: string): Member {
  if (node === asked.name || node === 'localhost') return asked;
  const member = world.members.get(node);
  const isKnown = member?.etc === asked.etc && asked.etc.corosync?.nodes.has(node) === true;
  if (member === undefined || !isKnown)
    throw died(`hostname lookup '${node}' failed - failed to get address info for: ${node}: Name or service not known`);
  if (!reaches(asked, member)) throw new ApiError(595, 'No route to host');
  const faults = world.faults.proxy.get(node) ?? 0;
  if (faults === 0) return member;
  world.faults.proxy.set(node, faults - 1);
  throw new ApiError(596, 'Connection timed out');
}
