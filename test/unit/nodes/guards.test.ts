import { describe, expect, it } from 'vitest';
import { MOVES, type Move, moveRefusal } from '../../../src/nodes/index.ts';
import { nodeOfRow } from '../../../src/nodes/model.ts';
import { containing } from '../../support/containing.ts';
import { errorOf, nodeRow, openWorld } from './world.ts';

const ALL_MOVES: readonly Move[] = MOVES;

const node = nodeOfRow(nodeRow());

const CASES = [
  { guard: 'protected', code: 'nodes.protected', with: { protected: true, protectedReason: 'carries 3 OSDs' } },
  { guard: 'maintenance', code: 'nodes.in_maintenance', with: { maintenance: true, maintenanceReason: 'carries 3 OSDs' } },
  { guard: 'ignored', code: 'nodes.ignored', with: { ignored: true } },
  { guard: 'automatic_clean', code: 'nodes.manual_clean', with: { targetProvisionState: 'manageable' } },
] as const;

describe.each(CASES)('the guard $guard', ({ guard, code, with: more }) => {
  it('refuses every move that names it and no other', () => {
    for (const move of ALL_MOVES) {
      const refusal = moveRefusal({ ...node, ...more, provisionState: move.from }, move.event, move.who[0] ?? expect.unreachable());
      expect(refusal?.code, `${move.from} ${move.event}`).toBe(move.guards?.includes(guard) === true ? code : undefined);
    }
  });

  it('says what it refuses and what to do', () => {
    const move = ALL_MOVES.find((row) => row.guards?.includes(guard) === true) ?? expect.unreachable();
    const refusal = moveRefusal({ ...node, ...more, provisionState: move.from }, move.event, move.who[0] ?? 'user');
    expect(refusal?.message).toContain('pve1');
    expect(refusal?.hint).toMatch(/\.$/);
  });
});

it('a refused move changes nothing in the store', async () => {
  const world = await openWorld();
  const kept = await world.put(await world.enrol({ protected: true, protectedReason: 'in the cluster homelab' }), 'active');
  const before = await world.rows();
  const error = await errorOf(() => world.store.transaction((tx) => world.nodes.move(tx, { node: kept, event: 'delete', who: 'user' })));
  expect(error).toMatchObject({ code: 'nodes.protected', message: containing('in the cluster homelab') });
  expect(await world.nodes.get(kept.uuid)).toEqual(kept);
  expect(await world.rows()).toEqual(before);
});
