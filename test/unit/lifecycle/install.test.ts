// A deployment by an installer, from available to active, with the agent and the desk played by hand.

import { expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/index.ts';
import type { JsonObject, Node } from '../../../src/nodes/index.ts';
import { proxmoxDriver } from '../../../src/power/agent-steps/proxmox.ts';
import type { InstallDesk, InstallStanding, PowerDriver } from '../../../src/power/index.ts';
import { containing } from '../../support/containing.ts';
import { type PlayedDesk, playedDesk } from '../../support/desk.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { openWorld, type World } from './world.ts';

const MINUTE = 60_000;
const disk = (serial: string) => ({ serial, wwn: null, size: 10 ** 11, byPath: null, expects: ['ext4'], title: serial });

interface Played extends World {
  readonly desk: PlayedDesk;
  readonly asked: string[];
  standing: InstallStanding;
  /** When it wants to be looked at again. */
  untilIn: number | null;
  node: Node;
}

/** Whatever it is told, it stays on until somebody comes. */
const byHand = (power: PowerDriver): PowerDriver => ({
  ...power,
  settleSeconds: 600,
  state: () => Promise.resolve('power on'),
  set: () => Promise.resolve(),
});

async function open(
  clock: typeof systemClock | FakeClock = systemClock,
  change: Partial<InstallDesk> = {},
  power: (driver: PowerDriver) => PowerDriver = (driver) => driver,
): Promise<Played> {
  const desk = playedDesk(clock);
  const asked: string[] = [];
  const state = { standing: waits('loads the installer') as InstallStanding, untilIn: null as number | null };
  const installs: InstallDesk = {
    refusal: () => null,
    prepare: ({ disks }) => Promise.resolve({ disks: disks.filter(({ title }) => title !== 'S3'), stamps: ['g1', 'g2'] }),
    arm: () => Promise.resolve(void asked.push('arm')),
    standing: (_uuid, _deployment, goal) => {
      asked.push(goal);
      const until = state.untilIn === null ? null : clock.now() + state.untilIn;
      return Promise.resolve(state.standing.state === 'waits' ? { ...state.standing, until } : state.standing);
    },
    signIn: () => Promise.resolve({ address: '10.0.0.11', system: 'Linux' }),
    abandon: () => Promise.resolve(),
    ...change,
  };
  const world = await openWorld({
    clock,
    desk,
    drivers: (all) =>
      all.map((one) => {
        if (one.interface === 'power' && one.name === 'fake' && one.power !== undefined) return { ...one, power: power(one.power) };
        return one.interface === 'deploy' && one.name === 'proxmox' ? proxmoxDriver({ desk, installs, cleaning: 'express', clock }) : one;
      }),
    ...(clock === systemClock ? {} : { engine: { pollMs: MINUTE, leaseTtlMs: 48 * 60 * MINUTE } }),
  });
  const node = await world.put(await world.enrol('pve1', { interfaces: { deploy: 'proxmox' } }), 'available');
  const at = Date.now();
  const plan = { node_uuid: node.uuid, hash: 'h', state: 'approved', plan: JSON.stringify({ disks: ['S1', 'S2', 'S3'].map(disk) }) };
  const times = { approved_at: at, approved_by: 'olga', created_at: at, updated_at: at, reason: null };
  await world.store.db
    .insertInto('wipe_plans')
    .values({ uuid: crypto.randomUUID(), ...plan, ...times })
    .execute();
  desk.heard(node.uuid);
  return Object.assign(state, world, { desk, asked, node });
}

function waits(text: string): InstallStanding {
  return { state: 'waits', fraction: 0.5, text, until: null };
}

/** The agent carries out the next order. */
async function carryOut({ desk, life, node }: Played, name: string, result: JsonObject = {}): Promise<void> {
  await expect.poll(() => desk.placed.some((one) => one.name === name), { timeout: 20_000 }).toBe(true);
  const { key } = desk.placed.findLast((one) => one.name === name) ?? expect.unreachable();
  desk.give(node.uuid);
  desk.settle(node.uuid, key, { state: 'done', message: '', result });
  await life.agentHeard(node.uuid, { key, status: 'end' });
}

async function upToInstaller(world: Played): Promise<void> {
  await world.provision('pve1', 'active');
  await carryOut(world, 'stamp_disks');
  await carryOut(world, 'inventory');
  await carryOut(world, 'reboot');
}

async function atStep(world: Played, step: string): Promise<Node> {
  await expect.poll(async () => (await world.nodes.get('pve1')).deployStep.step, { timeout: 20_000 }).toBe(step);
  return world.reaches('pve1', 'wait call-back', 'deploying');
}

it('says that it failed at once where only a person could switch the machine off', async () => {
  const world = await open(systemClock, {}, byHand);
  await upToInstaller(world);
  await atStep(world, 'wait_for_installer');
  world.desk.silent(world.node.uuid);
  world.standing = { state: 'failed', message: 'its installer restarted and came back', hint: 'Look at its screen.' };
  await world.life.agentHeard(world.node.uuid, { status: 'end' });
  expect(await world.reaches('pve1', 'deploy failed')).toMatchObject({ lastError: containing('came back') });
});

it('goes from available to active: marks, proof, restart, installer, first boot, sign-in', async () => {
  const world = await open();
  await upToInstaller(world);
  const waiting = await atStep(world, 'wait_for_installer');
  expect(waiting.driverInternalInfo).toMatchObject({ boots_own_disk: true });
  expect(world.desk.placed.map(({ name }) => name)).toEqual(['stamp_disks', 'inventory', 'reboot']);
  expect(world.desk.placed[0]?.args).toMatchObject({ disks: [{ serial: 'S1', expects: ['ext4'] }, { serial: 'S2' }], guids: ['g1', 'g2'] });
  // Only what was written is ours now.
  const plan = await world.store.db.selectFrom('wipe_plans').select(['state', 'reason']).executeTakeFirstOrThrow();
  expect(plan).toEqual({ state: 'approved', reason: containing('used in part') });
  expect(world.asked).toEqual(['arm', 'installed']);

  await world.life.agentHeard(world.node.uuid, { status: 'end' });
  await expect.poll(() => world.asked, { timeout: 20_000 }).toEqual(['arm', 'installed', 'installed']);
  await world.reaches('pve1', 'wait call-back');
  world.standing = { state: 'reached' };
  await world.life.agentHeard(world.node.uuid, { status: 'end' });
  expect(await world.reaches('pve1', 'active')).toMatchObject({ lastError: null, driverInternalInfo: {} });
});

it('fails with the words of the record, and the agent is not what it is left with', async () => {
  const world = await open();
  await upToInstaller(world);
  await atStep(world, 'wait_for_installer');
  world.standing = { state: 'failed', message: 'its installer was booted 3 times', hint: 'Look at its screen.' };
  await world.life.agentHeard(world.node.uuid, { status: 'end' });
  expect(await world.reaches('pve1', 'deploy failed')).toMatchObject({ lastError: containing('booted 3 times (Look at its screen.)') });
});

it('touches nothing where the look at the machine is against it', async () => {
  const refused = () => Promise.reject(new Error('3900 MiB of memory can be used'));
  const world = await open(systemClock, { prepare: refused });
  await world.provision('pve1', 'active');
  expect(await world.reaches('pve1', 'deploy failed')).toMatchObject({ lastError: containing('3900 MiB') });
  expect(world.desk.placed).toEqual([]);
  expect(await world.store.db.selectFrom('wipe_plans').select('state').executeTakeFirstOrThrow()).toEqual({ state: 'approved' });
});

it('looks again by itself when the record wants it, and at nothing else in between', async () => {
  const clock = createFakeClock();
  const world = await open(clock);
  world.untilIn = 25 * MINUTE;
  const begun = upToInstallerOn(world, clock);
  await clock.until(begun, 10 * MINUTE);
  await clock.until(atWaiting(world, clock), MINUTE);
  expect(world.asked).toEqual(['arm', 'installed']);
  world.untilIn = 3 * MINUTE;
  // Ten minutes after it was asked at the latest, whatever it said.
  await clock.advance(9 * MINUTE);
  expect(world.asked).toEqual(['arm', 'installed']);
  await clock.advance(2 * MINUTE);
  expect(world.asked).toEqual(['arm', 'installed', 'installed']);
  await clock.advance(4 * MINUTE);
  expect(world.asked).toEqual(['arm', 'installed', 'installed', 'installed']);
  expect((await world.nodes.get('pve1')).provisionState).toBe('wait call-back');
});

/** The same, on a clock that is turned: nothing is polled by the real one. */
async function upToInstallerOn(world: Played, clock: FakeClock): Promise<void> {
  await world.provision('pve1', 'active');
  for (const name of ['stamp_disks', 'inventory', 'reboot']) {
    while (!world.desk.placed.some((one) => one.name === name)) await clock.sleep(50, new AbortController().signal);
    await carryOut(world, name);
  }
}

async function atWaiting(world: Played, clock: FakeClock): Promise<void> {
  for (;;) {
    const { deployStep, provisionState } = await world.nodes.get('pve1');
    if (deployStep.step === 'wait_for_installer' && provisionState === 'wait call-back') return;
    await clock.sleep(50, new AbortController().signal);
  }
}
