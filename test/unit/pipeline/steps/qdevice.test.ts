// The vote from outside, against the stand-in for Proxmox VE.

import { describe, expect, it } from 'vitest';
import { step as join } from '../../../../src/pipeline/steps/cluster-join.ts';
import { step } from '../../../../src/pipeline/steps/qdevice.ts';
import { quorumOf } from '../../../sim/pve/index.ts';
import { containing } from '../../../support/containing.ts';
import { provesIdempotence } from '../../../support/pipeline.ts';
import { type ClusterWorld, clusterWorld } from './cluster-world.ts';

const ARGS = { address: '192.0.2.99' };

const check = (world: ClusterWorld, name = 'pve1', args: Record<string, unknown> = ARGS) =>
  world.clock.until(step.check(world.on(name).context(step, args)));
const apply = (world: ClusterWorld, name = 'pve1', args: Record<string, unknown> = ARGS) =>
  world.clock.until(step.apply(world.on(name).context(step, args)));

describe('a QDevice', () => {
  it('is set up for an even number of members, wherever that is cut off', async () => {
    const worlds: ClusterWorld[] = [];
    for (let made = 0; made < 30; made += 1) worlds.push(await clusterWorld(4, 4));
    const proof = await provesIdempotence(step, ARGS, () => {
      const world = worlds.shift();
      if (world === undefined) throw new Error('more worlds are needed');
      return world.on('pve1');
    });
    expect(proof.first).toEqual({ is: 'needed', plan: ['192.0.2.99 gets a vote for the 4 members'] });
  });

  it('is not for an odd number, and is taken away from one', async () => {
    const world = await clusterWorld(4, 4);
    await apply(world);
    expect(await check(world)).toEqual({ is: 'satisfied', words: '192.0.2.99 has a vote, quorate: 5 of 5 votes, 3 are needed' });
    await world.run('pve1', 'pvecm', 'delnode', 'pve4');
    expect(await check(world)).toEqual({ is: 'needed', plan: ['the QDevice is removed: 3 members are an odd number'] });
    await apply(world);
    expect(await check(world)).toEqual({ is: 'satisfied', words: '3 members are an odd number: none is needed' });
  });

  it('goes for a join and comes again when as many are in as there shall be', async () => {
    const world = await clusterWorld(4, 2);
    const args = { ...ARGS, members: 4 };
    await apply(world, 'pve2');
    for (const name of ['pve3', 'pve4']) {
      const on = world.on(name);
      await world.clock.until(join.apply(on.context(join, {})));
      if (name === 'pve3')
        expect(await check(world, name, args)).toEqual({ is: 'satisfied', words: '3 of 4 members are in: the last one sets it up' });
    }
    expect(world.member('pve1').etc.corosync?.qdevice).toBe(null);
    await apply(world, 'pve4', args);
    expect(quorumOf(world.world, world.member('pve1'))).toMatchObject({ expected: 5, total: 5 });
    expect(await check(world, 'pve1', args)).toMatchObject({ is: 'satisfied' });
  });

  it('of another server is replaced', async () => {
    const world = await clusterWorld(2, 2);
    await apply(world);
    const other = { address: '192.0.2.98' };
    expect(await check(world, 'pve1', other)).toEqual({
      is: 'needed',
      plan: ['the QDevice 192.0.2.99 is removed', '192.0.2.98 gets a vote for the 2 members'],
    });
    await apply(world, 'pve1', other);
    expect(await check(world, 'pve2', other)).toMatchObject({ is: 'satisfied' });
  });

  const cases: readonly (readonly [string, (world: ClusterWorld) => void, string])[] = [
    ['a member that is off', (world) => (world.member('pve4').isOn = false), 'all members are there, and pve4 is not'],
    ['a member without the package', (world) => (world.disk('pve3').hasQdevice = false), 'pve3 has no corosync-qdevice'],
    ['a server that lets nobody in', (world) => (world.disk('pve1').isLetIn = false), '192.0.2.99 does not let this member in as root'],
  ];
  it.each(cases)('is refused with %s, before anything is begun', async (_, change, reason) => {
    const world = await clusterWorld(4, 4);
    change(world);
    expect(await check(world)).toMatchObject({ is: 'impossible', reason: containing(reason) });
  });

  it('without a vote is said to have none, and in no cluster there is none', async () => {
    const world = await clusterWorld(3, 2);
    await apply(world);
    const { corosync } = world.member('pve1').etc;
    if (corosync?.qdevice != null) corosync.qdevice.isUp = false;
    expect(await check(world)).toMatchObject({ is: 'impossible', reason: containing('has no vote now') });
    expect(await check(world, 'pve3')).toMatchObject({ is: 'impossible', reason: 'pve3 is in no cluster' });
  });
});
