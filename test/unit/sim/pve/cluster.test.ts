// Clusters of the stand-in: made, joined, cut apart; who may; tasks.

import { describe, expect, it } from 'vitest';
import { execOn, quorumOf, reinstall } from '../../../sim/pve/index.ts';
import { cluster, fixture } from './world.ts';

const ROOT = 'root@pam';

describe('joining', () => {
  it('replaces what the node had in /etc/pve, its tickets and its certificate, and tells who holds connections', async () => {
    const { clock, member, ask, run } = await fixture(2);
    await run('pve1', 'pvecm', 'create', 'home');
    await ask('pve2', ROOT, 'POST', '/access/users', { userid: 'old@pve' });
    const before = member('pve2').tls.fingerprint;
    let restarts = 0;
    member('pve2').onRestart.add(() => {
      restarts += 1;
    });
    const params = { hostname: '192.0.2.11', fingerprint: member('pve1').tls.fingerprint, password: 'password' };
    const upid = String(await ask('pve2', ROOT, 'POST', '/cluster/config/join', params));
    expect(upid).toMatch(/^UPID:pve2:[0-9A-F]{8}:[0-9A-F]{8}:[0-9A-F]{8}:clusterjoin::root@pam:$/);
    expect(await ask('pve2', ROOT, 'GET', `/nodes/pve2/tasks/${upid}/status`)).toMatchObject({ status: 'running' });
    await clock.until(member('pve2').tasks.get(upid)?.ended ?? Promise.resolve());
    expect(await ask('pve1', ROOT, 'GET', `/nodes/pve2/tasks/${upid}/status`)).toMatchObject({ status: 'stopped', exitstatus: 'OK' });
    expect(member('pve2').etc.users.has('old@pve')).toBe(false);
    expect(member('pve2').tls.fingerprint).not.toBe(before);
    expect(restarts).toBe(1);
    expect(await ask('pve1', ROOT, 'GET', '/cluster/status')).toMatchObject([
      { quorate: 1, nodes: 2 },
      { online: 1, local: 1 },
      { online: 1 },
    ]);
  });

  it.each([
    ['another certificate', { fingerprint: Array(32).fill('FF').join(':') }, /certificate verify failed/],
    ['a wrong password', { password: 'x' }, '401 authentication failure'],
    ['nobody there', { hostname: '192.0.2.99' }, /No route to host/],
    ['an address that is not its own', { link0: '192.0.2.77' }, 'Check if node may join a cluster failed!'],
  ])('fails on %s and leaves the cluster as it was', async (_, wrong, why) => {
    const { clock, member, ask, run } = await fixture(2);
    await run('pve1', 'pvecm', 'create', 'home');
    const params = { hostname: '192.0.2.11', fingerprint: member('pve1').tls.fingerprint, password: 'password', ...wrong };
    const upid = String(await ask('pve2', ROOT, 'POST', '/cluster/config/join', params));
    await clock.until(member('pve2').tasks.get(upid)?.ended ?? Promise.resolve());
    expect(member('pve2').tasks.get(upid)?.exitstatus).toMatch(why);
    expect(await ask('pve1', ROOT, 'GET', '/cluster/config/nodes')).toHaveLength(1);
  });

  it('is refused to a node with guests', async () => {
    const { run } = await fixture(2, '9.1', { guests: [100] });
    await run('pve1', 'pvecm', 'create', 'home');
    const ran = await run('pve2', 'pvecm', 'add', '192.0.2.11', '--use_ssh');
    expect(ran).toMatchObject({ code: 255, err: 'Check if node may join a cluster failed!\n' });
    expect(ran.out).toContain('* this host already contains virtual guests');
  });

  it('that ends half-way leaves a member that never came, which costs a vote', async () => {
    const { world, member, run } = await fixture(2);
    await run('pve1', 'pvecm', 'create', 'home');
    world.faults.join = 'after-peer';
    expect((await run('pve2', 'pvecm', 'add', '192.0.2.11', '--use_ssh')).code).toBe(255);
    expect(quorumOf(world, member('pve1'))).toMatchObject({ expected: 2, total: 1, isQuorate: false });
    expect((await run('pve2', 'pvecm', 'add', '192.0.2.11', '--use_ssh')).err).toContain('unable to add node');
  });

  it('under a name that was removed works once it is installed anew', async () => {
    const { world, member, run } = await cluster(3);
    expect((await run('pve1', 'pvecm', 'delnode', 'pve3')).code).toBe(0);
    expect(quorumOf(world, member('pve3'))).toMatchObject({ seen: [], isQuorate: false });
    expect((await run('pve3', 'pvecm', 'add', '192.0.2.11', '--use_ssh')).out).toContain("'/etc/corosync/authkey' already exists");
    await reinstall(world, member('pve3'));
    expect((await run('pve3', 'pvecm', 'add', '192.0.2.11', '--use_ssh')).code).toBe(0);
    expect(quorumOf(world, member('pve3')).total).toBe(3);
  });

  it('waits ten seconds for the lock of the cluster, no longer', async () => {
    const { clock, member, run } = await cluster(3);
    member('pve1').etc.locks.add('corosync.conf');
    const before = clock.now();
    expect((await run('pve1', 'pvecm', 'delnode', 'pve3')).err).toContain("'file-corosync_conf' operation: got lock request timeout");
    expect(clock.now() - before).toBe(10_000);
  });
});

describe('a quorum', () => {
  it('is more than half, and without it nothing is written', async () => {
    const { world, member, ask } = await cluster(3);
    member('pve3').isOn = false;
    expect(quorumOf(world, member('pve1'))).toMatchObject({ expected: 3, needed: 2, total: 2, isQuorate: true });
    member('pve2').isCut = true;
    expect(quorumOf(world, member('pve1')).isQuorate).toBe(false);
    await expect(ask('pve1', ROOT, 'POST', '/access/users', { userid: 'a@pve' })).rejects.toThrow('cluster not ready - no quorum?');
    await expect(ask('pve1', ROOT, 'GET', '/nodes/pve2/status')).rejects.toMatchObject({ status: 595 });
  });

  it('of two is saved by a device, or by hand', async () => {
    const { world, member, run } = await cluster(2);
    expect((await run('pve1', 'pvecm', 'qdevice', 'setup', '192.0.2.50')).code).toBe(0);
    member('pve2').isOn = false;
    expect(quorumOf(world, member('pve1'))).toMatchObject({ expected: 3, total: 2, isQuorate: true });
    expect((await run('pve1', 'pvecm', 'status')).out).toMatch(/Quorate: {10}Yes[\s\S]*Total votes: {6}2[\s\S]*Qdevice/);
    const device = member('pve1').etc.corosync?.qdevice;
    if (device) device.isUp = false;
    expect(await run('pve1', 'pvecm', 'status')).toMatchObject({ code: 2 });
    await run('pve1', 'pvecm', 'expected', '1');
    expect(quorumOf(world, member('pve1')).isQuorate).toBe(true);
  });
});

describe('who may', () => {
  it('make clusters: root@pam, and no token of its', async () => {
    const { ask } = await fixture(1);
    await ask('pve1', ROOT, 'POST', '/access/users/root@pam/token/all', { privsep: '0' });
    const made = ask('pve1', 'root@pam!all', 'POST', '/cluster/config', { clustername: 'home' });
    await expect(made).rejects.toMatchObject({ status: 403, message: 'user != root@pam' });
    expect(await ask('pve1', 'root@pam!all', 'GET', '/cluster/status')).toHaveLength(1);
  });

  it('look: who has the privilege on the path, a separate token only what both have', async () => {
    const { ask } = await fixture(1);
    await ask('pve1', ROOT, 'POST', '/access/users', { userid: 'seed@pve' });
    await ask('pve1', ROOT, 'POST', '/access/users/seed@pve/token/own');
    const look = () => ask('pve1', 'seed@pve!own', 'GET', '/cluster/status');
    await expect(look()).rejects.toMatchObject({ status: 403, message: 'Permission check failed (/, Sys.Audit)' });
    await ask('pve1', ROOT, 'PUT', '/access/acl', { path: '/', roles: 'PVEAuditor', tokens: 'seed@pve!own' });
    await expect(look()).rejects.toMatchObject({ status: 403 });
    await ask('pve1', ROOT, 'PUT', '/access/acl', { path: '/', roles: 'PVEAuditor', users: 'seed@pve' });
    expect(await look()).toHaveLength(1);
  });
});

describe('commands', () => {
  it('print the log of a task before what the call gives, and say which parameter is wrong', async () => {
    const { run } = await fixture(1);
    const wrong = await run('pve1', 'pvesh', 'create', '/cluster/config', '--clustername', 'a_b');
    expect(wrong.err).toMatch(/^400 Parameter verification failed\.\nclustername: invalid format/);
    const made = await run('pve1', 'pvesh', 'create', '/cluster/config', '--clustername', 'home', '--output-format', 'json');
    expect(made.out).toMatch(/^Corosync Cluster Engine[\s\S]*\n"UPID:pve1:[^"]*"$/);
    expect((await run('pve1', 'pvecm', 'create', 'again')).err).toBe("cluster config '/etc/pve/corosync.conf' already exists\n");
  });

  it('refuse what the stand-in does not have', async () => {
    const { world, run, ask } = await fixture(1);
    expect((await run('pve1', 'pvesh', 'get', '/no/such')).err).toBe("No 'get' handler defined for '/no/such'\n");
    await expect(ask('pve1', ROOT, 'GET', '/cluster/replication')).rejects.toMatchObject({ status: 501 });
    expect((await run('pve1', 'ha-manager', 'status')).code).toBe(127);
    await expect(execOn(world, 'pve9', ['true'])).rejects.toThrow('pve9');
  });
});

describe('faults to order', () => {
  it('a slow task, one that nobody finds, a node that the others lose on the way', async () => {
    const { world, clock, ask, run } = await cluster(2);
    world.faults.proxy.set('pve2', 1);
    await expect(ask('pve1', ROOT, 'GET', '/nodes/pve2/status')).rejects.toMatchObject({ status: 596 });
    expect(await ask('pve1', ROOT, 'GET', '/nodes/pve2/status')).toHaveProperty('pveversion');
    const alone = await fixture(1);
    alone.world.faults.slow.set('clustercreate', 600_000);
    alone.world.faults.lost.add('clustercreate');
    const upid = String(await alone.ask('pve1', ROOT, 'POST', '/cluster/config', { clustername: 'home' }));
    await expect(alone.ask('pve1', ROOT, 'GET', `/nodes/pve1/tasks/${upid}/status`)).rejects.toMatchObject({ status: 400 });
    await alone.clock.advance(599_000);
    expect(alone.member('pve1').etc.corosync).toBeNull();
    await alone.clock.advance(10_000);
    expect(alone.member('pve1').etc.corosync).toMatchObject({ name: 'home' });
    expect(clock.sleeping).toBe(0);
    expect((await run('pve1', 'pvecm', 'nodes')).out).toContain('pve2');
  });
});
