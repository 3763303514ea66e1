// Power asked for: one at a time, shown while it is under way, and what is said when it does not come about.

import { expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/index.ts';
import { errorOf } from '../nodes/world.ts';
import { OLGA, openWorld } from './world.ts';

it('shows the target while it is under way, and the state when it is there', async () => {
  const world = await openWorld({ clock: systemClock, isStill: true });
  const node = await world.enrol('pve1');
  await world.life.setPower(node, 'rebooting', null, OLGA);
  expect(await world.nodes.get('pve1')).toMatchObject({ powerState: null, targetPowerState: 'power on' });
  expect(await world.life.holders([node.uuid])).toEqual(new Map([[node.uuid, 'rack-1']]));
  const second = await errorOf(() => world.life.setPower(node, 'power off', null, OLGA));
  expect(second).toMatchObject({ code: 'lifecycle.locked', retryable: true });
  await world.tasks.start(new AbortController().signal);
  await world.reaches('pve1', 'enroll');
  expect(await world.nodes.get('pve1')).toMatchObject({ powerState: 'power on', targetPowerState: null, lastError: null });
});

it('keeps why it failed in last_error', async () => {
  const world = await openWorld({ clock: systemClock });
  const node = await world.enrol('pve1', { driverInfo: { fake_fail: ['power.set'] } });
  await world.life.setPower(node, 'power on', null, OLGA);
  await world.reaches('pve1', 'enroll');
  const failed = await world.nodes.get('pve1');
  expect(failed.targetPowerState).toBeNull();
  expect(failed.lastError).toContain('Failed to set node power state to power on');
});

it('never switches a machine off that has disable_power_off', async () => {
  const world = await openWorld({ clock: systemClock });
  const node = await world.enrol('pve1', { disablePowerOff: true });
  for (const target of ['power off', 'soft power off'] as const) {
    const error = await errorOf(() => world.life.setPower(node, target, null, OLGA));
    expect(error).toMatchObject({ code: 'lifecycle.power_refused', message: `Failed to set node power state to ${target}.` });
  }
  await world.life.setPower(node, 'power on', null, OLGA);
  await world.reaches('pve1', 'enroll');
});

it('leaves a machine that is cleaned alone', async () => {
  const world = await openWorld({ clock: systemClock, isStill: true });
  const node = await world.enrol('pve1');
  for (const state of ['cleaning', 'clean wait'] as const) {
    await world.put(node, state, 'available');
    const error = await errorOf(() => world.life.setPower(node, 'power off', null, OLGA));
    expect(error).toMatchObject({ code: 'lifecycle.invalid_state' });
  }
});

it('sets boot mode, secure boot and console by tasks, and the boot device while one waits', async () => {
  const world = await openWorld({ clock: systemClock });
  const node = await world.enrol('pve1');
  await world.life.setBootMode(node, 'uefi', OLGA);
  expect(await world.reaches('pve1', 'enroll')).toMatchObject({ bootMode: 'uefi' });
  await world.life.setSecureBoot(node, true, OLGA);
  expect(await world.reaches('pve1', 'enroll')).toMatchObject({ secureBoot: true });
  await world.life.setConsole(node, true, OLGA);
  const watched = await world.reaches('pve1', 'enroll');
  expect(watched.consoleEnabled).toBe(true);
  expect((await world.life.console(watched)).isEnabled).toBe(true);
  await world.life.setBootDevice(node, 'cdrom', true, OLGA);
  expect(await world.life.bootDevice(node)).toEqual({ device: 'cdrom', isPersistent: true });
  expect(await world.life.holders([node.uuid])).toEqual(new Map());
});

it('changes no boot mode while a machine is on its way', async () => {
  const world = await openWorld({ clock: systemClock, isStill: true });
  const node = await world.put(await world.enrol('pve1'), 'deploying', 'active');
  const error = await errorOf(() => world.life.setBootMode(node, 'uefi', OLGA));
  expect(error).toMatchObject({ code: 'lifecycle.under_way', status: 409 });
});
