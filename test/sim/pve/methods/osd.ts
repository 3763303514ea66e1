// OSDs: on disks that nobody uses, and gone only when they are out and down.

import { createHash } from 'node:crypto';
import { addressIn, type Ceph, hasMonQuorum, isUp, moves, type Osd } from '../ceph.ts';
import { diskAt, type SimDisk } from '../disks.ts';
import { died } from '../errors.ts';
import { startTask, type Work } from '../tasks.ts';
import { type Call, isYes } from './call.ts';

const CREATE_MS = 25_000;
const DESTROY_MS = 3000;

function living({ world, member }: Call): Ceph {
  const { ceph } = member.etc;
  if (member.ceph === null) throw died('binary not installed: /usr/bin/ceph-osd');
  if (ceph === null) throw died('pveceph configuration not initialized');
  if (ceph.mons.size === 0 || !hasMonQuorum(world, ceph)) throw died('got timeout');
  return ceph;
}

export function osdOf(call: Call): Osd {
  const osd = living(call).osds.get(Number(call.params.osdid));
  if (osd === undefined) throw died(`no such OSD '${call.params.osdid}'`);
  return osd;
}

function diskFor(call: Call, name: string, isShared: boolean): SimDisk {
  const path = call.params[name] ?? '';
  const disk = diskAt(call.member, path);
  if (disk === undefined) throw died(`unable to get device info for '${path}'`);
  // A device for databases may have others on it.
  const isFree = disk.used === null || (isShared && (disk.used === 'LVM' || disk.used === 'partitions'));
  if (!isFree) throw died(`device '${path}' is already in use`);
  return disk;
}

export function createOsd(call: Call): string {
  const { world, member, params, user } = call;
  const ceph = living(call);
  if (addressIn(member, ceph.clusterNetwork) === undefined)
    throw died(`No address from ceph cluster network (${ceph.clusterNetwork}) found on node '${member.name}'. Check your network config.`);
  const disk = diskFor(call, 'dev', false);
  const db = params.db_dev === undefined ? undefined : diskFor(call, 'db_dev', true);
  const command = `ceph-volume lvm create --data ${disk.devpath}`;
  const work = async ({ print, takes }: Work): Promise<void> => {
    print(`create OSD on ${disk.devpath} (bluestore)`);
    await takes(CREATE_MS);
    if (disk.used !== null) throw died(`command '${command}' failed: exit code 1`);
    Object.assign(disk, { used: 'LVM', hasGpt: false });
    if (world.faults.osd === 'after-lvm') {
      world.faults.osd = null;
      throw died(`command '${command}' failed: exit code 1`);
    }
    if (db !== undefined) db.used = 'LVM';
    const id = freeId(ceph);
    disk.osd = id;
    const deviceClass = params['crush-device-class'] ?? disk.type;
    const uuid = createHash('md5').update(`${member.name} ${disk.serial} ${id}`).digest('hex');
    const more = { serial: disk.serial, dbSerial: db?.serial ?? null, deviceClass, isEncrypted: isYes(params.encrypted) };
    ceph.osds.set(id, { id, host: member.name, uuid, ...more, isRunning: true, isIn: true });
    moves(world, ceph);
    print(`--> ceph-volume lvm create successful for: ${disk.devpath}`);
  };
  return startTask(world, member, { type: 'cephcreateosd', id: disk.devpath.slice('/dev/'.length), user }, work).upid;
}

function freeId({ osds }: Ceph): number {
  for (let id = 0; ; id += 1) if (!osds.has(id)) return id;
}

export function destroyOsd(call: Call): string {
  const { world, member, params, user } = call;
  const osd = osdOf(call);
  if (osd.host !== member.name) throw died(`OSD osd.${osd.id} not managed by node '${member.name}'`);
  if (osd.isIn) throw died(`osd is in use (in == 1)`);
  if (isUp(world, osd)) throw died(`osd is still running (osd.${osd.id})`);
  return startTask(world, member, { type: 'cephdestroyosd', id: `osd.${osd.id}`, user }, async ({ print, takes }) => {
    print(`destroy OSD osd.${osd.id}`);
    await takes(DESTROY_MS);
    living(call).osds.delete(osd.id);
    for (const disk of member.disks)
      if (disk.osd === osd.id) Object.assign(disk, { osd: null, used: isYes(params.cleanup) ? null : 'LVM' });
  }).upid;
}
