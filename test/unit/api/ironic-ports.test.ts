import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containing } from '../../support/containing.ts';
import { addNode, bodyOf } from './harness.ts';
import { faultString, openClient } from './ironic-client.ts';
import { anyOf } from './matchers.ts';

const NOWHERE = '11111111-2222-4333-8444-555555555555';
const MAC = '11:22:33:44:55:aa';
const LINK = { switch_id: '0a:1b:2c:3d:4e:5f', port_id: 'Ethernet3/1', switch_info: 'switch1' };

/** Fields and the version each came with. */
const SINCE = {
  internal_info: 18,
  pxe_enabled: 19,
  local_link_connection: 19,
  portgroup_uuid: 24,
  physical_network: 34,
  is_smartnic: 53,
  name: 88,
  description: 97,
  vendor: 100,
  category: 101,
  available_for_dynamic_portgroup: 111,
} as const;

describe('POST /v1/ports', () => {
  it('makes a port with every field, in one spelling of its addresses', async () => {
    const { send, node } = await openClient();
    const given = {
      node_uuid: node.toUpperCase(),
      address: MAC.toUpperCase(),
      extra: { rack: 7 },
      local_link_connection: { ...LINK, switch_id: LINK.switch_id.toUpperCase() },
      pxe_enabled: 'false',
      physical_network: 'red',
      is_smartnic: null,
      name: 'eth0',
      description: 'upper left',
      vendor: 'ACME',
      category: 'hypervisor',
      available_for_dynamic_portgroup: false,
    };
    const made = await send('POST', '/ports', given);
    expect(made.statusCode, made.body).toBe(201);
    const port = bodyOf(made);
    expect(made.headers.location).toBe(`https://seed.lan/v1/ports/${String(port.uuid)}`);
    expect(port).toEqual({
      ...given,
      uuid: anyOf(String),
      node_uuid: node,
      address: MAC,
      local_link_connection: LINK,
      pxe_enabled: false,
      is_smartnic: false,
      portgroup_uuid: null,
      internal_info: {},
      created_at: anyOf(String),
      updated_at: null,
      links: [
        { href: `https://seed.lan/v1/ports/${String(port.uuid)}`, rel: 'self' },
        { href: `https://seed.lan/ports/${String(port.uuid)}`, rel: 'bookmark' },
      ],
    });
    expect(bodyOf(await send('GET', '/ports/eth0'))).toEqual(port);
  });

  it('takes the node by name from 1.94 on, and one of the two', async () => {
    const { send, node } = await openClient();
    expect((await send('POST', '/ports', { node_ident: 'one', address: MAC })).statusCode).toBe(201);
    expect((await send('POST', '/ports', { node_ident: 'one', address: '52:54:00:00:00:01' }, '1.93')).statusCode).toBe(406);
    for (const body of [{}, { node_uuid: node, node_ident: 'one' }, { node_ident: 'nobody' }, { node_uuid: NOWHERE }, { node_uuid: 'one' }])
      expect.soft((await send('POST', '/ports', { ...body, address: '52:54:00:00:00:01' })).statusCode, JSON.stringify(body)).toBe(400);
  });

  it('refuses what can not be so, and stores nothing', async () => {
    const { send, node } = await openClient();
    const rows: readonly (readonly [object, string])[] = [
      [{ address: undefined }, 'address'],
      [{ address: 'elephant' }, 'Expected valid MAC address for address: elephant'],
      [{ address: '11-22-33-44-55-66' }, 'Expected valid MAC address'],
      [{ address: 7 }, 'address'],
      [{ uuid: 'x' }, 'uuid'],
      [{ node_uuid: NOWHERE }, `Node ${NOWHERE} could not be found.`],
      [{ portgroup_uuid: NOWHERE }, `Portgroup ${NOWHERE} could not be found.`],
      [{ portgroup_uuid: 'bond0' }, 'portgroup_uuid'],
      [{ pxe_enabled: 'perhaps' }, 'perhaps'],
      [{ physical_network: '' }, 'non-empty'],
      [{ physical_network: 'x'.repeat(65) }, 'physical_network'],
      [{ vendor: 'x'.repeat(33) }, 'vendor'],
      [{ category: 'x'.repeat(81) }, 'category'],
      [{ description: 'x'.repeat(256) }, 'description'],
      [{ is_smartnic: true }, 'Smart NIC port must have port_id and hostname'],
      [{ local_link_connection: { port_id: 'x' } }, 'local_link_connection'],
      [{ local_link_connection: { ...LINK, colour: 'red' } }, 'colour'],
      [{ local_link_connection: { ...LINK, port_id: 7 } }, 'port_id'],
      [{ local_link_connection: { ...LINK, switch_id: 'x' } }, 'Expected a MAC address or OpenFlow datapath ID but received x.'],
      [{ local_link_connection: { network_type: 'odd' } }, 'network_type'],
      [{ local_link_connection: { ...LINK, 'vtep-logical-switch': 'x' } }, 'come together'],
      [{ local_link_connection: 'x' }, 'local_link_connection'],
      [{ available_for_dynamic_portgroup: 'false' }, 'available_for_dynamic_portgroup'],
      [{ internal_info: {} }, 'internal_info'],
      [{ colour: 'red' }, 'colour'],
    ];
    for (const [wrong, says] of rows) {
      const refused = await send('POST', '/ports', { node_uuid: node, address: MAC, ...wrong });
      expect.soft([refused.statusCode, JSON.stringify(wrong)]).toEqual([400, JSON.stringify(wrong)]);
      expect.soft(faultString(refused)).toContain(says);
    }
    expect(bodyOf(await send('GET', '/ports'))).toEqual({ ports: [] });
    for (const link of [
      {},
      { network_type: 'unmanaged' },
      { port_id: 'p', hostname: 'h' },
      { port_id: 'p', 'vtep-logical-switch': 'a', 'vtep-physical-switch': 'b' },
      { port_id: 'p', switch_id: '00:11:22:33:44:55:66:77' },
    ]) {
      const made = await send('POST', '/ports', { node_uuid: node, address: MAC, local_link_connection: link });
      expect.soft(made.statusCode, JSON.stringify(link)).toBe(201);
      await send('DELETE', `/ports/${String(bodyOf(made).uuid)}`);
    }
  });

  it('says which address, UUID or name is taken', async () => {
    const { send, node } = await openClient();
    await send('POST', '/ports', { node_uuid: node, address: MAC, uuid: NOWHERE, name: 'eth0' });
    const refusal = async (more: object) => {
      const refused = await send('POST', '/ports', { node_uuid: node, ...more });
      return [refused.statusCode, faultString(refused)];
    };
    expect(await refusal({ address: MAC })).toEqual([409, containing(`A port with MAC address ${MAC} already exists.`)]);
    expect(await refusal({ address: '52:54:00:00:00:01', uuid: NOWHERE })).toEqual([409, containing(NOWHERE)]);
    expect(await refusal({ address: '52:54:00:00:00:01', name: 'eth0' })).toEqual([
      409,
      'A port with name eth0 already exists. Choose another name.',
    ]);
  });

  it('survives any body, and answers 400 or 201', async () => {
    const { send, node } = await openClient();
    const names = fc.constantFrom(
      'uuid',
      'address',
      'node_uuid',
      'extra',
      'pxe_enabled',
      'local_link_connection',
      'name',
      'is_smartnic',
      'x',
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, fc.jsonValue({ maxDepth: 3 })), async (body) => {
        const reply = await send('POST', '/ports', { node_uuid: node, address: MAC, ...body });
        expect([201, 400, 409]).toContain(reply.statusCode);
        if (reply.statusCode === 201) expect((await send('DELETE', `/ports/${String(bodyOf(reply).uuid)}`)).statusCode).toBe(204);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the fields of a port', () => {
  it('come with their versions, in replies, lists, bodies and patches', async () => {
    const { send, node } = await openClient();
    const { uuid } = bodyOf(await send('POST', '/ports', { node_uuid: node, address: MAC }));
    const own = `/ports/${String(uuid)}`;
    for (const [name, since] of Object.entries(SINCE)) {
      expect.soft(bodyOf(await send('GET', own, undefined, `1.${since}`)), name).toHaveProperty(name);
      expect.soft(bodyOf(await send('GET', own, undefined, `1.${since - 1}`)), name).not.toHaveProperty(name);
      expect.soft((await send('GET', `/ports?fields=${name}`, undefined, `1.${since - 1}`)).statusCode, name).toBe(406);
      expect.soft((await send('GET', `/ports?fields=${name}`, undefined, `1.${since}`)).statusCode, name).toBe(200);
    }
    const settable = {
      pxe_enabled: true,
      portgroup_uuid: NOWHERE,
      physical_network: 'x',
      is_smartnic: false,
      name: 'x',
      description: 'x',
      vendor: 'x',
      category: 'x',
    };
    for (const [name, value] of Object.entries(settable)) {
      const before = `1.${(Object.entries(SINCE).find(([field]) => field === name)?.[1] ?? 0) - 1}`;
      expect
        .soft((await send('POST', '/ports', { node_uuid: node, address: '52:54:00:00:00:01', [name]: value }, before)).statusCode, name)
        .toBe(406);
      expect.soft((await send('PATCH', own, [{ op: 'replace', path: `/${name}`, value }], before)).statusCode, name).toBe(406);
    }
  });

  it('of the link to the switch: the type of network came with 1.64, tunnels with 1.90', async () => {
    const { send, node } = await openClient();
    const unmanaged = { network_type: 'unmanaged' };
    expect((await send('POST', '/ports', { node_uuid: node, address: MAC, local_link_connection: unmanaged }, '1.63')).statusCode).toBe(
      406,
    );
    const tunnel = { port_id: 'p', 'vtep-logical-switch': 'a', 'vtep-physical-switch': 'b' };
    expect((await send('POST', '/ports', { node_uuid: node, address: MAC, local_link_connection: tunnel }, '1.89')).statusCode).toBe(406);
    const made = bodyOf(await send('POST', '/ports', { node_uuid: node, address: MAC, local_link_connection: tunnel }));
    const own = `/ports/${String(made.uuid)}`;
    expect(bodyOf(await send('GET', own, undefined, '1.89')).local_link_connection).toEqual({});
    expect(bodyOf(await send('GET', own, undefined, '1.90')).local_link_connection).toEqual(tunnel);
    const patch = [{ op: 'replace', path: '/local_link_connection', value: unmanaged }];
    expect((await send('PATCH', own, patch, '1.63')).statusCode).toBe(406);
    expect(
      (await send('PATCH', own, [{ op: 'add', path: '/local_link_connection/network_type', value: 'managed' }], '1.63')).statusCode,
    ).toBe(406);
    expect((await send('PATCH', own, patch, '1.64')).statusCode).toBe(200);
  });
});

describe('GET /v1/ports', () => {
  it('filters by node, address, port group, shard, conductor group and description', async () => {
    const api = await openClient();
    const { send, node } = api;
    const other = await addNode(api, 'two', { shard: 'east', conductorGroup: 'lab' });
    const group = bodyOf(await send('POST', '/portgroups', { node_uuid: node, name: 'bond0' }));
    const add = async (body: object) => bodyOf(await send('POST', '/ports', body)).uuid;
    const inGroup = await add({ node_uuid: node, address: MAC, portgroup_uuid: group.uuid });
    const alone = await add({ node_uuid: node, address: '52:54:00:00:00:01', description: 'behind 100% of_it' });
    const elsewhere = await add({ node_uuid: other.uuid, address: '52:54:00:00:00:02' });
    const found = async (url: string) => {
      const reply = await send('GET', url);
      const { ports } = bodyOf(reply);
      return Array.isArray(ports) ? new Set(ports.map((port: { uuid: string }) => port.uuid)) : reply.statusCode;
    };
    const both = new Set([inGroup, alone]);
    for (const url of [
      '/ports?node=one',
      `/ports?node=${node}`,
      `/ports?node_uuid=${node}`,
      '/nodes/one/ports',
      `/nodes/${node}/ports/detail`,
    ])
      expect.soft(await found(url), url).toEqual(both);
    for (const url of [
      '/ports?portgroup=bond0',
      `/ports?portgroup=${String(group.uuid)}`,
      '/portgroups/bond0/ports',
      '/portgroups/bond0/ports/detail',
    ])
      expect.soft(await found(url), url).toEqual(new Set([inGroup]));
    for (const url of ['/ports?shard=west,east', '/ports?conductor_groups=lab', '/ports?address=52:54:00:00:00:02'])
      expect.soft(await found(url), url).toEqual(new Set([elsewhere]));
    expect(await found('/ports?description_contains=100%25%20of_')).toEqual(new Set([alone]));
    expect(await found('/ports?description_contains=100_')).toEqual(new Set());
    expect(await found('/ports?conductor_groups=')).toEqual(both);
    expect(await found('/ports?node=nobody')).toBe(404);
    expect(await found('/ports?node_uuid=one')).toBe(400);
    expect(await found('/ports?portgroup=nothing')).toBe(404);
    expect(await found('/ports?address=elephant')).toBe(400);
    expect(await found('/ports?node=one&portgroup=bond0')).toBe(403);
    expect(await found('/ports?node=one&conductor_groups=lab')).toBe(400);
    for (const [filter, since] of [
      ['portgroup=bond0', 24],
      ['shard=x', 82],
      ['conductor_groups=x', 99],
    ] as const)
      expect.soft((await send('GET', `/ports?${filter}`, undefined, `1.${since - 1}`)).statusCode, filter).toBe(406);
    expect((await send('GET', '/portgroups/bond0/ports', undefined, '1.23')).statusCode).toBe(404);
    expect((await send('GET', '/portgroups/nothing/ports')).statusCode).toBe(404);
    expect((await send('GET', '/nodes/nobody/ports')).statusCode).toBe(404);
  });

  it('goes on at the same place below a node', async () => {
    const { send, node } = await openClient();
    for (const last of ['01', '02', '03']) await send('POST', '/ports', { node_uuid: node, address: `52:54:00:00:00:${last}` });
    const first = bodyOf(await send('GET', '/nodes/one/ports?limit=2&sort_key=address&sort_dir=desc&fields=address'));
    expect(first.ports).toMatchObject([{ address: '52:54:00:00:00:03' }, { address: '52:54:00:00:00:02' }]);
    const next = String(first.next);
    expect(next).toContain('https://seed.lan/v1/nodes/one/ports?');
    expect(bodyOf(await send('GET', next.replace('https://seed.lan/v1', ''))).ports).toMatchObject([{ address: '52:54:00:00:00:01' }]);
  });
});

describe('PATCH /v1/ports', () => {
  it('changes fields, moves the port to another node and back', async () => {
    const api = await openClient();
    const { send, node, clock } = api;
    const other = await addNode(api, 'two');
    const { uuid } = bodyOf(await send('POST', '/ports', { node_uuid: node, address: MAC, name: 'eth0', extra: { a: { b: 1 } } }));
    await clock.advance(1000);
    const changed = await send('PATCH', '/ports/eth0', [
      { op: 'replace', path: '/address', value: '52:54:00:00:00:0F' },
      { op: 'add', path: '/extra/a/c', value: [1] },
      { op: 'remove', path: '/name' },
      { op: 'replace', path: '/node_uuid', value: other.uuid },
      { op: 'add', path: '/local_link_connection', value: LINK },
      { op: 'replace', path: '/pxe_enabled', value: 'no' },
    ]);
    expect(changed.statusCode, changed.body).toBe(200);
    expect(bodyOf(changed)).toMatchObject({
      uuid,
      address: '52:54:00:00:00:0f',
      extra: { a: { b: 1, c: [1] } },
      name: null,
      node_uuid: other.uuid,
      local_link_connection: LINK,
      pxe_enabled: false,
      updated_at: anyOf(String),
    });
    const own = `/ports/${String(uuid)}`;
    expect(bodyOf(await send('GET', own))).toEqual(bodyOf(changed));
    expect(bodyOf(await send('PATCH', own, [{ op: 'remove', path: '/local_link_connection' }]))).toMatchObject({
      local_link_connection: {},
    });
    expect(bodyOf(await send('PATCH', own, [{ op: 'remove', path: '/pxe_enabled' }]))).toMatchObject({ pxe_enabled: true });
  });

  it('refuses what can not be so or is in use, and changes nothing', async () => {
    const { send, node, store } = await openClient();
    const before = bodyOf(await send('POST', '/ports', { node_uuid: node, address: MAC }));
    await send('POST', '/ports', { node_uuid: node, address: '52:54:00:00:00:01' });
    const own = `/ports/${String(before.uuid)}`;
    const rows: readonly (readonly [object, number, string])[] = [
      [{ op: 'replace', path: '/uuid', value: NOWHERE }, 400, 'Cannot patch /uuid'],
      [{ op: 'replace', path: '/internal_info', value: {} }, 400, 'Cannot patch /internal_info'],
      [{ op: 'remove', path: '/address' }, 400, 'address'],
      [{ op: 'replace', path: '/address', value: 'elephant' }, 400, 'Expected valid MAC address'],
      [{ op: 'replace', path: '/address', value: '52:54:00:00:00:01' }, 409, '52:54:00:00:00:01'],
      [{ op: 'remove', path: '/node_uuid' }, 400, 'node_uuid'],
      [{ op: 'replace', path: '/node_uuid', value: NOWHERE }, 400, NOWHERE],
      [{ op: 'replace', path: '/portgroup_uuid', value: NOWHERE }, 400, NOWHERE],
      [{ op: 'replace', path: '/extra', value: 7 }, 400, 'extra'],
      [{ op: 'remove', path: '/extra/nothing' }, 400, 'nothing'],
      [{ op: 'replace', path: '/local_link_connection', value: { port_id: 'x' } }, 400, 'local_link_connection'],
      [{ op: 'replace', path: '/physical_network', value: '' }, 400, 'non-empty'],
    ];
    for (const [operation, status, says] of rows) {
      const refused = await send('PATCH', own, [operation]);
      expect.soft([refused.statusCode, JSON.stringify(operation)]).toEqual([status, JSON.stringify(operation)]);
      expect.soft(faultString(refused)).toContain(says);
    }
    await store.db.updateTable('nodes').set({ provision_state: 'active' }).where('uuid', '=', node).execute();
    const inUse = await send('PATCH', own, [{ op: 'replace', path: '/address', value: '52:54:00:00:00:09' }]);
    expect([inUse.statusCode, faultString(inUse)]).toEqual([409, containing('is active or has instance UUID assigned')]);
    const cable = await send('PATCH', own, [{ op: 'replace', path: '/pxe_enabled', value: false }]);
    expect([cable.statusCode, faultString(cable)]).toEqual([409, containing('The current state is active.')]);
    expect(bodyOf(await send('GET', own))).toEqual(before);
  });
});

describe('any patch', () => {
  it('of a port is applied or refused, and refused it changes nothing', async () => {
    const { send, node } = await openClient();
    const { uuid } = bodyOf(await send('POST', '/ports', { node_uuid: node, address: MAC, extra: { a: { b: [1, 2] } } }));
    const own = `/ports/${String(uuid)}`;
    const paths = fc.constantFrom(
      '/extra',
      '/extra/a',
      '/extra/a/b/0',
      '/extra/a/b/-',
      '/extra/~0',
      '/extra/~',
      '/address',
      '/pxe_enabled',
      '/uuid',
      '/',
      'x',
      '/name',
    );
    const operation = fc.record(
      { op: fc.constantFrom('add', 'replace', 'remove', 'test'), path: paths, value: fc.jsonValue({ maxDepth: 2 }) },
      { requiredKeys: ['op', 'path'] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 4 }), async (patch) => {
        const before = bodyOf(await send('GET', own));
        const reply = await send('PATCH', own, patch);
        expect([200, 400]).toContain(reply.statusCode);
        expect(bodyOf(await send('GET', own))).toEqual(reply.statusCode === 200 ? bodyOf(reply) : before);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a port group', () => {
  it('with ports can not be deleted', async () => {
    const { send, node } = await openClient();
    const group = bodyOf(await send('POST', '/portgroups', { node_uuid: node }));
    const port = bodyOf(await send('POST', '/ports', { node_uuid: node, address: MAC, portgroup_uuid: group.uuid }));
    const own = `/portgroups/${String(group.uuid)}`;
    const kept = await send('DELETE', own);
    expect([kept.statusCode, faultString(kept)]).toEqual([400, containing(`because portgroup ${String(group.uuid)} contains ports.`)]);
    expect((await send('PATCH', `/ports/${String(port.uuid)}`, [{ op: 'remove', path: '/portgroup_uuid' }])).statusCode).toBe(200);
    expect((await send('DELETE', own)).statusCode).toBe(204);
  });
});
