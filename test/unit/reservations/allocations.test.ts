// The worker over a store: what it finds waiting, how long it waits, and what becomes of a race.

import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLog, systemRandom } from '../../../src/lib/index.ts';
import { type AllocationRequest, type Allocations, createAllocations, type Holders } from '../../../src/reservations/index.ts';
import { errorOf, openWorld, type World } from '../nodes/world.ts';

const REQUEST: AllocationRequest = {
  uuid: null,
  name: null,
  resourceClass: 'large',
  candidateNodes: [],
  traits: [],
  owner: null,
  extra: {},
};

interface Claims extends World {
  readonly open: (holders?: Holders) => Allocations;
  readonly free: (name: string) => Promise<string>;
  readonly asked: (allocations: Allocations, name: string) => Promise<string>;
}

async function openClaims(): Promise<Claims> {
  const world = await openWorld();
  const { store, nodes, clock } = world;
  const nobody: Holders = () => Promise.resolve(new Map());
  return {
    ...world,
    open: (holders = nobody) => createAllocations({ store, nodes, holders, clock, random: systemRandom, log: silentLog }),
    free: async (name) => (await world.put(await world.enrol({ name, resourceClass: 'large' }), 'available')).uuid,
    asked: async (allocations, name) => (await store.transaction((tx) => allocations.create(tx, { ...REQUEST, name }))).uuid,
  };
}

describe('the worker', () => {
  it('goes on after a restart with what was asked for before', async () => {
    const { open, free, asked, clock } = await openClaims();
    const node = await free('n1');
    await asked(open(), 'a');
    const after = open();
    await after.start(new AbortController().signal);
    onTestFinished(() => after.stop());
    await clock.advance(1);
    await expect.poll(async () => (await after.find('a'))?.state, { timeout: 30_000 }).toBe('active');
    expect(await after.find('a')).toMatchObject({ nodeUuid: node });
  });

  it('begins with the commit, and not for what is rolled back', async () => {
    const { open, free, store } = await openClaims();
    const node = await free('n1');
    const allocations = open();
    await allocations.start(new AbortController().signal);
    onTestFinished(() => allocations.stop());
    const failing = store.transaction(async (tx) => {
      await allocations.create(tx, { ...REQUEST, name: 'never' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await store.transaction((tx) => allocations.create(tx, { ...REQUEST, name: 'a' }));
    await expect.poll(async () => (await allocations.find('a'))?.nodeUuid, { timeout: 30_000 }).toBe(node);
    expect(await allocations.find('never')).toBeUndefined();
  });

  it('gives up on nodes that are worked on without end', async () => {
    const { open, free, asked, clock } = await openClaims();
    const node = await free('n1');
    const allocations = open((uuids) => Promise.resolve(new Map(uuids.map((uuid) => [uuid, 'rack-1']))));
    const uuid = await asked(allocations, 'a');
    expect(await allocations.match()).toBe(1);
    await clock.advance(59_000);
    expect(await allocations.match()).toBe(1);
    await clock.advance(1000);
    expect(await allocations.match()).toBe(0);
    const lastError = `Failed to process allocation ${uuid}: could not reserve any of the suitable nodes: something works on each of them.`;
    expect(await allocations.find('a')).toMatchObject({ state: 'error', nodeUuid: null, lastError });
    expect(node).not.toBe('');
  });

  it('prefers nodes that nobody works on', async () => {
    const { open, free, asked } = await openClaims();
    const busy = await free('busy');
    const idle = await free('idle');
    const allocations = open((uuids) => Promise.resolve(new Map(uuids.filter((uuid) => uuid === busy).map((uuid) => [uuid, 'rack-1']))));
    await asked(allocations, 'busy');
    expect(await allocations.match()).toBe(0);
    expect(await allocations.find('busy')).toMatchObject({ state: 'active', nodeUuid: idle });
  });

  it('of two appliances gives each allocation one node, and each node to one', async () => {
    const { open, free, asked, nodes } = await openClaims();
    const free5 = await Promise.all(['n1', 'n2', 'n3', 'n4', 'n5'].map(free));
    const [one, two] = [open(), open()];
    const uuids = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name, i) => asked(i % 2 === 0 ? one : two, name)));
    await Promise.all([one.match(), two.match(), one.match(), two.match()]);
    const all = await one.list({});
    const active = all.filter(({ state }) => state === 'active');
    expect(new Set(active.map(({ nodeUuid }) => nodeUuid))).toEqual(new Set(free5));
    expect(all.filter(({ state }) => state === 'error')).toHaveLength(uuids.length - free5.length);
    for (const { uuid, nodeUuid } of active) expect((await nodes.get(nodeUuid ?? '')).instanceUuid).toBe(uuid);
    // Nobody has two.
    expect(new Set((await nodes.list({})).map((node) => node.instanceUuid)).size).toBe(free5.length);
  });

  it('says when an instance of the same UUID is elsewhere', async () => {
    const claims = await openClaims();
    const { open, free, store } = claims;
    await free('n1');
    const uuid = '11111111-2222-4333-8444-555555555555';
    await claims.enrol({ name: 'has-it', instanceUuid: uuid });
    const allocations = open();
    await store.transaction((tx) => allocations.create(tx, { ...REQUEST, uuid }));
    await allocations.match();
    expect((await allocations.find(uuid))?.lastError).toContain('Unexpected exception during allocation: ');
  });
});

describe('what changes between the search and the taking', () => {
  it('a node that somebody sets maintenance on is not taken', async () => {
    const { open, free, asked, nodes, store } = await openClaims();
    await free('n1');
    let isChanged = false;
    const allocations = open(async (_uuids, on) => {
      if (on === undefined && !isChanged) {
        isChanged = true;
        await store.transaction(async (tx) => nodes.update(tx, await nodes.get('n1', tx), { maintenance: true }, { who: 'user' }));
      }
      return new Map();
    });
    await asked(allocations, 'a');
    await allocations.match();
    expect((await allocations.find('a'))?.lastError).toContain('all nodes were filtered out during reservation');
    expect(await nodes.get('n1')).toMatchObject({ instanceUuid: null, allocationUuid: null });
  });

  it('for an allocation that somebody removes no node is taken', async () => {
    const { open, free, asked, nodes, store } = await openClaims();
    await free('n1');
    const allocations = open(async (_uuids, on) => {
      const found = on === undefined ? await allocations.find('a') : undefined;
      if (found !== undefined) await store.transaction((tx) => allocations.remove(tx, found));
      return new Map();
    });
    await asked(allocations, 'a');
    expect(await allocations.match()).toBe(0);
    expect(await nodes.get('n1')).toMatchObject({ instanceUuid: null, allocationUuid: null });
  });
});

describe('an allocation', () => {
  it('is not removed while something works on its node', async () => {
    const { open, free, asked, store } = await openClaims();
    await free('n1');
    let held = false;
    const allocations = open((uuids) => Promise.resolve(new Map(held ? uuids.map((uuid) => [uuid, 'rack-1']) : [])));
    await asked(allocations, 'a');
    await allocations.match();
    const remove = () =>
      store.transaction(async (tx) => {
        const found = await allocations.find('a', tx);
        if (found !== undefined) await allocations.remove(tx, found);
      });
    held = true;
    expect(await errorOf(remove)).toMatchObject({ code: 'reservations.node_locked', retryable: true });
    held = false;
    await remove();
    expect(await allocations.find('a')).toBeUndefined();
  });

  it('that is removed before it has a node is not matched any more', async () => {
    const { open, free, asked, store, nodes } = await openClaims();
    await free('n1');
    const allocations = open();
    await asked(allocations, 'a');
    await store.transaction(async (tx) => {
      const found = await allocations.find('a', tx);
      if (found !== undefined) await allocations.remove(tx, found);
    });
    expect(await allocations.match()).toBe(0);
    expect((await nodes.get('n1')).instanceUuid).toBeNull();
  });

  it('says what becomes of it in the event log', async () => {
    const { open, free, asked, store } = await openClaims();
    const node = await free('n1');
    const allocations = open();
    await asked(allocations, 'a');
    await asked(allocations, 'b');
    await allocations.match();
    const events = (await store.events.list({ after: 0, limit: 100 })).filter(({ type }) => type.startsWith('allocation.'));
    expect(events.map(({ type }) => type).toSorted()).toEqual([
      'allocation.active',
      'allocation.failed',
      'allocation.requested',
      'allocation.requested',
    ]);
    expect(events.find(({ type }) => type === 'allocation.active')?.nodeUuid).toBe(node);
  });
});
