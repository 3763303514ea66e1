// What a member of the stand-in has of its own: disks and pools, repositories, its network, names, services, certificates.

import { describe, expect, it } from 'vitest';
import { type Fixture, fixture } from './world.ts';

const ROOT = 'root@pam';
const DISKS = [
  { serial: 'A', used: 'BIOS boot' },
  { serial: 'B' },
  { serial: 'C' },
  { serial: 'D', used: 'LVM' },
  { serial: 'E', used: 'mounted' },
];

async function alone(release: '8.4' | '9.1' = '9.1') {
  const made = await fixture(1, release, { disks: DISKS, cards: [{ name: 'eno1', mac: 'bc:24:11:00:00:01' }] });
  const ask = (verb: string, path: string, params: Record<string, string> = {}): Promise<unknown> =>
    made.ask('pve1', ROOT, verb, path, params);
  return { ...made, ask, task: (verb: string, path: string, params: Record<string, string> = {}) => ended(made, ask(verb, path, params)) };
}

async function ended({ clock, member }: Fixture, upid: Promise<unknown>): Promise<string | null | undefined> {
  const task = member('pve1').tasks.get(String(await upid));
  await clock.until(task?.ended ?? Promise.reject(new Error('no task')));
  return task?.exitstatus;
}

const ZFS = '/nodes/pve1/disks/zfs';

describe('disks', () => {
  it('say what is on them, and those in use are given to nobody', async () => {
    const { ask, task } = await alone();
    expect(await ask('GET', '/nodes/pve1/disks/list')).toMatchObject([
      { devpath: '/dev/sda', serial: 'A', used: 'BIOS boot' },
      {},
      {},
      {},
      { mounted: 1 },
    ]);
    expect(await ask('GET', '/nodes/pve1/disks/list', { type: 'unused' })).toMatchObject([{ serial: 'B' }, { serial: 'C' }]);
    const tank = { name: 'tank', raidlevel: 'mirror', devices: '/dev/sdb,/dev/disk/by-id/ata-SIM_DISK_C' };
    await expect(ask('POST', ZFS, { ...tank, devices: '/dev/sdb,/dev/sdd' })).rejects.toThrow("device '/dev/sdd' is already in use");
    await expect(ask('POST', ZFS, { ...tank, devices: '/dev/sdb' })).rejects.toThrow(/needs at least 2/);
    await expect(ask('POST', ZFS, { ...tank, devices: '/dev/sdb,/dev/sdz' })).rejects.toThrow(/not a block device/);
    expect(await task('POST', ZFS, { ...tank, add_storage: '1' })).toBe('OK');
    expect(await ask('GET', '/nodes/pve1/disks/list', { type: 'unused' })).toEqual([]);
    expect(await ask('GET', `${ZFS}/tank`)).toMatchObject({
      state: 'ONLINE',
      children: [{ children: [{ name: 'mirror-0', children: [{ name: 'ata-SIM_DISK_B' }, { name: 'ata-SIM_DISK_C' }] }] }],
    });
    expect(await ask('GET', '/storage/tank')).toMatchObject({ type: 'zfspool', pool: 'tank', nodes: 'pve1' });
    await expect(ask('POST', ZFS, tank)).rejects.toThrow(/already in use/);
    expect(await task('DELETE', `${ZFS}/tank`, { 'cleanup-disks': '1', 'cleanup-config': '1' })).toBe('OK');
    expect(await ask('GET', '/nodes/pve1/disks/list', { type: 'unused' })).toHaveLength(2);
    await expect(ask('GET', '/storage/tank')).rejects.toThrow(/does not exist/);
  });

  it('are wiped only where nothing holds them', async () => {
    const { ask, task } = await alone();
    await expect(ask('PUT', '/nodes/pve1/disks/wipedisk', { disk: '/dev/sdd' })).rejects.toThrow(/has a holder/);
    await expect(ask('PUT', '/nodes/pve1/disks/wipedisk', { disk: '/dev/sde' })).rejects.toThrow(/is mounted/);
    expect(await task('PUT', '/nodes/pve1/disks/wipedisk', { disk: '/dev/sda' })).toBe('OK');
    expect(await task('POST', '/nodes/pve1/disks/initgpt', { disk: '/dev/sda' })).toBe('OK');
  });
});

describe('repositories', () => {
  it.each([
    ['9.1', '/etc/apt/sources.list.d/proxmox.sources'],
    ['8.4', '/etc/apt/sources.list'],
  ] as const)('of %s are enabled by their handles and switched off by their place', async (release, path) => {
    const { ask } = await alone(release);
    const repositories = '/nodes/pve1/apt/repositories';
    const stateOf = async (handle: string): Promise<unknown> => {
      const seen = (await ask('GET', repositories)) as { 'standard-repos': { handle: string; status?: number }[] }; // its own form
      return seen['standard-repos'].find((one) => one.handle === handle)?.status;
    };
    expect([await stateOf('enterprise'), await stateOf('no-subscription')]).toEqual([1, undefined]);
    const { digest } = (await ask('GET', repositories)) as { digest: string }; // its own form
    await ask('PUT', repositories, { handle: 'no-subscription', digest });
    await expect(ask('PUT', repositories, { handle: 'test', digest })).rejects.toThrow(/modified/);
    await expect(ask('PUT', repositories, { handle: 'none' })).rejects.toThrow(/unknown/);
    const own = release === '8.4' ? '/etc/apt/sources.list.d/pve-enterprise.list' : '/etc/apt/sources.list.d/pve-enterprise.sources';
    await ask('POST', repositories, { path: own, index: '0', enabled: '0' });
    expect([await stateOf('enterprise'), await stateOf('no-subscription')]).toEqual([0, 1]);
    expect(await ask('GET', repositories)).toMatchObject({ files: expect.arrayContaining([expect.objectContaining({ path })]) as unknown });
  });
});

describe('the network', () => {
  it('is changed beside what runs, and applied or taken back', async () => {
    const { ask, task, member } = await alone();
    const network = '/nodes/pve1/network';
    await ask('POST', network, { iface: 'vmbr1', type: 'bridge', cidr: '10.0.0.1/24', autostart: '1' });
    await expect(ask('POST', network, { iface: 'vmbr1', type: 'bridge' })).rejects.toMatchObject({ status: 400 });
    await expect(ask('POST', network, { iface: 'bond0', type: 'bond', slaves: 'eno1 eno9' })).rejects.toThrow(/eno9/);
    expect(await ask('GET', `${network}/vmbr1`)).toMatchObject({ address: '10.0.0.1', netmask: '24', method: 'static' });
    expect(member('pve1').network.running?.has('vmbr1')).toBe(false);
    await ask('DELETE', network);
    await expect(ask('GET', `${network}/vmbr1`)).rejects.toMatchObject({ status: 400 });
    await ask('PUT', `${network}/vmbr0`, { type: 'bridge', bridge_vlan_aware: '1' });
    expect(await task('PUT', network)).toBe('OK');
    expect(member('pve1').network.running?.get('vmbr0')).toMatchObject({ bridge_vlan_aware: '1', address: '192.0.2.11' });
  });
});

describe('the rest of a machine', () => {
  it('keeps names, time zone, hosts and subscription', async () => {
    const { ask } = await alone();
    await ask('PUT', '/nodes/pve1/dns', { search: 'lab.example', dns1: '192.0.2.1' });
    expect(await ask('GET', '/nodes/pve1/dns')).toEqual({ search: 'lab.example', dns1: '192.0.2.1' });
    await ask('PUT', '/nodes/pve1/time', { timezone: 'Europe/Berlin' });
    expect(await ask('GET', '/nodes/pve1/time')).toMatchObject({ timezone: 'Europe/Berlin' });
    await ask('POST', '/nodes/pve1/hosts', { data: '127.0.0.1 localhost' });
    expect(await ask('GET', '/nodes/pve1/hosts')).toMatchObject({ data: '127.0.0.1 localhost' });
    expect(await ask('GET', '/nodes/pve1/subscription')).toMatchObject({ status: 'notfound' });
    await ask('PUT', '/nodes/pve1/subscription', { key: 'pve2c-0123456789' });
    expect(await ask('GET', '/nodes/pve1/subscription')).toMatchObject({ status: 'active', key: 'pve2c-0123456789' });
  });

  it('has services that are stopped and started', async () => {
    const { ask, task } = await alone();
    expect(await ask('GET', '/nodes/pve1/services/corosync/state')).toMatchObject({ state: 'dead' });
    expect(await task('POST', '/nodes/pve1/services/chrony/stop')).toBe('OK');
    expect(await ask('GET', '/nodes/pve1/services/chrony/state')).toMatchObject({ state: 'dead' });
    expect(await task('POST', '/nodes/pve1/services/chrony/restart')).toBe('OK');
    expect(await ask('GET', '/nodes/pve1/services/chrony/state')).toMatchObject({ state: 'running' });
  });

  it('gets a certificate from an authority for its domains, which its proxy then shows', async () => {
    const { ask, task, member } = await alone();
    const certificate = '/nodes/pve1/certificates/acme/certificate';
    await expect(ask('POST', certificate)).rejects.toThrow(/No domains/);
    await ask('PUT', '/nodes/pve1/config', { acme: 'domains=pve1.example' });
    let restarts = 0;
    member('pve1').onRestart.add(() => {
      restarts += 1;
    });
    expect(await task('POST', certificate)).toBe('OK');
    expect(restarts).toBe(1);
    expect(await ask('GET', '/nodes/pve1/certificates/info')).toMatchObject([
      { filename: 'pve-ssl.pem' },
      { filename: 'pveproxy-ssl.pem' },
    ]);
    expect(await ask('GET', '/nodes')).toMatchObject([{ ssl_fingerprint: member('pve1').custom?.fingerprint }]);
    await ask('DELETE', '/nodes/pve1/certificates/custom', { restart: '1' });
    expect(restarts).toBe(2);
  });
});
