// What destructive steps may touch, and how that ends: runbooks that say yes by themselves, machines that are only watched or are adopted.

import { expect, it } from 'vitest';
import { UNRECOGNISED } from '../../../src/inspect/index.ts';
import { RackseedError, systemClock } from '../../../src/lib/index.ts';
import type { Node } from '../../../src/nodes/index.ts';
import type { Driver, DriverStep } from '../../../src/power/index.ts';
import { errorOf } from '../nodes/world.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

const LOOK: DriverStep = { kind: 'clean', step: 'look', priority: 20, title: 'Look' };
const WIPE: DriverStep = { kind: 'clean', step: 'wipe', priority: 10, title: 'Wipe', isDestructive: true };
const BY_HAND = { interface: 'deploy', step: 'wipe' } as const;

interface Wiped {
  readonly step: string;
  readonly disks: unknown;
}

/** A node whose deploy interface, which is none of the harmless ones, has the steps. */
async function withWipes(
  steps: readonly DriverStep[],
  act: (step: string) => ReturnType<NonNullable<Driver['runStep']>> = () => Promise.resolve({ result: {} }),
  options: Partial<WorldOptions> = {},
): Promise<World & { readonly ran: Wiped[]; readonly node: Node }> {
  const ran: Wiped[] = [];
  const wiping = (driver: Driver): Driver => ({
    ...driver,
    refusal: () => null,
    steps,
    runStep: ({ step }, _, { args }) => {
      ran.push({ step, disks: args.disks ?? null });
      return act(step);
    },
  });
  const drivers = (all: readonly Driver[]): readonly Driver[] =>
    all.map((driver) => (driver.interface === 'deploy' && driver.name === 'custom-agent' ? wiping(driver) : driver));
  const world = await openWorld({ clock: systemClock, drivers, ...options });
  const node = await world.put(await world.enrol('pve1', { interfaces: { deploy: 'custom-agent' } }), 'manageable');
  return { ...world, ran, node };
}

const DISKS = [
  { serial: 'S1', wwn: null, size: 500, byPath: null, expects: ['table gpt'], title: 'SSD (serial S1)' },
  { serial: 'S2', wwn: null, size: 500, byPath: null, expects: ['table mbr'], title: 'SSD (serial S2)' },
];

async function keepPlan({ store }: World, { uuid }: Node, { id, state, disks = DISKS }: { id: string; state: string; disks?: unknown[] }) {
  const times = { approved_at: state === 'proposed' ? null : 1, created_at: 1, updated_at: 1 };
  const plan = { uuid: id, node_uuid: uuid, hash: 'h', plan: JSON.stringify({ disks }), state, approved_by: 'olga', reason: null };
  await store.db
    .insertInto('wipe_plans')
    .values({ ...plan, ...times })
    .execute();
}

async function plans({ store }: World) {
  return store.db.selectFrom('wipe_plans').select(['uuid', 'state', 'reason']).orderBy('uuid').execute();
}

it('takes no stored word for a typed one: a runbook that names the node is refused, and erases nothing', async () => {
  const world = await withWipes([WIPE]);
  const { store, nodes, node } = world;
  const rest = {
    description: null,
    disable_ramdisk: 0,
    public: 1,
    owner: null,
    traits: '[]',
    extra: '{}',
    created_at: 1,
    updated_at: 1,
  } as const;
  const runbook = (uuid: string, name: string, args: object) => ({
    uuid,
    name,
    steps: JSON.stringify([{ ...BY_HAND, args, order: 1 }]),
    ...rest,
  });
  await store.db
    .insertInto('runbooks')
    .values([runbook('r1', 'CUSTOM_ALL', { confirm: 'pve1' }), runbook('r2', 'CUSTOM_PLAN', {})])
    .execute();
  await store.transaction((tx) => nodes.update(tx, node, { traits: ['CUSTOM_ALL', 'CUSTOM_PLAN'] }, { who: 'user' }));
  const refused = await errorOf(() => world.provision('pve1', 'clean', { runbook: 'CUSTOM_ALL' }));
  expect(refused).toMatchObject({ code: 'lifecycle.bad_request' });
  expect(refused.message).toContain('Runbook CUSTOM_ALL has the argument "confirm" for the step deploy.wipe');
  expect(world.ran).toEqual([]);
  await world.ask('pve1', 'clean', { runbook: 'CUSTOM_PLAN' });
  await see(world, node, ['S1']);
  await world.ask('pve1', 'clean', { cleanSteps: [{ ...BY_HAND, args: { confirm: 'pve1' } }] });
  expect(world.ran).toMatchObject([
    { step: 'wipe', disks: [] },
    { step: 'wipe', disks: [{ serial: 'S1', expects: null }] },
  ]);
});

/** As the agent reports it. */
async function see({ store, nodes }: World, { uuid }: Node, serials: readonly string[]): Promise<void> {
  const disks = serials.map((serial) => ({ name: `/dev/${serial}`, serial, size: 500e9 }));
  await store.transaction((tx) => nodes.saveInventory(tx, uuid, { inventory: { disks }, pluginData: {} }));
}

it('erases the disks that were there when somebody typed that all are meant, and none at all when others came since', async () => {
  let later: readonly string[] = [];
  const look = async (step: string) => {
    if (step === 'look' && later.length > 0) await see(world, world.node, later);
    return {};
  };
  const world = await withWipes([LOOK, WIPE], look);
  const all = {
    cleanSteps: [
      { ...BY_HAND, step: 'look' },
      { ...BY_HAND, args: { confirm: 'pve1' } },
    ],
  };
  const again = async (): Promise<Node> => {
    const node = await world.put(world.node, 'manageable');
    await world.store.transaction((tx) => world.nodes.update(tx, node, { maintenance: false }, { who: 'user', actor: 'test' }));
    return world.ask('pve1', 'clean', all);
  };
  expect((await again()).lastError).toContain('nobody knew which disks pve1 has when it was typed');
  await see(world, world.node, ['S1', 'S2']);
  later = ['S1', 'S2', 'S3'];
  const failed = await again();
  expect(failed.lastError).toContain('pve1 has disks that it had not when it was typed that all of them are erased');
  expect(failed.lastError).toContain('serial S3');
  expect(world.ran.filter(({ step }) => step === 'wipe')).toEqual([]);
  later = ['S1'];
  const planned = {
    disks: ['S1', 'S9'].map((serial) => ({ serial, wwn: null, size: 500e9, byPath: null })),
    deployed: [0, 1],
    ours: [0, 1],
  };
  await keepPlan(world, world.node, { id: 'p1', state: 'standing' });
  await world.store.db
    .updateTable('wipe_plans')
    .set({ plan: JSON.stringify(planned) })
    .execute();
  await again();
  const row = await world.store.db.selectFrom('wipe_plans').select(['state', 'plan']).executeTakeFirstOrThrow();
  // What is put there from now on is not the system's that was.
  expect([row.state, JSON.parse(row.plan)]).toMatchObject(['standing', { deployed: [1] }]);
  expect(world.ran.at(-1)?.disks).toMatchObject([{ serial: 'S1' }, { serial: 'S2' }, { serial: 'S3' }]);
});

it('holds nothing on typed disks for ours from the order on, whatever slot they are in by then and whether or not it succeeds', async () => {
  for (const end of ['done', 'failed'] as const) {
    let atOrder: unknown;
    const world = await withWipes([WIPE], async () => {
      atOrder = await usage();
      if (end === 'failed') throw new Error('the second disk does not answer');
      return {};
    });
    const usage = async (): Promise<unknown> => {
      const { plan } = await world.store.db.selectFrom('wipe_plans').select('plan').executeTakeFirstOrThrow();
      return JSON.parse(plan) as unknown;
    };
    const disk = { wwn: null, size: 500e9 };
    const planned = [
      { ...disk, serial: 'S1', byPath: 'pci-1' },
      { ...disk, serial: 'S2', byPath: 'pci-2' },
      { ...disk, serial: null, byPath: 'pci-9' },
    ];
    await keepPlan(world, world.node, { id: 'p1', state: 'standing' });
    await world.store.db
      .updateTable('wipe_plans')
      .set({ plan: JSON.stringify({ disks: planned, deployed: [0, 1, 2], ours: [0, 1, 2], lived: true }) })
      .execute();
    const moved = ['S1', 'S2'].map((serial) => ({ name: `/dev/${serial}`, serial, size: 500e9, by_path: `pci-other-${serial}` }));
    const report = { inventory: { disks: moved }, pluginData: {} };
    await world.store.transaction((tx) => world.nodes.saveInventory(tx, world.node.uuid, report));
    const node = await world.ask('pve1', 'clean', { cleanSteps: [{ ...BY_HAND, args: { confirm: 'pve1' } }] });
    expect(node.provisionState).toBe(end === 'done' ? 'manageable' : 'clean failed');
    expect(world.ran.at(-1)?.disks).toMatchObject([
      { serial: 'S1', byPath: 'pci-other-S1' },
      { serial: 'S2', byPath: 'pci-other-S2' },
    ]);
    expect(atOrder).toMatchObject({ deployed: [2], lived: [2], begun: [0, 1] });
    expect(await usage()).toEqual(atOrder);
  }
});

it('erases nothing on a machine that has become observe-only since the verb was asked for', async () => {
  for (const by of ['site', 'node'] as const) {
    let site: string | undefined;
    const look = async (step: string) => {
      if (step === 'look' && by === 'site') site = 'this site is observe-only';
      // Another appliance on the same store: nothing here refuses it.
      if (step === 'look' && by === 'node') await world.store.db.updateTable('nodes').set({ observe_only: 1 }).execute();
      return {};
    };
    const world = await withWipes([LOOK, WIPE], look, { observeOnly: () => site });
    await keepPlan(world, world.node, { id: 'p1', state: 'approved' });
    const failed = await world.ask('pve1', 'provide');
    expect(failed.provisionState).toBe('clean failed');
    expect(failed.lastError).toContain(
      by === 'site' ? 'this site is observe-only, so wipe is refused' : 'node pve1 is observe-only, so wipe',
    );
    expect(world.ran.map(({ step }) => step)).toEqual(['look']);
    expect(await plans(world)).toMatchObject([{ state: 'approved' }]);
  }
});

it('forgets the yes to wipe plans when a machine is adopted with what runs on it', async () => {
  const world = await withWipes([WIPE]);
  for (const state of ['approved', 'standing', 'void', 'proposed']) await keepPlan(world, world.node, { id: state, state });
  expect((await world.ask('pve1', 'adopt')).provisionState).toBe('active');
  expect(await plans(world)).toMatchObject([
    { uuid: 'approved', state: 'spent', reason: expect.stringMatching(/^adopted by task /) as unknown },
    { uuid: 'proposed', state: 'proposed' },
    { uuid: 'standing', state: 'spent' },
    { uuid: 'void', state: 'void' },
  ]);
});

it('makes those disks ours that a destructive step wrote, and none by a step that did nothing', async () => {
  let outcome: { wrote?: readonly number[] } = {};
  const world = await withWipes([WIPE], () => Promise.resolve(outcome));
  const stand = async () => {
    await world.put(world.node, 'manageable');
    await world.ask('pve1', 'provide');
    const row = await world.store.db.selectFrom('wipe_plans').select(['state', 'plan']).executeTakeFirstOrThrow();
    const { ours } = JSON.parse(row.plan) as { ours?: unknown }; // as it was put there
    return [row.state, ours ?? null];
  };
  await keepPlan(world, world.node, { id: 'p1', state: 'approved' });
  outcome = { wrote: [] };
  expect(await stand()).toEqual(['approved', null]);
  outcome = { wrote: [1] };
  expect(await stand()).toEqual(['approved', [1]]);
  outcome = {};
  expect(await stand()).toEqual(['standing', [0, 1]]);
  expect(world.ran.at(2)?.disks).toMatchObject([{ expects: ['table gpt'] }, { serial: 'S2', expects: ['table mbr', UNRECOGNISED] }]);
  await world.store.db.deleteFrom('wipe_plans').execute();
  await keepPlan(world, world.node, { id: 'p2', state: 'approved', disks: [] });
  expect(await stand()).toEqual(['approved', null]);
});

it('gives a disk that is half erased to the next order with what nobody recognises, only where something was begun', async () => {
  let failure: Error | undefined;
  const world = await withWipes([WIPE], () => (failure === undefined ? Promise.resolve({}) : Promise.reject(failure)));
  const expected = async (): Promise<unknown> => {
    const node = await world.put(world.node, 'manageable');
    await world.store.transaction((tx) => world.nodes.update(tx, node, { maintenance: false }, { who: 'user', actor: 'test' }));
    await world.ask('pve1', 'provide');
    const [disk] = (world.ran.at(-1)?.disks ?? []) as { expects: unknown }[]; // as the step was given them
    return disk?.expects;
  };
  const failed = (begun?: boolean): Error =>
    new RackseedError(
      'power.refused',
      { status: 409, about: '' },
      { message: 'no', ...(begun === undefined ? {} : { detail: { begun } }) },
    );
  await keepPlan(world, world.node, { id: 'p1', state: 'approved' });
  for (failure of [failed(false), failed(), failed(true)]) expect(await expected()).toEqual(['table gpt']);
  failure = undefined;
  expect(await expected()).toEqual(['table gpt', UNRECOGNISED]);
});
