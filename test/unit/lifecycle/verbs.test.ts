// Each verb from its beginning to its end, on fake machines.

import { expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/index.ts';
import { instead, openWorld } from './world.ts';

it('goes from enroll through manageable and available to active, and back', async () => {
  const world = await openWorld({ clock: systemClock });
  await world.enrol('pve1');
  const verified = await world.ask('pve1', 'manage');
  expect(verified).toMatchObject({ provisionState: 'manageable', targetProvisionState: null, powerState: 'power off', lastError: null });
  expect(await world.ask('pve1', 'provide')).toMatchObject({ provisionState: 'available', cleanStep: {}, driverInternalInfo: {} });
  const active = await world.ask('pve1', 'active');
  expect(active).toMatchObject({ provisionState: 'active', powerState: 'power on', deployStep: {}, targetPowerState: null });
  const back = await world.ask('pve1', 'deleted');
  expect(back).toMatchObject({ provisionState: 'available', powerState: 'power off', instanceInfo: {} });
});

it('inspects, adopts, rescues and comes back, and services', async () => {
  const world = await openWorld({ clock: systemClock });
  await world.put(await world.enrol('pve1'), 'manageable');
  const inspected = await world.ask('pve1', 'inspect');
  expect(inspected).toMatchObject({ provisionState: 'manageable', inspectionStartedAt: null });
  expect(inspected.inspectionFinishedAt).not.toBeNull();
  expect(await world.ask('pve1', 'adopt')).toMatchObject({ provisionState: 'active' });
  expect(await world.ask('pve1', 'rescue', { rescuePassword: 'let me in' })).toMatchObject({ provisionState: 'rescue' });
  expect(await world.ask('pve1', 'unrescue')).toMatchObject({ provisionState: 'active', powerState: 'power on' });
  const settings = [{ name: 'BootMode', value: 'Uefi' }];
  const serviceSteps = [{ interface: 'bios', step: 'apply_configuration', args: { settings } }] as const;
  const { uuid } = await world.ask('pve1', 'service', { serviceSteps });
  expect(await world.nodes.get(uuid)).toMatchObject({ provisionState: 'active', serviceStep: {} });
  expect(await world.records.hardware.bios(uuid)).toMatchObject(settings);
  const stored = JSON.stringify(await world.store.db.selectFrom('tasks').selectAll().execute());
  expect(stored).not.toContain('let me in');
});

it('ends a manual clean in manageable and an automatic one in available', async () => {
  const world = await openWorld({ clock: systemClock });
  await world.put(await world.enrol('pve1'), 'manageable');
  const cleanSteps = [{ interface: 'deploy', step: 'erase_devices_metadata' }] as const;
  expect((await world.ask('pve1', 'clean', { cleanSteps })).provisionState).toBe('manageable');
  expect((await world.ask('pve1', 'provide')).provisionState).toBe('available');
});

it('cleans nothing where the node or the site says so', async () => {
  const world = await openWorld({ clock: systemClock, config: { automatedClean: false } });
  const site = await world.put(await world.enrol('site'), 'manageable');
  const node = await world.put(await world.enrol('node', { automatedClean: true }), 'manageable');
  for (const name of ['site', 'node']) expect((await world.ask(name, 'provide')).provisionState).toBe('available');
  const logOf = async (uuid: string): Promise<string> => {
    const [task] = await world.tasks.list({ nodeUuid: uuid, limit: 1 });
    await world.store.taskLogs.flush();
    const lines = await world.store.taskLogs.list({ taskId: task?.id ?? '', afterId: 0, limit: 100 });
    return lines.map(({ line }) => line).join('\n');
  };
  expect(await logOf(site.uuid)).toContain('automated cleaning is off');
  expect(await logOf(node.uuid)).toContain('steps: deploy.erase_devices_metadata, deploy.erase_devices');
});

it('goes back to enroll when a machine can not be verified, with the reason', async () => {
  const world = await openWorld({ clock: systemClock });
  await world.enrol('pve1', { driverInfo: { fake_fail: ['power.state'] } });
  const refused = await world.ask('pve1', 'manage');
  expect(refused.provisionState).toBe('enroll');
  expect(refused.lastError).toMatch(/power/);
});

it('boots the agent before steps that need it, waits for it, and switches the machine off at the end', async () => {
  const power: string[] = [];
  const world = await openWorld({
    clock: systemClock,
    drivers: (drivers) =>
      drivers.map((driver) => {
        if (driver.interface === 'power' && driver.name === 'fake' && driver.power !== undefined) {
          const own = driver.power;
          const set: typeof own.set = (target, wanted, call) => {
            power.push(wanted);
            return own.set(target, wanted, call);
          };
          return { ...driver, power: { ...own, set } };
        }
        if (driver.interface !== 'deploy' || driver.name !== 'custom-agent') return driver;
        const wipe = { kind: 'clean', step: 'wipe', priority: 10, title: 'wipe', needsRamdisk: true } as const;
        return { ...driver, refusal: () => null, steps: [wipe], runStep: () => Promise.resolve({}) };
      }),
  });
  const node = await world.put(await world.enrol('pve1', { interfaces: { deploy: 'custom-agent' } }), 'manageable');
  expect((await world.ask('pve1', 'provide')).provisionState).toBe('clean wait');
  expect(power).toEqual(['rebooting']);
  expect((await world.life.bootDevice(node)).device).toBe('pxe');
  await world.life.agentHeard(node.uuid, {});
  expect(await world.reaches('pve1', 'available')).toMatchObject({ powerState: 'power off', cleanStep: {}, driverInternalInfo: {} });
  expect(power).toEqual(['rebooting', 'power off']);
  await world.put(node, 'manageable');
  await world.ask('pve1', 'provide');
  await world.provision('pve1', 'abort');
  expect(await world.reaches('pve1', 'clean failed')).toMatchObject({ powerState: 'power off', targetPowerState: null });
});

it('begins no more than are allowed at once, and loses none of the others', async () => {
  let now = 0;
  let most = 0;
  // Nobody leaves before as many are in as may be: fewer would wait for ever.
  const full = Promise.withResolvers<void>();
  const world = await openWorld({
    clock: systemClock,
    config: { maxDeploys: 7 },
    workers: 32,
    drivers: instead('deploy', () => ({
      steps: [{ kind: 'deploy', step: 'image', priority: 80, title: 'image' }],
      runStep: async () => {
        now += 1;
        most = Math.max(most, now);
        if (now === 7) full.resolve();
        await full.promise;
        await systemClock.sleep(2);
        now -= 1;
        return {};
      },
    })),
  });
  const all = Array.from({ length: 200 }, (_, at) => `pve${at}`);
  for (const name of all) await world.put(await world.enrol(name), 'available');
  for (const name of all) await world.provision(name, 'active');
  await expect.poll(() => world.nodes.countByState(), { timeout: 50_000, interval: 50 }).toEqual({ active: 200 });
  expect(most).toBe(7);
}, 60_000);

it('fails a node whose task was ended by a person, and lets it be tried again', async () => {
  const world = await openWorld({
    clock: systemClock,
    drivers: instead('deploy', () => ({
      steps: [{ kind: 'deploy', step: 'image', priority: 80, title: 'image' }],
      runStep: async (_, __, { signal }) => {
        await systemClock.sleep(60_000, signal);
        return {};
      },
    })),
  });
  const node = await world.put(await world.enrol('pve1'), 'available');
  await world.provision('pve1', 'active');
  await expect.poll(async () => (await world.nodes.get('pve1')).deployStep.step).toBe('image');
  const [task] = await world.tasks.list({ nodeUuid: node.uuid, limit: 1 });
  await world.store.transaction((tx) => world.tasks.cancel(tx, task?.id ?? '', 'not this one'));
  const failed = await world.reaches('pve1', 'deploy failed');
  expect(failed.lastError).toMatch(/cancelled/);
});

it('waits for the report of an inspection, whatever beats come before it', async () => {
  const world = await openWorld({
    clock: systemClock,
    drivers: instead('inspect', () => ({ inspect: { inspect: () => Promise.resolve(undefined) } })),
  });
  const { uuid } = await world.put(await world.enrol('pve1'), 'manageable');
  const waiting = await world.ask('pve1', 'inspect');
  expect(waiting).toMatchObject({ provisionState: 'inspect wait', powerState: 'power on' });
  await world.life.agentHeard(uuid, {});
  await world.life.agentHeard(uuid, { status: 'start' });
  expect((await world.nodes.get(uuid)).version).toBe(waiting.version);
  await world.life.agentHeard(uuid, { status: 'end' });
  expect(await world.reaches('pve1', 'manageable')).toMatchObject({ lastError: null });
  await world.ask('pve1', 'inspect');
  await world.life.agentHeard(uuid, { status: 'error', message: 'no disks' });
  expect((await world.reaches('pve1', 'inspect failed')).lastError).toContain('Inspection failed: no disks');
});
