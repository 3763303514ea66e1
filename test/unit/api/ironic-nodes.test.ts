import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NODE_ATTRIBUTES } from '../../../src/api/ironic/nodes/attributes.ts';
import { bad } from '../../../src/api/ironic/query.ts';
import { Secret } from '../../../src/lib/index.ts';
import type { Registry } from '../../../src/power/index.ts';
import { containing } from '../../support/containing.ts';
import { ADMIN, bodyOf, type Harness } from './harness.ts';
import { matching } from './matchers.ts';
import { openClient, why } from './node-client.ts';

const UUID = 'aaaaaaaa-2222-4333-8444-555555555555';
const OTHER = 'bbbbbbbb-2222-4333-8444-555555555555';

describe('POST /v1/nodes', () => {
  it('makes a node in enroll, says where it is, and shows all of it', async () => {
    const api = await openClient();
    const reply = await api.ask('POST', '/v1/nodes', {
      driver: 'ipmi',
      uuid: UUID.toUpperCase(),
      name: 'ns~worker-1',
      driver_info: { ipmi_address: '10.0.0.9', ipmi_password: 'canary' },
      properties: { cpus: 8 },
      extra: null,
      maintenance: 'True',
      automated_clean: 'false',
      conductor_group: 'Rack-1',
      power_interface: 'ipmitool',
    });
    expect(reply.statusCode).toBe(201);
    expect(reply.headers.location).toBe(`https://seed.lan/v1/nodes/${UUID}`);
    expect(reply.body).not.toContain('canary');
    expect(bodyOf(reply)).toMatchObject({
      uuid: UUID,
      name: 'ns~worker-1',
      provision_state: 'enroll',
      updated_at: null,
      driver_info: { ipmi_address: '10.0.0.9', ipmi_password: '******' },
      extra: {},
      maintenance: true,
      automated_clean: false,
      conductor_group: 'rack-1',
      power_interface: 'ipmitool',
    });
    expect(await api.show('ns~worker-1')).toEqual(bodyOf(reply));
  });

  it('is available at once for clients from before 1.11', async () => {
    const api = await openClient();
    expect(await api.make({}, '1.10')).toMatchObject({ provision_state: 'available' });
    expect(await api.make({}, '1.1')).toMatchObject({ provision_state: null });
  });

  it('refuses what Ironic refuses, and makes nothing of it', async () => {
    const api = await openClient();
    const refused: [body: unknown, status: number, version?: string][] = [
      [{}, 400],
      [[], 400],
      ['x', 400],
      [undefined, 400],
      [{ driver: 1 }, 400],
      [{ driver: '' }, 400],
      [{ driver: 'x', colour: 1 }, 400],
      [{ driver: 'x', traits: ['CUSTOM_A'] }, 400],
      [{ driver: 'x', provision_state: 'active' }, 400],
      [{ driver: 'x', protected: true }, 400],
      [{ driver: 'x', uuid: 'x' }, 400],
      [{ driver: 'x', instance_uuid: 'x' }, 400],
      [{ driver: 'x', name: 'a b' }, 400],
      [{ driver: 'x', name: 'detail' }, 400],
      [{ driver: 'x', name: UUID }, 400],
      [{ driver: 'x', name: 'under_score' }, 400, '1.9'],
      [{ driver: 'x', maintenance: 'perhaps' }, 400],
      [{ driver: 'x', driver_info: [] }, 400],
      [{ driver: 'x', chassis_uuid: UUID }, 400],
      [{ driver: 'x', parent_node: UUID }, 400],
      [{ driver: 'x', resource_class: 'x'.repeat(81) }, 400],
      [{ driver: 'x', description: 'x'.repeat(4097) }, 400],
      [{ driver: 'x', network_data: { links: 1 } }, 400],
      [{ driver: 'x', instance_name: '' }, 400],
      [{ driver: 'x', owner: 'p' }, 406, '1.49'],
      [{ driver: 'x', name: 'n' }, 406, '1.4'],
      [{ driver: 'x', driver_info: { ipmi_password: '******' } }, 400],
    ];
    for (const [body, status, version] of refused)
      expect.soft((await api.ask('POST', '/v1/nodes', body, version)).statusCode, JSON.stringify(body)).toBe(status);
    expect(bodyOf(await api.ask('GET', '/v1/nodes'))).toEqual({ nodes: [] });
  });

  it('says what is taken already: a name, a UUID, an instance', async () => {
    const api = await openClient();
    await api.make({ uuid: UUID, name: 'one', instance_uuid: OTHER });
    for (const body of [{ name: 'one' }, { uuid: UUID }, { instance_uuid: OTHER }]) {
      const reply = await api.ask('POST', '/v1/nodes', { driver: 'x', ...body });
      expect.soft(reply.statusCode, reply.body).toBe(409);
      expect.soft(why(reply)).toContain(Object.values(body)[0]);
    }
  });

  it('takes only drivers that there are, and shows the interfaces that they have by default', async () => {
    const api = await openClient({ services: (real) => ({ ...real, hardware: playedHardware() }) });
    expect(await api.make({ driver: 'real' })).toMatchObject({ power_interface: 'first', boot_interface: 'first' });
    const unknown = await api.ask('POST', '/v1/nodes', { driver: 'nope' });
    expect([unknown.statusCode, why(unknown)]).toEqual([400, containing('No valid host was found')]);
    expect((await api.ask('POST', '/v1/nodes', { driver: 'real', power_interface: 'nope' })).statusCode).toBe(400);
    const node = await api.make({ driver: 'real', power_interface: 'second' });
    expect(node).toMatchObject({ power_interface: 'second' });
    expect((await api.patch(node.uuid, { op: 'replace', path: '/driver', value: 'nope' })).statusCode).toBe(400);
    expect((await api.patch(node.uuid, { op: 'replace', path: '/boot_interface', value: 'nope' })).statusCode).toBe(400);
    // A default of the old driver that the new one has not goes along as well: Ironic stores what it chose.
    const moved = await api.patch((await api.make({ driver: 'bare' })).uuid, { op: 'replace', path: '/driver', value: 'other' });
    expect([moved.statusCode, why(moved)]).toEqual([400, containing('no such interface')]);
    const url = `/v1/nodes/${String(node.uuid)}?reset_interfaces=True`;
    expect((await api.ask('PATCH', url, [{ op: 'replace', path: '/name', value: 'x' }])).statusCode).toBe(400);
    expect((await api.ask('PATCH', url, [{ op: 'replace', path: '/driver', value: 'other' }], '1.44')).statusCode).toBe(406);
    const reset = await api.ask('PATCH', url, [{ op: 'replace', path: '/driver', value: 'other' }]);
    expect(bodyOf(reset)).toMatchObject({ driver: 'other', power_interface: 'first' });
  });
});

it('refuses traits before there were any, each method as Ironic does', async () => {
  const api = await openClient();
  const { uuid } = await api.make();
  const url = `/v1/nodes/${String(uuid)}/traits`;
  expect((await api.ask('PUT', url, { traits: [] }, '1.36')).statusCode).toBe(405);
  expect((await api.ask('DELETE', url, undefined, '1.36')).statusCode).toBe(404);
  expect((await api.ask('DELETE', `${url}/CUSTOM_A`, undefined, '1.36')).statusCode).toBe(404);
  expect((await api.ask('GET', url, undefined, '1.36')).statusCode).toBe(406);
});

describe('PATCH /v1/nodes/{id}', () => {
  it('adds, replaces and removes, also below objects and in lists', async () => {
    const api = await openClient();
    const { uuid } = await api.make({ name: 'one', extra: { list: [1, 3], deep: { a: 1 } } });
    const reply = await api.patch(
      uuid,
      { op: 'add', path: '/extra/list/1', value: 2 },
      { op: 'add', path: '/extra/list/-', value: 4 },
      { op: 'remove', path: '/extra/deep/a' },
      { op: 'add', path: '/extra/a~1b~0c', value: 'escaped' },
      { op: 'replace', path: '/maintenance', value: 'True' },
      { op: 'remove', path: '/name' },
      { op: 'add', path: '/properties/capabilities', value: 'boot_mode:uefi' },
    );
    expect(reply.statusCode, reply.body).toBe(200);
    expect(bodyOf(reply)).toMatchObject({
      name: null,
      maintenance: true,
      extra: { list: [1, 2, 3, 4], deep: {}, 'a/b~c': 'escaped' },
      properties: { capabilities: 'boot_mode:uefi' },
      updated_at: matching(/\+00:00$/),
    });
  });

  it('keeps stored secrets where a client sends back the asterisks it was shown', async () => {
    const api = await openClient();
    const { uuid } = await api.make({
      driver_info: { ipmi_password: 'canary', ipmi_address: 'a' },
      instance_info: { configdrive: { meta_data: { a: 1 } }, image_url: 'u' },
    });
    const shown = await api.show(uuid);
    expect(
      (
        await api.patch(
          uuid,
          { op: 'replace', path: '/driver_info', value: { ...Object(shown.driver_info), ipmi_address: 'b' } },
          { op: 'replace', path: '/instance_info', value: shown.instance_info },
        )
      ).statusCode,
    ).toBe(200);
    const node = await api.nodes.get(String(uuid));
    expect(JSON.stringify(node.driverInfo)).not.toContain('canary');
    const { ipmi_address: address, ipmi_password: password } = api.nodes.openDriverInfo(node);
    expect(address).toBe('b');
    expect(password instanceof Secret ? password.reveal() : undefined).toBe('canary');
    expect(node.instanceInfo).toEqual({ configdrive: { meta_data: { a: 1 } }, image_url: 'u' });
    // A new secret is taken; a row of asterisks where there was none is not.
    expect((await api.patch(uuid, { op: 'add', path: '/driver_info/ipmi_password', value: 'new' })).statusCode).toBe(200);
    expect((await api.patch(uuid, { op: 'add', path: '/driver_info/other_password', value: '******' })).statusCode).toBe(400);
  });

  it('refuses as Ironic does, and then changes nothing', async () => {
    const api = await openClient();
    const { uuid } = await api.make({ name: 'one', extra: { a: 1 } });
    await api.make({ name: 'two', instance_uuid: OTHER });
    const before = await api.show(uuid);
    const refused: [operation: unknown, status: number][] = [
      [{ op: 'test', path: '/name', value: 'one' }, 400],
      [{ op: 'move', path: '/name', from: '/extra' }, 400],
      [{ op: 'replace', path: '/extra/x', value: 1 }, 400],
      [{ op: 'remove', path: '/extra/x' }, 400],
      [{ op: 'add', path: '/extra/a/b', value: 1 }, 400],
      [{ op: 'add', path: '/extra/x~2', value: 1 }, 400],
      [{ op: 'add', path: '/uuid', value: UUID }, 400],
      [{ op: 'add', path: '/traits', value: [] }, 400],
      [{ op: 'replace', path: '/provision_state', value: 'active' }, 400],
      [{ op: 'replace', path: '/maintenance_reason', value: 'x' }, 400],
      [{ op: 'add', path: '/nothing', value: 1 }, 400],
      [{ op: 'add', path: 'name', value: 'x' }, 400],
      [{ op: 'add', path: '/', value: 'x' }, 400],
      [{ op: 'add', path: '/name' }, 400],
      [{ op: 'remove', path: '/driver' }, 400],
      [{ op: 'replace', path: '/name', value: 7 }, 400],
      [{ op: 'replace', path: '/name', value: 'two' }, 409],
      [{ op: 'replace', path: '/instance_uuid', value: OTHER }, 409],
      [{ op: 'replace', path: '/protected', value: true }, 409],
      [{ op: 'replace', path: '/protected_reason', value: 'x' }, 400],
      [{ op: 'replace', path: '/retired_reason', value: 'x' }, 400],
      [{ op: 'replace', path: '/parent_node', value: uuid }, 400],
      [{ op: 'replace', path: '/chassis_uuid', value: UUID }, 400],
      ['x', 400],
    ];
    for (const [operation, status] of refused) {
      const first = { op: 'replace', path: '/description', value: 'must not stay' };
      const reply = await api.ask('PATCH', `/v1/nodes/${String(uuid)}`, [first, operation]);
      expect.soft(reply.statusCode, `${JSON.stringify(operation)} ${reply.body}`).toBe(status);
    }
    expect((await api.ask('PATCH', `/v1/nodes/${String(uuid)}`, { op: 'add' })).statusCode).toBe(400);
    const newer = [{ op: 'add', path: '/description', value: 'x' }];
    expect((await api.ask('PATCH', `/v1/nodes/${String(uuid)}`, newer, '1.50')).statusCode).toBe(406);
    expect((await api.ask('PATCH', '/v1/nodes/none', newer)).statusCode).toBe(404);
    expect(await api.show(uuid)).toEqual(before);
    expect((await api.ask('PATCH', `/v1/nodes/${String(uuid)}`, [])).statusCode).toBe(200);
    expect(await api.show(uuid)).toEqual(before);
  });

  it('whatever is in the patch, answers with a refusal that changes nothing or with the node as it is now', {
    timeout: 60_000,
  }, async () => {
    const api = await openClient();
    const { uuid } = await api.make({ extra: { a: { b: [1] } } });
    const names = NODE_ATTRIBUTES.map((row) => row.name);
    const segment = fc.oneof(
      fc.constantFrom('a', 'b', '0', '-', '1', '__proto__', 'constructor', '~0', '~', ''),
      fc.string({ maxLength: 6 }),
    );
    const path = fc
      .tuple(
        fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: segment }),
        fc.array(segment, { maxLength: 3 }),
      )
      .map(([root, rest]) => `/${[root, ...rest].join('/')}`);
    const value = fc.jsonValue({ maxDepth: 3 });
    const operation = fc.record({ op: fc.constantFrom('add', 'replace', 'remove', 'test'), path, value }, { requiredKeys: ['op', 'path'] });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 4 }), async (patch) => {
        const before = await api.show(uuid);
        const reply = await api.ask('PATCH', `/v1/nodes/${String(uuid)}`, patch);
        expect([200, 400, 409, 413], `${JSON.stringify(patch)}: ${reply.body}`).toContain(reply.statusCode);
        const now = await api.show(uuid);
        if (reply.statusCode === 200) expect(bodyOf(reply)).toEqual(now);
        else {
          expect(now).toEqual(before);
          expect(why(reply)).not.toBe('');
        }
      }),
      { numRuns: 150 },
    );
  });

  it('whatever is in the body of a POST, makes the node that it says or none', { timeout: 60_000 }, async () => {
    const api = await openClient();
    const names = NODE_ATTRIBUTES.map((row) => row.name);
    const body = fc.dictionary(fc.constantFrom(...names, 'colour'), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 });
    await fc.assert(
      fc.asyncProperty(body, fc.boolean(), async (fields, hasDriver) => {
        const { nodes } = await countNodes(api);
        const reply = await api.ask('POST', '/v1/nodes', { ...fields, ...(hasDriver ? { driver: 'fake-hardware' } : {}) });
        expect([201, 400, 409], `${JSON.stringify(fields)}: ${reply.body}`).toContain(reply.statusCode);
        expect((await countNodes(api)).nodes).toBe(nodes + (reply.statusCode === 201 ? 1 : 0));
      }),
      { numRuns: 150 },
    );
  });
});

describe('DELETE /v1/nodes/{id}', () => {
  it('removes a node once, by UUID or name, and says why not', async () => {
    const api = await openClient();
    const { uuid } = await api.make({ name: 'one' });
    await api.make({ name: 'carries', instance_uuid: OTHER });
    expect((await api.ask('DELETE', '/v1/nodes/carries')).statusCode).toBe(409);
    const gone = await api.ask('DELETE', '/v1/nodes/one');
    expect([gone.statusCode, gone.body]).toEqual([204, '']);
    expect((await api.ask('DELETE', `/v1/nodes/${String(uuid)}`)).statusCode).toBe(404);
    expect((await api.ask('PUT', '/v1/nodes/carries/maintenance', { reason: 'fan' })).statusCode).toBe(202);
    expect((await api.ask('DELETE', '/v1/nodes/carries')).statusCode).toBe(204);
  });

  it('waits for work that is under way', async () => {
    const holders = () => Promise.resolve(new Map([[UUID, 'seed-1']]));
    const api = await openClient({ services: (real) => ({ ...real, lifecycle: Object.assign({}, real.lifecycle, { holders }) }) });
    await api.make({ uuid: UUID });
    expect(await api.show(UUID)).toMatchObject({ reservation: 'seed-1' });
    const refused = await api.ask('DELETE', `/v1/nodes/${UUID}`);
    expect([refused.statusCode, why(refused)]).toEqual([409, containing('is locked by host seed-1')]);
  });
});

describe('a name in the address', () => {
  it('counts from 1.5 on, may have dots, and may end in .json that is not meant before 1.91', async () => {
    const api = await openClient();
    const { uuid } = await api.make({ name: 'pve.lab.example' });
    await api.make({ name: 'x.json' });
    const status = async (ref: unknown, version: string) =>
      (await api.ask('GET', `/v1/nodes/${String(ref)}`, undefined, version)).statusCode;
    expect(await status('pve.lab.example', '1.5')).toBe(200);
    expect(await status('pve.lab.example', '1.4')).toBe(404);
    expect(await status(`${String(uuid)}.json`, '1.1')).toBe(200);
    expect(await status('pve.lab.example.json', '1.90')).toBe(200);
    expect(await status('pve.lab.example.json', '1.91')).toBe(404);
    expect(await status('x.json', '1.90')).toBe(200);
    expect(await status('a%20b', '1.80')).toBe(400);
  });
});

describe('bodies', () => {
  it('larger than 1 MiB, deeper than 25 levels, or no JSON are refused', async () => {
    const api = await openClient();
    expect((await api.ask('POST', '/v1/nodes', { driver: 'x', extra: { a: 'x'.repeat(1024 * 1024) } })).statusCode).toBe(413);
    expect((await api.ask('POST', '/v1/nodes', { driver: 'x', extra: { a: 'x'.repeat(100 * 1024) } })).statusCode).toBe(413);
    let deep: unknown = 1;
    for (let level = 0; level < 30; level += 1) deep = [deep];
    expect((await api.ask('POST', '/v1/nodes', { driver: 'x', extra: { deep } })).statusCode).toBe(400);
    const headers = { ...ADMIN, 'content-type': 'application/json' };
    for (const payload of ['{', '{"driver":"x",}', Buffer.from([0x22, 0xff, 0x22])])
      expect.soft((await api.app.inject({ method: 'POST', url: '/v1/nodes', headers, payload })).statusCode).toBe(400);
    expect(bodyOf(await api.ask('GET', '/v1/nodes'))).toEqual({ nodes: [] });
  });
});

async function countNodes({ nodes }: Harness): Promise<{ nodes: number }> {
  const states = await nodes.countByState();
  return { nodes: Object.values(states).reduce((sum, count) => sum + count, 0) };
}

/** Two hardware types with two drivers for each interface. */
function playedHardware(): Registry {
  const supporting = (names: string[]) => new Proxy({} as Registry['hardwareTypes'][number]['supports'], { get: () => names });
  const hardwareTypes = ['real', 'other', 'bare'].map((name) => ({
    name,
    title: name,
    supports: supporting(name === 'bare' ? ['none'] : ['first', 'second']),
  }));
  const never = (): never => {
    throw new Error('nobody should ask this');
  };
  return {
    hardwareTypes,
    hardwareType: never,
    driver: never,
    properties: never,
    driverOf: (node, which) => {
      if (node.driver === 'bare' || ['first', 'second'].includes(node.interfaces[which] ?? 'first'))
        return {} as ReturnType<Registry['driverOf']>;
      throw bad('no such interface');
    },
  };
}
