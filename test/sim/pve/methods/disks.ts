// Disks, and pools of ZFS on them.

import { byIdOf, diskAt, type SimDisk, type SimPool } from '../disks.ts';
import { died } from '../errors.ts';
import { startTask, type Work } from '../tasks.ts';
import { type Call, isYes, listOf, type Methods } from './call.ts';

const NEEDS: Readonly<Record<string, number>> = {
  single: 1,
  mirror: 2,
  raid10: 4,
  raidz: 3,
  raidz2: 4,
  raidz3: 5,
  draid: 3,
  draid2: 4,
  draid3: 5,
};
const TAKES_MS = 3000;

function shown(disk: SimDisk): unknown {
  const { devpath, serial, wwn, model, size, type, used, hasGpt, osd } = disk;
  return {
    devpath,
    by_id_link: byIdOf(disk),
    serial,
    wwn,
    model,
    vendor: 'ATA     ',
    size,
    type,
    rpm: type === 'hdd' ? 7200 : 0,
    wearout: type === 'hdd' ? 'N/A' : 100,
    health: 'PASSED',
    gpt: hasGpt ? 1 : 0,
    mounted: used === 'mounted' ? 1 : 0,
    osdid: osd ?? -1,
    'osdid-list': osd === null ? null : [osd],
    ...(used === null ? {} : { used }),
  };
}

function list({ member, params }: Call): unknown {
  const fits = ({ used, hasGpt }: SimDisk): boolean => {
    if (params.type === 'unused') return used === null;
    return params.type !== 'journal_disks' || used === null || used === 'LVM' || hasGpt;
  };
  return member.disks.filter(fits).map(shown);
}

function known({ member }: Pick<Call, 'member'>, path: string): SimDisk {
  const disk = diskAt(member, path);
  if (disk === undefined) throw died(`'${path}' is not a block device`);
  return disk;
}

/** PVE::Diskmanage::assert_disk_unused. */
function unused(call: Pick<Call, 'member'>, path: string): SimDisk {
  const disk = known(call, path);
  if (disk.used === null) return disk;
  throw died(`device '${path}' is already in use`);
}

function createPool(call: Call): string {
  const { world, member, params, user } = call;
  const { name = '', raidlevel = '', devices = '', ashift = '12', compression = 'on' } = params;
  const disks = listOf(devices).map((path) => unused(call, path));
  const needs = NEEDS[raidlevel] ?? 1;
  if (disks.length < needs) throw died(`${raidlevel} needs at least ${needs} disks`);
  if (raidlevel === 'single' && disks.length !== 1) throw died("'single' needs exactly one disk");
  if (raidlevel === 'raid10' && disks.length % 2 !== 0) throw died('raid10 needs an even number of disks');
  if (new Set(disks).size !== disks.length) throw died(`device '${devices}' is given twice`);
  if (member.pools.has(name)) throw died(`pool '${name}' already exists on node '${member.name}'`);
  const adds = isYes(params.add_storage);
  if (adds && member.etc.storage.has(name)) throw died(`storage ID '${name}' already defined`);
  const pool: SimPool = {
    raidlevel,
    disks: disks.map(({ serial }) => serial),
    size: sizeOf(raidlevel, disks),
    ashift: Number(ashift),
    compression,
  };
  const work = async ({ print, takes }: Work): Promise<void> => {
    print(`# /sbin/zpool create -o ashift=${ashift} ${name} ${raidlevel} ${disks.map(byIdOf).join(' ')}`);
    await takes(TAKES_MS);
    for (const disk of disks) if (disk.used !== null) throw died(`command '/sbin/zpool create' failed: exit code 1`);
    for (const disk of disks) Object.assign(disk, { used: 'ZFS', hasGpt: true });
    member.pools.set(name, pool);
    if (adds) member.etc.storage.set(name, { type: 'zfspool', pool: name, content: 'rootdir,images', nodes: member.name });
  };
  return startTask(world, member, { type: 'zfscreate', id: name, user }, work).upid;
}

function sizeOf(raidlevel: string, disks: readonly SimDisk[]): number {
  const one = Math.min(...disks.map(({ size }) => size));
  const parity = Number(/\d$/.exec(raidlevel)?.[0] ?? 1);
  if (raidlevel === 'single' || raidlevel === 'mirror') return one;
  return one * (raidlevel === 'raid10' ? disks.length / 2 : disks.length - parity);
}

function poolOf({ member, params }: Call): SimPool {
  const pool = member.pools.get(params.name ?? '');
  if (pool === undefined) throw died(`no pool '${params.name}' found`);
  return pool;
}

function showPool(call: Call): unknown {
  const { raidlevel, disks } = poolOf(call);
  const state = { state: 'ONLINE', read: 0, write: 0, cksum: 0, msg: '' };
  const leaves = disks.map((serial) => {
    const disk = call.member.disks.find((one) => one.serial === serial);
    return { name: disk === undefined ? serial : byIdOf(disk).slice('/dev/disk/by-id/'.length), ...state, leaf: 1 };
  });
  const group = (name: string, of: unknown): unknown => ({ name, ...state, leaf: 0, children: of });
  const pairs = leaves.flatMap((_, at) => (at % 2 === 0 ? [leaves.slice(at, at + 2)] : []));
  const inside =
    raidlevel === 'single'
      ? leaves
      : raidlevel === 'raid10'
        ? pairs.map((pair, at) => group(`mirror-${at}`, pair))
        : [group(`${raidlevel}-0`, leaves)];
  const name = call.params.name ?? '';
  return { name, state: 'ONLINE', errors: 'No known data errors', leaf: 0, children: [{ name, ...state, leaf: 0, children: inside }] };
}

function removePool(call: Call): string {
  const { world, member, params, user } = call;
  const name = params.name ?? '';
  const { disks } = poolOf(call);
  return startTask(world, member, { type: 'zfsremove', id: name, user }, async ({ takes }) => {
    await takes(TAKES_MS);
    member.pools.delete(name);
    if (isYes(params['cleanup-config']))
      for (const [id, { type, pool }] of member.etc.storage)
        if (type === 'zfspool' && pool?.split('/')[0] === name) member.etc.storage.delete(id);
    for (const disk of member.disks)
      if (disks.includes(disk.serial))
        Object.assign(disk, isYes(params['cleanup-disks']) ? { used: null, hasGpt: false } : { used: 'partitions' });
  }).upid;
}

function wipe(call: Call): string {
  const { world, member, params, user } = call;
  const disk = known(call, params.disk ?? '');
  if (disk.used === 'mounted') throw died(`disk/partition '${params.disk}' is mounted`);
  if (disk.used === 'LVM' || disk.osd !== null || [...member.pools.values()].some(({ disks }) => disks.includes(disk.serial)))
    throw died(`disk/partition '${params.disk}' has a holder`);
  return startTask(world, member, { type: 'wipedisk', id: disk.devpath.slice('/dev/'.length), user }, async ({ takes }) => {
    await takes(TAKES_MS);
    Object.assign(disk, { used: null, hasGpt: false });
  }).upid;
}

function initGpt(call: Call): string {
  const { world, member, params, user } = call;
  const disk = unused(call, params.disk ?? '');
  return startTask(world, member, { type: 'diskinit', id: disk.devpath.slice('/dev/'.length), user }, async ({ takes }) => {
    await takes(TAKES_MS);
    disk.hasGpt = true;
  }).upid;
}

export const DISKS: Methods = {
  'GET /nodes/{node}/disks/list': list,
  'GET /nodes/{node}/disks/smart': (call) => {
    known(call, call.params.disk ?? '');
    return { health: 'PASSED', type: 'ata', attributes: [] };
  },
  'POST /nodes/{node}/disks/initgpt': initGpt,
  'PUT /nodes/{node}/disks/wipedisk': wipe,
  'GET /nodes/{node}/disks/zfs': ({ member }) =>
    [...member.pools].map(([name, { size }]) => ({ name, size, free: size, alloc: 0, frag: 0, dedup: 1, health: 'ONLINE' })),
  'POST /nodes/{node}/disks/zfs': createPool,
  'GET /nodes/{node}/disks/zfs/{name}': showPool,
  'DELETE /nodes/{node}/disks/zfs/{name}': removePool,
};
