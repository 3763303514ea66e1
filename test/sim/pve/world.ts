// What stands behind the stand-in's two faces: members, what their /etc/pve holds, who sees whom. Knows neither HTTPS nor commands.

import type { Clock } from '../../../src/lib/index.ts';
import type { TlsPair } from '../../conformance/power/tls-pair.ts';
import type { Ceph } from './ceph.ts';
import { type DiskOptions, disksOf, type SimDisk, type SimPool } from './disks.ts';
import type { SimCard } from './report.ts';
import type { Release } from './schema/index.ts';

export interface CorosyncNode {
  readonly name: string;
  readonly nodeid: number;
  readonly votes: number;
  /** By link number. */
  readonly links: Readonly<Record<string, string>>;
}

export interface Corosync {
  readonly name: string;
  version: number;
  readonly nodes: Map<string, CorosyncNode>;
  readonly coefficient: number | null;
  qdevice: { readonly host: string; isUp: boolean } | null;
  /** Told by hand, until the membership changes. */
  expected: number | null;
}

export interface User {
  readonly comment?: string;
  readonly password?: string;
  readonly hasSecondFactor?: boolean;
  readonly tokens: Map<
    string,
    { readonly secret: string; readonly isSeparate: boolean; readonly comment?: string; readonly expire: number }
  >;
}

export interface AclEntry {
  readonly path: string;
  readonly role: string;
  /** A user, or a token by its full name. */
  readonly who: string;
  readonly propagate: boolean;
}

/** Properties of an object of a configuration file. */
export type SimObject = Readonly<Record<string, string | readonly string[]>>;

export interface SimRepository {
  readonly uri: string;
  readonly component: string;
  readonly suite: string;
  isEnabled: boolean;
}

/** One content of /etc/pve: of a node alone, or of all members of a cluster. */
export interface Pmxcfs {
  corosync: Corosync | null;
  readonly users: Map<string, User>;
  readonly roles: Map<string, readonly string[]>;
  acl: AclEntry[];
  readonly storage: Map<string, Record<string, string>>;
  /** What is nothing more than an object of a file, by the path of its list and its name. */
  readonly objects: Map<string, Map<string, SimObject>>;
  /** Null: there is no ceph.conf. */
  ceph: Ceph | null;
  readonly tickets: Map<string, { readonly user: string; readonly csrf: string; readonly until: number }>;
  /** Names of files that somebody holds the cluster's lock of. */
  readonly locks: Set<string>;
}

export interface Task {
  readonly upid: string;
  readonly node: string;
  readonly type: string;
  readonly id: string;
  readonly user: string;
  readonly pid: number;
  readonly pstart: number;
  readonly starttime: number;
  readonly lines: string[];
  /** Null: it runs. */
  exitstatus: string | null;
  readonly ended: Promise<void>;
}

export interface Member {
  readonly name: string;
  readonly ip: string;
  /** All of its own, with the one above. */
  readonly addresses: readonly string[];
  readonly cards: readonly SimCard[];
  rootPassword: string;
  isOn: boolean;
  /** The others do not see it, nor it them. */
  isCut: boolean;
  etc: Pmxcfs;
  hasAuthkey: boolean;
  readonly guests: Set<number>;
  readonly tasks: Map<string, Task>;
  readonly locks: Set<string>;
  tls: TlsPair;
  /** A certificate of its own that its proxy shows instead. */
  custom: TlsPair | null;
  readonly disks: SimDisk[];
  readonly pools: Map<string, SimPool>;
  /** The release of Ceph whose packages it has. */
  ceph: string | null;
  /** Null: nothing is staged. What runs is made when it is first asked for. */
  readonly network: { running: Map<string, Record<string, string>> | undefined; staged: Map<string, Record<string, string>> | null };
  /** By file; filled when it is first asked for. */
  readonly apt: Map<string, SimRepository[]>;
  /** Names, time zone, states of services and the like, as they were set. */
  readonly settings: Map<string, string>;
  /** Told when pveproxy starts anew: connections end, the certificate may be another. */
  readonly onRestart: Set<() => void>;
}

export interface Faults {
  /** A task of this type takes so much longer. */
  readonly slow: Map<string, number>;
  /** The next task of this type has left no trace that anybody can ask for. */
  readonly lost: Set<string>;
  /** The next so many questions to a member end with 596. */
  readonly proxy: Map<string, number>;
  /** The next join ends there: at the peer nothing has happened, or the peer has added the node and the node has not come. */
  join: 'before-peer' | 'after-peer' | null;
  /** The next OSD that is made fails when its volume is there already. */
  osd: 'after-lvm' | null;
}

export interface World {
  readonly release: Release;
  readonly clock: Clock;
  readonly members: Map<string, Member>;
  readonly faults: Faults;
  readonly certificateFor: (name: string) => Promise<TlsPair>;
  nextPid: number;
}

export interface MemberOptions {
  readonly name: string;
  readonly ip: string;
  readonly addresses?: readonly string[];
  readonly cards?: readonly SimCard[];
  readonly rootPassword?: string;
  readonly guests?: readonly number[];
  /** sda, sdb, …; without them nothing is known of its disks and pools. */
  readonly disks?: readonly DiskOptions[];
}

export interface WorldOptions {
  readonly release: Release;
  readonly clock: Clock;
  readonly members: readonly MemberOptions[];
  readonly certificateFor: (name: string) => Promise<TlsPair>;
}

/** Members that are in no cluster yet. */
export async function createWorld({ release, clock, members, certificateFor }: WorldOptions): Promise<World> {
  const faults: Faults = { slow: new Map(), lost: new Set(), proxy: new Map(), join: null, osd: null };
  const world: World = { release, clock, members: new Map(), faults, certificateFor, nextPid: 1000 };
  for (const member of members) world.members.set(member.name, await createMember(world, member));
  return world;
}

async function createMember(world: World, options: MemberOptions): Promise<Member> {
  const { name, ip, addresses = [ip], cards = [], rootPassword = 'password', guests = [], disks = [] } = options;
  return {
    name,
    ip,
    addresses,
    cards,
    rootPassword,
    isOn: true,
    isCut: false,
    etc: freshEtc(),
    hasAuthkey: false,
    guests: new Set(guests),
    tasks: new Map(),
    locks: new Set(),
    tls: await world.certificateFor(name),
    custom: null,
    disks: disksOf(disks),
    pools: new Map(),
    ceph: null,
    network: { running: undefined, staged: null },
    apt: new Map(),
    settings: new Map(),
    onRestart: new Set(),
  };
}

/** As an installation leaves it. */
function freshEtc(): Pmxcfs {
  return {
    corosync: null,
    users: new Map([['root@pam', { tokens: new Map() }]]),
    roles: new Map(),
    acl: [],
    storage: new Map([
      ['local', { type: 'dir', path: '/var/lib/vz', content: 'backup,iso,vztmpl' }],
      ['local-lvm', { type: 'lvmthin', vgname: 'pve', thinpool: 'data', content: 'images,rootdir' }],
    ]),
    objects: new Map(),
    ceph: null,
    tickets: new Map(),
    locks: new Set(),
  };
}

/** The system disk erased and installed anew, under the same name. */
export async function reinstall(world: World, member: Member): Promise<void> {
  const { ceph } = member.etc;
  // The cluster that it was in still has its daemons in its maps.
  for (const daemons of ceph === null ? [] : [ceph.mons, ceph.mgrs, ceph.mds, ceph.osds])
    for (const daemon of daemons.values()) if (daemon.host === member.name) daemon.isRunning = false;
  member.etc = freshEtc();
  member.hasAuthkey = false;
  member.guests.clear();
  member.tasks.clear();
  member.locks.clear();
  // Pools on other disks are still there, and nobody has imported them.
  member.pools.clear();
  Object.assign(member.network, { running: undefined, staged: null });
  member.apt.clear();
  member.settings.clear();
  member.custom = null;
  member.ceph = null;
  member.tls = await world.certificateFor(member.name);
  for (const told of member.onRestart) told();
}

export interface Quorum {
  readonly expected: number;
  readonly needed: number;
  readonly total: number;
  readonly isQuorate: boolean;
  /** The members that this one sees, itself among them. */
  readonly seen: readonly CorosyncNode[];
  readonly qdeviceVotes: number;
}

/** As votequorum counts: more than half of what is expected. A node alone needs nobody. */
export function quorumOf(world: World, member: Member): Quorum {
  const { corosync } = member.etc;
  if (corosync === null) return { expected: 1, needed: 1, total: 1, isQuorate: true, seen: [], qdeviceVotes: 0 };
  const all = [...corosync.nodes.values()];
  // Whoever was removed hears of nobody any more.
  const isIn = corosync.nodes.has(member.name);
  const seen = all.filter(({ name }) => isIn && sees(world, member, name));
  const votesOf = (nodes: readonly CorosyncNode[]): number => nodes.reduce((sum, { votes }) => sum + votes, 0);
  // ffsplit has one vote, which an even number of members asks for; lms (an odd number) has all but one.
  const deviceVotes = corosync.qdevice === null ? 0 : all.length % 2 === 0 ? 1 : all.length - 1;
  const qdeviceVotes = corosync.qdevice?.isUp === true && isIn && !member.isCut ? deviceVotes : 0;
  const expected = corosync.expected ?? votesOf(all) + deviceVotes;
  const needed = Math.floor(expected / 2) + 1;
  const total = votesOf(seen) + qdeviceVotes;
  return { expected, needed, total, isQuorate: member.isOn && total >= needed, seen, qdeviceVotes };
}

function sees(world: World, member: Member, name: string): boolean {
  if (name === member.name) return member.isOn;
  const other = world.members.get(name);
  return other !== undefined && other.etc === member.etc && other.isOn && member.isOn && !other.isCut && !member.isCut;
}

/** Whether one reaches the other at all, in a cluster or not. */
export function reaches(from: Member, to: Member): boolean {
  return from === to ? to.isOn : from.isOn && to.isOn && !from.isCut && !to.isCut;
}

export function memberAt(world: World, host: string): Member | undefined {
  return [...world.members.values()].find(({ name, addresses }) => name === host || addresses.includes(host));
}

/** What its proxy shows. */
export function shownBy({ custom, tls }: Member): TlsPair {
  return custom ?? tls;
}
