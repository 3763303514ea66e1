// What becomes of the yes to disks when an order to the agent is refused, aborted, overdue, lost or given up: the next try looks at what is on
// them again. The agent is played, and so is the book of its orders.

import { expect, it } from 'vitest';
import { UNRECOGNISED } from '../../../src/inspect/index.ts';
import { systemClock } from '../../../src/lib/index.ts';
import { installedOn } from '../../../src/lifecycle/index.ts';
import type { JsonObject, Node } from '../../../src/nodes/index.ts';
import type { Driver, DriverStep, StepRun } from '../../../src/power/index.ts';
import { type PlayedDesk, playedDesk } from '../../support/desk.ts';
import { openWorld, type World } from './world.ts';

const step = (kind: 'clean' | 'deploy', name: string, priority: number, more: Partial<DriverStep> = {}): DriverStep => ({
  kind,
  step: name,
  priority,
  title: name,
  ...more,
});
const ERASE = step('clean', 'erase', 10, { isDestructive: true });
const WRITE = step('deploy', 'write', 80, { isDestructive: true });
const BOOT = step('deploy', 'boot', 20, { leavesAgent: true });

interface Played extends World {
  readonly desk: PlayedDesk;
  readonly node: Node;
  /** As the steps were given them. */
  readonly given: StepRun[];
  /** What the next orders say that they write. */
  touch: Parameters<NonNullable<StepRun['touches']>>[0] | undefined;
}

const disk = (serial: string | null, expects = ['table mbr']) => ({
  serial,
  wwn: null,
  size: 500,
  byPath: 'pci-1',
  expects,
  title: serial ?? 'bare',
});

async function open(
  state: 'approved' | 'standing',
  disks: readonly object[] = [disk('S1'), disk('S2')],
  steps: readonly DriverStep[] = [ERASE, WRITE, BOOT],
): Promise<Played> {
  const desk = playedDesk(systemClock);
  const given: StepRun[] = [];
  const own: { touch: Played['touch'] } = { touch: undefined };
  const driver: Partial<Driver> = {
    refusal: () => null,
    steps,
    runStep: async ({ step: name }, { uuid }, run) => {
      if (name === 'boot') return {};
      if (name === 'fail') throw new Error('no');
      given.push(run);
      if (own.touch !== undefined) await run.touches?.(own.touch);
      await desk.place(uuid, { key: run.key, name: 'health', args: {} });
      return 'wait';
    },
    continueStep: () => Promise.resolve({}),
  };
  const world = await openWorld({
    clock: systemClock,
    desk,
    drivers: (all) => all.map((one) => (one.interface === 'deploy' && one.name === 'custom-agent' ? { ...one, ...driver } : one)),
  });
  const node = await world.put(await world.enrol('pve1', { interfaces: { deploy: 'custom-agent' } }), 'available');
  const plan = { uuid: 'p1', node_uuid: node.uuid, hash: 'h', plan: JSON.stringify({ disks }), state, reason: null };
  const yes = { approved_by: 'olga', approved_at: 1, created_at: 1, updated_at: 1 };
  await world.store.db
    .insertInto('wipe_plans')
    .values({ ...plan, ...yes })
    .execute();
  return Object.assign(own, world, { desk, node, given });
}

/** Until the agent is to do it. */
async function begin(world: Played, verb: 'active' | 'provide' | 'rebuild'): Promise<string> {
  const from = { active: 'available', provide: 'manageable', rebuild: 'active' } as const;
  const node = await world.put(world.node, from[verb]);
  await world.store.transaction((tx) => world.nodes.update(tx, node, { maintenance: false }, { who: 'user', actor: 'test' }));
  const before = world.given.length;
  await world.provision('pve1', verb);
  await world.reaches('pve1', 'wait call-back', 'clean wait');
  expect(world.given.length).toBe(before + 1);
  return world.given.at(-1)?.key ?? expect.unreachable();
}

interface Row {
  readonly state: 'given' | 'done' | 'failed' | 'cancelled' | 'waiting';
  readonly result?: JsonObject;
  readonly attempts?: number;
}

/** How the order stands in the book. */
async function stands({ store, node }: Played, key: string, { state, result = {}, attempts = 1 }: Row): Promise<void> {
  const texts = { name: 'health', title: '', args: '', message: '', progress_text: '', session: null };
  const times = { given_at: 1, heard_at: 1, finished_at: null, created_at: 1, updated_at: 1, progress: 0 };
  await store.db
    .insertInto('agent_orders')
    .values({ id: crypto.randomUUID(), node_uuid: node.uuid, key, state, result: JSON.stringify(result), attempts, ...texts, ...times })
    .execute();
}

const REFUSED: Row = { state: 'failed', result: { untouched: true } };

async function fails(world: Played, key: string): Promise<void> {
  await world.life.agentHeard(world.node.uuid, { key, status: 'error', message: 'no' });
  await world.reaches('pve1', 'deploy failed', 'clean failed');
  expect(await use(world)).not.toHaveProperty('under');
}

/** What is kept of the plan: from now on it is what reports of the disks are held to, too. */
async function use({ store }: Played): Promise<unknown> {
  const { plan } = await store.db.selectFrom('wipe_plans').select('plan').executeTakeFirstOrThrow();
  return JSON.parse(plan) as unknown;
}

function expects(world: Played): unknown[] {
  const { disks } = world.given.at(-1)?.args ?? {};
  return (disks as { expects: unknown }[]).map((one) => one.expects); // as the step was given them
}

const AGREED = ['table mbr'];
const BYTES = ['table mbr', UNRECOGNISED];

it('looks again after an order that the agent refused, and lets nothing pass that was not agreed to', async () => {
  const world = await open('approved');
  const key = await begin(world, 'active');
  await stands(world, key, REFUSED);
  await fails(world, key);
  await begin(world, 'active');
  expect(expects(world)).toEqual([AGREED, AGREED]);
});

it('lets half erased disks pass after an order that failed, and what was there since on none of them', async () => {
  for (const row of [{ state: 'failed' }, { ...REFUSED, attempts: 2 }] as const) {
    const world = await open('approved');
    world.touch = { at: [1] };
    const key = await begin(world, 'active');
    await stands(world, key, row);
    await fails(world, key);
    await begin(world, 'active');
    expect(expects(world)).toEqual([AGREED, BYTES]);
  }
});

it('looks again after an abort and after a wait that was too long, also on disks that are ours', async () => {
  for (const end of ['abort', 'timeout'] as const) {
    const world = await open('standing');
    await stands(world, await begin(world, 'active'), { state: 'given' });
    if (end === 'abort') await world.provision('pve1', 'abort');
    else await world.store.transaction(async (tx) => world.life.timedOut(tx, await world.nodes.get('pve1', tx)));
    expect(await use(world)).not.toHaveProperty('under');
    await begin(world, 'active');
    expect(expects(world)).toEqual([BYTES, BYTES]);
    expect(await use(world)).toMatchObject({ begun: true, under: { key: world.given.at(-1)?.key } });
  }
});

it('knows after an abort what the agent had not been given, and what it had ended', async () => {
  const world = await open('approved');
  world.touch = { at: [0] };
  await stands(world, await begin(world, 'active'), { state: 'waiting', attempts: 0 });
  await world.provision('pve1', 'abort');
  const key = await begin(world, 'active');
  expect(expects(world)).toEqual([AGREED, AGREED]);
  await stands(world, key, { state: 'done' });
  await world.provision('pve1', 'abort');
  await begin(world, 'active');
  expect(expects(world)).toEqual([null, AGREED]);
});

it('goes on with the very order that is under way, as the same work places it once', async () => {
  const world = await open('standing');
  world.touch = { at: [0] };
  const key = await begin(world, 'active');
  await world.life.agentHeard(world.node.uuid, { key, status: 'end' });
  expect((await world.reaches('pve1', 'active')).lastError).toBeNull();
  expect(await use(world)).toMatchObject({ ours: [0], deployed: [0], lived: true });
  await begin(world, 'rebuild');
  expect(world.given.at(-1)?.args).toMatchObject({ systemOn: [0], isRebuild: true });
  expect(expects(world)).toEqual([null, BYTES]);
  await begin(world, 'provide');
  expect(world.given.at(-1)?.args).not.toHaveProperty('systemOn');
  // The system that ran there may have used all disks that are ours by the plan.
  expect(expects(world)).toEqual([null, null]);
});

it('counts what was put there as started when it is to be, and no sooner, be it by a step or by the end of the deployment', async () => {
  for (const steps of [[WRITE, BOOT], [WRITE]]) {
    const world = await open('standing', undefined, [ERASE, ...steps]);
    world.touch = { at: [0] };
    const key = await begin(world, 'active');
    await world.life.agentHeard(world.node.uuid, { key, status: 'end' });
    await world.reaches('pve1', 'active');
    expect(await use(world)).toMatchObject({ lived: true });
  }
  const network = { ...BOOT, bootsNetwork: true };
  for (const [steps, lived] of [
    [[step('deploy', 'fail', 50), BOOT], []],
    [[BOOT, step('deploy', 'fail', 10)], true],
    [[network, step('deploy', 'fail', 10)], []],
  ] as const) {
    const world = await open('standing', undefined, [WRITE, ...steps]);
    const key = await begin(world, 'active');
    await world.life.agentHeard(world.node.uuid, { key, status: 'end' });
    await world.reaches('pve1', 'deploy failed');
    expect(await use(world)).toMatchObject({ deployed: [0, 1], lived });
  }
});

it('takes a disk that was marked for an installer for that mark alone, and for what is on it when the installer was answered', async () => {
  const world = await open('standing');
  world.touch = { at: [0], leaves: { 0: ['table gpt g1'] } };
  const key = await begin(world, 'active');
  await world.life.agentHeard(world.node.uuid, { key, status: 'end' });
  await world.reaches('pve1', 'active');
  world.touch = undefined;
  await stands(world, await begin(world, 'provide'), { state: 'waiting', attempts: 0 });
  expect(expects(world)).toEqual([['table mbr', 'table gpt g1', UNRECOGNISED], BYTES]);
  await world.provision('pve1', 'abort');
  await world.store.transaction((tx) => installedOn(tx, world.node.uuid, [disk('S1')], 2));
  await begin(world, 'active');
  expect(expects(world)).toEqual([null, BYTES]);
  expect(world.given.at(-1)?.args).toMatchObject({ systemOn: [0] });
});

it('says that there was a system where it was not written down on which disks', async () => {
  const world = await open('standing');
  const plan = JSON.stringify({ disks: [disk('S1'), disk('S2')], deployed: true });
  await world.store.db.updateTable('wipe_plans').set({ plan }).execute();
  await begin(world, 'active');
  expect(world.given.at(-1)?.args).toMatchObject({ isRebuild: true });
  expect(world.given.at(-1)?.args).not.toHaveProperty('systemOn');
});

it('never lets everything pass on a disk that only its slot tells, be it ours', async () => {
  const world = await open('standing', [disk(null)]);
  const key = await begin(world, 'active');
  await world.life.agentHeard(world.node.uuid, { key, status: 'end' });
  await world.reaches('pve1', 'active');
  await begin(world, 'provide');
  expect(expects(world)).toEqual([BYTES]);
});
