// Our agent in the life cycle: work on a machine that runs it already, orders that end, what the machine boots next, rescue.

import { expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/index.ts';
import type { Driver, DriverStep, StepRun } from '../../../src/power/index.ts';
import { containing } from '../../support/containing.ts';
import { type PlayedDesk, playedDesk } from '../../support/desk.ts';
import { instead, openWorld, type World, type WorldOptions } from './world.ts';

const ERASE = { kind: 'clean', step: 'erase', priority: 10, title: 'Erase', needsRamdisk: true } as const;
const HEALTH = { name: 'health', args: {} } as const;

interface Played extends World {
  readonly desk: PlayedDesk;
}

/** A deploy interface whose steps each have the agent do something, as those of the agent do. */
function byAgent(desk: PlayedDesk, steps: readonly DriverStep[], runs: StepRun[] = []): Partial<Driver> {
  return {
    refusal: () => null,
    steps,
    runStep: async (_, { uuid }, run) => {
      runs.push(run);
      await desk.place(uuid, { key: run.key, ...HEALTH });
      return 'wait';
    },
    continueStep: async (_, { uuid }, { key }) => {
      const standing = await desk.standing(uuid, key);
      if (standing?.state === 'failed') throw new Error(standing.message);
      return standing?.state === 'done' ? { result: standing.result } : 'wait';
    },
  };
}

/** Fake machines run no agent: what is played is the deploy interface that does nothing else. */
const AGENT = 'custom-agent';
const OF_AGENT = { interfaces: { deploy: AGENT } } as const;

function deployedBy(more: (driver: Driver) => Partial<Driver>): (drivers: readonly Driver[]) => readonly Driver[] {
  return (drivers) =>
    drivers.map((driver) => (driver.interface === 'deploy' && driver.name === AGENT ? { ...driver, ...more(driver) } : driver));
}

async function open(steps: readonly DriverStep[], options: Partial<WorldOptions> = {}): Promise<Played> {
  const desk = playedDesk(systemClock);
  const world = await openWorld({ clock: systemClock, desk, drivers: deployedBy(() => byAgent(desk, steps)), ...options });
  return { ...world, desk };
}

/** The agent does what it is told, and the appliance hears of it. */
async function carryOut({ desk, life }: Played, uuid: string, message?: string): Promise<string> {
  const order = await expect
    .poll(() => desk.give(uuid))
    .toBeDefined()
    .then(() => desk.placed.findLast((one) => one.uuid === uuid));
  const { key } = order ?? expect.unreachable();
  desk.settle(uuid, key, message === undefined ? { state: 'done', message: '', result: {} } : { state: 'failed', message });
  await life.agentHeard(uuid, message === undefined ? { key, status: 'end' } : { key, status: 'error', message });
  return key;
}

it('cleans a machine that runs our agent already without booting it, and switches it off in the end', async () => {
  const world = await open([ERASE]);
  const node = await world.enrol('pve1', OF_AGENT);
  await world.put(node, 'manageable');
  world.desk.heard(node.uuid);
  await world.provision('pve1', 'provide');
  const waiting = await world.reaches('pve1', 'clean wait');
  expect(waiting.cleanStep).toMatchObject({ step: 'erase' });
  await carryOut(world, node.uuid);
  expect(await world.reaches('pve1', 'available')).toMatchObject({ powerState: 'power off', driverInternalInfo: {} });
});

it('boots it where fast track is off or no agent is heard, and goes on with its first word', async () => {
  for (const fastTrack of [true, false]) {
    const world = await open([ERASE], { config: { fastTrack } });
    const node = await world.enrol('pve1', OF_AGENT);
    await world.put(node, 'manageable');
    if (!fastTrack) world.desk.heard(node.uuid);
    await world.provision('pve1', 'provide');
    expect((await world.reaches('pve1', 'clean wait')).cleanStep).toEqual({});
    expect(world.desk.placed).toEqual([]);
    await world.life.agentHeard(node.uuid, {});
    await carryOut(world, node.uuid);
    await world.reaches('pve1', 'available');
  }
});

it('leaves the agent running where somebody goes on with it', async () => {
  const world = await open([ERASE]);
  const node = await world.enrol('pve1', OF_AGENT);
  await world.store.transaction(async (tx) =>
    world.nodes.update(
      tx,
      await world.nodes.get(node.uuid, tx),
      { powerState: 'power on', driverInternalInfo: { keep_agent: true } },
      { who: 'system' },
    ),
  );
  await world.put(await world.nodes.get(node.uuid), 'manageable');
  world.desk.heard(node.uuid);
  await world.provision('pve1', 'provide');
  await world.reaches('pve1', 'clean wait');
  await carryOut(world, node.uuid);
  expect(await world.reaches('pve1', 'available')).toMatchObject({ powerState: 'power on', driverInternalInfo: { keep_agent: true } });
});

it('hears the end of an order only where it is the step’s own; a beat of an agent at work ends nothing', async () => {
  const world = await open([ERASE]);
  const node = await world.enrol('pve1', OF_AGENT);
  await world.put(node, 'manageable');
  world.desk.heard(node.uuid);
  await world.provision('pve1', 'provide');
  await world.reaches('pve1', 'clean wait');
  const key = world.desk.placed[0]?.key ?? expect.unreachable();
  const task = key.split(':')[0] ?? '';
  for (const other of ['power:1', `${task}:7`, `0193b3a0-0000-7000-8000-000000000001:0`])
    await world.life.agentHeard(node.uuid, { key: other, status: 'error', message: 'not yours' });
  await world.life.agentHeard(node.uuid, { status: 'start' });
  await world.life.agentProgress(node.uuid, { key, fraction: 0.5, text: 'half', log: [{ stream: 'out', line: 'sector 7' }], isDue: true });
  expect(await world.reaches('pve1', 'clean wait')).toMatchObject({ lastError: null });
  const row = await world.store.db.selectFrom('tasks').select(['progress', 'progress_text']).where('id', '=', task).executeTakeFirst();
  // Of the first of two steps: fake machines have one of their own.
  expect(row).toEqual({ progress: 0.25, progress_text: 'half' });
  await carryOut(world, node.uuid, 'disk S1 does not answer');
  expect(await world.reaches('pve1', 'clean failed')).toMatchObject({
    lastError: containing('disk S1 does not answer'),
    powerState: 'power off',
  });
  await world.store.taskLogs.flush();
  expect((await world.store.taskLogs.list({ taskId: task, afterId: 0, limit: 100 })).map(({ line }) => line)).toContain('sector 7');
});

it('marks a machine that leaves the agent before it is told to, and forgets that when the node is active', async () => {
  const seen: unknown[] = [];
  const desk = playedDesk(systemClock);
  const steps: readonly DriverStep[] = [
    { kind: 'deploy', step: 'write', priority: 80, title: 'Write', needsRamdisk: true },
    { kind: 'deploy', step: 'boot', priority: 20, title: 'Boot', leavesAgent: true },
  ];
  const drivers = deployedBy(() => {
    const driver = byAgent(desk, steps);
    return {
      ...driver,
      runStep: async (step, target, run) => {
        seen.push([step.step, (await world.nodes.get(target.uuid)).driverInternalInfo.boots_own_disk ?? false]);
        return driver.runStep?.(step, target, run) ?? {};
      },
    };
  });
  const world: Played = { ...(await openWorld({ clock: systemClock, desk, drivers })), desk };
  const node = await world.enrol('pve1', OF_AGENT);
  await world.put(node, 'available');
  desk.heard(node.uuid);
  await world.provision('pve1', 'active');
  await carryOut(world, node.uuid);
  await expect.poll(() => seen.length).toBe(2);
  await carryOut(world, node.uuid);
  // Nobody can know whether it is on; the step had it boot, so it is not switched on as well.
  expect(await world.reaches('pve1', 'active')).toMatchObject({ driverInternalInfo: {}, powerState: null });
  expect(seen).toEqual([
    ['write', false],
    ['boot', true],
  ]);
});

it('asks an agent that runs already for its inventory when the machine is inspected, and ends with the report', async () => {
  const world = await open([]);
  const node = await world.enrol('pve1', { interfaces: { inspect: 'agent', deploy: AGENT } });
  await world.put(node, 'manageable');
  world.desk.heard(node.uuid);
  await world.provision('pve1', 'inspect');
  await world.reaches('pve1', 'inspect wait');
  expect(world.desk.placed).toMatchObject([{ name: 'inventory', args: {} }]);
  const key = world.desk.placed[0]?.key ?? '';
  // Its order is over: the report is what counts, and came before.
  await world.life.agentHeard(node.uuid, { key, status: 'end' });
  await world.reaches('pve1', 'inspect wait');
  await world.life.agentHeard(node.uuid, { status: 'end' });
  await world.reaches('pve1', 'manageable');
});

it('opens a rescue system through the agent, shows where it is, and boots the machine from its own disk after it', async () => {
  const steps: readonly DriverStep[] = [
    { kind: 'rescue', step: 'rescue', priority: 0, title: 'Rescue', needsRamdisk: true },
    { kind: 'unrescue', step: 'unrescue', priority: 0, title: 'Unrescue', leavesAgent: true },
  ];
  const runs: StepRun[] = [];
  const desk = playedDesk(systemClock);
  const drivers = (all: readonly Driver[]): readonly Driver[] =>
    deployedBy(() => ({ refusal: () => null }))(
      instead('rescue', () => {
        const driver = byAgent(desk, steps, runs);
        return {
          ...driver,
          runStep: (step, target, run) =>
            step.kind === 'unrescue' ? Promise.resolve({}) : (driver.runStep?.(step, target, run) ?? expect.unreachable()),
        };
      })(all),
    );
  const world: Played = { ...(await openWorld({ clock: systemClock, desk, drivers })), desk };
  const node = await world.enrol('pve1', OF_AGENT);
  await world.put(node, 'active');
  await world.provision('pve1', 'rescue', { rescuePassword: 'let me in' });
  await world.reaches('pve1', 'rescue wait');
  expect(runs).toEqual([]);
  await world.life.agentHeard(node.uuid, {});
  await expect.poll(() => runs.length).toBe(1);
  expect(runs[0]?.args).toEqual({ rescue_password: 'let me in' });
  expect(JSON.stringify(await world.nodes.get('pve1'))).not.toContain('let me in');
  const { key } = desk.placed[0] ?? expect.unreachable();
  const result = { addresses: ['10.0.0.9'], hostKeys: ['SHA256:x'] };
  desk.settle(node.uuid, key, { state: 'done', message: '', result });
  await world.life.agentHeard(node.uuid, { key, status: 'end' });
  expect(await world.reaches('pve1', 'rescue')).toMatchObject({ driverInternalInfo: { rescue: result } });
  await world.provision('pve1', 'unrescue');
  expect(await world.reaches('pve1', 'active')).toMatchObject({ driverInternalInfo: {}, powerState: 'power on' });
});
