// What the nodes ask of the database: the same on SQLite and PostgreSQL, above all when two writers meet.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Node, type NodeChanges, type PortInput, parseNodeUuid } from '../../src/nodes/index.ts';
import type { Store } from '../../src/store/index.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { ALICE, errorOf, mac, type World, worldOf } from '../unit/nodes/world.ts';
import { type StoreFixture, storeAt } from './store/fixture.ts';
import { postgresFixture } from './store/postgres.ts';
import { sqliteFixture } from './store/sqlite.ts';

const RACES = 25;

describe.each([
  ['SQLite', sqliteFixture],
  ['PostgreSQL', postgresFixture],
] as const)('nodes on %s', (_name, makeFixture) => {
  let fixture: StoreFixture | undefined;
  const opened: Store[] = [];

  async function openWorlds(count: number): Promise<World[]> {
    const url = await (fixture ?? expect.unreachable()).freshUrl();
    const clock = createFakeClock();
    const worlds: World[] = [];
    for (let index = 0; index < count; index += 1) {
      const store = await storeAt(url, { clock });
      opened.push(store);
      worlds.push(worldOf(store, clock));
    }
    return worlds;
  }
  const openWorld = async (): Promise<World> => (await openWorlds(1))[0] ?? expect.unreachable();

  beforeAll(async () => {
    fixture = await makeFixture();
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  afterAll(() => fixture?.remove());

  it('exactly one of two moves at once wins, and leaves one history, event and outbox row', async () => {
    // SQLite belongs to one process; PostgreSQL may be shared by several appliances.
    const worlds = await openWorlds(fixture?.dialect === 'postgres' ? 2 : 1);
    const [first = expect.unreachable(), second = first] = worlds;
    for (let round = 0; round < RACES; round += 1) {
      const node = await first.put(await first.enrol(), 'manageable');
      const before = await first.rows();
      const ends = await Promise.allSettled([
        first.store.transaction((tx) => first.nodes.move(tx, { node, event: 'inspect', who: 'user' })),
        second.store.transaction((tx) => second.nodes.move(tx, { node, event: 'provide', who: 'user' })),
      ]);
      const winners = ends.filter((end) => end.status === 'fulfilled');
      const losers = ends.filter((end) => end.status === 'rejected').map((end): unknown => end.reason);
      expect(winners).toHaveLength(1);
      expect(losers).toMatchObject([{ code: 'nodes.changed_meanwhile' }]);
      expect(await first.nodes.get(node.uuid)).toEqual(winners[0]?.value.node);
      expect(await first.rows()).toEqual({ events: before.events + 1, history: before.history + 1, outbox: before.outbox + 1 });
    }
  });

  it('a move and a change at once do not both happen to the same version', async () => {
    const world = await openWorld();
    for (let round = 0; round < RACES; round += 1) {
      const node = await world.enrol();
      const ends = await Promise.allSettled([
        world.store.transaction((tx) => world.nodes.move(tx, { node, event: 'manage', who: 'user' })),
        world.store.transaction((tx) => world.nodes.update(tx, node, { description: 'changed' }, ALICE)),
      ]);
      expect(ends.map((end) => end.status).toSorted()).toEqual(['fulfilled', 'rejected']);
      expect((await world.nodes.get(node.uuid)).version).toBe(2);
    }
  });

  it('of many machines that report one MAC at once, one becomes a node', async () => {
    const world = await openWorld();
    const address = mac('52:54:00:00:00:01');
    const ends = await Promise.allSettled(Array.from({ length: 10 }, () => world.enrol({ ports: [{ address }] })));
    expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(1);
    for (const end of ends) if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'nodes.duplicate_mac' });
    expect(await world.nodes.list({})).toHaveLength(1);
  });

  it('says which value is taken', async () => {
    const world = await openWorld();
    const uuid = parseNodeUuid('11111111-2222-4333-8444-555555555555') ?? expect.unreachable();
    const instanceUuid = '99999999-2222-4333-8444-555555555555';
    await world.enrol({ uuid, name: 'pve1', instanceUuid, ports: [{ address: mac('52:54:00:00:00:01') }] });
    const other = await world.enrol({ name: 'pve2', ports: [{ address: mac('52:54:00:00:00:02') }] });
    const change = (changes: NodeChanges): Promise<Node> => world.store.transaction((tx) => world.nodes.update(tx, other, changes, ALICE));
    const add = (port: PortInput) => world.store.transaction((tx) => world.nodes.ports.add(tx, other.uuid, port));
    expect(await errorOf(() => world.enrol({ uuid }))).toMatchObject({ code: 'nodes.duplicate_uuid' });
    expect(await errorOf(() => world.enrol({ name: 'pve1' }))).toMatchObject({ code: 'nodes.duplicate_name' });
    expect(await errorOf(() => change({ name: 'pve1' }))).toMatchObject({ code: 'nodes.duplicate_name' });
    expect(await errorOf(() => change({ instanceUuid }))).toMatchObject({ code: 'nodes.duplicate_instance' });
    expect(await errorOf(() => add({ address: mac('52:54:00:00:00:01') }))).toMatchObject({ code: 'nodes.duplicate_mac' });
    expect(await world.nodes.get('pve2')).toEqual(other);
  });

  it('lists, pages and filters alike, empty values first', async () => {
    const world = await openWorld();
    for (const name of ['c', null, 'a', null, 'b']) {
      await world.clock.advance(10);
      await world.enrol({ name, description: name === null ? null : `100% ${name}_1` });
    }
    for (const descending of [false, true]) {
      const sort = { key: 'name', descending } as const;
      const all = await world.nodes.list({ sort });
      expect(all.map((node) => node.name ?? '-').join('')).toBe(descending ? 'cba--' : '--abc');
      const marker = all[1]?.uuid ?? expect.unreachable();
      expect(await world.nodes.list({ sort, marker, limit: 2 })).toEqual(all.slice(2, 4));
    }
    const byTime = await world.nodes.list({});
    expect(await world.nodes.list({ marker: byTime[2]?.uuid ?? '' })).toEqual(byTime.slice(3));
    expect((await world.nodes.list({ filters: { descriptionContains: '% a_' } })).map((node) => node.name)).toEqual(['a']);
    expect(await world.nodes.countByState()).toEqual({ enroll: 5 });
  });

  it('keeps the history in the order of the commits', async () => {
    const world = await openWorld();
    let node = await world.put(await world.enrol(), 'manageable');
    for (const event of ['inspect', 'wait', 'resume', 'wait', 'done'] as const)
      node = (await world.store.transaction((tx) => world.nodes.move(tx, { node, event, who: event === 'inspect' ? 'user' : 'system' })))
        .node;
    const history = await world.nodes.history(node.uuid);
    expect(history.map((entry) => entry.event)).toEqual(['done', 'wait', 'resume', 'wait', 'inspect']);
    expect((await world.nodes.history(node.uuid, { limit: 2, before: history[1]?.uuid ?? '' })).map((entry) => entry.to)).toEqual([
      'inspecting',
      'inspect wait',
    ]);
  });

  it('replaces an inventory, and takes everything of a removed node along', async () => {
    const world = await openWorld();
    const node = await world.enrol({ ports: [{ address: mac('52:54:00:00:00:01') }], driverInfo: { ipmi_password: 'calvin' } });
    for (const count of [4, 8])
      await world.store.transaction((tx) => world.nodes.saveInventory(tx, node.uuid, { inventory: { cpu: { count } }, pluginData: {} }));
    expect((await world.nodes.inventory(node.uuid))?.inventory).toEqual({ cpu: { count: 8 } });
    expect((await world.nodes.findByAddresses(['52:54:00:00:00:01'])).map((found) => found.node)).toEqual([node]);
    await world.store.transaction((tx) => world.nodes.remove(tx, node, ALICE));
    expect(await world.nodes.inventory(node.uuid)).toBeUndefined();
    expect(await world.nodes.ports.list({})).toEqual([]);
  });
});
