// What can be asked of a node's power, RAID, boot and console over HTTP: statuses, Location and texts as Ironic's.

import type { LightMyRequestResponse } from 'fastify';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/index.ts';
import { openWorld } from '../lifecycle/world.ts';
import { ADMIN, openApi, parsed } from './harness.ts';

const LATEST = { ...ADMIN, 'x-openstack-ironic-api-version': '1.110' } as const;

async function open() {
  const world = await openWorld({ clock: systemClock });
  const { nodes, life, store, gateway } = world;
  const { app } = await openApi({
    services: (real) => ({
      ...real,
      nodes,
      ports: nodes.ports,
      lifecycle: life,
      hardware: gateway.registry,
      transaction: (work) => store.transaction(work),
    }),
  });
  await world.enrol('pve1');
  const put = (path: string, body: object): Promise<LightMyRequestResponse> =>
    app.inject({ method: 'PUT', url: `/v1/nodes/pve1/${path}`, headers: LATEST, payload: body });
  const get = async (path: string): Promise<Record<string, unknown>> =>
    parsed((await app.inject({ method: 'GET', url: `/v1/nodes/pve1/${path}`, headers: LATEST })).body);
  return { world, put, get };
}

function textOf(response: LightMyRequestResponse): string {
  return String(parsed(String(parsed(response.body).error_message)).faultstring);
}

it('switches power and says where to look', async () => {
  const { world, put, get } = await open();
  const on = await put('states/power', { target: 'power on', timeout: '30' });
  expect([on.statusCode, on.body]).toEqual([202, '']);
  expect(on.headers.location).toMatch(/^http:\/\/[^/]+\/v1\/nodes\/pve1\/states$/);
  await world.reaches('pve1', 'enroll');
  expect(await get('states')).toEqual({
    console_enabled: false,
    last_error: null,
    power_state: 'power on',
    provision_state: 'enroll',
    provision_updated_at: null,
    raid_config: {},
    target_power_state: null,
    target_provision_state: null,
    target_raid_config: {},
    boot_mode: null,
    secure_boot: null,
  });
});

it('refuses what is no power state, mode or flag', async () => {
  const { put } = await open();
  const cases: readonly [string, object, string][] = [
    ['states/power', { target: 'explode' }, 'The requested action "explode" can not be performed on node'],
    ['states/power', { target: 'power on', timeout: 0 }, 'timeout has to be positive integer'],
    ['states/power', { target: 'power on', timeout: 'x' }, 'timeout'],
    ['states/power', {}, 'target'],
    ['states/boot_mode', { target: 'x' }, 'Invalid boot mode x requested for node. Allowed boot modes are: bios, uefi'],
    ['states/secure_boot', { target: 'x' }, 'target'],
    ['states/secure_boot', { target: null }, 'secure_boot'],
    ['states/console', { enabled: 'x' }, 'enabled'],
    ['states/raid', { a: 1 }, 'RAID config validation error'],
    ['states/raid', { logical_disks: [{ size_gb: 1, raid_level: '9' }] }, 'JBOD, 0, 1, 2, 5, 6, 1+0, 5+0, 6+0'],
  ];
  for (const [path, body, says] of cases) {
    const response = await put(path, body);
    expect([path, body, response.statusCode]).toEqual([path, body, 400]);
    expect(textOf(response)).toContain(says);
  }
});

it('stores a wish for RAID, and takes it back', async () => {
  const { put, get } = await open();
  const wish = { logical_disks: [{ size_gb: 100, raid_level: '1' }] };
  expect((await put('states/raid', wish)).statusCode).toBe(204);
  expect(await get('states')).toMatchObject({ target_raid_config: wish });
  expect((await put('states/raid', {})).statusCode).toBe(204);
  expect(await get('states')).toMatchObject({ target_raid_config: {} });
});

it('sets boot mode, secure boot and console', async () => {
  const { world, put, get } = await open();
  expect((await put('states/boot_mode', { target: 'uefi' })).statusCode).toBe(202);
  await world.reaches('pve1', 'enroll');
  expect((await put('states/secure_boot', { target: 'true' })).statusCode).toBe(202);
  await world.reaches('pve1', 'enroll');
  expect(await get('states/console')).toEqual({ console_enabled: false, console_info: null });
  const console = await put('states/console', { enabled: true });
  expect([console.statusCode, console.headers.location]).toEqual([202, expect.stringMatching(/\/v1\/nodes\/pve1\/states\/console$/)]);
  await world.reaches('pve1', 'enroll');
  expect(await get('states/console')).toMatchObject({ console_enabled: true });
  expect(await get('states')).toMatchObject({ boot_mode: 'uefi', secure_boot: true, console_enabled: true });
});

it('validates every interface but the vendor’s', async () => {
  const { get } = await open();
  const found = await get('validate');
  const names = ['bios', 'boot', 'console', 'deploy', 'firmware', 'inspect', 'management', 'network', 'power', 'raid', 'rescue', 'storage'];
  expect(Object.keys(found).toSorted()).toEqual(names);
  expect(found.power).toEqual({ result: true });
});
