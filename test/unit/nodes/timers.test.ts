import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLog } from '../../../src/lib/index.ts';
import { createStateTimers, dueTimeouts, onResumeOf, STATE_NAMES, type StateTimers } from '../../../src/nodes/index.ts';
import { openWorld, type World } from './world.ts';

function timersOf(world: World, atWork: readonly string[] = [], batch = 100): StateTimers {
  const { store, nodes, clock } = world;
  const timers = createStateTimers({
    store,
    nodes,
    clock,
    log: silentLog,
    batch,
    atWork: async (uuids) => new Set(uuids.filter((uuid) => atWork.includes(uuid))),
  });
  onTestFinished(() => timers.stop());
  return timers;
}

const start = (timers: StateTimers): Promise<void> => timers.start(AbortSignal.timeout(30_000));

describe('a timeout', () => {
  it('fails a node in every transient state, at its time and not a moment before', async () => {
    const world = await openWorld();
    const timers = timersOf(world);
    const enrolled = await world.enrol();
    for (const { state, seconds } of dueTimeouts(0)) {
      const node = await world.put(enrolled, state);
      await world.clock.advance(seconds * 1000 - 1);
      expect(await timers.tick(), state).toBe(0);
      await world.clock.advance(1);
      expect(await timers.tick(), state).toBe(1);
      const failed = await world.nodes.get(node.uuid);
      expect(['enroll', 'error'].includes(failed.provisionState) || failed.provisionState.endsWith('failed'), state).toBe(true);
      expect(failed.lastError, state).toContain(`while ${state}`);
      expect((await world.nodes.history(node.uuid, { limit: 1 }))[0], state).toMatchObject({ who: 'timer', event: 'fail', from: state });
    }
  });

  it('never touches a node in any other state, however long it stays', async () => {
    const world = await openWorld();
    const timers = timersOf(world);
    const timed = dueTimeouts(0).map((due) => due.state);
    for (const state of STATE_NAMES.filter((name) => !timed.includes(name))) await world.put(await world.enrol(), state);
    await world.clock.advance(365 * 86_400_000);
    expect(await timers.tick()).toBe(0);
  });

  it('is put off by a sign of life', async () => {
    const world = await openWorld();
    const timers = timersOf(world);
    const node = await world.put(await world.enrol(), 'clean wait', 'available');
    for (let beat = 0; beat < 5; beat += 1) {
      await world.clock.advance(1_700_000);
      await world.store.transaction((tx) => world.nodes.signOfLife(tx, node.uuid));
      expect(await timers.tick()).toBe(0);
    }
    expect(await world.nodes.get(node.uuid)).toMatchObject({ provisionState: 'clean wait', provisionUpdatedAt: world.clock.now() });
  });

  it('is not put off by a sign of life where nothing is waited for', async () => {
    const world = await openWorld();
    const node = await world.enrol();
    await world.store.transaction((tx) => world.nodes.signOfLife(tx, node.uuid));
    expect(await world.nodes.get(node.uuid)).toEqual(node);
  });

  it('leaves a node in maintenance alone', async () => {
    const world = await openWorld();
    const timers = timersOf(world);
    await world.put(await world.enrol({ maintenance: true }), 'clean wait', 'available');
    await world.clock.advance(86_400_000);
    expect(await timers.tick()).toBe(0);
  });

  it('is fired by the clock once the timers run, and no more once they are stopped', async () => {
    const world = await openWorld();
    const timers = timersOf(world);
    await start(timers);
    const node = await world.put(await world.enrol(), 'rescue wait', 'rescue');
    await world.clock.advance(1_790_000);
    expect((await world.nodes.get(node.uuid)).provisionState).toBe('rescue wait');
    await world.clock.advance(30_000);
    await expect.poll(async () => (await world.nodes.get(node.uuid)).provisionState).toBe('rescue failed');
    await timers.stop();
    expect(world.clock.sleeping).toBe(0);
  });

  it('is not fired at a node that was heard of between the look and the move', async () => {
    const world = await openWorld();
    const node = await world.put(await world.enrol(), 'inspect wait', 'manageable');
    const heardMeanwhile: World = {
      ...world,
      nodes: {
        ...world.nodes,
        get: async (uuid, on) => {
          await on?.updateTable('nodes').set({ provision_updated_at: world.clock.now() }).where('uuid', '=', uuid).execute();
          return world.nodes.get(uuid, on);
        },
      },
    };
    const timers = timersOf(heardMeanwhile);
    await world.clock.advance(1_800_000);
    expect(await timers.tick()).toBe(0);
    expect((await world.nodes.get(node.uuid)).provisionState).toBe('inspect wait');
  });

  it('that two appliances see at once is fired once', async () => {
    const world = await openWorld();
    const node = await world.put(await world.enrol(), 'inspect wait', 'manageable');
    const timers = [timersOf(world), timersOf(world)] as const;
    await world.clock.advance(1_800_000);
    const fired = await Promise.all([timers[0].tick(), timers[1].tick()]);
    expect(fired[0] + fired[1]).toBe(1);
    expect(await world.nodes.history(node.uuid)).toHaveLength(1);
  });
});

describe('time in which nobody listened', () => {
  it('is not held against a machine: after a start it has its whole time anew', async () => {
    const world = await openWorld();
    const node = await world.put(await world.enrol(), 'clean wait', 'available');
    await world.clock.advance(86_400_000);
    const timers = timersOf(world);
    await start(timers);
    await world.clock.advance(1_700_000);
    expect((await world.nodes.get(node.uuid)).provisionState).toBe('clean wait');
    await world.clock.advance(130_000);
    await expect.poll(async () => (await world.nodes.get(node.uuid)).provisionState).toBe('clean failed');
  });

  it('is none that passed because the clock was set: no node fails by that', async () => {
    const world = await openWorld();
    let ahead = 0;
    const clock = { ...world.clock, now: () => world.clock.now() + ahead };
    const timers = timersOf({ ...world, clock });
    const node = await world.put(await world.enrol(), 'clean wait', 'available');
    await world.clock.advance(60_000);
    ahead = 86_400_000;
    expect(await timers.tick()).toBe(0);
    await world.clock.advance(1_799_999);
    expect(await timers.tick()).toBe(0);
    await world.clock.advance(1);
    expect(await timers.tick()).toBe(1);
    expect((await world.nodes.get(node.uuid)).provisionState).toBe('clean failed');
  });
});

describe('after a restart', () => {
  it('work with a task to go on with is left to it', async () => {
    const world = await openWorld();
    const node = await world.put(await world.enrol(), 'deploying', 'active');
    await start(timersOf(world, [node.uuid]));
    expect(await world.nodes.get(node.uuid)).toEqual(node);
  });

  it('work that nobody goes on with fails, and says so; what waits, waits on', async () => {
    const world = await openWorld();
    const nodes = await Promise.all(STATE_NAMES.map(async (state) => world.put(await world.enrol(), state)));
    await start(timersOf(world));
    for (const before of nodes) {
      const after = await world.nodes.get(before.uuid);
      if (onResumeOf(before.provisionState) === 'resume') {
        expect(after.provisionState, before.provisionState).not.toBe(before.provisionState);
        expect(after.lastError, before.provisionState).toContain('no task is left');
        expect((await world.nodes.history(before.uuid))[0], before.provisionState).toMatchObject({ who: 'system', event: 'fail' });
      } else expect(after).toEqual(before);
    }
  });

  it('every node is looked at, not only the first page', async () => {
    const world = await openWorld();
    for (let index = 0; index < 7; index += 1) await world.put(await world.enrol(), 'verifying', 'manageable');
    await start(timersOf(world, [], 3));
    expect(await world.nodes.countByState()).toEqual({ enroll: 7 });
  });
});
