// What hangs below a node and is asked of its machine: boot device, NMI, indicators, virtual media, BIOS, firmware, vendor methods.

import { describe, expect, it } from 'vitest';
import { containing } from '../../support/containing.ts';
import { ADMIN, bodyOf, parsed } from './harness.ts';
import { faultString } from './ironic-client.ts';
import { openManaged } from './managed-client.ts';

type Send = Awaited<ReturnType<typeof openManaged>>['send'];
type Request = Parameters<Send>;

describe('the boot device', () => {
  it('is read, set for once or for good, and listed', async () => {
    const { send, free } = await openManaged();
    await free('n1');
    const url = '/nodes/n1/management/boot_device';
    expect(bodyOf(await send('GET', url))).toEqual({ boot_device: 'pxe', persistent: false });
    expect((await send('PUT', url, { boot_device: 'disk', persistent: true })).statusCode).toBe(204);
    expect(bodyOf(await send('GET', url))).toEqual({ boot_device: 'disk', persistent: true });
    expect((await send('PUT', url, { boot_device: 'pxe', persistent: 'False' })).statusCode).toBe(204);
    expect(bodyOf(await send('GET', url))).toEqual({ boot_device: 'pxe', persistent: false });
    expect((await send('PUT', `${url}?boot_device=disk&persistent=True`)).statusCode).toBe(204);
    expect(bodyOf(await send('GET', url))).toEqual({ boot_device: 'disk', persistent: true });
    expect(bodyOf(await send('GET', `${url}/supported`))).toEqual({ supported_boot_devices: ['pxe', 'disk', 'cdrom', 'bios', 'safe'] });
  });
});

describe('virtual media', () => {
  it('are put in, listed and taken out', async () => {
    const { send, free } = await openManaged();
    await free('n1');
    const url = '/nodes/n1/vmedia';
    expect(JSON.parse((await send('GET', url)).body)).toEqual([]);
    const put = (type: string, image: string) => send('POST', url, { device_type: type, image_url: image });
    expect((await put('cdrom', 'http://seed/a.iso')).statusCode).toBe(204);
    expect((await put('cdrom', 'http://seed/b.iso')).statusCode).toBe(204);
    expect((await put('floppy', 'https://seed/c.img')).statusCode).toBe(204);
    expect(JSON.parse((await send('GET', url)).body)).toEqual([
      { media_types: ['CD', 'DVD'], inserted: true, image: 'http://seed/b.iso' },
      { media_types: ['Floppy'], inserted: true, image: 'https://seed/c.img' },
    ]);
    expect((await send('DELETE', `${url}?device_types=floppy`)).statusCode).toBe(204);
    expect(JSON.parse((await send('GET', url)).body)).toHaveLength(1);
    expect((await send('DELETE', url)).statusCode).toBe(204);
    expect(JSON.parse((await send('GET', url)).body)).toEqual([]);
  });
});

describe('BIOS settings and firmware', () => {
  it('are shown as they were last read, with what the firmware says of them at later versions', async () => {
    const { send, free, world } = await openManaged();
    const { uuid } = await free('n1');
    const registry = { attribute_type: 'Enumeration', allowable_values: ['On', 'Off'], read_only: false };
    await world.store.transaction(async (tx) => {
      await world.records.hardware.saveBios(tx, uuid, [
        { name: 'Virtualization', value: 'On', registry },
        { name: 'Asset', value: null, registry: {} },
      ]);
      await world.records.hardware.saveFirmware(tx, uuid, [{ component: 'bios', version: '1.0' }]);
      await world.records.hardware.saveFirmware(tx, uuid, [{ component: 'bios', version: '1.1' }]);
    });
    const { bios } = bodyOf(await send('GET', '/nodes/n1/bios')) as { readonly bios: object[] };
    expect(bios.map((one) => Object.keys(one).toSorted())).toEqual([
      ['created_at', 'links', 'name', 'updated_at', 'value'],
      ['created_at', 'links', 'name', 'updated_at', 'value'],
    ]);
    expect(bios).toMatchObject([
      { name: 'Asset', value: null },
      { name: 'Virtualization', value: 'On', updated_at: null },
    ]);
    expect(bodyOf(await send('GET', '/nodes/n1/bios?detail=True'))).toMatchObject({
      bios: [{ attribute_type: null }, { ...registry, unique: null }],
    });
    expect(bodyOf(await send('GET', '/nodes/n1/bios?fields=name'))).toMatchObject({
      bios: [{ name: 'Asset' }, { name: 'Virtualization' }],
    });
    expect(bodyOf(await send('GET', '/nodes/n1/bios/Virtualization'))).toMatchObject({ Virtualization: { value: 'On', ...registry } });
    const old = await send('GET', '/nodes/n1/bios/Virtualization', undefined, '1.73');
    expect(Object.keys(parsed(JSON.stringify(bodyOf(old).Virtualization))).toSorted()).toEqual([
      'created_at',
      'links',
      'name',
      'updated_at',
      'value',
    ]);
    const versions = { component: 'bios', initial_version: '1.0', current_version: '1.1', last_version_flashed: '1.1' };
    expect(bodyOf(await send('GET', '/nodes/n1/firmware', undefined, '1.113'))).toMatchObject({ firmware: [versions] });
    expect(bodyOf(await send('GET', '/nodes/n1/firmware', undefined, '1.114'))).toMatchObject({
      firmware: [{ ...versions, vendor: null }],
    });
    // What the machine has no more goes.
    await world.store.transaction((tx) => world.records.hardware.saveBios(tx, uuid, [{ name: 'Asset', value: 'x', registry: {} }]));
    expect((await world.records.hardware.bios(uuid)).map(({ name, value }) => [name, value])).toEqual([['Asset', 'x']]);
  });
});

describe('vendor methods', () => {
  it('are listed and called', async () => {
    const { send, free } = await openManaged();
    await free('n1');
    expect(bodyOf(await send('GET', '/nodes/n1/vendor_passthru/methods'))).toMatchObject({
      second_method: { http_methods: ['POST'], async: true, attach: false, require_exclusive_lock: true },
      third_method_sync: { async: false },
      fourth_method_shared_lock: { require_exclusive_lock: false },
    });
    const second = await send('POST', '/nodes/n1/vendor_passthru/second_method', { bar: 'meow' });
    expect([second.statusCode, second.body]).toEqual([202, '']);
    const third = await send('POST', '/nodes/n1/vendor_passthru/third_method_sync', { bar: 'meow' });
    expect([third.statusCode, third.body]).toEqual([200, 'true']);
    expect((await send('POST', '/nodes/n1/vendor_passthru?method=third_method_sync', { bar: 'woof' })).body).toBe('false');
  });
});

describe('refused below a node', () => {
  const device = '/nodes/n1/management/boot_device';
  const light = '/nodes/n1/management/indicators/led@system';
  const passthru = '/nodes/n1/vendor_passthru';
  it.each<readonly [Request[0], string, object | undefined, string, number, string]>([
    ['PUT', device, { boot_device: 'nope' }, 'latest', 400, 'Invalid boot device nope specified.'],
    ['PUT', device, { boot_device: 'wanboot' }, 'latest', 400, 'Invalid boot device wanboot specified.'],
    ['PUT', device, {}, 'latest', 400, 'Missing mandatory parameter: boot_device'],
    ['PUT', device, undefined, 'latest', 400, 'Missing mandatory parameter: boot_device'],
    ['PUT', device, { boot_device: 'pxe', persistent: 'perhaps' }, 'latest', 400, ''],
    ['PUT', device, { boot_device: 'pxe', x: 1 }, 'latest', 400, ''],
    ['PUT', '/nodes/n9/management/boot_device', { boot_device: 'pxe' }, 'latest', 404, 'Node n9 could not be found.'],
    ['PUT', '/nodes/n1/management/inject_nmi', {}, '1.28', 404, ''],
    ['PUT', '/nodes/n1/management/inject_nmi', { x: 1 }, 'latest', 400, ''],
    ['GET', light, undefined, 'latest', 400, 'does not support get_indicator_state (disabled or not implemented).'],
    ['PUT', light, { state: 'ON' }, 'latest', 400, 'does not support set_indicator_state (disabled or not implemented).'],
    ['GET', '/nodes/n1/management/indicators/led', undefined, 'latest', 400, 'Malformed indicator name "led"'],
    ['GET', '/nodes/n1/vmedia', undefined, '1.92', 404, ''],
    ['POST', '/nodes/n1/vmedia', { device_type: 'cdrom', image_url: 'http://a' }, '1.88', 404, ''],
    ['DELETE', '/nodes/n1/vmedia', undefined, '1.88', 404, ''],
    ['POST', '/nodes/n1/vmedia', { device_type: 'tape', image_url: 'http://a' }, 'latest', 400, ''],
    ['POST', '/nodes/n1/vmedia', { device_type: 'cdrom' }, 'latest', 400, ''],
    ['POST', '/nodes/n1/vmedia', { device_type: 'cdrom', image_url: 'ftp://a' }, 'latest', 400, 'Unsupported or missing URL scheme: ftp'],
    [
      'DELETE',
      '/nodes/n1/vmedia?device_types=cdrom,tape',
      undefined,
      'latest',
      400,
      'Invalid device type(s) tape (valid are disk, cdrom, floppy)',
    ],
    ['GET', '/nodes/n1/bios', undefined, '1.39', 404, ''],
    ['GET', '/nodes/n1/bios?detail=true', undefined, '1.73', 406, ''],
    ['GET', '/nodes/n1/bios/foo', undefined, 'latest', 404, "doesn't have a BIOS setting 'foo'"],
    ['GET', '/nodes/n1/firmware', undefined, '1.85', 404, ''],
    ['GET', '/nodes/n1/firmware?fields=vendor', undefined, '1.113', 406, ''],
    ['POST', `${passthru}/nope`, {}, 'latest', 400, 'No handler for method nope'],
    ['GET', `${passthru}/second_method`, undefined, 'latest', 400, 'The method second_method does not support HTTP GET'],
    ['POST', `${passthru}/second_method`, {}, 'latest', 400, "Parameter 'bar' not passed to method 'second_method'."],
    ['POST', `${passthru}/second_method`, [], 'latest', 400, ''],
    ['POST', passthru, undefined, 'latest', 400, 'Missing mandatory parameter: method'],
    ['GET', passthru, undefined, 'latest', 400, 'Missing mandatory parameter: method'],
  ])('%s %s %j at %s → %i', async (method, url, body, version, status, words) => {
    const { send, free } = await openManaged();
    await free('n1');
    const refused = await send(method, url, body, version);
    expect([refused.statusCode, faultString(refused)]).toEqual([status, containing(words)]);
  });

  it('is what the driver of the node can not do', async () => {
    const { send, free } = await openManaged();
    await free('n1', { driver: 'manual-management' });
    const nmi = await send('PUT', '/nodes/n1/management/inject_nmi', {});
    expect([nmi.statusCode, faultString(nmi)]).toEqual([400, containing('does not support')]);
    // Accepted before the machine is asked, as by Ironic; clients find the reason in last_error.
    expect((await send('POST', '/nodes/n1/vmedia', { device_type: 'cdrom', image_url: 'http://a/b.iso' })).statusCode).toBe(204);
    expect(bodyOf(await send('GET', '/nodes/n1')).last_error).toEqual(
      containing('attaching virtual media failed: Driver manual-management does not'),
    );
    expect(JSON.parse((await send('GET', '/nodes/n1/vmedia')).body)).toEqual([]);
    expect((await send('DELETE', '/nodes/n1/vmedia')).statusCode).toBe(204);
    expect(bodyOf(await send('GET', '/nodes/n1/vendor_passthru/methods'))).toEqual({});
    expect(bodyOf(await send('GET', '/nodes/n1/management/indicators'))).toEqual({ indicators: [] });
  });

  it('is what is asked of a node that something else works on', async () => {
    const { send, free } = await openManaged({ isStill: true });
    await free('n1');
    await send('PUT', '/nodes/n1/states/power', { target: 'power on' });
    const requests: readonly (readonly [Request[0], string, object])[] = [
      ['PUT', device, { boot_device: 'pxe' }],
      ['PUT', '/nodes/n1/management/inject_nmi', {}],
      ['POST', '/nodes/n1/vmedia', { device_type: 'cdrom', image_url: 'http://a/b.iso' }],
      ['POST', `${passthru}/second_method`, { bar: 'meow' }],
    ];
    for (const [method, url, body] of requests) expect([url, (await send(method, url, body)).statusCode]).toEqual([url, 409]);
    // This one asks for no lock.
    expect((await send('POST', `${passthru}/fourth_method_shared_lock`, { bar: 'woof' })).statusCode).toBe(202);
  });

  it('is a vendor method for those who are no administrators', async () => {
    const { send, free } = await openManaged();
    await free('n1');
    const olga = { ...ADMIN, authorization: 'Bearer operator-token' };
    expect((await send('POST', `${passthru}/second_method`, { bar: 'meow' }, 'latest', olga)).statusCode).toBe(403);
    expect((await send('PUT', '/nodes/n1/management/inject_nmi', undefined, 'latest', olga)).statusCode).toBe(204);
  });
});
