import type { LightMyRequestResponse } from 'fastify';
import { describe, expect, it } from 'vitest';
import { NODE_FIELDS } from '../../../src/api/ironic/nodes/fields.ts';
import { negotiateVersion } from '../../../src/api/ironic/version.ts';
import { containing } from '../../support/containing.ts';
import { ADMIN, addNode, bodyOf, type Harness, openApi, parsed } from './harness.ts';
import { anyOf, matching } from './matchers.ts';

const at = (version: string): Record<string, string> => ({ ...ADMIN, 'x-openstack-ironic-api-version': version });
const LATEST = at('latest');

/** The inner JSON of an error, as Ironic's clients unpack it: a text inside a text. */
function faultOf(response: LightMyRequestResponse): Record<string, unknown> {
  const message = bodyOf(response).error_message;
  if (typeof message !== 'string') throw new Error(`error_message is no string: ${response.body}`);
  return parsed(message);
}

async function names({ get }: Harness, url: string, headers = LATEST): Promise<unknown[]> {
  const { nodes } = bodyOf(await get(url, headers));
  return Array.isArray(nodes) ? nodes.map((node: { name: unknown }) => node.name) : [];
}

describe('versions', () => {
  it('are negotiated from either header; without one the oldest counts', () => {
    expect(negotiateVersion({})).toBe(1);
    expect(negotiateVersion({ 'x-openstack-ironic-api-version': '1.58' })).toBe(58);
    expect(negotiateVersion({ 'x-openstack-ironic-api-version': 'latest' })).toBe(115);
    expect(negotiateVersion({ 'openstack-api-version': 'baremetal 1.80' })).toBe(80);
    expect(negotiateVersion({ 'openstack-api-version': 'compute 2.90, baremetal latest' })).toBe(115);
    expect(negotiateVersion({ 'openstack-api-version': 'compute 2.90' })).toBe(1);
  });

  it('come back on every reply, with the range', async () => {
    const { get } = await openApi();
    for (const url of ['/v1', '/v1/nodes', '/v1/nodes/none']) {
      expect((await get(url, at('1.50'))).headers).toMatchObject({
        'x-openstack-ironic-api-version': '1.50',
        'x-openstack-ironic-api-minimum-version': '1.1',
        'x-openstack-ironic-api-maximum-version': '1.115',
        'openstack-request-id': matching(/^req-/),
      });
    }
  });

  it('outside the range are 406, with the range in headers and in words', async () => {
    const { get } = await openApi();
    for (const version of ['1.0', '1.116', '1.9999', '2.1', 'newest', '1.1.1']) {
      const response = await get('/v1/nodes', at(version));
      expect.soft(response.statusCode, version).toBe(406);
      expect.soft(response.headers['x-openstack-ironic-api-maximum-version'], version).toBe('1.115');
      expect.soft(faultOf(response), version).toMatchObject({ faultcode: 'Client', faultstring: containing('1.1 to 1.115') });
    }
  });
});

describe('the version documents', () => {
  it('are open to all and say where to go on, by the public URL when there is one', async () => {
    const { app } = await openApi({ config: { publicUrl: 'https://seed.lan:6385/' } });
    const root = bodyOf(await app.inject('/'));
    const version = {
      id: 'v1',
      status: 'CURRENT',
      min_version: '1.1',
      version: '1.115',
      links: [{ href: 'https://seed.lan:6385/v1/', rel: 'self' }],
    };
    expect(root).toMatchObject({ name: 'OpenStack Ironic API', default_version: version, versions: [version] });
    expect(bodyOf(await app.inject('/v1/'))).toMatchObject({
      id: 'v1',
      version,
      nodes: [{ href: 'https://seed.lan:6385/v1/nodes/', rel: 'self' }, { rel: 'bookmark' }],
      ports: [{ href: 'https://seed.lan:6385/v1/ports/', rel: 'self' }, { rel: 'bookmark' }],
    });
  });
});

describe('errors below /v1', () => {
  it('are a JSON text inside JSON, for refusals of every kind', async () => {
    const { app, get } = await openApi();
    const rows = [
      [await get('/v1/nodes/none', LATEST), 404, 'Client', 'Node none could not be found.'],
      [await get('/v1/nonsense'), 404, 'Client', 'The resource could not be found.'],
      [await app.inject({ method: 'POST', url: '/v1/nodes', headers: ADMIN, payload: {} }), 400, 'Client', 'driver'],
      [await get('/v1/nodes?colour=red'), 400, 'Client', 'query has no field "colour"'],
      [await get('/v1/nodes?limit=-1'), 400, 'Client', 'Limit must be a positive number'],
      [await get('/v1/nodes?marker=none'), 400, 'Client', 'Expected UUID for marker: none'],
      [await get('/v1/nodes?sort_key=colour'), 400, 'Client', 'sort_key'],
      [await get('/v1/ports?address=elephant'), 400, 'Client', 'Expected valid MAC address'],
      [await get('/v1/ports/none'), 404, 'Client', 'Port none could not be found.'],
      [await get('/v1/ports/11111111-2222-4333-8444-555555555555'), 404, 'Client', 'Port 11111111'],
    ] as const;
    for (const [response, status, faultcode, faultstring] of rows) {
      expect.soft(response.statusCode, faultstring).toBe(status);
      expect.soft(faultOf(response), faultstring).toEqual({ faultcode, faultstring: containing(faultstring), debuginfo: null });
    }
  });

  it('are Server for bugs, without their text', async () => {
    const { get } = await openApi({
      services: (real) => ({ ...real, nodes: { ...real.nodes, listVersions: () => Promise.reject(new Error('secret internals')) } }),
    });
    const response = await get('/v1/nodes');
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain('secret internals');
    expect(faultOf(response)).toMatchObject({ faultcode: 'Server' });
  });
});

describe('GET /v1/nodes', () => {
  it('shows the short form, whose name came with 1.5', async () => {
    const api = await openApi();
    const { uuid } = await addNode(api, 'one');
    const short = { uuid, instance_uuid: null, maintenance: false, power_state: null, provision_state: 'enroll', links: anyOf(Array) };
    expect(bodyOf(await api.get('/v1/nodes', at('1.1')))).toEqual({ nodes: [short] });
    expect(bodyOf(await api.get('/v1/nodes', at('1.5')))).toEqual({ nodes: [{ ...short, name: 'one' }] });
  });

  it('goes page by page with marker, limit and next, in order of making', async () => {
    const api = await openApi({ config: { publicUrl: 'https://seed.lan' } });
    for (const name of ['a', 'b', 'c']) {
      await addNode(api, name);
      await api.clock.advance(1000);
    }
    const first = bodyOf(await api.get('/v1/nodes?limit=2&fields=name&driver=manual-management', LATEST));
    const next = String(first.next);
    expect(next).toMatch(/^https:\/\/seed\.lan\/v1\/nodes\?fields=name&driver=manual-management&limit=2&marker=[0-9a-f-]{36}$/);
    expect(await names(api, next.replace('https://seed.lan', ''))).toEqual(['c']);
    expect(bodyOf(await api.get(next.replace('https://seed.lan', ''), LATEST)).next).toBeUndefined();
    expect((await api.get('/v1/nodes?limit=0', LATEST)).statusCode).toBe(400);
    expect(await names(api, '/v1/nodes?limit=99999')).toEqual(['a', 'b', 'c']);
    expect(await names(api, '/v1/nodes?sort_key=name&sort_dir=desc')).toEqual(['c', 'b', 'a']);
  });

  it('filters by state, maintenance, driver and class, in the spellings of Python’s clients', async () => {
    const api = await openApi();
    await addNode(api, 'a', { driver: 'ipmi', resourceClass: 'big' });
    await addNode(api, 'b', { maintenance: true });
    expect(await names(api, '/v1/nodes?driver=ipmi')).toEqual(['a']);
    expect(await names(api, '/v1/nodes?resource_class=big')).toEqual(['a']);
    for (const word of ['True', 'true', '1', 'yes']) expect(await names(api, `/v1/nodes?maintenance=${word}`)).toEqual(['b']);
    for (const word of ['False', 'false', '0', 'no']) expect(await names(api, `/v1/nodes?maintenance=${word}`)).toEqual(['a']);
    expect(await names(api, '/v1/nodes?provision_state=enroll')).toHaveLength(2);
    expect(await names(api, '/v1/nodes?provision_state=wait%20call-back')).toEqual([]);
    for (const bad of ['maintenance=perhaps', 'provision_state=happy'])
      expect((await api.get(`/v1/nodes?${bad}`, LATEST)).statusCode).toBe(400);
  });

  it('gives chosen fields or all, never both, and each only from its version on', async () => {
    const api = await openApi();
    const { uuid } = await addNode(api, 'one', { description: 'first', lessee: 'lab' });
    const chosen = bodyOf(await api.get('/v1/nodes?fields=uuid,description,lessee', LATEST));
    expect(chosen).toEqual({ nodes: [{ uuid, description: 'first', lessee: 'lab', links: anyOf(Array) }] });
    const status = async (url: string, version: string) => (await api.get(url, at(version))).statusCode;
    expect(await status('/v1/nodes?fields=description', '1.51')).toBe(200);
    expect(await status('/v1/nodes?fields=description', '1.50')).toBe(406);
    expect(await status('/v1/nodes?fields=uuid', '1.7')).toBe(406);
    expect(await status('/v1/nodes?fields=colour', '1.80')).toBe(400);
    expect(await status('/v1/nodes?detail=True', '1.43')).toBe(200);
    expect(await status('/v1/nodes?detail=True', '1.42')).toBe(400);
    expect(await status('/v1/nodes?detail=True&fields=uuid', '1.80')).toBe(400);
    expect(await status('/v1/nodes/detail?fields=uuid', '1.80')).toBe(400);
    expect(bodyOf(await api.get('/v1/nodes?detail=true', LATEST)).nodes).toEqual(bodyOf(await api.get('/v1/nodes/detail', LATEST)).nodes);
  });
});

describe('GET /v1/nodes/{id}', () => {
  it('has exactly the fields of the version asked for, secrets masked', async () => {
    const api = await openApi();
    const { uuid } = await addNode(api, 'one', {
      driverInfo: { ipmi_address: '10.0.0.1', ipmi_password: 'canary', deep: { snmp_community: 'canary' } },
    });
    for (const minor of [1, 4, 5, 20, 37, 51, 81, 109, 110]) {
      const response = await api.get(`/v1/nodes/${uuid}`, at(`1.${minor}`));
      const expected = NODE_FIELDS.filter((field) => field.since <= minor).map((field) => field.name);
      expect.soft(Object.keys(bodyOf(response)).sort(), `1.${minor}`).toEqual(expected.sort());
      expect.soft(response.body).not.toContain('canary');
    }
    expect(bodyOf(await api.get('/v1/nodes/one', LATEST))).toMatchObject({
      driver_info: { ipmi_address: '10.0.0.1', ipmi_password: '******', deep: { snmp_community: '******' } },
      created_at: '2023-11-14T22:13:20+00:00',
      traits: [],
    });
  });

  it('gives its states, ports and inventory', async () => {
    const api = await openApi();
    const node = await addNode(api, 'one', { mac: '52:54:00:00:00:01' });
    expect(bodyOf(await api.get('/v1/nodes/one/states', at('1.74')))).toEqual({
      console_enabled: false,
      last_error: null,
      power_state: null,
      provision_state: 'enroll',
      provision_updated_at: null,
      raid_config: {},
      target_power_state: null,
      target_provision_state: null,
      target_raid_config: {},
    });
    expect(bodyOf(await api.get('/v1/nodes/one/ports', LATEST))).toMatchObject({ ports: [{ address: '52:54:00:00:00:01' }] });
    expect((await api.get('/v1/nodes/one/inventory', at('1.80'))).statusCode).toBe(404);
    expect((await api.get('/v1/nodes/one/inventory', at('1.81'))).statusCode).toBe(404);
    await api.store.transaction((tx) => api.nodes.saveInventory(tx, node.uuid, { inventory: { cpu: { count: 4 } }, pluginData: { x: 1 } }));
    expect(bodyOf(await api.get('/v1/nodes/one/inventory', at('1.81')))).toEqual({
      inventory: { cpu: { count: 4 } },
      plugin_data: { x: 1 },
    });
  });

  it('shows old clients the states they know', async () => {
    const api = await openApi();
    const node = await addNode(api, 'one');
    await api.store.db.updateTable('nodes').set({ provision_state: 'available' }).execute();
    const state = async (version: string) => bodyOf(await api.get(`/v1/nodes/${node.uuid}`, at(version))).provision_state;
    expect(await state('1.1')).toBeNull();
    expect(await state('1.2')).toBe('available');
    await api.store.db.updateTable('nodes').set({ provision_state: 'inspect wait' }).execute();
    expect(await state('1.38')).toBe('inspecting');
    expect(await state('1.39')).toBe('inspect wait');
  });
});
