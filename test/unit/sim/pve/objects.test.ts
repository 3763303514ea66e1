// What is kept in files of /etc/pve in the stand-in: storages, jobs, HA, notifications, networks by software.

import { describe, expect, it } from 'vitest';
import { execOn } from '../../../sim/pve/index.ts';
import { cluster, type Fixture, fixture } from './world.ts';

const ROOT = 'root@pam';

function asked({ ask }: Fixture, member = 'pve1') {
  return (verb: string, path: string, params: Record<string, string> = {}): Promise<unknown> => ask(member, ROOT, verb, path, params);
}

describe('objects of files', () => {
  it('are made, listed by all members, changed and removed; twice, unknown and stale ones are refused', async () => {
    const made = await cluster(2);
    const ask = asked(made);
    await ask('POST', '/cluster/metrics/server/graph', { type: 'influxdb', server: '192.0.2.9', port: '8089', token: 'secret' });
    const [server] = (await asked(made, 'pve2')('GET', '/cluster/metrics/server')) as { digest: string }[]; // its own form
    expect(server).toEqual({ id: 'graph', type: 'influxdb', server: '192.0.2.9', port: '8089', digest: expect.any(String) as unknown });
    await expect(ask('POST', '/cluster/metrics/server/graph', { type: 'influxdb', server: 'a', port: '1' })).rejects.toThrow(
      /already exists/,
    );
    await ask('PUT', '/cluster/metrics/server/graph', { server: 'b', port: '1', disable: '1', digest: server?.digest ?? '' });
    await expect(ask('PUT', '/cluster/metrics/server/graph', { server: 'b', port: '1', digest: server?.digest ?? '' })).rejects.toThrow(
      /modified/,
    );
    await ask('PUT', '/cluster/metrics/server/graph', { server: 'b', port: '1', delete: 'disable' });
    expect(await ask('GET', '/cluster/metrics/server/graph')).toMatchObject({ server: 'b' });
    expect(await ask('GET', '/cluster/metrics/server/graph')).not.toHaveProperty('disable');
    await ask('DELETE', '/cluster/metrics/server/graph');
    await expect(ask('GET', '/cluster/metrics/server/graph')).rejects.toThrow(/no such server/);
  });

  it('are not written without a quorum', async () => {
    const made = await cluster(3);
    for (const name of ['pve2', 'pve3']) made.member(name).isOn = false;
    await expect(asked(made)('POST', '/cluster/ha/groups', { group: 'g1', nodes: 'pve1' })).rejects.toThrow(/migrated to rules/);
    await expect(asked(made)('POST', '/storage', { storage: 'nas', type: 'nfs', server: 'nas', export: '/a' })).rejects.toThrow(/quorum/);
  });

  it('keep what backup jobs say of storages and retention, by pvesh too', async () => {
    const made = await cluster(2);
    const ask = asked(made);
    const job = { schedule: 'sun 01:00', storage: 'local', all: '1', 'prune-backups': 'keep-last=3,keep-weekly=2' };
    await ask('POST', '/cluster/backup', { id: 'weekly', ...job });
    expect(await ask('GET', '/cluster/backup/weekly')).toMatchObject({
      id: 'weekly',
      'prune-backups': { 'keep-last': '3', 'keep-weekly': '2' },
    });
    await expect(ask('POST', '/cluster/backup', { id: 'b2', schedule: 'daily', storage: 'gone', all: '1' })).rejects.toThrow(
      /does not exist/,
    );
    await expect(ask('POST', '/cluster/backup', { id: 'b3', schedule: 'daily' })).rejects.toMatchObject({ status: 400 });
    const list = await execOn(made.world, 'pve2', ['pvesh', 'get', '/cluster/backup', '--output-format', 'json']);
    expect(JSON.parse(list.out)).toMatchObject([{ id: 'weekly', type: 'vzdump' }]);
  });

  it('know which targets of notifications there are, and keep their secrets', async () => {
    const made = await cluster(2);
    const ask = asked(made);
    expect(await ask('GET', '/cluster/notifications/targets')).toMatchObject([
      { name: 'mail-to-root', type: 'sendmail', origin: 'builtin' },
    ]);
    await ask('POST', '/cluster/notifications/endpoints/gotify', { name: 'push', server: 'https://push.example', token: 'secret' });
    expect(await ask('GET', '/cluster/notifications/endpoints/gotify/push')).not.toHaveProperty('token');
    await expect(ask('POST', '/cluster/notifications/endpoints/gotify', { name: 'mail-to-root', server: 'x', token: 'y' })).rejects.toThrow(
      /already used/,
    );
    const words = ['pvesh', 'create', '/cluster/notifications/matchers', '--name', 'all', '--target', 'push', '--target', 'mail-to-root'];
    expect(await execOn(made.world, 'pve1', words)).toMatchObject({ code: 0 });
    expect(await ask('GET', '/cluster/notifications/matchers/all')).toMatchObject({ target: ['push', 'mail-to-root'] });
    await expect(ask('POST', '/cluster/notifications/matchers', { name: 'bad', target: 'nobody' })).rejects.toThrow(/does not exist/);
  });
});

describe('high availability', () => {
  it('has rules for resources that are managed and members that are there; groups are gone', async () => {
    const made = await cluster(3);
    const ask = asked(made);
    made.member('pve1').guests.add(100);
    await ask('POST', '/cluster/ha/resources', { sid: '100' });
    await expect(ask('POST', '/cluster/ha/resources', { sid: 'vm:101' })).rejects.toThrow(/unable to find/);
    const rule = { rule: 'fast', type: 'node-affinity', resources: 'vm:100', nodes: 'pve1:2,pve2' };
    await expect(ask('POST', '/cluster/ha/rules', { ...rule, resources: 'vm:101' })).rejects.toThrow(/unmanaged/);
    await expect(ask('POST', '/cluster/ha/rules', { ...rule, nodes: 'pve9' })).rejects.toThrow(/non-existing node/);
    await ask('POST', '/cluster/ha/rules', rule);
    await expect(ask('POST', '/cluster/ha/rules', { ...rule, rule: 'other' })).rejects.toThrow(/already used/);
    expect(await ask('GET', '/cluster/ha/status/current')).toMatchObject([
      { type: 'quorum', quorate: 1 },
      { sid: 'vm:100', node: 'pve1' },
    ]);
    await ask('DELETE', '/cluster/ha/resources/vm:100');
    expect(await ask('GET', '/cluster/ha/rules')).toEqual([]);
    await expect(ask('GET', '/cluster/ha/groups')).rejects.toThrow(/migrated/);
  });

  it('has groups and no rules in 8.4', async () => {
    const made = await cluster(2, '8.4');
    const ask = asked(made);
    made.member('pve2').guests.add(100);
    await ask('POST', '/cluster/ha/groups', { group: 'fast', nodes: 'pve1:2,pve2', restricted: '1' });
    await ask('POST', '/cluster/ha/resources', { sid: 'vm:100', group: 'fast' });
    expect(await ask('GET', '/cluster/ha/groups')).toMatchObject([{ group: 'fast', type: 'group', restricted: '1' }]);
    await expect(ask('GET', '/cluster/ha/rules')).rejects.toMatchObject({ status: 501 });
  });
});

describe('storages', () => {
  it('are there on the members that they name, and active where their pool is', async () => {
    const made = await fixture(2, '9.1', { disks: [{ serial: 'A', used: 'BIOS boot' }, { serial: 'B' }, { serial: 'C' }] });
    await made.run('pve1', 'pvecm', 'create', 'home');
    await made.run('pve2', 'pvecm', 'add', '192.0.2.11', '--use_ssh');
    const ask = asked(made);
    const tank = { storage: 'tank', type: 'zfspool', pool: 'tank', content: 'images,rootdir' };
    await expect(ask('POST', '/storage', tank)).rejects.toThrow(/could not activate storage 'tank'.*no such pool/);
    await made.run(
      'pve1',
      'pvesh',
      'create',
      '/nodes/pve1/disks/zfs',
      '--name',
      'tank',
      '--raidlevel',
      'mirror',
      '--devices',
      '/dev/sdb,/dev/sdc',
    );
    await expect(ask('POST', '/storage', { ...tank, content: 'iso' })).rejects.toThrow(/content type 'iso'/);
    await ask('POST', '/storage', { ...tank, nodes: 'pve1' });
    expect(await ask('GET', '/nodes/pve1/storage', { storage: 'tank' })).toMatchObject([{ storage: 'tank', active: 1 }]);
    expect(await ask('GET', '/nodes/pve2/storage', { storage: 'tank' })).toEqual([]);
    await ask('PUT', '/storage/tank', { nodes: 'pve1,pve2' });
    expect(await ask('GET', '/nodes/pve2/storage', { storage: 'tank' })).toMatchObject([{ storage: 'tank', active: 0 }]);
    await ask('POST', '/storage', { storage: 'pbs1', type: 'pbs', server: 'pbs', datastore: 'a', username: 'a@pbs', password: 'secret' });
    expect(await ask('GET', '/storage/pbs1')).not.toHaveProperty('password');
    await expect(ask('POST', '/storage', { storage: 'nfs1', type: 'nfs', server: 'nas' })).rejects.toMatchObject({
      errors: { export: expect.any(String) as unknown },
    });
  });
});

describe('networks by software', () => {
  it('wait until they are applied', async () => {
    const made = await cluster(2);
    const ask = asked(made);
    await ask('POST', '/cluster/sdn/zones', { zone: 'lan', type: 'vlan', bridge: 'vmbr0' });
    await expect(ask('POST', '/cluster/sdn/vnets', { vnet: 'v1', zone: 'lan' })).rejects.toThrow(/vlan tag/);
    await ask('POST', '/cluster/sdn/vnets', { vnet: 'v1', zone: 'lan', tag: '10' });
    await expect(ask('POST', '/cluster/sdn/vnets', { vnet: 'v2', zone: 'lan', tag: '10' })).rejects.toThrow(/already exist/);
    expect(await ask('GET', '/cluster/sdn/vnets')).toMatchObject([{ vnet: 'v1', state: 'new' }]);
    expect(await made.run('pve1', 'pvesh', 'set', '/cluster/sdn')).toMatchObject({ code: 0 });
    expect((await ask('GET', '/cluster/sdn/vnets')) as unknown[]).not.toMatchObject([{ state: 'new' }]);
    await ask('PUT', '/cluster/sdn/vnets/v1', { tag: '11' });
    expect(await ask('GET', '/cluster/sdn/vnets')).toMatchObject([{ vnet: 'v1', state: 'changed' }]);
    await expect(ask('DELETE', '/cluster/sdn/zones/lan')).rejects.toThrow(/used by vnet v1/);
    await ask('POST', '/cluster/sdn/vnets/v1/subnets', { subnet: '192.0.2.0/24', type: 'subnet' });
    expect(await ask('GET', '/cluster/sdn/vnets/v1/subnets')).toMatchObject([{ subnet: 'lan-192.0.2.0-24', vnet: 'v1' }]);
  });

  it('have fabrics of members with their links', async () => {
    const made = await cluster(2);
    const ask = asked(made);
    await ask('POST', '/cluster/sdn/fabrics/fabric', { id: 'mesh', protocol: 'openfabric', ip_prefix: '10.9.0.0/24' });
    const node = { node_id: 'pve1', protocol: 'openfabric', ip: '10.9.0.1', interfaces: 'name=ens1\0name=ens2' };
    await ask('POST', '/cluster/sdn/fabrics/node/mesh', node);
    expect(await ask('GET', '/cluster/sdn/fabrics/all')).toMatchObject({
      fabrics: [{ id: 'mesh', protocol: 'openfabric' }],
      nodes: [{ node_id: 'pve1', fabric_id: 'mesh', interfaces: ['name=ens1', 'name=ens2'] }],
    });
    await expect(ask('GET', '/cluster/sdn/fabrics/node/gone')).rejects.toThrow(/does not exist/);
  });
});
