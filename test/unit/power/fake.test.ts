import { describe, expect, it } from 'vitest';
import { silentLog, systemRandom } from '../../../src/lib/index.ts';
import type { DriverInfo, PowerState } from '../../../src/nodes/index.ts';
import { delayOf, failureAt, readFakeSettings } from '../../../src/power/fake/settings.ts';
import { createDrivers, type Driver, type Target } from '../../../src/power/index.ts';
import { mapMemory } from '../../conformance/power/memory.ts';
import { targetOf } from '../../conformance/power/suite.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const call = () => ({ signal: new AbortController().signal, log: silentLog });

function machine(memory = mapMemory()) {
  const clock = createFakeClock();
  const drivers = createDrivers({ clock, random: { ...systemRandom, float: () => 0.5 }, memory });
  const fake = (which: Driver['interface']): Driver => {
    const found = drivers.find((driver) => driver.interface === which && driver.name === 'fake');
    if (found === undefined) throw new Error(`no fake ${which}`);
    return found;
  };
  return { clock, fake };
}

const recorded = (powerState: PowerState | null, driverInfo: DriverInfo = {}): Target =>
  targetOf(driverInfo, { recorded: { ...targetOf({}).recorded, powerState } });

function settings(info: DriverInfo) {
  const read = readFakeSettings(info);
  if ('refusal' in read) throw new Error(read.refusal);
  return read;
}

describe('a fake machine', () => {
  it('is what it was told until the record has caught up, and then what is recorded', async () => {
    const { power } = machine().fake('power');
    expect(await power?.state(recorded(null), call())).toBe('power off');
    await power?.set(recorded(null), 'power on', call());
    expect(await power?.state(recorded(null), call())).toBe('power on');
    expect(await power?.state(recorded('power on'), call())).toBe('power on');
    // Another appliance switched it, and recorded that.
    expect(await power?.state(recorded('power off'), call())).toBe('power off');
  });

  it('is after a restart as it is recorded, and boots from what it was told', async () => {
    const memory = mapMemory();
    await machine(memory).fake('management').management?.setBootDevice(recorded(null), { device: 'disk', isPersistent: true }, call());
    const again = machine(memory);
    expect(await again.fake('power').power?.state(recorded('power on'), call())).toBe('power on');
    expect(await again.fake('management').management?.bootDevice(recorded(null), call())).toEqual({ device: 'disk', isPersistent: true });
  });

  it('can be stuck in a power state', async () => {
    const { power } = machine().fake('power');
    const stuck = recorded('power off', { fake_stuck_power: 'power off' });
    await power?.set(stuck, 'power on', call());
    expect(await power?.state(stuck, call())).toBe('power off');
  });

  it('takes its time, the step its own', async () => {
    const { clock, fake } = machine();
    const slow = recorded(null, { fake_delay: 1, fake_deploy_delay: '2,4', fake_step_delays: { 'deploy.write_image': 0.25 } });
    const began = clock.now();
    const { management } = fake('management');
    if (management === undefined) throw new Error('it has no boot device');
    await clock.until(management.bootDevice(slow, call()));
    expect(clock.now() - began).toBe(1000);
    expect(delayOf(settings(slow.driverInfo), 'deploy', 'deploy', 0.5)).toBe(3000);
    expect(delayOf(settings(slow.driverInfo), 'deploy', 'write_image', 0.5)).toBe(250);
  });

  it('fails where it is told to, as often as it is told to, also over restarts', async () => {
    const memory = mapMemory();
    const info = { fake_fail: 'power.set:2, deploy' };
    const set = () => machine(memory).fake('power').power?.set(recorded(null, info), 'power on', call());
    await expect(set()).rejects.toThrow('power.set failed on node pve1');
    await expect(set()).rejects.toMatchObject({ code: 'power.fake_failure' });
    await expect(set()).resolves.toBeUndefined();
    expect(failureAt(settings(info), 'deploy', 'write_image')).toMatchObject({ times: null });
    expect(failureAt(settings(info), 'power', 'state')).toBeUndefined();
  });

  it('waits at the steps that it is told to wait at', async () => {
    const deploy = machine().fake('deploy');
    const run = { ...call(), args: {}, key: 'tsk:0', isResumed: false, progress: () => undefined };
    const outcomes: unknown[] = [];
    for (const step of (deploy.steps ?? []).filter(({ kind }) => kind === 'deploy'))
      outcomes.push(await deploy.runStep?.(step, recorded(null, { fake_wait: ['deploy.deploy'] }), run));
    expect(outcomes).toEqual(['wait', {}, {}, {}, {}, {}]);
  });

  it('has the core deploy steps and the clean steps of the agent, those that erase marked', () => {
    const steps = machine().fake('deploy').steps ?? [];
    const named = (kind: string) =>
      steps.filter((step) => step.kind === kind && step.priority > 0).map((step) => `${step.step} ${step.priority}`);
    expect(named('deploy')).toEqual([
      'deploy 100',
      'write_image 80',
      'prepare_instance_boot 60',
      'tear_down_agent 40',
      'switch_to_tenant_network 30',
      'boot_instance 20',
    ]);
    expect(named('clean')).toEqual(['erase_devices_metadata 99', 'erase_devices 10']);
    expect(steps.filter((step) => step.isDestructive === true).map((step) => step.step)).toEqual([
      'write_image',
      'erase_devices_metadata',
      'erase_devices',
      'erase_devices_express',
    ]);
  });

  it('keeps the BIOS settings that a step applied', async () => {
    const bios = machine().fake('bios');
    const run = { ...call(), key: 'tsk:0', isResumed: false, progress: () => undefined };
    const step = (name: string) => bios.steps?.find((one) => one.step === name);
    const [apply, reset] = [step('apply_configuration'), step('factory_reset')];
    if (apply === undefined || reset === undefined) throw new Error('steps are missing');
    await bios.runStep?.(apply, recorded(null), { ...run, args: { settings: [{ name: 'Virtualization', value: 'Enabled' }] } });
    expect(await bios.bios?.settings(recorded(null), call())).toEqual([{ name: 'Virtualization', value: 'Enabled' }]);
    await bios.runStep?.(reset, recorded(null), { ...run, args: {} });
    expect(await bios.bios?.settings(recorded(null), call())).toEqual([]);
  });
});
