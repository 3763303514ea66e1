// /v1/drivers, /v1/conductors and /v1/events as clients of Ironic meet them.

import { describe, expect, it } from 'vitest';
import { containing } from '../../support/containing.ts';
import { bodyOf, parsed } from './harness.ts';
import { faultString } from './ironic-client.ts';
import { openManaged } from './managed-client.ts';

interface Driver {
  readonly name: string;
  readonly hosts: readonly string[];
}
const SHORT = ['hosts', 'links', 'name', 'properties', 'type'];

describe('drivers', () => {
  it('are the hardware types, with the appliances that have them, and more of each at later versions', async () => {
    const { send, world } = await openManaged();
    const { drivers } = bodyOf(await send('GET', '/drivers')) as { readonly drivers: Driver[] };
    const known = world.gateway.registry.hardwareTypes.map(({ name }) => name).toSorted();
    expect(drivers.map(({ name }) => name)).toEqual(known);
    expect(drivers.find(({ name }) => name === 'ipmi')?.hosts).toEqual(['rack-1']);
    expect(drivers.find(({ name }) => name === 'redfish')?.hosts).toEqual([]);
    const keys = async (url: string, version: string): Promise<string[]> => {
      const body = bodyOf(await send('GET', url, undefined, version));
      const one: unknown = Array.isArray(body.drivers) ? body.drivers[0] : body;
      return Object.keys(parsed(JSON.stringify(one))).toSorted();
    };
    expect(await keys('/drivers', '1.1')).toEqual(['hosts', 'links', 'name']);
    expect(await keys('/drivers', '1.14')).toEqual(['hosts', 'links', 'name', 'properties']);
    expect(await keys('/drivers', '1.30')).toEqual(SHORT);
    const full = await keys('/drivers/?detail=True', '1.82');
    expect(full).toHaveLength(SHORT.length + 24);
    expect(full).not.toContain('default_firmware_interface');
    expect(await keys('/drivers/fake-hardware', '1.86')).toEqual(
      [...full, 'default_firmware_interface', 'enabled_firmware_interfaces'].toSorted(),
    );
    const old = await keys('/drivers/fake-hardware', '1.32');
    for (const name of ['storage', 'rescue', 'bios', 'firmware']) expect(old).not.toContain(`default_${name}_interface`);
    expect(await keys('/drivers?fields=name', '1.77')).toEqual(['links', 'name']);
    expect(bodyOf(await send('GET', '/drivers/ipmi'))).toMatchObject({
      type: 'dynamic',
      default_power_interface: 'ipmitool',
      enabled_power_interfaces: ['ipmitool'],
      default_network_interface: 'noop',
    });
    expect(bodyOf(await send('GET', '/drivers?type=classic'))).toEqual({ drivers: [] });
  });

  it('say what of driver_info they read, and what a logical disk may say', async () => {
    const { send, world } = await openManaged();
    const properties = bodyOf(await send('GET', '/drivers/ipmi/properties'));
    expect(properties).toEqual(world.gateway.registry.properties('ipmi'));
    const raid = bodyOf(await send('GET', '/drivers/fake-hardware/raid/logical_disk_properties'));
    expect(Object.keys(raid)).toContain('raid_level');
    expect(bodyOf(await send('GET', '/drivers/fake-hardware/vendor_passthru/methods'))).toEqual({});
  });

  it.each([
    ['/drivers/nope', 'latest', 404, 'Could not find the following driver(s) or hardware type(s): nope.'],
    ['/drivers/nope/properties', 'latest', 404, 'nope'],
    ['/drivers/nope/raid/logical_disk_properties', 'latest', 404, 'nope'],
    ['/drivers/ipmi/raid/logical_disk_properties', '1.11', 406, ''],
    ['/drivers/nope/vendor_passthru/methods', 'latest', 404, 'nope'],
    ['/drivers/ipmi/vendor_passthru/x', 'latest', 400, 'No handler for method x'],
    ['/drivers/ipmi/vendor_passthru?method=y', 'latest', 400, 'No handler for method y'],
    ['/drivers/ipmi/vendor_passthru', 'latest', 400, 'Missing mandatory parameter: method'],
    ['/drivers?type=x', 'latest', 400, '"type" filter must be one of "classic" or "dynamic", if specified.'],
    ['/drivers?fields=nope', 'latest', 400, ''],
    ['/drivers?fields=name&detail=true', 'latest', 400, 'Can not specify ?detail=True and fields in the same request.'],
    ['/drivers?fields=name', '1.76', 406, ''],
    ['/drivers?type=dynamic', '1.29', 406, ''],
    ['/drivers?detail=true', '1.29', 406, ''],
  ])('GET %s at %s is refused: %i', async (url, version, status, words) => {
    const { send } = await openManaged();
    const refused = await send('GET', url, undefined, version);
    expect([refused.statusCode, faultString(refused)]).toEqual([status, containing(words)]);
  });
});

describe('conductors', () => {
  it('are the appliances on this store', async () => {
    const { send } = await openManaged();
    const short = { hostname: 'rack-1', conductor_group: '', alive: true };
    const { conductors } = bodyOf(await send('GET', '/conductors')) as { readonly conductors: object[] };
    expect(conductors.map((one) => Object.keys(one).toSorted())).toEqual([['alive', 'conductor_group', 'hostname', 'links']]);
    expect(conductors).toMatchObject([short]);
    expect(bodyOf(await send('GET', '/conductors?detail=True'))).toMatchObject({
      conductors: [{ ...short, drivers: ['fake-hardware', 'ipmi'] }],
    });
    expect(bodyOf(await send('GET', '/conductors/rack-1'))).toMatchObject({ ...short, drivers: ['fake-hardware', 'ipmi'] });
    expect(Object.keys(bodyOf(await send('GET', '/conductors/rack-1?fields=alive'))).toSorted()).toEqual(['alive', 'links']);
    expect(bodyOf(await send('GET', '/conductors?limit=1'))).toMatchObject({
      next: 'https://seed.lan/v1/conductors?limit=1&marker=rack-1',
    });
    expect(bodyOf(await send('GET', '/conductors?limit=1&marker=rack-1'))).toEqual({ conductors: [] });
  });

  it.each([
    ['/conductors', '1.48', 404, ''],
    ['/conductors/nope', 'latest', 404, 'Conductor nope could not be found.'],
    ['/conductors?marker=nope', 'latest', 404, 'Conductor nope could not be found.'],
    ['/conductors?fields=hostname,nope', 'latest', 400, ''],
    ['/conductors?sort_key=alive', 'latest', 400, 'The sort_key value alive is an invalid field for sorting'],
  ])('GET %s at %s is refused: %i', async (url, version, status, words) => {
    const { send } = await openManaged();
    const refused = await send('GET', url, undefined, version);
    expect([refused.statusCode, faultString(refused)]).toEqual([status, containing(words)]);
  });
});

describe('events', () => {
  const EVENT = {
    event: 'network.bind_port',
    port_id: '11111111-2222-3333-4444-555555555555',
    mac_address: 'de:ad:ca:fe:ba:be',
    status: 'ACTIVE',
  };

  it('of the network service are taken and change nothing', async () => {
    const { send } = await openManaged();
    const more = { 'binding:host_id': '22222222-aaaa-bbbb-cccc-555555555555', 'binding:vnic_type': 'baremetal', device_id: null };
    const taken = await send('POST', '/events', { events: [EVENT, { ...EVENT, ...more }] });
    expect([taken.statusCode, taken.body]).toEqual([204, '']);
  });

  it.each([
    [{ events: [] }, 'latest', 400],
    [{}, 'latest', 400],
    [{ events: [{ ...EVENT, event: 'network.foo_port' }] }, 'latest', 400],
    [{ events: [{ ...EVENT, port_id: 'x' }] }, 'latest', 400],
    [{ events: [{ ...EVENT, mac_address: 'x' }] }, 'latest', 400],
    [{ events: [{ ...EVENT, colour: 'red' }] }, 'latest', 400],
    [{ events: [{ event: EVENT.event }] }, 'latest', 400],
    [{ events: [EVENT] }, '1.53', 404],
  ])('%j at %s is refused: %i', async (body, version, status) => {
    const { send } = await openManaged();
    expect((await send('POST', '/events', body, version)).statusCode).toBe(status);
  });
});
