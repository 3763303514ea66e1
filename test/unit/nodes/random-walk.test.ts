import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  FIRST_STATE,
  isProvisionState,
  MOVES,
  nextState,
  type ProvisionEvent,
  type ProvisionState,
  stateOf,
  WHO,
} from '../../../src/nodes/index.ts';
import { errorOf, openWorld } from './world.ts';

const EVENTS: readonly ProvisionEvent[] = [...new Set(MOVES.map((move) => move.event))];

it('no sequence of events leaves the states of the table', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 200 }), (events) => {
      let state: ProvisionState = FIRST_STATE;
      for (const event of events) {
        const next = nextState(state, event);
        if (next.ok) state = next.move.to;
        expect(isProvisionState(state)).toBe(true);
      }
    }),
  );
});

it('the history of a node, replayed from the first state, gives the state it is in', async () => {
  const world = await openWorld();
  const step = fc.record({ event: fc.constantFrom(...EVENTS), who: fc.constantFrom(...WHO), rollBack: fc.boolean() });
  // A pull that the table has, out of the state the node is in, so that walks get far; or any other, which must be refused.
  const walk = fc.array(fc.oneof({ weight: 4, arbitrary: fc.nat() }, { weight: 1, arbitrary: step }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(walk, async (steps) => {
      let node = await world.enrol();
      for (const one of steps) {
        const open = MOVES.filter((move) => move.from === node.provisionState);
        const chosen = typeof one === 'number' ? open[one % open.length] : undefined;
        const pull =
          chosen === undefined ? (typeof one === 'number' ? undefined : one) : { event: chosen.event, who: chosen.who[0], rollBack: false };
        if (pull === undefined) continue;
        try {
          await world.store.transaction(async (tx) => {
            node = (await world.nodes.move(tx, { node, event: pull.event, who: pull.who })).node;
            if (pull.rollBack) throw new Error('rolled back');
          });
        } catch {
          // Refused or rolled back: as it was.
          node = await world.nodes.get(node.uuid);
        }
      }
      const history = (await world.nodes.history(node.uuid)).toReversed();
      let replayed: ProvisionState = FIRST_STATE;
      for (const entry of history) {
        expect(entry.from).toBe(replayed);
        const next = nextState(replayed, entry.event);
        replayed = next.ok ? next.move.to : expect.unreachable(next.reason);
        expect(entry.to).toBe(replayed);
      }
      const stored = await world.nodes.get(node.uuid);
      expect(stored.provisionState).toBe(replayed);
      expect(stored.version).toBe(history.length + 1);
      expect(stored.targetProvisionState === null).toBe(stateOf(replayed).kind === 'stable');
    }),
    { numRuns: 25 },
  );
  expect((await errorOf(() => world.nodes.get('none'))).code).toBe('nodes.not_found');
});
