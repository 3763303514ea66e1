import { describe, expect, it } from 'vitest';
import { changeRefusal, type Node, type NodeChanges, type NodeFilters } from '../../../src/nodes/index.ts';
import { nodeOfRow } from '../../../src/nodes/model.ts';
import { withConsequences } from '../../../src/nodes/rules.ts';
import { errorOf, nodeRow, openWorld } from './world.ts';

const INSTANCE = '99999999-2222-4333-8444-555555555555';
const OTHER = '88888888-2222-4333-8444-555555555555';
const node = (more: Partial<Node>): Node => ({ ...nodeOfRow(nodeRow()), ...more });
const codeOf = (before: Partial<Node>, changes: NodeChanges, who: 'user' | 'system' = 'user'): string | undefined =>
  changeRefusal(node(before), changes, who)?.code;

describe('changes that a state does not allow', () => {
  it('retire no available node, and keep no reason without retirement', () => {
    expect(codeOf({ provisionState: 'available' }, { retired: true })).toBe('nodes.wrong_state');
    expect(codeOf({ provisionState: 'manageable' }, { retired: true, retiredReason: 'old' })).toBeUndefined();
    expect(codeOf({ provisionState: 'manageable' }, { retiredReason: 'old' })).toBe('nodes.bad_field');
    expect(withConsequences({ retired: false })).toMatchObject({ retiredReason: null });
  });

  it('put no second instance on a node, and take one away only where nothing needs it', () => {
    expect(codeOf({ instanceUuid: INSTANCE }, { instanceUuid: OTHER })).toBe('nodes.has_instance');
    expect(codeOf({ instanceUuid: INSTANCE }, { instanceUuid: INSTANCE })).toBeUndefined();
    const allocated = { instanceUuid: INSTANCE, allocationUuid: INSTANCE, provisionState: 'active' } as const;
    expect(codeOf(allocated, { instanceUuid: null })).toBe('nodes.wrong_state');
    expect(codeOf({ ...allocated, maintenance: true }, { instanceUuid: null })).toBeUndefined();
    expect(codeOf({ ...allocated, provisionState: 'available' }, { instanceUuid: null })).toBeUndefined();
    expect(withConsequences({ instanceUuid: null })).toMatchObject({ allocationUuid: null });
  });

  it('free a broken machine of its instance in any state, under maintenance and alone', () => {
    const busy = { instanceUuid: INSTANCE, maintenance: true, provisionState: 'deploying', targetProvisionState: 'active' } as const;
    expect(codeOf(busy, { instanceUuid: null })).toBeUndefined();
    expect(codeOf({ ...busy, maintenance: false }, { instanceUuid: null })).toBe('nodes.under_way');
    expect(codeOf(busy, { instanceUuid: null, name: 'x' })).toBe('nodes.under_way');
  });

  it('leave what drives a deployed machine, and what it is sold as', () => {
    const active = { provisionState: 'active', resourceClass: 'big' } as const;
    expect(codeOf(active, { interfaces: { power: 'fake' } })).toBe('nodes.wrong_state');
    expect(codeOf({ ...active, maintenance: true }, { interfaces: { power: 'fake' } })).toBeUndefined();
    expect(codeOf(active, { resourceClass: 'small' })).toBe('nodes.wrong_state');
    expect(codeOf({ ...active, resourceClass: null }, { resourceClass: 'small' })).toBeUndefined();
    expect(codeOf({ provisionState: 'manageable' }, { interfaces: { power: 'fake' }, resourceClass: 'small' })).toBeUndefined();
    expect(codeOf({ consoleEnabled: true }, { driver: 'ipmi' })).toBe('nodes.wrong_state');
    expect(codeOf(active, { interfaces: { power: 'fake' } }, 'system')).toBeUndefined();
  });
});

describe('what a node names', () => {
  it('must exist: its chassis, its parent, which is another node', async () => {
    const world = await openWorld();
    const { store, nodes } = world;
    expect(await errorOf(() => world.enrol({ chassisUuid: OTHER }))).toMatchObject({ code: 'nodes.no_such_link' });
    expect(await errorOf(() => world.enrol({ parentNode: OTHER }))).toMatchObject({ code: 'nodes.no_such_link' });
    const parent = await world.enrol();
    const child = await world.enrol({ parentNode: parent.uuid });
    const update = (changes: NodeChanges) => store.transaction((tx) => nodes.update(tx, child, changes, { who: 'user' }));
    expect(await errorOf(() => update({ parentNode: child.uuid }))).toMatchObject({ code: 'nodes.no_such_link' });
    expect(await nodes.list({ filters: { parentNode: null } })).toMatchObject([{ uuid: parent.uuid }]);
    expect(await nodes.list({ filters: { parentNode: parent.uuid } })).toMatchObject([{ uuid: child.uuid }]);
  });

  it('goes with it: the allocation when the instance is taken away; its owner stays while another project holds it', async () => {
    const world = await openWorld();
    const { store, nodes } = world;
    const made = await world.enrol({ instanceUuid: INSTANCE, allocationUuid: INSTANCE, owner: 'a' });
    const row = { uuid: INSTANCE, name: null, state: 'active', node_uuid: made.uuid, resource_class: 'big', candidate_nodes: '[]' };
    const rest = { traits: '[]', owner: 'b', last_error: null, extra: '{}', created_at: 1, updated_at: 1 };
    await store.db
      .insertInto('allocations')
      .values({ ...row, ...rest })
      .execute();
    const update = (changes: NodeChanges) => store.transaction((tx) => nodes.update(tx, made, changes, { who: 'user' }));
    expect(await errorOf(() => update({ owner: 'c' }))).toMatchObject({ code: 'nodes.wrong_state' });
    expect(await update({ instanceUuid: null })).toMatchObject({ instanceUuid: null, allocationUuid: null });
    expect(await store.db.selectFrom('allocations').selectAll().execute()).toEqual([]);
  });
});

describe('lists of nodes', () => {
  it('filter by everything that Ironic filters by', async () => {
    const world = await openWorld();
    const { nodes } = world;
    const names = async (filters: NodeFilters) => (await nodes.list({ filters, sort: { key: 'name' } })).map(({ name }) => name);
    await world.enrol({ name: 'a', shard: 's1', owner: 'p', instanceName: 'web', conductorGroup: 'g', retired: true });
    await world.enrol({ name: 'b', shard: 's2', lessee: 'p', instanceUuid: INSTANCE, description: '50% faster' });
    await world.enrol({ name: 'c' });
    expect(await names({ shards: ['s1', 's2'] })).toEqual(['a', 'b']);
    expect(await names({ sharded: false })).toEqual(['c']);
    expect(await names({ sharded: true })).toEqual(['a', 'b']);
    expect(await names({ project: 'p' })).toEqual(['a', 'b']);
    expect(await names({ instanceName: 'web' })).toEqual(['a']);
    expect(await names({ conductorGroup: 'g' })).toEqual(['a']);
    expect(await names({ retired: true })).toEqual(['a']);
    expect(await names({ associated: true })).toEqual(['b']);
    expect(await names({ descriptionContains: '50%' })).toEqual(['b']);
    expect(await nodes.countByShard()).toEqual([
      { name: null, count: 1 },
      { name: 's1', count: 1 },
      { name: 's2', count: 1 },
    ]);
  });
});
