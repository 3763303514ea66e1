import { expect, it } from 'vitest';
import {
  eventOfVerb,
  MOVES,
  type Move,
  moveRefusal,
  type Node,
  nextState,
  type ProvisionEvent,
  STATE_NAMES,
  targetAfter,
  verbsFrom,
  WHO,
  type Who,
} from '../../../src/nodes/index.ts';
import { nodeOfRow } from '../../../src/nodes/model.ts';
import { errorOf, nodeRow, openWorld, type World } from './world.ts';

const EVENTS: readonly ProvisionEvent[] = [...new Set(MOVES.map((move) => move.event))];
const ALL_MOVES: readonly Move[] = MOVES;

async function moveOnce(
  world: World,
  node: Node,
  event: ProvisionEvent,
  who: Who,
  more: { reason?: string; lastError?: string; actor?: string } = {},
) {
  return world.store.transaction((tx) => world.nodes.move(tx, { node, event, who, ...more }));
}

it('makes every move of the table: state, target, version, history, event and outbox row', async () => {
  const world = await openWorld();
  const enrolled = await world.enrol({ name: 'pve1' });
  for (const move of ALL_MOVES) {
    const node = await world.put(enrolled, move.from);
    const who = move.who[0] ?? expect.unreachable();
    const before = await world.rows();
    await world.clock.advance(1000);

    const { node: moved, eventSeq } = await moveOnce(world, node, move.event, who, { actor: 'alice', reason: 'because' });

    const where = `${move.from} ${move.event}`;
    expect(await world.nodes.get('pve1'), where).toEqual(moved);
    expect(moved, where).toMatchObject({
      provisionState: move.to,
      targetProvisionState: targetAfter(move, null),
      provisionUpdatedAt: world.clock.now(),
      updatedAt: world.clock.now(),
      version: node.version + 1,
    });
    expect(await world.rows(), where).toEqual({ events: before.events + 1, history: before.history + 1, outbox: before.outbox + 1 });
    const [entry] = await world.nodes.history(node.uuid, { limit: 1 });
    const { from, to, event } = move;
    expect(entry, where).toMatchObject({ from, to, event, who, actor: 'alice', reason: 'because', at: world.clock.now() });
    const [stored] = await world.store.events.list({ after: eventSeq - 1, limit: 1 });
    expect(stored, where).toMatchObject({
      type: 'node.moved',
      nodeUuid: node.uuid,
      data: { from, to, event, who, version: moved.version },
    });
    const sent = await world.store.db.selectFrom('outbox').selectAll().where('event_seq', '=', eventSeq).executeTakeFirstOrThrow();
    expect(sent.kind, where).toBe('node.moved');
    expect(JSON.parse(sent.payload), where).toMatchObject({ node: node.uuid, from, to, event });
  }
});

it('refuses every other event in every state, for everybody, and changes nothing', async () => {
  const world = await openWorld();
  const enrolled = await world.enrol();
  const before = await world.rows();
  let refused = 0;
  for (const state of STATE_NAMES) {
    const node = await world.put(enrolled, state);
    for (const event of EVENTS) {
      const next = nextState(state, event);
      for (const who of WHO.filter((one) => !next.ok || !next.move.who.includes(one))) {
        const error = await errorOf(() => moveOnce(world, node, event, who));
        expect(error.code, `${state} ${event} ${who}`).toBe(next.ok ? 'nodes.wrong_mover' : 'nodes.move_refused');
        expect(error.hint, `${state} ${event}`).toMatch(/\.$/);
        refused += 1;
      }
    }
    expect(await world.nodes.get(node.uuid), state).toEqual(node);
  }
  expect(await world.rows()).toEqual(before);
  const allowed = ALL_MOVES.reduce((sum, move) => sum + move.who.length, 0);
  expect(refused).toBe(STATE_NAMES.length * EVENTS.length * WHO.length - allowed);
});

it('says in a refusal which verbs are possible', async () => {
  const world = await openWorld();
  const node = await world.put(await world.enrol({ name: 'pve1' }), 'clean failed', 'available');
  const error = await errorOf(() => moveOnce(world, node, 'deploy', 'user'));
  expect(error.message).toBe('node pve1 can not deploy: deploy leads nowhere from clean failed');
  expect(error.hint).toBe('From clean failed possible are manage.');
});

it('leaves nothing behind when the transaction is rolled back', async () => {
  const world = await openWorld();
  const node = await world.enrol();
  const before = await world.rows();
  await errorOf(() =>
    world.store.transaction(async (tx) => {
      await world.nodes.move(tx, { node, event: 'manage', who: 'user' });
      throw new Error('what the caller did next failed');
    }),
  );
  expect(await world.nodes.get(node.uuid)).toEqual(node);
  expect(await world.rows()).toEqual(before);
});

it('refuses a move of a node that somebody else has changed since it was read', async () => {
  const world = await openWorld();
  const node = await world.enrol();
  await world.store.transaction((tx) => world.nodes.update(tx, node, { description: 'newer' }, { who: 'user' }));
  const before = await world.rows();
  const error = await errorOf(() => moveOnce(world, node, 'manage', 'user'));
  expect(error).toMatchObject({ code: 'nodes.changed_meanwhile', retryable: true });
  expect(await world.rows()).toEqual(before);
});

it('tells a move of a removed node from one of a changed node', async () => {
  const world = await openWorld();
  const node = await world.enrol();
  await world.store.transaction((tx) => world.nodes.remove(tx, node, { who: 'user' }));
  expect(await errorOf(() => moveOnce(world, node, 'manage', 'user'))).toMatchObject({ code: 'nodes.not_found' });
});

it('lets exactly one of two moves at once win', async () => {
  const world = await openWorld();
  const node = await world.put(await world.enrol(), 'manageable');
  const events = ['inspect', 'provide'] as const;
  const ends = await Promise.allSettled(events.map((event) => moveOnce(world, node, event, 'user')));
  expect(ends.map((end) => end.status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(await world.nodes.history(node.uuid)).toHaveLength(1);
});

it('keeps the last error to be read and wipes it when new work starts', async () => {
  const world = await openWorld();
  const node = await world.put(await world.enrol(), 'verifying', 'manageable');
  const failed = await moveOnce(world, node, 'fail', 'system', { lastError: 'the BMC does not answer' });
  expect(failed.node).toMatchObject({ provisionState: 'enroll', lastError: 'the BMC does not answer' });
  expect((await world.nodes.history(node.uuid))[0]).toMatchObject({ severity: 'error', reason: 'the BMC does not answer' });
  const again = await moveOnce(world, failed.node, 'manage', 'user');
  expect(again.node.lastError).toBeNull();
});

it('never fails without an error to read', async () => {
  const world = await openWorld();
  const node = await world.put(await world.enrol(), 'clean wait', 'available');
  const { node: failed } = await moveOnce(world, node, 'abort', 'user', { actor: 'alice' });
  expect(failed.lastError).toBe('Waiting for cleaning: abort by user alice, without a reason');
});

it('keeps the times of inspection as Ironic does', async () => {
  const world = await openWorld();
  const start = world.clock.now();
  const idle = await world.put(await world.enrol(), 'manageable');
  const { node: inspecting } = await moveOnce(world, idle, 'inspect', 'user');
  expect(inspecting).toMatchObject({ inspectionStartedAt: start, inspectionFinishedAt: null });
  const { node: waiting } = await moveOnce(world, inspecting, 'wait', 'system');
  expect(waiting).toMatchObject({ inspectionStartedAt: start, inspectionFinishedAt: null });
  await world.clock.advance(5000);
  const { node: done } = await moveOnce(world, waiting, 'done', 'system');
  expect(done).toMatchObject({ inspectionStartedAt: null, inspectionFinishedAt: start + 5000 });
  const { node: again } = await moveOnce(world, done, 'inspect', 'user');
  const { node: failed } = await moveOnce(world, again, 'fail', 'system', { lastError: 'no agent' });
  expect(failed).toMatchObject({ inspectionStartedAt: null, inspectionFinishedAt: null });
});

it('sorts the history by commit, also when the clock runs backwards', async () => {
  const world = await openWorld();
  let node = await world.put(await world.enrol(), 'manageable');
  for (const event of ['inspect', 'wait', 'resume', 'wait', 'resume', 'done'] as const) {
    node = (await moveOnce(world, node, event, event === 'inspect' ? 'user' : 'system')).node;
    await world.clock.advance(-3000);
  }
  const history = await world.nodes.history(node.uuid);
  expect(history.map((entry) => entry.event)).toEqual(['done', 'resume', 'wait', 'resume', 'wait', 'inspect']);
  const page = await world.nodes.history(node.uuid, { limit: 2, before: history[1]?.uuid ?? '' });
  expect(page.map((entry) => entry.event)).toEqual(['wait', 'resume']);
});

it('offers as verbs what moveRefusal lets a user do with a node that nothing guards', () => {
  const enrolled = nodeOfRow(nodeRow());
  for (const state of STATE_NAMES) {
    const node = { ...enrolled, provisionState: state };
    for (const verb of verbsFrom(state)) expect(moveRefusal(node, eventOfVerb(verb), 'user'), `${state} ${verb}`).toBeUndefined();
  }
});
