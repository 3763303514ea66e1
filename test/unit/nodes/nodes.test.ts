import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/lib/index.ts';
import { MAX_PAGE, type Node, type NodeChanges, parseNodeUuid, SealedSecret } from '../../../src/nodes/index.ts';
import { containing } from '../../support/containing.ts';
import { ALICE, errorOf, mac, openWorld, type World } from './world.ts';

const SYSTEM = { who: 'system' } as const;
const update = (world: World, node: Node, changes: NodeChanges, by: { who: 'user' | 'system' } = ALICE): Promise<Node> =>
  world.store.transaction((tx) => world.nodes.update(tx, node, changes, by));

describe('a new node', () => {
  it('is in enroll, with its ports, and is announced', async () => {
    const world = await openWorld();
    const node = await world.enrol({
      name: 'pve1',
      resourceClass: 'mini',
      smbiosUuid: '4c4c4544-0042-3510-8051-b4c04f4d3532',
      properties: { cpus: 8, capabilities: { boot_mode: 'uefi' } },
      ports: [{ address: mac('52:54:00:00:00:01') }, { address: mac('52:54:00:00:00:02'), pxeEnabled: false, name: 'lan1' }],
    });
    expect(node).toMatchObject({ provisionState: 'enroll', targetProvisionState: null, version: 1, createdAt: world.clock.now() });
    expect(await world.nodes.get('pve1')).toEqual(node);
    expect(await world.nodes.get(node.uuid.toUpperCase())).toEqual(node);
    const ports = await world.nodes.ports.list({ nodeUuid: node.uuid });
    expect(ports.map((port) => `${port.address} ${port.pxeEnabled} ${port.name}`).toSorted()).toEqual([
      '52:54:00:00:00:01 true null',
      '52:54:00:00:00:02 false lan1',
    ]);
    const events = await world.store.events.list({ after: 0, limit: 10 });
    expect(events.map((event) => event.type)).toEqual(['node.created', 'node.port_added', 'node.port_added']);
    expect(events[0]?.message).toBe('node pve1 enrolled by user alice');
  });

  it('may bring its own UUID, once', async () => {
    const world = await openWorld();
    const uuid = parseNodeUuid('11111111-2222-4333-8444-555555555555') ?? expect.unreachable();
    expect((await world.enrol({ uuid })).uuid).toBe(uuid);
    expect(await errorOf(() => world.enrol({ uuid }))).toMatchObject({ code: 'nodes.duplicate_uuid' });
  });

  it('is not made at all when one of its MACs belongs to another node', async () => {
    const world = await openWorld();
    await world.enrol({ name: 'old', ports: [{ address: mac('52:54:00:00:00:01') }] });
    const before = await world.rows();
    const error = await errorOf(() => world.enrol({ name: 'new', ports: [{ address: mac('5254.0000.0001') }] }));
    expect(error).toMatchObject({ code: 'nodes.duplicate_mac', message: containing('52:54:00:00:00:01') });
    expect(await world.nodes.find('new')).toBeUndefined();
    expect(await world.rows()).toEqual(before);
  });

  it('has a name that no other has', async () => {
    const world = await openWorld();
    await world.enrol({ name: 'pve1' });
    expect(await errorOf(() => world.enrol({ name: 'pve1' }))).toMatchObject({
      code: 'nodes.duplicate_name',
      message: 'A node with name pve1 already exists.',
    });
    await world.enrol();
    await world.enrol();
    expect(await world.nodes.list({})).toHaveLength(3);
  });
});

describe('changing a node', () => {
  it('raises the version, keeps what was not named and says which fields changed, never their values', async () => {
    const world = await openWorld();
    const node = await world.enrol({ name: 'pve1', extra: { rack: 3 } });
    await world.clock.advance(1000);
    const changed = await update(world, node, { resourceClass: 'large', properties: { cpus: 64 } });
    expect(changed).toEqual({ ...node, resourceClass: 'large', properties: { cpus: 64 }, version: 2, updatedAt: world.clock.now() });
    const [event] = (await world.store.events.list({ after: 0, limit: 10 })).slice(-1);
    expect(event).toMatchObject({ type: 'node.updated', data: { fields: ['resourceClass', 'properties'], version: 2, actor: 'alice' } });
    expect(JSON.stringify(event)).not.toContain('large');
  });

  it('is refused on a node that is no longer as it was read', async () => {
    const world = await openWorld();
    const node = await world.enrol();
    await update(world, node, { description: 'first' });
    expect(await errorOf(() => update(world, node, { description: 'second' }))).toMatchObject({ code: 'nodes.changed_meanwhile' });
    expect((await world.nodes.get(node.uuid)).description).toBe('first');
  });

  it('is refused to users while work is under way, but not maintenance, and not to the system', async () => {
    const world = await openWorld();
    let node = await world.put(await world.enrol(), 'deploying', 'active');
    expect(await errorOf(() => update(world, node, { resourceClass: 'x' }))).toMatchObject({ code: 'nodes.under_way' });
    node = await update(world, node, { maintenance: true, maintenanceReason: 'smoke' });
    node = await update(world, node, { powerState: 'power on', driverInternalInfo: { step: 3 } }, SYSTEM);
    expect(node).toMatchObject({ maintenance: true, powerState: 'power on', driverInternalInfo: { step: 3 } });
  });

  it('forgets the reason and the fault with the maintenance', async () => {
    const world = await openWorld();
    const broken = await update(world, await world.enrol(), { maintenance: true, maintenanceReason: 'no power', fault: 'power failure' });
    expect(await update(world, broken, { maintenance: false })).toMatchObject({ maintenance: false, maintenanceReason: null, fault: null });
  });

  it('protects only what is in use, and forgets the reason with the protection', async () => {
    const world = await openWorld();
    const idle = await world.enrol();
    expect(await errorOf(() => update(world, idle, { protected: true }))).toMatchObject({ code: 'nodes.wrong_state' });
    expect(await errorOf(() => update(world, idle, { protectedReason: 'why' }))).toMatchObject({ code: 'nodes.bad_field' });
    const active = await world.put(idle, 'active');
    const kept = await update(world, active, { protected: true, protectedReason: 'in a cluster' });
    expect(await update(world, kept, { protected: false })).toMatchObject({ protected: false, protectedReason: null });
  });

  it('that is refused leaves it as it was', async () => {
    const world = await openWorld();
    const node = await world.enrol();
    expect(await errorOf(() => update(world, node, { description: 'fine', name: 'a/b' }))).toMatchObject({ code: 'nodes.bad_name' });
    expect(await errorOf(() => update(world, node, { extra: { blob: 'x'.repeat(65_536) } }))).toMatchObject({ code: 'nodes.too_large' });
    expect(await world.nodes.get(node.uuid)).toEqual(node);
  });
});

describe('secrets in driver_info', () => {
  it('are sealed when stored, by type and by key, and opened only when asked', async () => {
    const world = await openWorld();
    const node = await world.enrol({
      driverInfo: { redfish_address: 'https://10.0.0.9', redfish_username: 'root', redfish_password: 'calvin', pin: new Secret('1234') },
    });
    const { driver_info: stored } = await world.store.db.selectFrom('nodes').select('driver_info').executeTakeFirstOrThrow();
    expect(stored).toContain('10.0.0.9');
    expect(stored).not.toMatch(/calvin|1234/);
    expect(node.driverInfo.redfish_password).toBeInstanceOf(SealedSecret);
    expect(JSON.stringify(node)).not.toMatch(/calvin|1234/);
    expect(JSON.stringify(node.driverInfo)).toContain('"redfish_password":"***"');
    const opened = world.nodes.openDriverInfo(node);
    expect(opened.redfish_username).toBe('root');
    expect([opened.redfish_password, opened.pin].map((value) => (value instanceof Secret ? value.reveal() : value))).toEqual([
      'calvin',
      '1234',
    ]);
  });

  it('survive a change of something else beside them, also when they stand deep or are moved to another key', async () => {
    const world = await openWorld();
    const node = await world.enrol({ driverInfo: { outlet: { api_token: 'abc' }, list: [{ secret: 'def' }] } });
    const { outlet, ...rest } = node.driverInfo;
    const moved = await update(world, node, { driverInfo: { ...rest, plug: outlet ?? null, note: 'moved' } });
    const opened = JSON.stringify(world.nodes.openDriverInfo(moved), (_key, value: unknown) =>
      value instanceof Secret ? value.reveal() : value,
    );
    // toJSON runs before a replacer sees the value, so nothing is revealed by printing.
    expect(opened).toBe('{"list":[{"secret":"***"}],"plug":{"api_token":"***"},"note":"moved"}');
    const plug = world.nodes.openDriverInfo(moved).plug;
    const token = typeof plug === 'object' && plug !== null && 'api_token' in plug ? plug.api_token : undefined;
    expect(token instanceof Secret ? token.reveal() : token).toBe('abc');
  });

  it('of one node can not be opened as those of another', async () => {
    const world = await openWorld();
    const victim = await world.enrol({ driverInfo: { ipmi_password: 'calvin' } });
    const thief = await world.enrol();
    const { driver_info: stored } = await world.store.db
      .selectFrom('nodes')
      .select('driver_info')
      .where('uuid', '=', victim.uuid)
      .executeTakeFirstOrThrow();
    await world.store.db.updateTable('nodes').set({ driver_info: stored }).where('uuid', '=', thief.uuid).execute();
    const copied = await world.nodes.get(thief.uuid);
    expect((await errorOf(() => world.nodes.openDriverInfo(copied))).code).toBe('store.sealed_invalid');
  });

  it.each([
    ['the row of asterisks that a secret is shown as', { ipmi_password: '******' }],
    ['a sealed value from outside', { ipmi_password: { $sealed: 'forged' } }],
  ])('do not take %s', async (_what, driverInfo) => {
    const world = await openWorld();
    expect(await errorOf(() => world.enrol({ driverInfo }))).toMatchObject({ code: 'nodes.bad_field' });
  });
});

describe('lists', () => {
  it('go on from the marker without a gap or a repeat, in every order', async () => {
    const world = await openWorld();
    for (let index = 0; index < 23; index += 1) {
      if (index % 4 === 0) await world.clock.advance(10);
      await world.enrol({ ...(index % 3 === 0 ? {} : { name: `node-${index}` }), resourceClass: index % 2 === 0 ? 'mini' : null });
    }
    for (const key of ['created_at', 'name', 'uuid', 'resource_class', 'provision_updated_at'] as const) {
      for (const descending of [false, true]) {
        const all = await world.nodes.list({ sort: { key, descending } });
        const paged: Node[] = [];
        for (let marker: string | undefined; ; marker = paged.at(-1)?.uuid) {
          const page = await world.nodes.list({ sort: { key, descending }, limit: 5, ...(marker === undefined ? {} : { marker }) });
          paged.push(...page);
          if (page.length < 5) break;
        }
        expect(
          paged.map((node) => node.uuid),
          `${key} ${descending}`,
        ).toEqual(all.map((node) => node.uuid));
        expect(new Set(paged.map((node) => node.uuid)).size).toBe(23);
      }
    }
  });

  it('filter by what Ironic filters by', async () => {
    const world = await openWorld();
    const instance = '11111111-2222-4333-8444-555555555555';
    await world.enrol({ name: 'a', driver: 'redfish', resourceClass: 'large', owner: 'ops', description: '100% in rack_3' });
    const broken = await world.enrol({ name: 'b', maintenance: true, fault: 'power failure', instanceUuid: instance });
    await world.put(await world.enrol({ name: 'c', ignored: true }), 'active');
    const names = async (filters: Parameters<typeof world.nodes.list>[0]['filters']): Promise<string> =>
      (await world.nodes.list({ filters: filters ?? {}, sort: { key: 'name' } })).map((node) => node.name).join('');
    expect(await names({})).toBe('abc');
    expect(await names({ provisionState: 'active' })).toBe('c');
    expect(await names({ provisionState: ['active', 'enroll'] })).toBe('abc');
    expect(await names({ provisionState: [] })).toBe('');
    expect(await names({ maintenance: true })).toBe('b');
    expect(await names({ maintenance: false })).toBe('ac');
    expect(await names({ driver: 'redfish' })).toBe('a');
    expect(await names({ resourceClass: 'large' })).toBe('a');
    expect(await names({ associated: true })).toBe('b');
    expect(await names({ associated: false })).toBe('ac');
    expect(await names({ instanceUuid: instance })).toBe('b');
    expect(await names({ fault: 'power failure' })).toBe('b');
    expect(await names({ ignored: true })).toBe('c');
    expect(await names({ owner: 'ops' })).toBe('a');
    expect(await names({ descriptionContains: '0% in rack_3' })).toBe('a');
    expect(await names({ descriptionContains: 'rackX3' })).toBe('');
    expect(await world.nodes.countByState()).toEqual({ enroll: 2, active: 1 });
    expect(broken.maintenance).toBe(true);
  });

  it('refuse a limit or marker that does not exist, and cap the page', async () => {
    const world = await openWorld();
    await world.enrol();
    expect(await errorOf(() => world.nodes.list({ limit: 0 }))).toMatchObject({ code: 'nodes.bad_query' });
    expect(await errorOf(() => world.nodes.list({ marker: 'gone' }))).toMatchObject({ code: 'nodes.bad_query' });
    expect(await world.nodes.list({ limit: MAX_PAGE * 100 })).toHaveLength(1);
  });
});

describe('removing a node', () => {
  it('takes its ports, inventory and history along and is announced', async () => {
    const world = await openWorld();
    let node = await world.enrol({ name: 'pve1', ports: [{ address: mac('52:54:00:00:00:01') }] });
    await world.store.transaction((tx) => world.nodes.saveInventory(tx, node.uuid, { inventory: { cpu: { count: 4 } }, pluginData: {} }));
    node = (await world.store.transaction((tx) => world.nodes.move(tx, { node, event: 'manage', who: 'user' }))).node;
    node = (await world.store.transaction((tx) => world.nodes.move(tx, { node, event: 'done', who: 'system' }))).node;
    await world.store.transaction((tx) => world.nodes.remove(tx, node, ALICE));
    expect(await world.nodes.find('pve1')).toBeUndefined();
    expect(await world.nodes.ports.findByAddress(mac('52:54:00:00:00:01'))).toBeUndefined();
    expect(await world.nodes.inventory(node.uuid)).toBeUndefined();
    expect(await world.nodes.history(node.uuid)).toEqual([]);
    expect((await world.store.events.list({ after: 0, limit: 100 })).at(-1)).toMatchObject({ type: 'node.removed', nodeUuid: node.uuid });
  });

  it('is refused in use, with an instance, or protected; maintenance lifts all but the protection', async () => {
    const world = await openWorld();
    const instanceUuid = '11111111-2222-4333-8444-555555555555';
    const remove = (node: Node): Promise<void> => world.store.transaction((tx) => world.nodes.remove(tx, node, ALICE));
    const active = await world.put(await world.enrol(), 'active');
    expect(await errorOf(() => remove(active))).toMatchObject({ code: 'nodes.not_deletable' });
    expect(await errorOf(async () => remove(await world.enrol({ instanceUuid })))).toMatchObject({ code: 'nodes.has_instance' });
    const kept = await update(world, active, { protected: true, maintenance: true });
    expect(await errorOf(() => remove(kept))).toMatchObject({ code: 'nodes.protected' });
    const free = await update(world, kept, { protected: false });
    await remove(free);
    expect(await world.nodes.find(active.uuid)).toBeUndefined();
  });

  it('is refused for a node that has changed since it was read', async () => {
    const world = await openWorld();
    const node = await world.enrol();
    await update(world, node, { description: 'wait, I need it' });
    expect(await errorOf(() => world.store.transaction((tx) => world.nodes.remove(tx, node, ALICE)))).toMatchObject({
      code: 'nodes.changed_meanwhile',
    });
    expect(await world.nodes.find(node.uuid)).toBeDefined();
  });
});

describe('an inventory', () => {
  it('is replaced by the next one', async () => {
    const world = await openWorld();
    const node = await world.enrol();
    const save = (count: number): Promise<unknown> =>
      world.store.transaction((tx) =>
        world.nodes.saveInventory(tx, node.uuid, { inventory: { cpu: { count } }, pluginData: { logs: 'x' } }),
      );
    await save(4);
    await world.clock.advance(5000);
    await save(8);
    expect(await world.nodes.inventory(node.uuid)).toEqual({
      nodeUuid: node.uuid,
      inventory: { cpu: { count: 8 } },
      pluginData: { logs: 'x' },
      receivedAt: world.clock.now(),
    });
  });

  it('is refused when it is larger than its cap, and when there is no such node', async () => {
    const world = await openWorld();
    const node = await world.enrol();
    const uuid = parseNodeUuid('11111111-2222-4333-8444-555555555555') ?? expect.unreachable();
    const huge = { inventory: { disks: 'x'.repeat(1024 * 1024) }, pluginData: {} };
    expect(await errorOf(() => world.store.transaction((tx) => world.nodes.saveInventory(tx, node.uuid, huge)))).toMatchObject({
      code: 'nodes.too_large',
    });
    const small = { inventory: {}, pluginData: {} };
    expect(await errorOf(() => world.store.transaction((tx) => world.nodes.saveInventory(tx, uuid, small)))).toMatchObject({
      code: 'nodes.not_found',
    });
  });
});
