// The first member of a cluster, against the stand-in for Proxmox VE.

import { describe, expect, it } from 'vitest';
import { step } from '../../../../src/pipeline/steps/cluster-create.ts';
import { containing, matching } from '../../../support/containing.ts';
import { provesIdempotence } from '../../../support/pipeline.ts';
import { type ClusterWorld, clusterWorld, type OnOptions } from './cluster-world.ts';

async function check(world: ClusterWorld, name: string, more: OnOptions = {}) {
  return world.clock.until(step.check(world.on(name, more).context(step, {})));
}

describe('the first member of a cluster', () => {
  it('makes it with its links, once, and wherever it is cut off', async () => {
    const worlds: ClusterWorld[] = [];
    for (let made = 0; made < 40; made += 1) worlds.push(await clusterWorld(1));
    const proof = await provesIdempotence(step, {}, () => worlds.shift()?.on('pve1', { members: [] }) ?? never());
    expect(proof.first).toEqual({ is: 'needed', plan: ['pve1 becomes the first member of home (link 0 192.0.2.11)'] });
    expect(proof.cuts).toBeGreaterThan(3);
  });

  it('is a member when it is done, and says so to those who come after', async () => {
    const world = await clusterWorld(2);
    const on = world.on('pve1', { members: [] });
    expect(step.joins?.({}, on.context(step, {}))).toBe('home');
    await world.clock.until(step.apply(on.context(step, {})));
    expect(await check(world, 'pve1', { members: [] })).toEqual({
      is: 'satisfied',
      words: 'pve1 is a member of home, quorate: 1 of 1 votes, 1 are needed',
    });
    expect(await check(world, 'pve2')).toEqual({ is: 'satisfied', words: 'home is there already: pve1 is a member' });
    // By cluster-join it becomes one, not by this.
    expect(step.joins?.({}, world.on('pve2').context(step, {}))).toBe(null);
  });

  it('waits for a quorum where it was made and has none yet', async () => {
    const world = await clusterWorld(1);
    await world.run('pve1', 'pvecm', 'create', 'home');
    await world.run('pve1', 'pvecm', 'expected', '2');
    expect(await check(world, 'pve1')).toEqual({
      is: 'needed',
      plan: ['waits until home is quorate on pve1: no quorum: 1 of 2 votes, 2 are needed'],
    });
    const on = world.on('pve1');
    await expect(world.clock.until(step.apply(on.context(step, {})))).rejects.toThrow('a quorum with pve1: not within 120 s');
    const waiting = step.apply(on.context(step, {}));
    await world.clock.advance(10_000);
    await world.run('pve1', 'pvecm', 'expected', '1');
    await world.clock.until(waiting);
    expect(await check(world, 'pve1')).toMatchObject({ is: 'satisfied' });
  });

  it.each([
    ['no address in the network of its link', { cluster: { name: 'home', links: ['198.51.100.0/24'] } }, /no address in 198.51.100.0\/24/],
    ['a cluster that runs already', { cluster: { name: 'home', links: [], api_url: 'https://192.0.2.1:8006' } }, /runs already \(api_url/],
  ])('is not made with %s', async (_, more, reason) => {
    const world = await clusterWorld(1);
    expect(await check(world, 'pve1', { ...more, members: [] })).toMatchObject({ is: 'impossible', reason: matching(reason) });
  });

  it('is not made on a member of another, nor without Proxmox VE', async () => {
    const world = await clusterWorld(2);
    await world.run('pve1', 'pvecm', 'create', 'other');
    expect(await check(world, 'pve1')).toMatchObject({ is: 'impossible', reason: 'pve1 is in the cluster other, not in home' });
    world.disk('pve2').release = '';
    expect(await check(world, 'pve2')).toMatchObject({ is: 'impossible', reason: containing('pve-manager') });
  });

  it('takes its own address for a link where no network is named', async () => {
    const world = await clusterWorld(1);
    expect(await check(world, 'pve1', { cluster: { name: 'home', links: [] } })).toMatchObject({
      plan: [containing('link 0 192.0.2.11')],
    });
  });
});

function never(): never {
  throw new Error('more worlds are needed');
}
