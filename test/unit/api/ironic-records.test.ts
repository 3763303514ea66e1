// Every resource that is a table of records, by one table of what is sent to it: made, listed, read, changed, refused, removed.

import { describe, expect, it } from 'vitest';
import { containing } from '../../support/containing.ts';
import { ADMIN, addNode, bodyOf } from './harness.ts';
import { faultString, openClient } from './ironic-client.ts';
import { anyOf, matching } from './matchers.ts';

const NOWHERE = '11111111-2222-4333-8444-555555555555';
const LINKS = [
  { href: containing('https://seed.lan/v1/'), rel: 'self' },
  { href: containing('https://seed.lan/'), rel: 'bookmark' },
];
const STEP = { interface: 'bios', step: 'apply_configuration', args: { settings: [], password: 'secret' } };
const SHOWN_STEP = { ...STEP, args: { settings: [], password: '******' } };
const ACTIONS = [{ op: 'set-attribute', args: { path: '/extra/seen', value: true } }];

interface Case {
  readonly path: string;
  readonly collection: string;
  readonly noun: string;
  /** The first version; in the one before, other methods than GET are this. */
  readonly since: number;
  readonly before: 404 | 405;
  readonly hasDetail: boolean;
  readonly isNamed: boolean;
  readonly body: (node: string) => object;
  /** What the body becomes, at the latest version, beside uuid, times and links. */
  readonly shown: (node: string) => object;
  readonly inLists: readonly string[];
  readonly patch: readonly object[];
  readonly patched: object;
  /** Bodies that are refused: what is other than in `body`, and what the refusal says. */
  readonly bad: readonly (readonly [object, string])[];
  readonly badPatches: readonly (readonly [readonly object[], string])[];
  readonly sortKey: string;
}

const CASES: readonly Case[] = [
  {
    path: '/chassis',
    collection: 'chassis',
    noun: 'Chassis',
    since: 1,
    before: 404,
    hasDetail: true,
    isNamed: false,
    body: () => ({ description: 'left', extra: { row: 7 } }),
    shown: () => ({ description: 'left', extra: { row: 7 }, nodes: [LINKS] }),
    inLists: ['description'],
    patch: [
      { op: 'replace', path: '/description', value: 'right' },
      { op: 'add', path: '/extra/rack', value: 3 },
    ],
    patched: { description: 'right', extra: { row: 7, rack: 3 } },
    bad: [
      [{ description: 5 }, 'description'],
      [{ description: 'x'.repeat(256) }, 'description'],
      [{ extra: [] }, 'extra'],
    ],
    badPatches: [[[{ op: 'replace', path: '/description', value: 5 }], 'description']],
    sortKey: 'description',
  },
  {
    path: '/portgroups',
    collection: 'portgroups',
    noun: 'Portgroup',
    since: 23,
    before: 404,
    hasDetail: true,
    isNamed: true,
    body: (node) => ({ node_uuid: node, name: 'bond0', address: '11:22:33:44:55:AA', standalone_ports_supported: 'False', mode: null }),
    shown: (node) => ({
      node_uuid: node,
      name: 'bond0',
      address: '11:22:33:44:55:aa',
      standalone_ports_supported: false,
      mode: 'active-backup',
      properties: {},
      physical_network: null,
      category: null,
      dynamic_portgroup: false,
      internal_info: {},
      extra: {},
      ports: LINKS,
    }),
    inLists: ['address', 'name'],
    patch: [
      { op: 'replace', path: '/mode', value: '802.3ad' },
      { op: 'remove', path: '/address' },
    ],
    patched: { mode: '802.3ad', address: null },
    bad: [
      [{ dynamic_portgroup: true }, 'dynamic_portgroup'],
      [{ node_uuid: undefined }, 'node_uuid'],
      [{ node_uuid: NOWHERE }, `Node ${NOWHERE} could not be found.`],
      [{ node_uuid: 'x' }, 'Expected UUID for node_uuid: x'],
      [{ address: '11-22-33-44-55-aa' }, 'Expected valid MAC address for address: 11-22-33-44-55-aa'],
      [{ name: 'a b' }, "invalid name 'a b'"],
      [{ standalone_ports_supported: 'perhaps' }, 'perhaps'],
      [{ physical_network: 'x'.repeat(65) }, 'physical_network'],
    ],
    badPatches: [
      [[{ op: 'remove', path: '/mode' }], "'mode' is a mandatory attribute and can not be removed"],
      [[{ op: 'remove', path: '/node_uuid' }], 'node_uuid'],
      [[{ op: 'replace', path: '/node_uuid', value: NOWHERE }], `Node ${NOWHERE} could not be found.`],
      [[{ op: 'replace', path: '/internal_info', value: {} }], 'Cannot patch /internal_info'],
    ],
    sortKey: 'name',
  },
  {
    path: '/volume/connectors',
    collection: 'connectors',
    noun: 'Volume connector',
    since: 32,
    before: 404,
    hasDetail: false,
    isNamed: false,
    body: (node) => ({ node_uuid: node, type: 'iqn', connector_id: 'iqn.2026-11.lan:a' }),
    shown: (node) => ({ node_uuid: node, type: 'iqn', connector_id: 'iqn.2026-11.lan:a', extra: {} }),
    inLists: ['node_uuid', 'type', 'connector_id'],
    patch: [{ op: 'replace', path: '/connector_id', value: 'iqn.2026-11.lan:b' }],
    patched: { connector_id: 'iqn.2026-11.lan:b' },
    bad: [
      [{ connector_id: undefined }, 'connector_id'],
      [{ type: '' }, 'type'],
      [{ node_uuid: NOWHERE }, NOWHERE],
    ],
    badPatches: [[[{ op: 'remove', path: '/type' }], 'type']],
    sortKey: 'connector_id',
  },
  {
    path: '/volume/targets',
    collection: 'targets',
    noun: 'Volume target',
    since: 32,
    before: 404,
    hasDetail: false,
    isNamed: false,
    body: (node) => ({ node_uuid: node, volume_type: 'iscsi', volume_id: 'v1', boot_index: 0, properties: { auth_password: 'secret' } }),
    shown: (node) => ({
      node_uuid: node,
      volume_type: 'iscsi',
      volume_id: 'v1',
      boot_index: 0,
      properties: { auth_password: '******' },
      extra: {},
    }),
    inLists: ['node_uuid', 'volume_type', 'boot_index', 'volume_id'],
    patch: [{ op: 'replace', path: '/boot_index', value: 2 }],
    patched: { boot_index: 2 },
    bad: [
      [{ boot_index: '0' }, 'boot_index'],
      [{ boot_index: 1.5 }, 'boot_index'],
      [{ volume_id: undefined }, 'volume_id'],
    ],
    badPatches: [[[{ op: 'replace', path: '/boot_index', value: 'x' }], 'boot_index']],
    sortKey: 'boot_index',
  },
  {
    path: '/deploy_templates',
    collection: 'deploy_templates',
    noun: 'Deploy template',
    since: 55,
    before: 405,
    hasDetail: false,
    isNamed: true,
    body: () => ({ name: 'CUSTOM_FAST', description: 'not shown', steps: [{ ...STEP, priority: '110' }] }),
    shown: () => ({ name: 'CUSTOM_FAST', steps: [{ ...SHOWN_STEP, priority: 110 }], extra: {} }),
    inLists: ['name'],
    patch: [
      { op: 'replace', path: '/description', value: null },
      { op: 'replace', path: '/steps/0/priority', value: 20 },
    ],
    patched: { steps: [{ ...SHOWN_STEP, priority: 20 }] },
    bad: [
      [{ name: 'custom' }, "'custom'"],
      [{ description: 'x'.repeat(256) }, 'description'],
      [{ steps: [] }, 'steps'],
      [{ steps: [{ ...STEP, priority: -1 }] }, 'priority'],
      [{ steps: [{ ...STEP, priority: 1, interface: 'network' }] }, 'interface'],
      [{ steps: [{ interface: 'bios', step: 'x', priority: 1 }] }, 'args'],
      [{ steps: [{ ...STEP, priority: 1, order: 1 }] }, 'order'],
      [
        {
          steps: [
            { ...STEP, priority: 1 },
            { ...STEP, priority: 2 },
          ],
        },
        'Duplicate',
      ],
    ],
    badPatches: [
      [[{ op: 'remove', path: '/name' }], 'name'],
      [[{ op: 'add', path: '/steps/-', value: { ...STEP, priority: 1 } }], 'Duplicate'],
      [[{ op: 'replace', path: '/steps/0/interface', value: 'network' }], 'network'],
      [[{ op: 'replace', path: '/steps', value: 7 }], 'steps'],
      [[{ op: 'remove', path: '/steps/0' }], 'at least one'],
    ],
    sortKey: 'name',
  },
  {
    path: '/runbooks',
    collection: 'runbooks',
    noun: 'Runbook',
    since: 92,
    before: 405,
    hasDetail: false,
    isNamed: true,
    body: () => ({
      name: 'CUSTOM_RE-IMAGE',
      steps: [{ interface: 'deploy', step: 'erase', order: '1' }],
      description: 'again',
      owner: 'p1',
    }),
    shown: () => ({
      name: 'CUSTOM_RE-IMAGE',
      description: 'again',
      steps: [{ interface: 'deploy', step: 'erase', args: {}, order: 1 }],
      disable_ramdisk: false,
      public: false,
      owner: 'p1',
      traits: [],
      extra: {},
    }),
    inLists: ['name'],
    patch: [{ op: 'replace', path: '/public', value: true }],
    patched: { public: true, owner: null },
    bad: [
      [{ name: 'a b' }, "'a b'"],
      [{ steps: [{ interface: 'deploy', step: 'erase', order: -1 }] }, 'order'],
      [{ steps: [{ interface: 'deploy', step: 'erase' }] }, 'order'],
      [{ public: true }, 'There cannot be an owner for a public runbook'],
      [{ traits: [] }, 'traits'],
    ],
    badPatches: [
      [[{ op: 'add', path: '/traits', value: [] }], 'Cannot patch /traits'],
      [
        [
          { op: 'replace', path: '/public', value: true },
          { op: 'replace', path: '/owner', value: 'p2' },
        ],
        'There cannot be an owner for a public runbook',
      ],
    ],
    sortKey: 'name',
  },
  {
    path: '/inspection_rules',
    collection: 'inspection_rules',
    noun: 'Rule',
    since: 96,
    before: 405,
    hasDetail: false,
    isNamed: false,
    body: () => ({ description: 'mark', actions: ACTIONS, conditions: [{ op: '!is-empty', args: { value: '{inventory[disks]}' } }] }),
    shown: () => ({
      description: 'mark',
      priority: 0,
      phase: 'main',
      sensitive: false,
      actions: ACTIONS,
      conditions: [{ op: '!is-empty', args: { value: '{inventory[disks]}' } }],
    }),
    inLists: ['priority', 'phase', 'description'],
    patch: [
      { op: 'replace', path: '/priority', value: 70 },
      { op: 'replace', path: '/sensitive', value: true },
    ],
    patched: { priority: 70, sensitive: true, actions: null, conditions: null },
    bad: [
      [{ actions: undefined }, 'actions'],
      [{ actions: [] }, 'actions'],
      [{ actions: [{ op: 'explode', args: {} }] }, 'explode'],
      [{ phase: 'early' }, 'Invalid phase: early'],
      [{ priority: 10_000 }, 'Priority'],
      [{ priority: 'high' }, 'priority'],
    ],
    badPatches: [
      [[{ op: 'replace', path: '/actions/0/op', value: 'explode' }], 'explode'],
      [[{ op: 'remove', path: '/actions' }], 'actions'],
    ],
    sortKey: 'priority',
  },
];

describe.each(CASES)('/v1$path', (row) => {
  const { path, collection } = row;
  const at = (minor: number): string => `1.${minor}`;

  it('makes one, which is then found, listed, changed and removed', async () => {
    const { send, node, clock } = await openClient();
    const made = await send('POST', path, row.body(node));
    expect(made.statusCode, made.body).toBe(201);
    const { uuid, ...shown } = bodyOf(made);
    const whole = { ...row.shown(node), created_at: matching(/\+00:00$/), updated_at: null, links: LINKS };
    expect(shown).toEqual(whole);
    expect(made.headers.location).toBe(`https://seed.lan/v1${path}/${String(uuid)}`);
    expect(bodyOf(await send('GET', `${path}/${String(uuid)}`))).toEqual({ uuid, ...whole });
    const short = Object.fromEntries(Object.entries(shown).filter(([name]) => name === 'links' || row.inLists.includes(name)));
    expect(bodyOf(await send('GET', path))).toEqual({ [collection]: [{ uuid, ...short }] });
    expect(bodyOf(await send('GET', `${path}?detail=True`))).toEqual({ [collection]: [{ uuid, ...whole }] });
    expect(bodyOf(await send('GET', `${path}?fields=uuid,created_at`))).toEqual({
      [collection]: [{ uuid, created_at: anyOf(String), links: LINKS }],
    });
    const early = row.collection === 'connectors' || row.collection === 'targets';
    expect((await send('GET', `${path}?detail=True`, undefined, '1.42')).statusCode).toBe(row.since > 42 ? 404 : early ? 200 : 400);
    expect((await send('GET', `${path}/detail`)).statusCode).toBe(row.hasDetail ? 200 : row.isNamed ? 404 : 400);
    await clock.advance(5000);
    const patched = await send('PATCH', `${path}/${String(uuid)}`, row.patch);
    expect(patched.statusCode, patched.body).toBe(200);
    expect(bodyOf(patched)).toEqual({ uuid, ...whole, ...row.patched, updated_at: matching(/\+00:00$/) });
    expect(bodyOf(await send('GET', `${path}/${String(uuid)}`))).toEqual(bodyOf(patched));
    const gone = await send('DELETE', `${path}/${String(uuid)}`);
    expect([gone.statusCode, gone.body]).toEqual([204, '']);
    for (const method of ['GET', 'DELETE'] as const) {
      const missing = await send(method, `${path}/${String(uuid)}`);
      expect([missing.statusCode, faultString(missing)]).toEqual([404, `${row.noun} ${String(uuid)} could not be found.`]);
    }
    expect(bodyOf(await send('GET', path))).toEqual({ [collection]: [] });
  });

  it('takes a UUID of the client’s own once', async () => {
    const { send, node } = await openClient();
    const body = { ...row.body(node), uuid: NOWHERE.toUpperCase() };
    expect(bodyOf(await send('POST', path, body)).uuid).toBe(NOWHERE);
    const again = await send('POST', path, body);
    expect(again.statusCode).toBe(409);
    expect(faultString(again)).toContain('already exists.');
    expect((await send('POST', path, { ...body, uuid: 'x' })).statusCode).toBe(400);
  });

  it('is found by name if it has one, and by nothing that is neither', async () => {
    const { send, node } = await openClient();
    const body = row.body(node);
    const name = 'name' in body && typeof body.name === 'string' ? body.name : 'none';
    await send('POST', path, body);
    const named = await send('GET', `${path}/${name}`);
    expect(named.statusCode).toBe(row.isNamed ? 200 : 400);
    expect((await send('GET', `${path}/nobody`)).statusCode).toBe(row.isNamed ? 404 : 400);
    expect((await send('GET', `${path}/no%20body`)).statusCode).toBe(400);
    if (row.isNamed && row.since < 91) expect((await send('GET', `${path}/${name}.json`, undefined, '1.90')).statusCode).toBe(200);
    expect((await send('GET', `${path}/${name}.json`, undefined, '1.100')).statusCode).toBe(row.isNamed ? 404 : 400);
  });

  it('refuses what can not be so, and changes nothing', async () => {
    const { send, node } = await openClient();
    const body = row.body(node);
    for (const [wrong, says] of [...row.bad, [{ colour: 'red' }, 'colour'] as const, [{ uuid: 7 }, 'uuid'] as const]) {
      const refused = await send('POST', path, { ...body, ...wrong });
      expect.soft([refused.statusCode, JSON.stringify(wrong)]).toEqual([400, JSON.stringify(wrong)]);
      expect.soft(faultString(refused)).toContain(says);
    }
    expect((await send('POST', path, [])).statusCode).toBe(400);
    expect(bodyOf(await send('GET', path))).toEqual({ [collection]: [] });
    const before = bodyOf(await send('POST', path, body));
    const own = `${path}/${String(before.uuid)}`;
    const common: Case['badPatches'] = [
      [[{ op: 'replace', path: '/uuid', value: NOWHERE }], 'Cannot patch /uuid'],
      [[{ op: 'add', path: '/colour', value: 'red' }], 'Cannot patch /colour'],
      [[{ op: 'replace', path: '/created_at', value: 1 }], 'Cannot patch /created_at'],
      [[{ op: 'test', path: '/uuid', value: 1 }], 'op'],
      [[{ op: 'replace', path: 'uuid' }], 'path'],
    ];
    for (const [patch, says] of [...row.badPatches, ...common]) {
      const refused = await send('PATCH', own, [...patch]);
      expect.soft([refused.statusCode, JSON.stringify(patch)]).toEqual([400, JSON.stringify(patch)]);
      expect.soft(faultString(refused)).toContain(says);
    }
    expect((await send('PATCH', own, { a: 1 })).statusCode).toBe(400);
    expect(bodyOf(await send('GET', own))).toEqual(before);
  });

  it('lists page by page, sorted as asked, and refuses what it does not know', async () => {
    const { send, node, clock } = await openClient();
    const uuids: unknown[] = [];
    for (let index = 0; index < 3; index += 1) {
      const unlike = { name: `CUSTOM_${index}`, address: `52:54:00:00:00:0${index}`, connector_id: `c${index}`, boot_index: index };
      const body: Record<string, unknown> = { ...row.body(node) };
      for (const [key, value] of Object.entries(unlike)) if (Object.hasOwn(body, key)) body[key] = value;
      uuids.push(bodyOf(await send('POST', path, body)).uuid);
      await clock.advance(10);
    }
    const page = async (url: string) => {
      const body = bodyOf(await send('GET', url.replace('https://seed.lan/v1', '')));
      const rows: unknown = body[collection];
      return { uuids: Array.isArray(rows) ? rows.map((one: { uuid: unknown }) => one.uuid) : body, next: String(body.next) };
    };
    const first = await page(`${path}?limit=2`);
    expect(first.uuids).toEqual(uuids.slice(0, 2));
    expect(first.next).toContain(`https://seed.lan/v1${path}?`);
    expect((await page(first.next)).uuids).toEqual(uuids.slice(2));
    expect((await page(`${path}?sort_dir=desc`)).uuids).toEqual(uuids.toReversed());
    expect((await page(`${path}?sort_key=id&sort_dir=asc`)).uuids).toEqual(uuids);
    expect((await page(`${path}?sort_key=${row.sortKey}`)).uuids).toHaveLength(3);
    for (const bad of ['sort_key=nope', 'sort_key=links', 'limit=-1', 'marker=x', 'colour=red', 'fields=nope', 'detail=True&fields=uuid'])
      expect.soft([(await send('GET', `${path}?${bad}`)).statusCode, bad]).toEqual([400, bad]);
    expect((await send('GET', `${path}?marker=${NOWHERE}`)).statusCode).toBe(404);
  });

  it('is not there before its version', async () => {
    const { send, node } = await openClient();
    const { uuid } = bodyOf(await send('POST', path, row.body(node)));
    expect((await send('GET', path, undefined, at(Math.max(row.since, 1)))).statusCode).toBe(200);
    if (row.since === 1) return;
    const old = at(row.since - 1);
    expect((await send('GET', path, undefined, old)).statusCode).toBe(404);
    expect((await send('GET', `${path}/${String(uuid)}`, undefined, old)).statusCode).toBe(404);
    expect((await send('POST', path, row.body(node), old)).statusCode).toBe(row.before);
    expect((await send('PATCH', `${path}/${String(uuid)}`, row.patch, old)).statusCode).toBe(row.before);
    expect((await send('DELETE', `${path}/${String(uuid)}`, undefined, old)).statusCode).toBe(row.before);
  });

  it('is read by readers and changed by those who may', async () => {
    const { app } = await openClient();
    const as = (method: 'GET' | 'POST', token: string) =>
      app.inject({
        method,
        url: `/v1${path}`,
        headers: { authorization: `Bearer ${token}`, 'x-openstack-ironic-api-version': 'latest' },
        ...(method === 'POST' ? { payload: {} } : {}),
      });
    expect((await as('GET', 'reader-token')).statusCode).toBe(200);
    expect((await as('POST', 'reader-token')).statusCode).toBe(403);
    expect((await app.inject({ method: 'POST', url: `/v1${path}`, payload: {} })).statusCode).toBe(401);
  });
});

describe('what hangs below a node', () => {
  it('is its own port groups and volumes, by UUID or name, from their version on', async () => {
    const api = await openClient();
    const { send } = api;
    const other = await addNode(api, 'two');
    const group = bodyOf(await send('POST', '/portgroups', { node_uuid: api.node, name: 'bond0' }));
    await send('POST', '/portgroups', { node_uuid: other.uuid, name: 'bond1' });
    const connector = bodyOf(await send('POST', '/volume/connectors', { node_uuid: api.node, type: 'ip', connector_id: '192.0.2.7' }));
    const target = { volume_type: 'iscsi', volume_id: 'v', boot_index: 0 };
    await send('POST', '/volume/targets', { ...target, node_uuid: other.uuid });
    for (const ref of [api.node, 'one']) {
      expect(bodyOf(await send('GET', `/nodes/${ref}/portgroups`))).toMatchObject({ portgroups: [{ uuid: group.uuid, name: 'bond0' }] });
      expect(bodyOf(await send('GET', `/nodes/${ref}/portgroups/detail`))).toEqual({ portgroups: [group] });
      expect(bodyOf(await send('GET', `/nodes/${ref}/volume/connectors?detail=true`))).toEqual({ connectors: [connector] });
      expect(bodyOf(await send('GET', `/nodes/${ref}/volume/targets`))).toEqual({ targets: [] });
      expect(bodyOf(await send('GET', `/nodes/${ref}/volume`))).toEqual({ links: LINKS, connectors: LINKS, targets: LINKS });
      expect(bodyOf(await send('GET', `/portgroups?node=${ref}`))).toMatchObject({ portgroups: [{ uuid: group.uuid }] });
      expect(bodyOf(await send('GET', `/volume/connectors?node=${ref}`))).toMatchObject({ connectors: [{ uuid: connector.uuid }] });
    }
    expect(bodyOf(await send('GET', '/volume'))).toEqual({ links: LINKS, connectors: LINKS, targets: LINKS });
    for (const [url, since] of [
      ['portgroups', 24],
      ['portgroups/detail', 24],
      ['volume', 32],
      ['volume/connectors', 32],
      ['volume/targets', 32],
      ['vifs', 28],
    ] as const) {
      expect.soft((await send('GET', `/nodes/one/${url}`, undefined, `1.${since}`)).statusCode, url).toBe(200);
      expect.soft((await send('GET', `/nodes/one/${url}`, undefined, `1.${since - 1}`)).statusCode, url).toBe(404);
      expect.soft((await send('GET', `/nodes/nobody/${url}`)).statusCode, url).toBe(404);
    }
  });

  it('are virtual interfaces, attached and detached', async () => {
    const api = await openClient();
    const { send, node } = api;
    await api.store.db.updateTable('nodes').set({ interfaces: '{"network":"flat"}' }).execute();
    const port = bodyOf(await send('POST', '/ports', { node_uuid: node, address: '52:54:00:00:00:01' }));
    expect((await send('POST', '/nodes/one/vifs', { id: 'v1', what: 'else' })).statusCode).toBe(204);
    expect(bodyOf(await send('GET', '/nodes/one/vifs'))).toEqual({ vifs: [{ id: 'v1' }] });
    expect(bodyOf(await send('GET', `/ports/${String(port.uuid)}`))).toMatchObject({ internal_info: { tenant_vif_port_id: 'v1' } });
    const again = await send('POST', '/nodes/one/vifs', { id: 'v1' });
    expect([again.statusCode, faultString(again)]).toEqual([409, containing('Unable to attach VIF because VIF v1 is already attached')]);
    expect((await send('DELETE', `/ports/${String(port.uuid)}`)).statusCode).toBe(409);
    expect((await send('POST', '/nodes/one/vifs', { id: 'v2', port_uuid: port.uuid })).statusCode).toBe(400);
    expect((await send('POST', '/nodes/one/vifs', { id: 'v2', port_uuid: port.uuid, portgroup_uuid: NOWHERE })).statusCode).toBe(400);
    await send('POST', '/ports', { node_uuid: node, address: '52:54:00:00:00:02' });
    expect((await send('POST', '/nodes/one/vifs', { id: 'v2', port_uuid: port.uuid }, '1.66')).statusCode).toBe(204);
    for (const bad of [{}, { id: 7 }, { id: '' }, { id: 'a b' }]) expect((await send('POST', '/nodes/one/vifs', bad)).statusCode).toBe(400);
    expect((await send('DELETE', '/nodes/one/vifs/v1')).statusCode).toBe(204);
    const gone = await send('DELETE', '/nodes/one/vifs/v1');
    expect([gone.statusCode, faultString(gone)]).toEqual([400, containing('because it is not attached to it.')]);
  });
});

describe('runbooks', () => {
  it('have traits from 1.112 on, one by one or all at once', async () => {
    const { send } = await openClient();
    const steps = [{ interface: 'deploy', step: 'erase', order: 1 }];
    await send('POST', '/runbooks', { name: 'again', steps });
    const traits = async () => bodyOf(await send('GET', '/runbooks/again/traits')).traits;
    expect(await traits()).toEqual([]);
    expect((await send('PUT', '/runbooks/again/traits', { traits: ['CUSTOM_B', 'HW_CPU_X86_AVX', 'CUSTOM_B'] })).statusCode).toBe(204);
    expect(await traits()).toEqual(['CUSTOM_B', 'HW_CPU_X86_AVX']);
    const added = await send('PUT', '/runbooks/again/traits/CUSTOM_A');
    expect([added.statusCode, added.headers.location]).toEqual([204, 'https://seed.lan/v1/runbooks/again/traits/CUSTOM_A']);
    expect((await send('DELETE', '/runbooks/again/traits/CUSTOM_B')).statusCode).toBe(204);
    expect((await send('DELETE', '/runbooks/again/traits/CUSTOM_NONE')).statusCode).toBe(204);
    expect(bodyOf(await send('GET', '/runbooks/again'))).toMatchObject({ traits: ['CUSTOM_A', 'HW_CPU_X86_AVX'] });
    for (const bad of [{ traits: ['x'] }, { traits: 'CUSTOM_A' }, {}])
      expect((await send('PUT', '/runbooks/again/traits', bad)).statusCode).toBe(400);
    expect((await send('PUT', '/runbooks/again/traits/small')).statusCode).toBe(400);
    expect((await send('GET', '/runbooks/again/traits', undefined, '1.111')).statusCode).toBe(404);
    expect(bodyOf(await send('GET', '/runbooks/again', undefined, '1.111'))).not.toHaveProperty('traits');
    expect((await send('DELETE', '/runbooks/again/traits')).statusCode).toBe(204);
    expect(await traits()).toEqual([]);
  });

  it('are named like a trait before 1.112', async () => {
    const { send } = await openClient();
    const steps = [{ interface: 'deploy', step: 'erase', order: 1 }];
    expect((await send('POST', '/runbooks', { name: 'again', steps }, '1.111')).statusCode).toBe(400);
    expect((await send('POST', '/runbooks', { name: 'CUSTOM_AGAIN', steps }, '1.111')).statusCode).toBe(201);
    expect((await send('POST', '/runbooks', { name: 'CUSTOM_B', steps, description: 'x' }, '1.111')).statusCode).toBe(406);
  });
});

describe('inspection rules', () => {
  it('are all removed at once, listed by phase, and hide what is sensitive', async () => {
    const { send } = await openClient();
    const made = bodyOf(await send('POST', '/inspection_rules', { actions: ACTIONS, sensitive: true }));
    expect(made).toMatchObject({ sensitive: true, actions: null, conditions: null });
    await send('POST', '/inspection_rules', { actions: ACTIONS });
    const open = await send('PATCH', `/inspection_rules/${String(made.uuid)}`, [{ op: 'replace', path: '/sensitive', value: false }]);
    expect([open.statusCode, faultString(open)]).toEqual([400, containing('cannot have the sensitive flag unset')]);
    expect(bodyOf(await send('GET', '/inspection_rules?phase=main')).inspection_rules).toHaveLength(2);
    expect(bodyOf(await send('GET', '/inspection_rules?phase=early')).inspection_rules).toHaveLength(0);
    expect((await send('DELETE', '/inspection_rules')).statusCode).toBe(204);
    expect(bodyOf(await send('GET', '/inspection_rules'))).toEqual({ inspection_rules: [] });
  });
});

describe('chassis', () => {
  it('with nodes stay', async () => {
    const api = await openClient();
    const { uuid } = bodyOf(await api.send('POST', '/chassis', {}));
    await addNode(api, 'inside', { chassisUuid: String(uuid) });
    const kept = await api.send('DELETE', `/chassis/${String(uuid)}`);
    expect([kept.statusCode, faultString(kept)]).toEqual([400, containing(`because chassis ${String(uuid)} contains nodes.`)]);
  });
});

describe('the nodes in a chassis', () => {
  it('are listed as nodes are', async () => {
    const api = await openClient();
    const { send } = api;
    const chassis = String(bodyOf(await send('POST', '/chassis', {})).uuid);
    await addNode(api, 'a', { chassisUuid: chassis });
    await api.clock.advance(10);
    await addNode(api, 'b', { chassisUuid: chassis });
    expect(bodyOf(await send('GET', `/chassis/${chassis}/nodes`))).toMatchObject({ nodes: [{ name: 'a' }, { name: 'b' }] });
    const first = bodyOf(await send('GET', `/chassis/${chassis}/nodes/detail?limit=1`));
    expect(first).toMatchObject({ nodes: [{ name: 'a', chassis_uuid: chassis, driver: 'manual-management' }] });
    const next = String(first.next).replace('https://seed.lan/v1', '');
    expect(next).toContain(`/chassis/${chassis}/nodes/detail?`);
    expect(bodyOf(await send('GET', next))).toMatchObject({ nodes: [{ name: 'b' }] });
    expect((await send('GET', `/chassis/${NOWHERE}/nodes`)).statusCode).toBe(404);
    expect((await send('GET', '/chassis/left/nodes')).statusCode).toBe(400);
  });
});

describe('a client that announces bytes and sends none', () => {
  it('deletes all the same, and is refused once it sends some', async () => {
    const { app, send } = await openClient();
    const { uuid } = bodyOf(await send('POST', '/chassis', {}));
    const request = { method: 'DELETE', url: `/v1/chassis/${String(uuid)}` } as const;
    const headers = { ...ADMIN, 'content-type': 'application/octet-stream' };
    expect((await app.inject({ ...request, headers, payload: 'x' })).statusCode).toBe(415);
    expect((await app.inject({ ...request, headers: { ...headers, 'content-length': '0' } })).statusCode).toBe(204);
  });
});
