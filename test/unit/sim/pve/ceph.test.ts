// Ceph of the stand-in: installed, made, its daemons and OSDs, what its health is, and where it breaks.

import { describe, expect, it } from 'vitest';
import { execOn, reinstall } from '../../../sim/pve/index.ts';
import { type Fixture, fixture } from './world.ts';

const ROOT = 'root@pam';
const MEMBERS = ['pve1', 'pve2', 'pve3'];

async function threeWith(release: '8.4' | '9.1' = '9.1'): Promise<Fixture> {
  const disks = [{ serial: 'SYS', used: 'BIOS boot' }, { serial: 'D1' }, { serial: 'D2' }];
  const made = await fixture(3, release, { disks });
  await made.run('pve1', 'pvecm', 'create', 'home');
  for (const name of ['pve2', 'pve3']) await made.run(name, 'pvecm', 'add', '192.0.2.11', '--use_ssh');
  return made;
}

async function withCeph(): Promise<Fixture> {
  const made = await threeWith();
  for (const name of MEMBERS)
    expect(await made.run(name, 'pveceph', 'install', '--version', 'squid', '--repository', 'no-subscription')).toMatchObject({ code: 0 });
  expect(await made.run('pve1', 'pveceph', 'init', '--network', '192.0.2.0/24')).toMatchObject({ code: 0 });
  for (const name of MEMBERS) expect(await made.run(name, 'pveceph', 'mon', 'create')).toMatchObject({ code: 0 });
  return made;
}

async function withOsds(): Promise<Fixture> {
  const made = await withCeph();
  for (const name of MEMBERS)
    expect(await made.run(name, 'pvesh', 'create', `/nodes/${name}/ceph/osd`, '--dev', '/dev/sdb')).toMatchObject({ code: 0 });
  expect(await made.run('pve1', 'pveceph', 'pool', 'create', 'vms', '--add_storages', '1')).toMatchObject({ code: 0 });
  await made.clock.advance(60_000);
  return made;
}

const healthOf = async (made: Fixture): Promise<unknown> => {
  const status = (await made.ask('pve1', ROOT, 'GET', '/cluster/ceph/status')) as { health: { status: string; checks: object } }; // its own form
  return [status.health.status, ...Object.keys(status.health.checks)];
};

describe('installing Ceph', () => {
  it('takes releases that this Proxmox VE has, from repositories that it may use', async () => {
    const made = await threeWith();
    expect(await made.run('pve1', 'pveceph', 'install', '--version', 'reef', '--repository', 'no-subscription')).toMatchObject({
      code: 255,
    });
    expect(await made.run('pve1', 'pveceph', 'install', '--version', 'squid')).toMatchObject({
      code: 255,
      err: expect.stringContaining('not signed') as unknown,
    });
    await expect(made.ask('pve1', ROOT, 'POST', '/nodes/pve1/ceph/init')).rejects.toThrow(/binary not installed/);
    await made.run('pve1', 'pveceph', 'install', '--version', 'squid', '--repository', 'no-subscription');
    expect((await execOn(made.world, 'pve1', ['ceph', '-v'])).out).toContain('19.2.3');
    await expect(made.ask('pve1', ROOT, 'GET', '/nodes/pve1/ceph/status')).rejects.toThrow(/not initialized/);
  });

  it('is made once, and answers nobody without monitors', async () => {
    const made = await threeWith();
    await made.run('pve1', 'pveceph', 'install', '--version', 'squid', '--repository', 'no-subscription');
    await made.ask('pve1', ROOT, 'POST', '/nodes/pve1/ceph/init', { network: '192.0.2.0/24' });
    const fsid = made.member('pve1').etc.ceph?.fsid;
    await made.ask('pve1', ROOT, 'POST', '/nodes/pve1/ceph/init', { network: '198.51.100.0/24' });
    expect(made.member('pve2').etc.ceph).toMatchObject({ fsid, network: '192.0.2.0/24' });
    await expect(made.ask('pve1', ROOT, 'GET', '/nodes/pve1/ceph/status')).rejects.toThrow(/timeout/);
    await expect(made.ask('pve2', ROOT, 'POST', '/nodes/pve2/ceph/mon/pve2')).rejects.toThrow(/binary not installed/);
  });

  it('asks for an address in its network', async () => {
    const made = await threeWith();
    await made.run('pve1', 'pveceph', 'install', '--version', 'squid', '--repository', 'no-subscription');
    await made.ask('pve1', ROOT, 'POST', '/nodes/pve1/ceph/init', { network: '198.51.100.0/24' });
    expect(await made.run('pve1', 'pveceph', 'mon', 'create')).toMatchObject({
      code: 255,
      err: expect.stringContaining('No active IP') as unknown,
    });
  });
});

describe('OSDs', () => {
  it('go on disks that nobody uses, and are for root alone', async () => {
    const made = await withCeph();
    await expect(made.ask('pve1', ROOT, 'POST', '/nodes/pve1/ceph/osd', { dev: '/dev/sda' })).rejects.toThrow(
      "device '/dev/sda' is already in use",
    );
    await made.ask('pve1', ROOT, 'POST', '/access/users', { userid: 'a@pve' });
    await made.ask('pve1', ROOT, 'PUT', '/access/acl', { path: '/', roles: 'Administrator', users: 'a@pve' });
    await expect(made.ask('pve1', 'a@pve', 'POST', '/nodes/pve1/ceph/osd', { dev: '/dev/sdb' })).rejects.toThrow('user != root@pam');
    await made.run('pve1', 'pveceph', 'osd', 'create', '/dev/sdb', '--encrypted', '1', '--db_dev', '/dev/sdc');
    expect(await made.ask('pve1', ROOT, 'GET', '/nodes/pve1/disks/list')).toMatchObject([
      {},
      { used: 'LVM', osdid: 0 },
      { used: 'LVM', osdid: -1 },
    ]);
    expect(made.member('pve1').etc.ceph?.osds.get(0)).toMatchObject({
      isEncrypted: true,
      serial: 'D1',
      dbSerial: 'D2',
      deviceClass: 'ssd',
    });
  });

  it('leave a volume without an OSD where it is ordered', async () => {
    const made = await withCeph();
    made.world.faults.osd = 'after-lvm';
    const ran = await made.run('pve1', 'pveceph', 'osd', 'create', '/dev/sdb');
    expect(ran).toMatchObject({ code: 255, err: expect.stringMatching(/ceph-volume .* failed: exit code 1/) as unknown });
    expect(made.member('pve1').etc.ceph?.osds.size).toBe(0);
    await expect(made.ask('pve1', ROOT, 'POST', '/nodes/pve1/ceph/osd', { dev: '/dev/sdb' })).rejects.toThrow(/already in use/);
  });

  it('are destroyed only when they are out and down, and their disk is free where that is asked for', async () => {
    const made = await withOsds();
    const destroy = () => made.run('pve1', 'pvesh', 'delete', '/nodes/pve1/ceph/osd/0', '--cleanup', '1');
    expect((await destroy()).err).toContain('in use');
    await made.ask('pve1', ROOT, 'POST', '/nodes/pve1/ceph/osd/0/out');
    expect((await destroy()).err).toContain('still running');
    await made.run('pve1', 'pveceph', 'stop', '--service', 'osd.0');
    expect(await destroy()).toMatchObject({ code: 0 });
    expect(await made.ask('pve1', ROOT, 'GET', '/nodes/pve1/disks/list', { type: 'unused' })).toHaveLength(2);
  });
});

describe('the health of Ceph', () => {
  it('is well with three hosts, warns of flags and of one that is off, and is an error with two off', async () => {
    const made = await withOsds();
    expect(await healthOf(made)).toEqual(['HEALTH_OK']);
    expect(await made.ask('pve2', ROOT, 'GET', '/storage/vms')).toMatchObject({ type: 'rbd', pool: 'vms' });
    await made.ask('pve1', ROOT, 'PUT', '/cluster/ceph/flags/noout', { value: '1' });
    expect(await healthOf(made)).toEqual(['HEALTH_WARN', 'OSDMAP_FLAGS']);
    await made.ask('pve1', ROOT, 'PUT', '/cluster/ceph/flags/noout', { value: '0' });
    await made.clock.advance(60_000);
    expect(await healthOf(made)).toEqual(['HEALTH_OK']);
    made.member('pve3').isOn = false;
    expect(await healthOf(made)).toEqual(['HEALTH_WARN', 'MON_DOWN', 'OSD_DOWN', 'PG_DEGRADED']);
    await made.run('pve2', 'pveceph', 'stop', '--service', 'osd.1');
    expect(await healthOf(made)).toEqual(['HEALTH_ERR', 'MON_DOWN', 'OSD_DOWN', 'PG_DEGRADED', 'PG_AVAILABILITY']);
    made.member('pve2').isOn = false;
    await expect(healthOf(made)).rejects.toThrow(/timeout/);
  });

  it('takes a while after an OSD has come, unless its data are held back', async () => {
    const made = await withOsds();
    await made.ask('pve1', ROOT, 'PUT', '/cluster/ceph/flags/norebalance', { value: '1' });
    await made.run('pve1', 'pveceph', 'osd', 'create', '/dev/sdc');
    expect(await healthOf(made)).toEqual(['HEALTH_WARN', 'OSDMAP_FLAGS']);
    await made.ask('pve1', ROOT, 'PUT', '/cluster/ceph/flags/norebalance', { value: '0' });
    expect(await healthOf(made)).toEqual(['HEALTH_WARN', 'PG_DEGRADED']);
    await made.clock.advance(60_000);
    expect(await healthOf(made)).toEqual(['HEALTH_OK']);
  });

  it('knows a host whose system was installed anew: its OSDs are down until they are activated', async () => {
    const made = await withOsds();
    await reinstall(made.world, made.member('pve3'));
    expect(await healthOf(made)).toEqual(['HEALTH_WARN', 'MON_DOWN', 'OSD_DOWN', 'PG_DEGRADED']);
  });
});

describe('what else Ceph has', () => {
  it('a file system asks for a metadata server', async () => {
    const made = await withOsds();
    await expect(made.ask('pve1', ROOT, 'POST', '/nodes/pve1/ceph/fs/isos')).rejects.toThrow(/no running Metadata Server/);
    await made.run('pve1', 'pveceph', 'mds', 'create');
    expect(await made.run('pve1', 'pveceph', 'fs', 'create', '--name', 'isos', '--add-storage', '1')).toMatchObject({ code: 0 });
    expect(await made.ask('pve1', ROOT, 'GET', '/nodes/pve1/ceph/fs')).toEqual([
      { name: 'isos', data_pool: 'isos_data', metadata_pool: 'isos_metadata' },
    ]);
    expect(await made.ask('pve1', ROOT, 'GET', '/storage/isos')).toMatchObject({ type: 'cephfs' });
  });

  it('its own words, as JSON', async () => {
    const made = await withOsds();
    const said = async (...argv: string[]): Promise<unknown> =>
      JSON.parse((await execOn(made.world, 'pve2', ['ceph', ...argv, '--format', 'json'])).out);
    expect(await said('status')).toMatchObject({ health: { status: 'HEALTH_OK' }, osdmap: { num_up_osds: 3, num_in_osds: 3 } });
    expect(await said('osd', 'tree')).toMatchObject({
      nodes: expect.arrayContaining([expect.objectContaining({ name: 'osd.2', status: 'up' })]) as unknown,
    });
    expect(await execOn(made.world, 'pve2', ['ceph', 'osd', 'set', 'noout'])).toMatchObject({ code: 0 });
    expect(await said('osd', 'dump')).toMatchObject({ flags_set: ['noout'], osds: [{ osd: 0, up: 1, in: 1 }, {}, {}] });
  });
});
