// Steps on their way: order, waits, holds, aborts, failures, what destructive ones are given, and going on where a process ended.

import { expect, it } from 'vitest';
import { silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import { lifecycleTasks } from '../../../src/lifecycle/index.ts';
import { createStateTimers } from '../../../src/nodes/index.ts';
import type { Driver, DriverStep, StepRun } from '../../../src/power/index.ts';
import { createTaskEngine } from '../../../src/tasks/index.ts';
import { playedDesk } from '../../support/desk.ts';
import { instead, OLGA, openWorld, type World, type WorldOptions } from './world.ts';

interface Ran {
  readonly step: string;
  readonly args: StepRun['args'];
  readonly isResumed: boolean;
}

const step = (kind: DriverStep['kind'], name: string, priority: number, more: Partial<DriverStep> = {}): DriverStep => ({
  kind,
  step: name,
  priority,
  title: name,
  ...more,
});

/** A deploy interface with these steps; what ran is written down, and `act` says what comes of it. */
async function withSteps(
  steps: readonly DriverStep[],
  act: (name: string, run: StepRun) => ReturnType<NonNullable<Driver['runStep']>> = () => Promise.resolve({}),
  options: Partial<WorldOptions> = {},
): Promise<World & { readonly ran: Ran[] }> {
  const ran: Ran[] = [];
  const drivers = instead('deploy', () => ({
    steps,
    runStep: (one, _, run) => {
      ran.push({ step: one.step, args: run.args, isResumed: run.isResumed });
      return act(one.step, run);
    },
  }));
  return { ...(await openWorld({ clock: systemClock, drivers, ...options })), ran };
}

async function available(world: World, name = 'pve1'): Promise<void> {
  const node = await world.enrol(name);
  await world.put(node, 'available');
}

const names = (ran: readonly Ran[]): string[] => ran.map((one) => one.step);

it('runs deploy steps by priority, a person’s in between and in the place of those of the same name', async () => {
  const world = await withSteps([
    step('deploy', 'boot', 20),
    step('deploy', 'image', 80),
    step('deploy', 'agent', 40),
    step('deploy', 'extra', 0),
  ]);
  await available(world);
  const deploySteps = [
    { interface: 'deploy', step: 'extra', args: {}, priority: 70 },
    { interface: 'deploy', step: 'agent', args: {}, priority: 0 },
  ] as const;
  expect(await world.ask('pve1', 'active', { deploySteps })).toMatchObject({ provisionState: 'active' });
  expect(names(world.ran)).toEqual(['image', 'extra', 'boot']);
});

it('shows the step under way, and all of them, as Ironic does', async () => {
  const seen: unknown[] = [];
  const world: World = await withSteps([step('deploy', 'image', 80), step('deploy', 'boot', 20)], async (name) => {
    const node = await world.nodes.get('pve1');
    seen.push([name, node.deployStep.step, node.driverInternalInfo.deploy_step_index, node.provisionState, node.targetProvisionState]);
    return {};
  });
  await available(world);
  expect(await world.ask('pve1', 'active')).toMatchObject({ deployStep: {}, driverInternalInfo: {} });
  expect(seen).toEqual([
    ['image', 'image', 0, 'deploying', 'active'],
    ['boot', 'boot', 1, 'deploying', 'active'],
  ]);
});

it('waits for the machine without holding the node, and goes on when the agent is heard', async () => {
  const world = await withSteps([step('deploy', 'image', 80), step('deploy', 'boot', 20)], async (name) =>
    name === 'image' ? 'wait' : {},
  );
  await available(world);
  const waiting = await world.ask('pve1', 'active');
  expect(waiting).toMatchObject({ provisionState: 'wait call-back', targetProvisionState: 'active' });
  expect(await world.life.holders([waiting.uuid])).toEqual(new Map());
  await world.life.agentHeard(waiting.uuid, { status: 'start' });
  await world.life.agentHeard(waiting.uuid, {});
  await world.reaches('pve1', 'active');
  expect(names(world.ran)).toEqual(['image', 'boot']);
});

it('asks the driver whether a step that waits is over, where the driver has a say', async () => {
  let beats = 0;
  const drivers = instead('deploy', () => ({
    steps: [step('deploy', 'image', 80)],
    runStep: () => Promise.resolve('wait'),
    continueStep: () => Promise.resolve(++beats < 3 ? 'wait' : {}),
  }));
  const world = await openWorld({ clock: systemClock, drivers });
  await available(world);
  const { uuid } = await world.ask('pve1', 'active');
  for (let beat = 1; beat <= 2; beat += 1) {
    await world.life.agentHeard(uuid, {});
    await expect.poll(() => beats).toBe(beat);
    await world.reaches('pve1', 'wait call-back');
  }
  await world.life.agentHeard(uuid, {});
  await world.reaches('pve1', 'active');
});

it('fails with what the agent said', async () => {
  const world = await withSteps([step('deploy', 'image', 80)], () => Promise.resolve('wait'));
  await available(world);
  const { uuid } = await world.ask('pve1', 'active');
  await world.life.agentHeard(uuid, { status: 'error', message: 'no space left on /dev/sda' });
  const failed = await world.reaches('pve1', 'deploy failed');
  expect(failed.lastError).toContain('Deployment: step deploy.image failed: no space left on /dev/sda');
  expect(failed).toMatchObject({ deployStep: {}, driverInternalInfo: {}, targetProvisionState: 'active' });
});

it('holds for a person and goes on after the hold', async () => {
  const world = await withSteps([step('deploy', 'image', 80), step('deploy', 'boot', 20)]);
  await available(world);
  const hold = { interface: 'deploy', step: 'hold', args: {}, priority: 50 } as const;
  const held = await world.ask('pve1', 'active', { deploySteps: [hold] });
  expect(held).toMatchObject({ provisionState: 'deploy hold', deployStep: { step: 'hold' } });
  await world.life.agentHeard(held.uuid, {});
  expect(names(world.ran)).toEqual(['image']);
  await world.provision('pve1', 'unhold');
  await world.reaches('pve1', 'active');
  expect(names(world.ran)).toEqual(['image', 'boot']);
});

it('ends at once when it is aborted in a wait or hold, and says at which step', async () => {
  const world = await withSteps([step('clean', 'wipe', 0, { isAbortable: true })], () => Promise.resolve('wait'));
  await world.put(await world.enrol('pve1'), 'manageable');
  await world.ask('pve1', 'clean', { cleanSteps: [{ interface: 'deploy', step: 'wipe' }] });
  await world.provision('pve1', 'abort');
  const failed = await world.reaches('pve1', 'clean failed');
  expect(failed.lastError).toContain('Cleaning was aborted by request during the step deploy.wipe');
  expect(failed).toMatchObject({ targetProvisionState: 'manageable', cleanStep: {}, maintenance: false });
  const [task] = await world.tasks.list({ nodeUuid: failed.uuid, limit: 1 });
  expect(task?.state).toBe('cancelled');
  await world.life.agentHeard(failed.uuid, {});
  expect((await world.ask('pve1', 'manage')).provisionState).toBe('manageable');
});

it('takes back what it ordered of the agent when it is aborted, and nothing of others', async () => {
  const desk = playedDesk(systemClock);
  const drivers = instead('deploy', () => ({
    steps: [step('deploy', 'image', 80)],
    runStep: async (_, { uuid }, { key }) => {
      await desk.place(uuid, { key: `${key}:one`, name: 'inventory', args: {} });
      return 'wait';
    },
  }));
  const world = await openWorld({ clock: systemClock, drivers, desk });
  await available(world);
  const { uuid } = await world.ask('pve1', 'active');
  await desk.place(uuid, { key: 'another-task:x', name: 'health', args: {} });
  await world.provision('pve1', 'abort');
  await world.reaches('pve1', 'deploy failed');
  expect(await Promise.all(desk.placed.map(({ key }) => desk.standing(uuid, key)))).toEqual([
    { state: 'failed', message: 'aborted by request' },
    { state: 'waiting' },
  ]);
});

it('forgets what the last system told of its first boot when another is deployed, or it is torn down', async () => {
  const world = await withSteps([step('deploy', 'image', 80)]);
  const node = await world.enrol('pve1');
  for (const [from, verb] of [
    ['available', 'active'],
    ['active', 'rebuild'],
    ['active', 'deleted'],
  ] as const) {
    const info = JSON.stringify({ first_boot: { ssh_host_keys: ['ssh-ed25519 A'] }, kept: 1 });
    await world.store.db.updateTable('nodes').set({ driver_internal_info: info }).where('uuid', '=', node.uuid).execute();
    await world.put(node, from);
    expect((await world.ask('pve1', verb)).driverInternalInfo).toEqual({ kept: 1 });
  }
});

it('completes a step that may not be broken off before it ends', async () => {
  const world = await withSteps([step('clean', 'flash', 0), step('clean', 'after', 0)], async (name) => (name === 'flash' ? 'wait' : {}));
  await world.put(await world.enrol('pve1'), 'manageable');
  const cleanSteps = [
    { interface: 'deploy', step: 'flash' },
    { interface: 'deploy', step: 'after' },
  ] as const;
  const { uuid } = await world.ask('pve1', 'clean', { cleanSteps });
  await world.provision('pve1', 'abort');
  expect((await world.nodes.get(uuid)).provisionState).toBe('clean wait');
  await world.life.agentHeard(uuid, {});
  const failed = await world.reaches('pve1', 'clean failed');
  expect(failed.lastError).toContain('aborted by request after the step deploy.flash was completed');
  expect(failed.maintenance).toBe(false);
  expect(names(world.ran)).toEqual(['flash']);
});

it('names the step that failed, why, and what to do', async () => {
  const world = await withSteps([step('clean', 'wipe', 10)], () => Promise.reject(new Error('the disk is gone')));
  await world.put(await world.enrol('pve1'), 'manageable');
  const failed = await world.ask('pve1', 'provide');
  expect(failed.provisionState).toBe('clean failed');
  expect(failed.lastError).toMatch(/Cleaning: step deploy\.wipe failed: .*the disk is gone.*ask for the verb again/s);
  expect(failed).toMatchObject({ maintenance: true, fault: 'clean failure', cleanStep: {} });
});

it('fails work with steps that nobody offers, and says which there are', async () => {
  const world = await withSteps([step('clean', 'wipe', 10)]);
  await world.put(await world.enrol('pve1'), 'manageable');
  const failed = await world.ask('pve1', 'clean', { cleanSteps: [{ interface: 'deploy', step: 'wype' }] });
  expect(failed).toMatchObject({ provisionState: 'clean failed', maintenance: false });
  expect(failed.lastError).toContain('deploy.wype; deploy offers wipe');
});

it('waits as many seconds as a step says', async () => {
  const world = await withSteps([step('service', 'look', 0)]);
  await world.put(await world.enrol('pve1'), 'active');
  const serviceSteps = [
    { interface: 'deploy', step: 'wait', args: { seconds: 0.2 } },
    { interface: 'deploy', step: 'look' },
  ] as const;
  const began = performance.now();
  const node = await world.ask('pve1', 'service', { serviceSteps });
  expect(node.provisionState).toBe('active');
  expect(performance.now() - began).toBeGreaterThan(190);
  expect(names(world.ran)).toEqual(['look']);
});

it('does what the reserved power steps say', async () => {
  const world = await withSteps([]);
  await world.put(await world.enrol('pve1'), 'active');
  const on = await world.ask('pve1', 'service', { serviceSteps: [{ interface: 'power', step: 'power_on' }] });
  expect(on).toMatchObject({ provisionState: 'active', powerState: 'power on' });
  const off = await world.ask('pve1', 'service', { serviceSteps: [{ interface: 'deploy', step: 'power_off' }] });
  expect(off.powerState).toBe('power off');
});

const WIPE = step('clean', 'wipe', 10, { isDestructive: true });

it('gives a destructive step the disks of the approved wipe plan and no others, and they are ours from then on', async () => {
  const noop = (drivers: readonly Driver[]): readonly Driver[] =>
    drivers.map((driver) => (driver.interface === 'deploy' && driver.name === 'custom-agent' ? recording(driver) : driver));
  const given: unknown[] = [];
  let isBroken = false;
  const recording = (driver: Driver): Driver => ({
    ...driver,
    refusal: () => null,
    steps: [WIPE],
    runStep: (_, __, run) => {
      given.push(run.args);
      return isBroken ? Promise.reject(new Error('the disk does not answer')) : Promise.resolve({});
    },
  });
  const world = await openWorld({ clock: systemClock, drivers: noop });
  const node = await world.put(await world.enrol('pve1', { interfaces: { deploy: 'custom-agent' } }), 'manageable');
  expect((await world.ask('pve1', 'provide')).provisionState).toBe('available');
  const disks = [{ serial: 'S1', expects: ['table gpt'] }];
  const plan = { uuid: 'p1', node_uuid: node.uuid, hash: 'h', plan: JSON.stringify({ disks }), state: 'approved' };
  const approved = { approved_by: 'olga', approved_at: 1, reason: null, created_at: 1, updated_at: 1 };
  await world.store.db
    .insertInto('wipe_plans')
    .values({ ...plan, ...approved })
    .execute();
  const stateOfPlan = () => world.store.db.selectFrom('wipe_plans').select('state').executeTakeFirst();
  await world.put(node, 'manageable');
  isBroken = true;
  expect((await world.ask('pve1', 'provide')).provisionState).toBe('clean failed');
  expect(await stateOfPlan()).toEqual({ state: 'approved' });
  isBroken = false;
  const failed = await world.put(node, 'manageable');
  await world.store.transaction((tx) => world.nodes.update(tx, failed, { maintenance: false }, { who: 'user', actor: 'test' }));
  await world.ask('pve1', 'provide');
  expect(await stateOfPlan()).toEqual({ state: 'standing' });
  await world.put(node, 'manageable');
  await world.ask('pve1', 'provide');
  const [byYes, ours] = [{ disks }, { disks: [{ serial: 'S1', expects: ['table gpt', 'unrecognised data'] }] }];
  expect(given).toEqual([{ disks: [] }, byYes, byYes, ours]);
  const all = { interface: 'deploy', step: 'wipe' } as const;
  await world.store.db.updateTable('wipe_plans').set({ state: 'approved', plan: plan.plan }).execute();
  const report = { inventory: { disks: [{ name: '/dev/sda', serial: 'S9', size: 500e9 }] }, pluginData: {} };
  await world.store.transaction((tx) => world.nodes.saveInventory(tx, node.uuid, report));
  for (const confirm of ['pve1', 'pve2']) {
    await world.put(node, 'manageable');
    await world.ask('pve1', 'clean', { cleanSteps: [{ ...all, args: { confirm } }] });
    expect(await stateOfPlan()).toEqual({ state: confirm === 'pve1' ? 'approved' : 'standing' });
  }
  const typed = { serial: 'S9', wwn: null, size: 500e9, byPath: null, expects: null, title: 'disk, 500 GB (serial S9)' };
  expect(given.slice(4)).toEqual([{ disks: [typed] }, byYes]);
  const again = await world.put(node, 'manageable');
  await world.store.transaction((tx) => world.nodes.update(tx, again, { retired: true }, { who: 'user', actor: 'test' }));
  await world.ask('pve1', 'clean', { cleanSteps: [all] });
  expect(await stateOfPlan()).toEqual({ state: 'spent' });
  await world.store.db.updateTable('wipe_plans').set({ state: 'void', reason: 'disk S1 is gone' }).execute();
  await world.put(node, 'manageable');
  const refused = await world.ask('pve1', 'clean', { cleanSteps: [all] });
  expect(refused.lastError).toContain('was approved is void: disk S1 is gone');
  expect(given.slice(6)).toEqual([ours]);
});

it('goes on at the step that was cut off when the process comes back, and only at that one', async () => {
  const steps = [step('deploy', 'one', 90), step('deploy', 'two', 80), step('deploy', 'three', 70)];
  let isFirst = true;
  const world = await withSteps(steps, async (name, run) => {
    if (name !== 'two' || !isFirst) return {};
    isFirst = false;
    await systemClock.sleep(60_000, run.signal);
    return {};
  });
  await available(world);
  await world.provision('pve1', 'active');
  await expect.poll(() => names(world.ran)).toEqual(['one', 'two']);
  await world.tasks.stop();
  const common = { ...world, clock: systemClock, log: silentLog };
  const engine = createTaskEngine({
    ...common,
    random: systemRandom,
    definitions: lifecycleTasks(common),
    holder: 'rack-1',
    limits: { pollMs: 20 },
  });
  await engine.start(new AbortController().signal);
  try {
    await world.reaches('pve1', 'active');
  } finally {
    await engine.stop();
  }
  expect(world.ran.map(({ step: name, isResumed }) => [name, isResumed])).toEqual([
    ['one', false],
    ['two', false],
    ['two', true],
    ['three', false],
  ]);
});

it('tears a waiting deployment down, and nothing of it goes on', async () => {
  const world = await withSteps([step('deploy', 'image', 80)], () => Promise.resolve('wait'));
  await available(world);
  await world.nodes
    .get('pve1')
    .then((node) => world.store.transaction((tx) => world.nodes.update(tx, node, { instanceInfo: { a: 1 } }, OLGA)));
  const { uuid } = await world.ask('pve1', 'active');
  await world.provision('pve1', 'deleted');
  expect(await world.reaches('pve1', 'available')).toMatchObject({ instanceInfo: {}, deployStep: {}, driverInternalInfo: {} });
  const states = (await world.tasks.list({ nodeUuid: uuid, limit: 5 })).map((task) => [task.kind, task.state]);
  expect(states).toContainEqual(['node.deploy', 'cancelled']);
});

it('ends what waits when its state’s time is over, and the node can be torn down', async () => {
  const world = await withSteps([step('deploy', 'image', 80)], () => Promise.resolve('wait'));
  await available(world);
  const { uuid } = await world.ask('pve1', 'active');
  let later = 0;
  const timers = createStateTimers({
    store: world.store,
    nodes: world.nodes,
    clock: { ...systemClock, now: () => systemClock.now() + later, monotonic: () => systemClock.monotonic() + later },
    log: silentLog,
    atWork: () => Promise.resolve(new Set()),
    onTimeout: (tx, node) => world.life.timedOut(tx, node),
  });
  expect(await timers.tick()).toBe(0);
  later = 31 * 60_000;
  expect(await timers.tick()).toBe(1);
  const failed = await world.reaches('pve1', 'deploy failed');
  expect(failed.lastError).toContain('nothing was heard for 30 minutes while wait call-back');
  const [task] = await world.tasks.list({ nodeUuid: uuid, limit: 1 });
  expect(task?.state).toBe('cancelled');
  expect((await world.ask('pve1', 'deleted')).provisionState).toBe('available');
});

it('fails a node whose task ended before it had begun', async () => {
  const world = await openWorld({ clock: systemClock, isStill: true });
  const { uuid } = await world.put(await world.enrol('pve1'), 'available');
  await world.provision('pve1', 'active');
  const [task] = await world.tasks.list({ nodeUuid: uuid, limit: 1 });
  await world.store.transaction((tx) => world.tasks.cancel(tx, task?.id ?? '', 'not this one'));
  const timers = createStateTimers({
    store: world.store,
    nodes: world.nodes,
    clock: systemClock,
    log: silentLog,
    intervalMs: 20,
    atWork: () => Promise.resolve(new Set()),
  });
  await timers.start(new AbortController().signal);
  try {
    expect((await world.reaches('pve1', 'deploy failed')).lastError).toContain('no task is left to go on with it');
  } finally {
    await timers.stop();
  }
});
