// Stands in for Proxmox VE nodes and the clusters they make: README.md says for what, and what differs.

import { type Clock, systemClock } from '../../../src/lib/index.ts';
import { certificateFor } from '../../conformance/power/tls-pair.ts';
import type { DiskOptions } from './disks.ts';
import { type PveProxy, startProxy } from './https.ts';
import type { SimCard } from './report.ts';
import type { Release } from './schema/index.ts';
import { createWorld, type Member, type World } from './world.ts';

export { type Bridge, SHIMMED, shimFor, startBridge } from './bridge.ts';
export { restartProxy } from './cluster.ts';
export { execOn, type SimRan } from './commands/index.ts';
export type { DiskOptions, SimDisk, SimPool } from './disks.ts';
export { startProxy } from './https.ts';
export { createWorld, type Member, quorumOf, reinstall, type World } from './world.ts';

export interface SimMember {
  readonly name: string;
  readonly ip: string;
  readonly cards: readonly SimCard[];
  readonly disks?: readonly DiskOptions[];
  readonly guests?: readonly number[];
  /** Switched off, or not reachable by the others. */
  isOn: boolean;
}

export interface SimToken {
  /** USER@REALM!NAME=SECRET */
  readonly token: string;
  /** Privileges on /. */
  readonly privileges: readonly string[];
}

export interface SimOptions {
  /** Null: one node that is in no cluster. */
  readonly cluster: string | null;
  readonly version: Release;
  readonly members: SimMember[];
  readonly tokens?: readonly SimToken[];
  readonly users?: Readonly<Record<string, { readonly password: string; readonly hasSecondFactor?: boolean }>>;
  readonly clock?: Clock;
}

export interface PveSim extends Omit<PveProxy, 'close'> {
  readonly members: SimMember[];
  readonly world: World;
  /** Tickets given out so far are no longer good. */
  expireTickets(): void;
  close(): Promise<void>;
}

/** A cluster that is there already, of which the first member is asked. */
export async function startPve(options: SimOptions): Promise<PveSim> {
  const { version: release, clock = systemClock } = options;
  const world = await createWorld({ release, clock, members: options.members, certificateFor });
  const members = [...world.members.values()];
  const [first] = members;
  if (first === undefined) throw new Error('a simulator without a member');
  for (const [at, member] of members.entries()) follow(member, options.members[at]);
  if (options.cluster !== null) unite(options.cluster, members, first);
  addUsers(first, options);
  const proxy = await startProxy(world, first);
  return Object.assign(proxy, { members: options.members, world, expireTickets: () => first.etc.tickets.clear() });
}

/** Tests switch their own record off and on. */
function follow(member: Member, by: SimMember | undefined): void {
  if (by !== undefined) Object.defineProperty(member, 'isOn', { get: () => by.isOn, enumerable: true });
}

function unite(name: string, members: readonly Member[], first: Member): void {
  const nodes = members.map((member, at) => ({ name: member.name, nodeid: at + 1, votes: 1, links: { '0': member.ip } }));
  const known = new Map(nodes.map((node) => [node.name, node]));
  first.etc.corosync = { name, version: nodes.length, nodes: known, coefficient: null, qdevice: null, expected: null };
  for (const member of members) {
    member.etc = first.etc;
    member.hasAuthkey = true;
  }
}

function addUsers(first: Member, { tokens = [], users = {} }: SimOptions): void {
  const { etc } = first;
  for (const [userid, user] of Object.entries(users)) {
    etc.users.set(userid, { ...user, tokens: new Map() });
    if (userid === 'root@pam') first.rootPassword = user.password;
  }
  for (const { token, privileges } of tokens) {
    const [full = '', secret = ''] = token.split('=');
    const [userid = '', name = ''] = full.split('!');
    if (!etc.users.has(userid)) etc.users.set(userid, { tokens: new Map() });
    etc.users.get(userid)?.tokens.set(name, { secret, isSeparate: false, expire: 0 });
    etc.roles.set(`of-${name}`, privileges);
    etc.acl.push({ path: '/', role: `of-${name}`, who: userid, propagate: true });
  }
}

/** Three members, the first of which is asked. */
export function threeMembers(): SimMember[] {
  return [1, 2, 3].map((at) => ({
    name: `pve${at}`,
    ip: `192.0.2.1${at}`,
    cards: [
      { name: 'enp1s0', mac: `bc:24:11:00:0${at}:01` },
      { name: 'enp2s0', mac: `bc:24:11:00:0${at}:02` },
    ],
    isOn: true,
  }));
}
