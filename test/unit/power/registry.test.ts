import { describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '../../../src/lib/index.ts';
import { INTERFACES } from '../../../src/nodes/index.ts';
import { createDrivers, createRegistry, type Driver } from '../../../src/power/index.ts';
import { mapMemory } from '../../conformance/power/memory.ts';
import { containing } from '../../support/containing.ts';

const drivers = createDrivers({ clock: systemClock, random: systemRandom, memory: mapMemory() });
const registry = createRegistry(drivers);
const defaultsOf = (name: string) =>
  INTERFACES.map((which) => `${which} ${registry.driverOf({ driver: name, interfaces: {} }, which).name}`);

describe('the hardware types', () => {
  it('are those that clients of Ironic ask for, and one for machines without a BMC', () => {
    expect(registry.hardwareTypes.map((type) => type.name).toSorted()).toEqual([
      'fake-hardware',
      'generic',
      'ipmi',
      'manual-management',
      'redfish',
    ]);
  });

  it('have the defaults of Ironic as it stands alone', () => {
    expect(defaultsOf('ipmi')).toEqual([
      'bios no-bios',
      'boot ipxe',
      'console no-console',
      'deploy direct',
      'firmware no-firmware',
      'inspect agent',
      'management ipmitool',
      'network noop',
      'power ipmitool',
      'raid no-raid',
      'rescue no-rescue',
      'storage noop',
      'vendor ipmitool',
    ]);
    expect(defaultsOf('redfish')).toEqual(expect.arrayContaining(['bios redfish', 'power redfish', 'raid redfish', 'inspect redfish']));
    expect(defaultsOf('fake-hardware').filter((text) => text.endsWith(' fake'))).toHaveLength(11);
    expect(defaultsOf('fake-hardware')).toEqual(expect.arrayContaining(['network noop', 'storage noop']));
    expect(defaultsOf('manual-management')).toEqual(expect.arrayContaining(['power manual', 'management noop']));
  });

  it('say which keys of driver_info they read, in words', () => {
    expect(registry.properties('ipmi')).toMatchObject({
      ipmi_address: containing('Required'),
      ipmi_password: containing('assword'),
    });
    expect(registry.properties('fake-hardware')).toHaveProperty('fake_deploy_delay');
    expect(Object.values(registry.properties('redfish')).every((text) => text.length > 0)).toBe(true);
    expect(() => registry.properties('snmp')).toThrow('Could not find the following driver(s) or hardware type(s): snmp.');
  });
});

describe('the driver of a node', () => {
  it('is the one that was chosen, where its type has it', () => {
    expect(registry.driverOf({ driver: 'ipmi', interfaces: { raid: 'agent', boot: 'http-ipxe' } }, 'raid').name).toBe('agent');
    // As Ironic's, fake machines take every driver there is.
    expect(registry.driverOf({ driver: 'fake-hardware', interfaces: { power: 'ipmitool' } }, 'power').name).toBe('ipmitool');
  });

  it('is refused where the type has none of that name, saying which there are', () => {
    const node = { driver: 'ipmi', interfaces: { raid: 'redfish' } };
    const refusal = { code: 'power.no_interface', status: 400, hint: 'Choose one of no-raid, agent.' };
    expect(() => registry.driverOf(node, 'raid')).toThrow(expect.objectContaining(refusal));
    expect(() => registry.driverOf(node, 'raid')).toThrow(
      "raid interface implementation 'redfish' is not supported by hardware type ipmi.",
    );
    expect(() => registry.driverOf({ driver: 'manual', interfaces: {} }, 'power')).toThrow(
      expect.objectContaining({ code: 'power.no_driver' }),
    );
  });
});

describe('tables that contradict themselves', () => {
  it('are found before anything starts', () => {
    const [first] = drivers;
    expect(() => createRegistry([...drivers, first as Driver])).toThrow('the same name');
    expect(() => createRegistry(drivers.filter((driver) => driver.name !== 'ipmitool'))).toThrow('ipmi: there is no');
  });
});
