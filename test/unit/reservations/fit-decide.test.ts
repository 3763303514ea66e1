import { describe, expect, it } from 'vitest';
import type { Node } from '../../../src/nodes/index.ts';
import { backfillFaults, fits, inOrder, keepsAllocation } from '../../../src/reservations/fit-decide.ts';
import type { Allocation } from '../../../src/reservations/index.ts';
import { openWorld } from '../nodes/world.ts';

const ALLOCATION: Allocation = {
  uuid: '11111111-2222-4333-8444-555555555555',
  name: null,
  state: 'allocating',
  nodeUuid: null,
  resourceClass: 'large',
  candidateNodes: [],
  traits: ['CUSTOM_A'],
  owner: null,
  lastError: null,
  extra: {},
  createdAt: 0,
  updatedAt: 0,
};

async function freeNode(): Promise<Node> {
  const world = await openWorld();
  return world.put(await world.enrol({ name: 'n1', resourceClass: 'large', traits: ['CUSTOM_A', 'CUSTOM_B'] }), 'available');
}

describe('a node', () => {
  it('fits when it is free, whole, allowed and what was asked for', async () => {
    const node = await freeNode();
    expect(fits(node, ALLOCATION)).toBe(true);
    const others: readonly Partial<Node>[] = [
      { provisionState: 'manageable' },
      { instanceUuid: ALLOCATION.uuid },
      { maintenance: true },
      { retired: true },
      { ignored: true },
      { observeOnly: true },
      { resourceClass: 'small' },
      { resourceClass: null },
      { traits: ['CUSTOM_B'] },
    ];
    for (const other of others) expect([other, fits({ ...node, ...other }, ALLOCATION)]).toEqual([other, false]);
    expect(fits(node, { ...ALLOCATION, candidateNodes: [ALLOCATION.uuid] })).toBe(false);
    expect(fits(node, { ...ALLOCATION, candidateNodes: [node.uuid] })).toBe(true);
    expect(fits(node, { ...ALLOCATION, owner: 'p1' })).toBe(false);
    expect(fits({ ...node, lessee: 'p1' }, { ...ALLOCATION, owner: 'p1' })).toBe(true);
  });

  it('keeps its allocation while it is active or can not be changed, but for maintenance', async () => {
    const node = await freeNode();
    expect(keepsAllocation(node, ALLOCATION)).toBeUndefined();
    const active = { ...node, provisionState: 'active' } as const;
    expect(keepsAllocation(active, ALLOCATION)).toContain('because the node is active');
    expect(keepsAllocation({ ...active, maintenance: true }, ALLOCATION)).toBeUndefined();
    const cleaning = { ...node, provisionState: 'cleaning', targetProvisionState: 'available' } as const;
    expect(keepsAllocation(cleaning, ALLOCATION)).toContain('in state cleaning where updates are not allowed');
  });

  it('gets an allocation afterwards only when all of it is true of it', async () => {
    const node = await freeNode();
    expect(backfillFaults({ ...node, provisionState: 'active' }, ALLOCATION)).toEqual([]);
    expect(backfillFaults(node, { ...ALLOCATION, resourceClass: 'small', traits: ['CUSTOM_X'], candidateNodes: ['x'] })).toEqual([
      'Node must be in the "active" state, but the current state is "available"',
      'Resource class large does not match the requested resource class small',
      'List of traits CUSTOM_A, CUSTOM_B does not match the requested traits CUSTOM_X',
      'Candidate nodes must be empty or contain the target node, but got x',
    ]);
  });
});

describe('candidates', () => {
  const some = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ uuid: name, name, traits: [] }));

  it('are tried in an order by chance, each once', () => {
    const orders = new Set<string>();
    for (let seed = 1; seed <= 50; seed += 1) {
      let state = seed;
      const chance = (): number => {
        state = (state * 48_271) % 2_147_483_647;
        return state / 2_147_483_647;
      };
      const order = inOrder(some, { name: null }, chance).map(({ uuid }) => uuid);
      expect(order.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
      orders.add(order.join(''));
    }
    expect(orders.size).toBeGreaterThan(20);
  });

  it('begin with the one that has the name of the allocation', () => {
    expect(inOrder(some, { name: 'd' }, () => 0.3)[0]).toMatchObject({ name: 'd' });
    expect(inOrder(some, { name: 'z' }, () => 0.3)).toHaveLength(5);
  });
});
