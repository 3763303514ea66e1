// Which driver a node has for each interface. Built once from the tables; a table that contradicts itself never starts.

import { Type } from 'typebox';
import { assert } from '../lib/index.ts';
import { INTERFACES, type Interface } from '../nodes/index.ts';
import { fail } from './errors.ts';
import { fakeHardware, HARDWARE_TYPES } from './hardware-types.ts';
import type { Driver, HardwareType, Registry } from './seam.ts';

export function createRegistry(drivers: readonly Driver[], types: readonly HardwareType[] = HARDWARE_TYPES): Registry {
  const byKey = new Map(drivers.map((driver) => [keyOf(driver.interface, driver.name), driver]));
  assert(byKey.size === drivers.length, 'two drivers of one interface have the same name');
  const namesOf = (which: Interface): string[] => drivers.filter((driver) => driver.interface === which).map((driver) => driver.name);
  const hardwareTypes = [fakeHardware(namesOf), ...types];
  for (const type of hardwareTypes) checkType(type, byKey);
  const byName = new Map(hardwareTypes.map((type) => [type.name, type]));

  const hardwareType = (name: string): HardwareType => byName.get(name) ?? noDriver(name, hardwareTypes);
  const driver = (which: Interface, name: string): Driver | undefined => byKey.get(keyOf(which, name));
  const driverOf: Registry['driverOf'] = (node, which) => {
    const type = hardwareType(node.driver);
    const possible = type.supports[which];
    const name = node.interfaces[which] ?? possible[0];
    const found = name === undefined || !possible.includes(name) ? undefined : driver(which, name);
    return found ?? noInterface(type, which, name ?? '');
  };
  return {
    hardwareTypes,
    hardwareType,
    driver,
    driverOf,
    properties: (name) => {
      const node = { driver: hardwareType(name).name, interfaces: {} };
      return Object.fromEntries(INTERFACES.flatMap((which) => describedKeys(driverOf(node, which))));
    },
  };
}

function keyOf(which: Interface, name: string): string {
  return `${which}/${name}`;
}

function checkType({ name, supports }: HardwareType, drivers: ReadonlyMap<string, Driver>): void {
  for (const which of INTERFACES) {
    assert(supports[which].length > 0, `the hardware type ${name} has no ${which} interface`);
    for (const one of supports[which]) assert(drivers.has(keyOf(which, one)), `${name}: there is no ${which} interface ${one}`);
  }
}

function describedKeys({ info }: Driver): [key: string, description: string][] {
  if (!Type.IsObject(info)) return [];
  return Object.entries(info.properties).map(([key, schema]) => [key, descriptionOf(schema)]);
}

function descriptionOf(schema: unknown): string {
  const isDescribed = typeof schema === 'object' && schema !== null && 'description' in schema;
  return isDescribed && typeof schema.description === 'string' ? schema.description : '';
}

// Both messages in Ironic's words: its clients look for them.
function noDriver(name: string, types: readonly HardwareType[]): never {
  throw fail('power.no_driver', {
    message: `Could not find the following driver(s) or hardware type(s): ${name.slice(0, 255)}.`,
    hint: `There are ${types.map((type) => type.name).join(', ')}.`,
    detail: { driver: name.slice(0, 255) },
  });
}

function noInterface(type: HardwareType, which: Interface, name: string): never {
  throw fail('power.no_interface', {
    message: `${which} interface implementation '${name.slice(0, 255)}' is not supported by hardware type ${type.name}.`,
    hint: `Choose one of ${type.supports[which].join(', ')}.`,
    detail: { driver: type.name, interface: which },
  });
}
