// Ceph by the API: made once, daemons on members, OSDs on disks that nobody uses, pools, file systems, flags.

import { createHash } from 'node:crypto';
import { addressIn, type Ceph, hasMonQuorum, isUp, moves, statusOf, treeOf } from '../ceph.ts';
import { ApiError, died } from '../errors.ts';
import { startTask, type Work } from '../tasks.ts';
import type { World } from '../world.ts';
import { type Call, isYes, type Methods } from './call.ts';
import { changeFile } from './objects.ts';
import { createOsd, destroyOsd, osdOf } from './osd.ts';

export const FLAGS = [
  'nobackfill',
  'nodeep-scrub',
  'nodown',
  'noin',
  'noout',
  'norebalance',
  'norecover',
  'noscrub',
  'notieragent',
  'noup',
  'pause',
];
const DAEMON_MS = 5000;

/** Installed and made; only then is anything said of it. */
export function cephOf({ member }: Pick<Call, 'member'>): Ceph {
  if (member.ceph === null) throw died('binary not installed: /usr/bin/ceph-mon');
  if (member.etc.ceph === null) throw died('pveceph configuration not initialized');
  return member.etc.ceph;
}

/** What needs an answer of the monitors. */
export function livingCeph(call: Pick<Call, 'member' | 'world'>): Ceph {
  const ceph = cephOf(call);
  if (ceph.mons.size === 0 || !hasMonQuorum(call.world, ceph)) throw died('got timeout');
  return ceph;
}

function init(call: Call): Promise<void> {
  const { network, 'cluster-network': clusterNetwork, size = '3', min_size: minSize = '2' } = call.params;
  const { member } = call;
  if (member.ceph === null) throw died('binary not installed: /usr/bin/ceph-mon');
  if (clusterNetwork !== undefined && network === undefined)
    throw new ApiError(400, 'Parameter verification failed.', { network: "missing property - 'cluster-network' requires this property" });
  return changeFile(call, 'ceph.conf', () => {
    const hex = createHash('md5').update(`ceph ${member.name}`).digest('hex');
    const fsid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    member.etc.ceph ??= {
      fsid,
      network,
      clusterNetwork,
      size: Number(size),
      minSize: Number(minSize),
      mons: new Map(),
      mgrs: new Map(),
      mds: new Map(),
      osds: new Map(),
      pools: new Map(),
      fs: new Map(),
      flags: new Set(),
      movesUntil: 0,
    };
  });
}

function task(call: Call, type: string, id: string, code: (work: Work) => void): string {
  const { world, member, user } = call;
  return startTask(world, member, { type, id, user }, async (work) => {
    await work.takes(DAEMON_MS);
    code(work);
  }).upid;
}

function createMon(call: Call): string {
  const ceph = cephOf(call);
  const { member, params } = call;
  const name = params.monid ?? member.name;
  const addr = params['mon-address'] ?? addressIn(member, ceph.network);
  if (addr === undefined || !member.addresses.includes(addr))
    throw died(`No active IP found for the requested ceph public network '${ceph.network}' on node '${member.name}'`);
  if (ceph.mons.has(name)) throw died(`monitor '${name}' already exists`);
  if (ceph.mons.size > 0) livingCeph(call);
  return task(call, 'cephcreatemon', `mon.${name}`, ({ print }) => {
    const isFirst = ceph.mons.size === 0;
    ceph.mons.set(name, { host: member.name, addr, isRunning: true });
    print(`creating new monitor keyring`);
    if (isFirst && !ceph.mgrs.has(member.name)) ceph.mgrs.set(member.name, { host: member.name, isRunning: true });
  });
}

function destroyMon(call: Call): string {
  const ceph = livingCeph(call);
  const name = call.params.monid ?? '';
  if (!ceph.mons.has(name)) throw died(`no such monitor id '${name}'`);
  if (ceph.mons.size <= 1) throw died("can't remove last monitor");
  return task(call, 'cephdestroymon', `mon.${name}`, () => void ceph.mons.delete(name));
}

function daemon(
  kind: 'mgrs' | 'mds',
  type: string,
  key: string,
): { readonly create: (call: Call) => string; readonly destroy: (call: Call) => string } {
  const title = kind === 'mgrs' ? 'ceph manager' : 'metadata server';
  return {
    create: (call) => {
      const ceph = livingCeph(call);
      const name = call.params[key] ?? call.member.name;
      if (ceph[kind].has(name)) throw died(`${title} '${name}' already exists`);
      return task(
        call,
        `cephcreate${type}`,
        `${type}.${name}`,
        () => void ceph[kind].set(name, { host: call.member.name, isRunning: true }),
      );
    },
    destroy: (call) => {
      const ceph = livingCeph(call);
      const name = call.params[key] ?? '';
      if (!ceph[kind].has(name)) throw died(`no such ${title} '${name}'`);
      return task(call, `cephdestroy${type}`, `${type}.${name}`, () => void ceph[kind].delete(name));
    },
  };
}

const mgr = daemon('mgrs', 'mgr', 'id');
const mds = daemon('mds', 'mds', 'name');

function makePool(ceph: Ceph, name: string, params: Readonly<Record<string, string>>): void {
  const { size = String(ceph.size), min_size: minSize = String(ceph.minSize), pg_num: pgNum = '128' } = params;
  const id = Math.max(0, ...[...ceph.pools.values()].map((pool) => pool.id)) + 1;
  const { crush_rule: rule = 'replicated_rule', pg_autoscale_mode: autoscale = 'warn', application = 'rbd' } = params;
  ceph.pools.set(name, { id, size: Number(size), minSize: Number(minSize), pgNum: Number(pgNum), rule, autoscale, application });
}

function createPool(call: Call): string {
  const ceph = livingCeph(call);
  const { member, params } = call;
  const name = params.name ?? '';
  const adds = isYes(params.add_storages);
  if (ceph.pools.has(name)) throw died(`pool '${name}' already exists`);
  if (adds && member.etc.storage.has(name)) throw died(`storage ID '${name}' already defined`);
  return task(call, 'cephcreatepool', name, () => {
    makePool(ceph, name, params);
    if (adds) member.etc.storage.set(name, { type: 'rbd', pool: name, content: 'rootdir,images', krbd: '0' });
  });
}

function changePool(call: Call): string {
  const pool = poolOf(call);
  const { size, min_size: minSize, pg_num: pgNum, crush_rule: rule, pg_autoscale_mode: autoscale, application } = call.params;
  return task(call, 'cephsetpool', call.params.name ?? '', () => {
    Object.assign(
      pool,
      size === undefined ? {} : { size: Number(size) },
      minSize === undefined ? {} : { minSize: Number(minSize) },
      pgNum === undefined ? {} : { pgNum: Number(pgNum) },
      rule === undefined ? {} : { rule },
      autoscale === undefined ? {} : { autoscale },
      application === undefined ? {} : { application },
    );
  });
}

function poolOf(call: Call): NonNullable<ReturnType<Ceph['pools']['get']>> {
  const pool = livingCeph(call).pools.get(call.params.name ?? '');
  if (pool === undefined) throw died(`pool '${call.params.name}' does not exist`);
  return pool;
}

function removePool(call: Call): string {
  poolOf(call);
  const { member, params } = call;
  const name = params.name ?? '';
  const used = [...member.etc.storage].find(([, { type, pool }]) => type === 'rbd' && pool === name);
  if (used !== undefined && !isYes(params.remove_storages) && !isYes(params.force))
    throw died(`ceph pool '${name}' is in use by storage '${used[0]}'`);
  return task(call, 'cephdestroypool', name, () => {
    livingCeph(call).pools.delete(name);
    if (used !== undefined && isYes(params.remove_storages)) member.etc.storage.delete(used[0]);
  });
}

function createFs(call: Call): string {
  const { member, params, world } = call;
  const ceph = livingCeph(call);
  const { name = 'cephfs', pg_num: pgNum = '128' } = params;
  if (ceph.fs.has(name)) throw died(`ceph fs '${name}' already exists`);
  if (![...ceph.mds.values()].some((one) => isUp(world, one))) throw died('no running Metadata Server (MDS) found!');
  const adds = isYes(params['add-storage']);
  if (adds && member.etc.storage.has(name)) throw died(`storage ID '${name}' already defined`);
  return task(call, 'cephfscreate', name, () => {
    const [data, metadata] = [`${name}_data`, `${name}_metadata`];
    makePool(ceph, data, { pg_num: pgNum, application: 'cephfs' });
    makePool(ceph, metadata, { pg_num: String(Math.max(1, Number(pgNum) / 4)), application: 'cephfs' });
    ceph.fs.set(name, { data, metadata });
    if (adds) member.etc.storage.set(name, { type: 'cephfs', 'fs-name': name, path: `/mnt/pve/${name}`, content: 'vztmpl,iso,backup' });
  });
}

function setFlags(call: Call): string {
  const ceph = livingCeph(call);
  return task(call, 'cephsetflags', '', () => {
    for (const flag of FLAGS) if (call.params[flag] !== undefined) put(call, ceph, flag, isYes(call.params[flag]));
  });
}

/** What was held back begins when nothing holds it any more. */
function put({ world }: Pick<Call, 'world'>, ceph: Ceph, flag: string, isSet: boolean): void {
  if (isSet) ceph.flags.add(flag);
  else if (ceph.flags.delete(flag)) moves(world, ceph);
}

function service(isRunning: boolean): (call: Call) => string {
  return (call) => {
    const ceph = cephOf(call);
    const { service: name = 'ceph.target' } = call.params;
    const [kind = '', id = ''] = name.split('.');
    const daemons: Readonly<Record<string, { isRunning: boolean; readonly host: string } | undefined>> = {
      mon: ceph.mons.get(id),
      mgr: ceph.mgrs.get(id),
      mds: ceph.mds.get(id),
      osd: ceph.osds.get(Number(id)),
    };
    const all = [...ceph.mons.values(), ...ceph.mgrs.values(), ...ceph.mds.values(), ...ceph.osds.values()].filter(
      ({ host }) => host === call.member.name,
    );
    const one = daemons[kind];
    if (kind !== 'ceph' && one?.host !== call.member.name) throw died(`Unit ceph-${kind}@${id}.service not found`);
    return task(call, isRunning ? 'srvstart' : 'srvstop', name, () => {
      for (const each of one === undefined ? all : [one]) each.isRunning = isRunning;
      moves(call.world, ceph);
    });
  };
}

const shownDaemons = (world: World, daemons: ReadonlyMap<string, { readonly host: string; readonly isRunning: boolean }>): unknown =>
  [...daemons].map(([name, one], at) => ({
    name,
    host: one.host,
    addr: world.members.get(one.host)?.ip,
    state: isUp(world, one) ? (at === 0 ? 'active' : 'standby') : 'stopped',
  }));

export const CEPH: Methods = {
  'POST /nodes/{node}/ceph/init': init,
  'GET /nodes/{node}/ceph/status': (call) => statusOf(call.world, livingCeph(call)),
  'GET /cluster/ceph/status': (call) => statusOf(call.world, livingCeph(call)),
  'GET /nodes/{node}/ceph/cfg/raw': (call) => {
    const { fsid, network, clusterNetwork, mons } = cephOf(call);
    const line = (name: string, value: string | undefined): string => (value === undefined ? '' : `\t${name} = ${value}\n`);
    const hosts = [...mons.values()].map(({ addr }) => addr).join(' ');
    return `[global]\n${line('cluster_network', clusterNetwork)}${line('fsid', fsid)}${line('mon_host', hosts)}${line('public_network', network)}`;
  },
  'GET /nodes/{node}/ceph/mon': (call) => {
    const { mons } = cephOf(call);
    return [...mons].map(([name, mon], rank) => {
      const isAlive = isUp(call.world, mon);
      return { name, host: mon.host, addr: `${mon.addr}:6789/0`, rank, quorum: isAlive ? 1 : 0, state: isAlive ? 'running' : 'stopped' };
    });
  },
  'POST /nodes/{node}/ceph/mon/{monid}': createMon,
  'DELETE /nodes/{node}/ceph/mon/{monid}': destroyMon,
  'GET /nodes/{node}/ceph/mgr': (call) => shownDaemons(call.world, cephOf(call).mgrs),
  'POST /nodes/{node}/ceph/mgr/{id}': mgr.create,
  'DELETE /nodes/{node}/ceph/mgr/{id}': mgr.destroy,
  'GET /nodes/{node}/ceph/mds': (call) => shownDaemons(call.world, cephOf(call).mds),
  'POST /nodes/{node}/ceph/mds/{name}': mds.create,
  'DELETE /nodes/{node}/ceph/mds/{name}': mds.destroy,
  'GET /nodes/{node}/ceph/osd': (call) => {
    const ceph = livingCeph(call);
    return { flags: [...ceph.flags].join(','), root: nested(treeOf(call.world, ceph), -1) };
  },
  'POST /nodes/{node}/ceph/osd': createOsd,
  'DELETE /nodes/{node}/ceph/osd/{osdid}': destroyOsd,
  'GET /nodes/{node}/ceph/osd/{osdid}/metadata': (call) => {
    const { id, host, uuid, isEncrypted } = osdOf(call);
    return { osd: { id, hostname: host, osd_objectstore: 'bluestore', uuid, encrypted: isEncrypted ? 1 : 0 }, devices: [] };
  },
  'POST /nodes/{node}/ceph/osd/{osdid}/in': (call) => {
    osdOf(call).isIn = true;
    moves(call.world, cephOf(call));
  },
  'POST /nodes/{node}/ceph/osd/{osdid}/out': (call) => {
    osdOf(call).isIn = false;
    moves(call.world, cephOf(call));
  },
  'GET /nodes/{node}/ceph/pool': (call) =>
    [...livingCeph(call).pools].map(([name, { id, size, minSize, pgNum, rule, autoscale, application }]) => ({
      pool: id,
      pool_name: name,
      size,
      min_size: minSize,
      pg_num: pgNum,
      pg_autoscale_mode: autoscale,
      crush_rule: 0,
      crush_rule_name: rule,
      type: 'replicated',
      bytes_used: 0,
      percent_used: 0,
      application_metadata: { [application]: {} },
    })),
  'POST /nodes/{node}/ceph/pool': createPool,
  'PUT /nodes/{node}/ceph/pool/{name}': changePool,
  'DELETE /nodes/{node}/ceph/pool/{name}': removePool,
  'GET /nodes/{node}/ceph/fs': (call) =>
    [...livingCeph(call).fs].map(([name, { data, metadata }]) => ({ name, data_pool: data, metadata_pool: metadata })),
  'POST /nodes/{node}/ceph/fs/{name}': createFs,
  'GET /cluster/ceph/flags': (call) => {
    const { flags } = livingCeph(call);
    return FLAGS.map((name) => ({ name, value: flags.has(name) ? 1 : 0, description: name }));
  },
  'PUT /cluster/ceph/flags': setFlags,
  'GET /cluster/ceph/flags/{flag}': (call) => (livingCeph(call).flags.has(call.params.flag ?? '') ? 1 : 0),
  'PUT /cluster/ceph/flags/{flag}': (call) => put(call, livingCeph(call), call.params.flag ?? '', isYes(call.params.value)),
  'POST /nodes/{node}/ceph/start': service(true),
  'POST /nodes/{node}/ceph/stop': service(false),
  'POST /nodes/{node}/ceph/restart': service(true),
  'GET /nodes/{node}/ceph/rules': (call) => {
    livingCeph(call);
    return [{ name: 'replicated_rule' }];
  },
};

/** The API has the tree as one, with children inside. */
function nested(rows: readonly Readonly<Record<string, unknown>>[], id: unknown): unknown {
  const { children = [], ...row } = rows.find((one) => one.id === id) ?? {};
  return { ...row, children: Array.isArray(children) ? children.map((child: unknown) => nested(rows, child)) : [] };
}
