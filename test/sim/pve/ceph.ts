// A Ceph cluster on members: who is up and in, what its health is for that, and how long data take to find their places. No data are kept.

import { parseIpv4, parseSubnet, subnetHas } from '../../../src/lib/index.ts';
import type { Member, World } from './world.ts';

export interface Osd {
  readonly id: number;
  readonly host: string;
  readonly uuid: string;
  readonly serial: string;
  readonly dbSerial: string | null;
  readonly deviceClass: string;
  readonly isEncrypted: boolean;
  /** Its daemon runs, as far as its host does. */
  isRunning: boolean;
  isIn: boolean;
}

export interface Pool {
  readonly id: number;
  size: number;
  minSize: number;
  pgNum: number;
  rule: string;
  autoscale: string;
  application: string;
}

export interface Ceph {
  readonly fsid: string;
  readonly network: string | undefined;
  readonly clusterNetwork: string | undefined;
  readonly size: number;
  readonly minSize: number;
  readonly mons: Map<string, { readonly host: string; readonly addr: string; isRunning: boolean }>;
  readonly mgrs: Map<string, { readonly host: string; isRunning: boolean }>;
  readonly mds: Map<string, { readonly host: string; isRunning: boolean }>;
  readonly osds: Map<number, Osd>;
  readonly pools: Map<string, Pool>;
  readonly fs: Map<string, { readonly data: string; readonly metadata: string }>;
  readonly flags: Set<string>;
  /** Data find their places until then. */
  movesUntil: number;
}

export interface Check {
  readonly severity: 'HEALTH_WARN' | 'HEALTH_ERR';
  readonly text: string;
}

export interface Health {
  readonly status: 'HEALTH_OK' | 'HEALTH_WARN' | 'HEALTH_ERR';
  readonly checks: Readonly<Record<string, Check>>;
}

/** What an OSD that comes or goes costs, unless it is told not to. */
const MOVES_MS = 60_000;

const isOn = (world: World, host: string): boolean => world.members.get(host)?.isOn === true && world.members.get(host)?.isCut !== true;

export const isUp = (world: World, { host, isRunning }: { readonly host: string; readonly isRunning: boolean }): boolean =>
  isRunning && isOn(world, host);

/** Without one no question of Ceph is answered. */
export function hasMonQuorum(world: World, ceph: Ceph): boolean {
  const up = [...ceph.mons.values()].filter((mon) => isUp(world, mon));
  return up.length * 2 > ceph.mons.size;
}

/** Data begin to move, where that is not switched off. */
export function moves(world: World, ceph: Ceph): void {
  const isHeld = ceph.flags.has('norebalance') || ceph.flags.has('nobackfill') || ceph.flags.has('norecover');
  if (!isHeld && ceph.pools.size > 0) ceph.movesUntil = world.clock.now() + MOVES_MS;
}

/** Hosts that have an OSD which is up and in. */
export function hostsOf(world: World, ceph: Ceph): ReadonlySet<string> {
  return new Set([...ceph.osds.values()].filter((osd) => osd.isIn && isUp(world, osd)).map(({ host }) => host));
}

export function healthOf(world: World, ceph: Ceph): Health {
  const checks: Record<string, Check> = {};
  const warn = (name: string, text: string): void => {
    checks[name] = { severity: 'HEALTH_WARN', text };
  };
  const osds = [...ceph.osds.values()];
  const down = osds.filter((osd) => osd.isIn && !isUp(world, osd)).length;
  const monsDown = [...ceph.mons.values()].filter((mon) => !isUp(world, mon)).length;
  const hosts = hostsOf(world, ceph).size;
  const pools = [...ceph.pools.values()];
  if (![...ceph.mgrs.values()].some((mgr) => isUp(world, mgr))) warn('MGR_DOWN', 'no active mgr');
  if (monsDown > 0) warn('MON_DOWN', `${monsDown}/${ceph.mons.size} mons down`);
  if (ceph.flags.size > 0) warn('OSDMAP_FLAGS', `${[...ceph.flags].join(',')} flag(s) set`);
  if (osds.length < ceph.size) warn('TOO_FEW_OSDS', `OSD count ${osds.length} < osd_pool_default_size ${ceph.size}`);
  if (down > 0) warn('OSD_DOWN', `${down} osds down`);
  if (pools.some(({ size }) => hosts < size)) warn('PG_DEGRADED', 'Degraded data redundancy: pgs undersized');
  if (ceph.movesUntil > world.clock.now()) warn('PG_DEGRADED', 'Degraded data redundancy: pgs recovering');
  if (pools.some(({ minSize }) => hosts < minSize))
    checks.PG_AVAILABILITY = { severity: 'HEALTH_ERR', text: 'Reduced data availability: pgs inactive' };
  const severities = Object.values(checks).map(({ severity }) => severity);
  const status = severities.includes('HEALTH_ERR') ? 'HEALTH_ERR' : severities.length > 0 ? 'HEALTH_WARN' : 'HEALTH_OK';
  return { status, checks };
}

export function statusOf(world: World, ceph: Ceph): unknown {
  const { status, checks } = healthOf(world, ceph);
  const osds = [...ceph.osds.values()];
  const said: Readonly<Record<string, unknown>> = Object.fromEntries(
    Object.entries(checks).map(([name, { severity, text }]): [string, unknown] => [
      name,
      { severity, summary: { message: text, count: 1 }, muted: false },
    ]),
  );
  const pgs = [...ceph.pools.values()].reduce((sum, { pgNum }) => sum + pgNum, 0);
  const state = checks.PG_AVAILABILITY ? 'undersized+degraded+peered' : checks.PG_DEGRADED ? 'active+undersized+degraded' : 'active+clean';
  return {
    fsid: ceph.fsid,
    health: { status, checks: said, mutes: [] },
    quorum_names: [...ceph.mons].filter(([, mon]) => isUp(world, mon)).map(([name]) => name),
    monmap: { num_mons: ceph.mons.size },
    osdmap: {
      num_osds: osds.length,
      num_up_osds: osds.filter((osd) => isUp(world, osd)).length,
      num_in_osds: osds.filter((osd) => osd.isIn).length,
    },
    pgmap: { num_pgs: pgs, num_pools: ceph.pools.size, pgs_by_state: pgs === 0 ? [] : [{ state_name: state, count: pgs }] },
    mgrmap: { available: checks.MGR_DOWN === undefined, num_standbys: Math.max(0, ceph.mgrs.size - 1) },
  };
}

/** The address of a member in a network; undefined: it has none there. */
export function addressIn({ addresses }: Member, network: string | undefined): string | undefined {
  const subnet = network === undefined ? undefined : parseSubnet(network);
  if (subnet === undefined) return addresses[0];
  return addresses.find((address) => {
    const ip = parseIpv4(address);
    return ip !== undefined && subnetHas(subnet, ip);
  });
}

/** As `ceph osd tree` has it, and the API by its root. */
export function treeOf(world: World, ceph: Ceph): readonly Readonly<Record<string, unknown>>[] {
  const osds = [...ceph.osds.values()];
  const hosts = [...new Set(osds.map(({ host }) => host))];
  const idOf = (host: string): number => -3 - 2 * hosts.indexOf(host);
  return [
    { id: -1, name: 'default', type: 'root', children: hosts.map(idOf) },
    ...hosts.map((host) => ({
      id: idOf(host),
      name: host,
      type: 'host',
      children: osds.filter((osd) => osd.host === host).map(({ id }) => id),
    })),
    ...osds.map((osd) => ({
      id: osd.id,
      name: `osd.${osd.id}`,
      type: 'osd',
      device_class: osd.deviceClass,
      status: isUp(world, osd) ? 'up' : 'down',
      reweight: osd.isIn ? 1 : 0,
    })),
  ];
}
