// fake-hardware: machines that are not there. Every interface, at once or as slowly as told, with the failures that are asked for.

import type { TSchema } from 'typebox';
import type { Interface } from '../../nodes/index.ts';
import type { Driver } from '../seam.ts';
import { createFakeMachine, type FakeParts } from './machine.ts';
import { fakeConsole, fakeManagement } from './management.ts';
import { fakePower } from './power.ts';
import { FAKE_INVENTORY, fakeInfo, STUCK_POWER } from './settings.ts';
import { FAKE_STEPS, objectIn, runFakeStep } from './steps.ts';
import { fakeVendor } from './vendor.ts';

export function fakeDrivers(parts: FakeParts): readonly Driver[] {
  const machine = createFakeMachine(parts);
  const fake = (which: Interface, more: Partial<Driver> = {}, info: TSchema = fakeInfo(which)): Driver => ({
    interface: which,
    name: 'fake',
    title: 'a fake machine',
    info,
    refusal: (target) => machine.refusal(target),
    ...withSteps(which),
    ...more,
  });
  const withSteps = (which: Interface): Partial<Driver> => {
    const steps = FAKE_STEPS[which];
    if (steps === undefined) return {};
    return { steps, runStep: (step, target, run) => runFakeStep(machine, which, step, target, run) };
  };
  return [
    fake('power', { power: fakePower(machine) }, fakeInfo('power', { fake_stuck_power: STUCK_POWER })),
    fake('management', { management: fakeManagement(machine) }),
    fake('boot'),
    fake('deploy'),
    fake('inspect', inspection(machine), fakeInfo('inspect', { fake_inventory: FAKE_INVENTORY })),
    fake('bios', bios(machine)),
    fake('firmware', firmware(machine)),
    fake('raid'),
    fake('rescue'),
    fake('console', { console: fakeConsole(machine) }),
    fake('storage'),
    fake('vendor', { vendor: fakeVendor(machine) }),
  ];
}

type Machine = ReturnType<typeof createFakeMachine>;

function inspection(machine: Machine): Partial<Driver> {
  return {
    inspect: {
      inspect: async (target, call) => {
        const { inventory } = await machine.act(target, call, 'inspect', 'inspect');
        return { properties: {}, ...(inventory === null ? {} : { inventory }) };
      },
    },
  };
}

function bios(machine: Machine): Partial<Driver> {
  return {
    bios: {
      settings: async (target, call) => {
        await machine.act(target, call, 'bios', 'settings');
        return rows((await machine.recall(target)).bios).map(([name, value]) => ({ name, value }));
      },
    },
  };
}

/** The version is the name of the file that it was updated from. */
function firmware(machine: Machine): Partial<Driver> {
  return {
    firmware: {
      components: async (target, call) => {
        await machine.act(target, call, 'firmware', 'components');
        const known = rows((await machine.recall(target)).firmware);
        return known.map(([component, url]) => ({ component, version: url.split('/').at(-1) ?? null }));
      },
    },
  };
}

function rows(value: Parameters<typeof objectIn>[0]): [string, string][] {
  return Object.entries(objectIn(value)).flatMap(([name, said]) => (typeof said === 'string' ? [[name, said] as [string, string]] : []));
}
