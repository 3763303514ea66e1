// fake-hardware against the suite of all drivers, interface by interface, and the drivers that ask nobody.

import { describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '../../../src/lib/index.ts';
import { createDrivers, createRegistry, type Driver } from '../../../src/power/index.ts';
import { mapMemory } from './memory.ts';
import { driverSuite, targetOf } from './suite.ts';

const drivers = (): readonly Driver[] => createDrivers({ clock: systemClock, random: systemRandom, memory: mapMemory() });

for (const { interface: which } of drivers().filter((driver) => driver.name === 'fake')) {
  driverSuite(`fake, ${which}`, () => {
    const driver = drivers().find((one) => one.interface === which && one.name === 'fake');
    if (driver === undefined) throw new Error(`there is no fake ${which}`);
    return Promise.resolve({
      driver,
      well: targetOf({}),
      failing: targetOf({ fake_fail: [which] }),
      hanging: targetOf({ fake_delay: 3600 }),
      required: [],
      malformed: {
        fake_delay: 'soon',
        [`fake_${which}_delay`]: -1,
        fake_step_delays: [1],
        fake_fail: 'everything, always!',
        fake_wait: 7,
        fake_stuck_power: 'on',
      },
      asksMachine: true,
    });
  });
}

for (const [which, name] of [
  ['management', 'noop'],
  ['deploy', 'noop'],
  ['inspect', 'agent'],
  ['boot', 'ipxe'],
  ['network', 'noop'],
  ['storage', 'noop'],
] as const) {
  driverSuite(`${name}, ${which}`, () => {
    const driver = createRegistry(drivers()).driver(which, name);
    if (driver === undefined) throw new Error(`there is no ${which} interface ${name}`);
    const well = targetOf({});
    return Promise.resolve({ driver, well, failing: well, hanging: well, required: [], malformed: {}, asksMachine: false });
  });
}

describe('every driver in the table', () => {
  it('says of each machine that it can or why it can not, and throws never', () => {
    for (const driver of drivers()) {
      const refusal = driver.refusal(targetOf({}));
      expect(refusal === null || refusal.length > 20, `${driver.interface} ${driver.name}: ${refusal}`).toBe(true);
    }
  });

  it('that does nothing says so in the words that clients of Ironic know', () => {
    const refusals = drivers()
      .filter((driver) => driver.name.startsWith('no-'))
      .map((driver) => driver.refusal(targetOf({}, { driver: 'ipmi' })));
    expect(refusals).toContain('Driver ipmi does not support raid (disabled or not implemented).');
    expect(refusals).toHaveLength(7);
  });
});
