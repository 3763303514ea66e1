// Joining against the stand-in for Proxmox VE: the way in, what keeps a machine out, and joins that break off.

import { describe, expect, it } from 'vitest';
import { step } from '../../../../src/pipeline/steps/cluster-join.ts';
import { quorumOf } from '../../../sim/pve/index.ts';
import { containing, matching } from '../../../support/containing.ts';
import { provesIdempotence, type StepWorld } from '../../../support/pipeline.ts';
import { type ClusterWorld, clusterWorld, type OnOptions, OUR_KEY } from './cluster-world.ts';

const JOIN_MARK = 'rackseed-join-';

async function check(world: ClusterWorld, on: StepWorld) {
  return world.clock.until(step.check(on.context(step, {})));
}

async function join(world: ClusterWorld, name: string, more: OnOptions = {}, args: Record<string, unknown> = {}): Promise<StepWorld> {
  const on = world.on(name, more);
  await world.clock.until(step.apply(on.context(step, args)));
  return on;
}

describe('a machine that joins a cluster', () => {
  it('is quorate with it, and leaves no key of the attempt behind', async () => {
    const world = await clusterWorld(4, 3);
    const on = world.on('pve4');
    expect(await check(world, on)).toEqual({
      is: 'needed',
      plan: [
        'pve4 joins home by pve1 (link 0 192.0.2.14); all that it has in /etc/pve is replaced',
        'waits until the cluster is quorate with it',
        'removes the key of the attempt to join',
        'with 4 members half of them can be lost no more than with 3: a QDevice makes the votes odd',
      ],
    });
    await world.clock.until(step.apply(on.context(step, {})));
    expect(await check(world, on)).toEqual({ is: 'satisfied', words: 'pve4 is one of 4 members of home, 4 of 4 votes' });
    expect(quorumOf(world.world, world.member('pve4')).total).toBe(4);
    expect(world.keys('pve1')).not.toContain(JOIN_MARK);
    expect([...world.disk('pve4').files.keys()].filter((path) => path.includes('join'))).toEqual([]);
    expect(world.disk('pve4').jobs.size).toBe(0);
  });

  it('may be cut off anywhere and begun anew, with the same end', async () => {
    const worlds: ClusterWorld[] = [];
    for (let made = 0; made < 80; made += 1) worlds.push(await clusterWorld(3, 2));
    const proof = await provesIdempotence(step, {}, () => next(worlds).on('pve3'));
    expect(proof.cuts).toBeGreaterThan(40);
  });

  it('is signed in to afterwards: our key goes to the cluster first, since the join replaces those of the node', async () => {
    const world = await clusterWorld(2, 1);
    const peer = world.disk('pve1');
    peer.hasOtherWay = true;
    await world.clock.until(world.shell('pve1').writeFile('/etc/pve/priv/authorized_keys', 'ssh-rsa AAAAold root@pve1\n'));
    await join(world, 'pve2');
    expect(world.keys('pve1')).toBe(`ssh-rsa AAAAold root@pve1\n${OUR_KEY}\n`);
    expect(await check(world, world.on('pve2'))).toMatchObject({ is: 'satisfied' });
  });

  it('gets a key for the attempt that is good from its own addresses alone, and for a command, not a terminal', async () => {
    const world = await clusterWorld(2, 1);
    const seen: string[] = [];
    world.world.faults.slow.set('clusterjoin', 30_000);
    const on = world.on('pve2');
    const done = step.apply(on.context(step, {}));
    await world.clock.advance(10_000);
    seen.push(world.keys('pve1'));
    await world.clock.until(done);
    const day = new Date(world.clock.now() + 2 * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
    expect(seen).toEqual([`${OUR_KEY}\nfrom="192.0.2.12",expiry-time="${day}",restrict ssh-ed25519 AAAAattemptpve2 rackseed-join-pve2\n`]);
  });

  it('has the QDevice removed first', async () => {
    const world = await clusterWorld(3, 2);
    const run = await world.run('pve1', 'pvecm', 'qdevice', 'setup', '192.0.2.99');
    expect(run.code).toBe(0);
    expect(JSON.stringify(await check(world, world.on('pve3')))).toContain('removes the QDevice for the time of the join');
    await join(world, 'pve3');
    expect(world.member('pve1').etc.corosync).toMatchObject({ qdevice: null });
    expect(await check(world, world.on('pve3'))).toMatchObject({ is: 'satisfied' });
  });

  it('waits for a lock of the cluster that another holds for a while', async () => {
    const world = await clusterWorld(3, 2);
    world.member('pve1').etc.locks.add('corosync.conf');
    const on = world.on('pve3');
    const joining = step.apply(on.context(step, {}));
    await world.clock.advance(25_000);
    world.member('pve1').etc.locks.delete('corosync.conf');
    await world.clock.until(joining);
    expect(on.logs).toContain('the cluster was busy: it is tried again');
    expect(await check(world, on)).toMatchObject({ is: 'satisfied' });
  });

  it('joins by the password of root where the peer does not take the key, and the password is in no command', async () => {
    const world = await clusterWorld(2, 1);
    const ip = world.member('pve2').addresses;
    world.disk('pve1').files.set('/etc/ssh/ssh_host_ed25519_key.pub', 'ssh-ed25519 AAAAanother root@pve1\n');
    await join(world, 'pve2', { secrets: { cluster_root_password: 'password' } });
    expect(ip).toEqual(['192.0.2.12']);
    expect(await check(world, world.on('pve2'))).toMatchObject({ is: 'satisfied' });
    const begun = world.commands.filter(({ command }) => command.includes('add')).map(({ command }) => command.slice(4));
    expect(begun).toEqual([
      ['pvecm', 'add', '192.0.2.11', '--link0', '192.0.2.12', '--use_ssh'],
      ['pvecm', 'add', '192.0.2.11', '--link0', '192.0.2.12', '--fingerprint', matching(/^..(:..){31}$/)],
    ]);
    expect(world.keys('pve1')).not.toContain(JOIN_MARK);
  });

  it('fails with what pvecm said, and leaves no key, where the peer takes neither', async () => {
    const world = await clusterWorld(2, 1);
    world.disk('pve1').files.set('/etc/ssh/ssh_host_ed25519_key.pub', 'ssh-ed25519 AAAAanother root@pve1\n');
    await expect(join(world, 'pve2')).rejects.toThrow('pve2 was not taken in by pve1: unable to copy ssh ID: exit code 1');
    expect(world.keys('pve1')).not.toContain(JOIN_MARK);
  });
});

describe('a cluster that could not spare a vote', () => {
  it('is not joined before a member has come back', async () => {
    const world = await clusterWorld(4, 3);
    world.member('pve3').isOn = false;
    expect(await check(world, world.on('pve4'))).toMatchObject({
      is: 'needed',
      plan: [
        containing('2 of 3 members are there, and with pve4 3 votes are needed'),
        containing('pve4 joins home'),
        containing(''),
        containing(''),
        containing(''),
      ],
    });
    await expect(join(world, 'pve4')).rejects.toThrow('enough members: not within 300 s');
    expect(world.member('pve1').etc.corosync?.nodes.size).toBe(3);
    const on = world.on('pve4');
    const joining = step.apply(on.context(step, {}));
    await world.clock.advance(60_000);
    world.member('pve3').isOn = true;
    await world.clock.until(joining);
    expect(await check(world, on)).toMatchObject({ is: 'satisfied' });
  });
});

describe('a join that broke off', () => {
  it('before the peer did anything is begun anew', async () => {
    const world = await clusterWorld(3, 2);
    world.world.faults.join = 'before-peer';
    await expect(join(world, 'pve3')).rejects.toThrow('500 read timeout');
    await join(world, 'pve3');
    expect(await check(world, world.on('pve3'))).toMatchObject({ is: 'satisfied' });
  });

  it.each([1, 2, 3])('after the peer had added the machine is repaired, in a cluster of %i', async (members) => {
    const world = await clusterWorld(members + 1, members);
    const name = `pve${members + 1}`;
    world.world.faults.join = 'after-peer';
    const on = await join(world, name);
    expect(await check(world, on)).toMatchObject({ is: 'satisfied' });
    expect(quorumOf(world.world, world.member('pve1')).total).toBe(members + 1);
    const freed = world.commands.some(({ command }) => command.join(' ') === 'pvecm expected 1');
    expect(freed).toBe(members === 1);
  });

  it('after its own database was away is finished, not begun anew', async () => {
    const world = await clusterWorld(3, 2);
    world.world.faults.join = 'after-peer';
    world.disk('pve3').hasDatabase = false;
    await join(world, 'pve3');
    expect(world.commands.filter(({ command }) => command.includes('add'))).toHaveLength(1);
    expect(world.commands.map(({ command }) => command.join(' '))).toContain('pvecm updatecerts --force');
    expect(await check(world, world.on('pve3'))).toMatchObject({ is: 'satisfied' });
  });

  it('goes on without us, and is waited for by whoever comes next', async () => {
    const world = await clusterWorld(3, 2);
    world.world.faults.slow.set('clusterjoin', 60_000);
    const first = world.on('pve3');
    const applied = step.apply(first.context(step, {}));
    await world.clock.advance(5000);
    first.abort.abort(new Error('the appliance stops'));
    await expect(world.clock.until(applied)).rejects.toThrow('the appliance stops');
    expect(await check(world, world.on('pve3'))).toEqual({ is: 'needed', plan: ['waits for the join that was begun'] });
    await join(world, 'pve3');
    expect(world.commands.filter(({ command }) => command.includes('add'))).toHaveLength(1);
    expect(world.keys('pve1')).not.toContain(JOIN_MARK);
  });
});

describe('what keeps a machine out', () => {
  const cases: readonly (readonly [string, (world: ClusterWorld) => void, RegExp, RegExp])[] = [
    ['guests', (world) => world.member('pve4').guests.add(100), /has guests \(100\)/, /vzdump/],
    [
      'another release of Proxmox VE',
      (world) => (world.disk('pve4').release = '8.4.1'),
      /has Proxmox VE 8.4.1, home has 9.1.4/,
      /ISO of Proxmox VE 9/,
    ],
    [
      'another release of Ceph',
      (world) => {
        world.disk('pve4').ceph = '20.2.0-pve1';
        world.disk('pve1').ceph = '19.2.3-pve2';
      },
      /has Ceph 20.2.0-pve1, home has 19.2.3-pve2/,
      /pveceph install --version squid/,
    ],
    ['a clock that is wrong', (world) => (world.disk('pve4').skewMs = 9000), /clocks of pve4 and pve1 differ by 9.0 s/, /chronyc makestep/],
    ['leftovers that are not ours', (world) => (world.member('pve4').hasAuthkey = true), /leftovers of a cluster/, /rm \/etc\/corosync/],
  ];
  it.each(cases)('%s', async (_, change, reason, hint) => {
    const world = await clusterWorld(4, 3);
    change(world);
    expect(await check(world, world.on('pve4'))).toEqual({
      is: 'impossible',
      reason: matching(reason),
      hint: matching(hint),
    });
  });

  it.each([
    [['198.51.100.0/24'], /it has no address in 198.51.100.0\/24/],
    [['192.0.2.0/24', '192.0.2.0/28'], /home has 1 corosync links, and 2 would be configured/],
  ])('links that are not there: %j', async (links, reason) => {
    const world = await clusterWorld(3, 2);
    const verdict = await check(world, world.on('pve3', { cluster: { name: 'home', links } }));
    expect(verdict).toMatchObject({ is: 'impossible', reason: matching(reason) });
  });

  it('another cluster that it is in, or a namesake that the cluster has', async () => {
    const world = await clusterWorld(3, 2);
    await world.run('pve3', 'pvecm', 'create', 'other');
    expect(await check(world, world.on('pve3'))).toMatchObject({ is: 'impossible', reason: 'pve3 is in the cluster other, not in home' });
    const again = await clusterWorld(4, 3);
    const nodes = again.member('pve1').etc.corosync?.nodes;
    nodes?.set('pve4', { name: 'pve4', nodeid: 4, votes: 1, links: { '0': '192.0.2.14' } });
    expect(await check(again, again.on('pve4'))).toMatchObject({
      is: 'impossible',
      reason: 'home has a member pve4 already (192.0.2.14), which is not this machine as it is now',
      hint: containing('pvecm delnode pve4'),
    });
  });

  it('having been removed: it is not to come back with its old configuration', async () => {
    const world = await clusterWorld(3, 3);
    await world.run('pve1', 'pvecm', 'delnode', 'pve3');
    expect(await check(world, world.on('pve3'))).toMatchObject({ is: 'impossible', reason: containing('does not list it') });
  });

  it('a cluster that is only watched', async () => {
    const world = await clusterWorld(2, 1);
    await expect(check(world, world.on('pve2', { cluster: { name: 'home', observe_only: true } }))).rejects.toThrow('only watched');
  });
});

function next<T>(worlds: T[]): T {
  const world = worlds.shift();
  if (world === undefined) throw new Error('more worlds are needed');
  return world;
}
