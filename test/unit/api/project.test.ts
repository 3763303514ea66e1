// What people with a project see and do: Ironic's owner and lessee.

import { beforeEach, describe, expect, it } from 'vitest';
import { accessRows } from '../../../src/api/access-table.ts';
import { projectRule } from '../../../src/api/project-policy.ts';
import { addNode, bodyOf, type Harness, openApi, TOKENS } from './harness.ts';

type Role = 'reader' | 'member' | 'operator' | 'admin';

const headersOf = (project: string, role: Role) => ({
  authorization: `Bearer ${project}-${role}`,
  'x-openstack-ironic-api-version': '1.90',
});

/** blue owns one node and has leased another, the third is nobody's. */
async function open() {
  const harness = await openApi({
    services: (real) => ({
      ...real,
      auth: {
        verify: (token) => {
          const [project = '', role] = token.split('-');
          const known = (['reader', 'member', 'operator', 'admin'] as const).find((one) => one === role);
          return Promise.resolve(TOKENS[token] ?? (known === undefined ? undefined : { name: token, role: known, project }));
        },
      },
    }),
  });
  const driverInfo = { ipmi_address: '192.0.2.7' };
  await addNode(harness, 'own', { owner: 'blue', driverInfo, mac: '52:54:00:00:00:01' });
  await addNode(harness, 'lent', { owner: 'red', lessee: 'blue', driverInfo, mac: '52:54:00:00:00:02' });
  await addNode(harness, 'other', { driverInfo, mac: '52:54:00:00:00:03' });
  return harness;
}

describe('somebody with a project', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await open();
  });
  const ask = async (method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE', url: string, role: Role, payload?: object, project = 'blue') =>
    (await harness.app.inject({ method, url, headers: headersOf(project, role), ...(payload === undefined ? {} : { payload }) }))
      .statusCode;

  it('sees the nodes of the project in lists, and no others', async () => {
    for (const url of ['/v1/nodes', '/v1/nodes/detail', '/v1/nodes?owner=red', '/v1/nodes?limit=1']) {
      const body = (await harness.get(url, headersOf('blue', 'reader'))).body;
      expect.soft(body, url).not.toContain('"other"');
    }
    const names = async (project: string) => {
      const { nodes } = bodyOf(await harness.get('/v1/nodes?sort_key=name', headersOf(project, 'admin')));
      return Array.isArray(nodes) ? nodes.map((one: Record<string, unknown>) => one.name) : nodes;
    };
    expect(await names('blue')).toEqual(['lent', 'own']);
    expect(await names('red')).toEqual(['lent']);
    expect(await names('green')).toEqual([]);
    const ports = await harness.get('/v1/ports', headersOf('blue', 'reader'));
    expect(ports.body).not.toContain('52:54:00:00:00:03');
    expect(ports.body).toContain('52:54:00:00:00:02');
  });

  it('gets the same answer for another’s node as for none', async () => {
    const [other, none] = await Promise.all(['other', 'zzzzz'].map((name) => harness.get(`/v1/nodes/${name}`, headersOf('blue', 'admin'))));
    expect([other?.statusCode, other?.body.replace('other', 'X')]).toEqual([404, none?.body.replace('zzzzz', 'X')]);
    for (const [method, url, payload] of [
      ['GET', '/v1/nodes/other/states', undefined],
      ['GET', '/v1/nodes/other/ports', undefined],
      ['PUT', '/v1/nodes/other/states/power', { target: 'power on' }],
      ['PUT', '/v1/nodes/other/states/provision', { target: 'manage' }],
    ] as const) {
      expect.soft(await ask(method, url, 'admin', payload), url).toBe(404);
    }
  });

  it('sees of a leased node neither its BMC nor its errors', async () => {
    const of = async (name: string) => bodyOf(await harness.get(`/v1/nodes/${name}`, headersOf('blue', 'reader')));
    expect(await of('own')).toMatchObject({ driver_info: { ipmi_address: '192.0.2.7' } });
    expect(JSON.stringify(await of('lent'))).not.toContain('192.0.2.7');
    const list = await harness.get('/v1/nodes/detail', headersOf('blue', 'reader'));
    expect(list.body.match(/192\.0\.2\.7/g)).toHaveLength(1);
  });

  it('may power both, provision the own one, and delete none', async () => {
    const power = { target: 'power on' };
    const refused = (status: number) => status === 403;
    expect(refused(await ask('PUT', '/v1/nodes/own/states/power', 'reader', power))).toBe(true);
    expect(refused(await ask('PUT', '/v1/nodes/own/states/power', 'member', power))).toBe(false);
    expect(refused(await ask('PUT', '/v1/nodes/lent/states/power', 'member', power))).toBe(false);
    const verb = { target: 'nonsense' };
    expect(refused(await ask('PUT', '/v1/nodes/own/states/provision', 'member', verb))).toBe(false);
    expect(refused(await ask('PUT', '/v1/nodes/lent/states/provision', 'member', verb))).toBe(true);
    expect(refused(await ask('PUT', '/v1/nodes/lent/states/provision', 'operator', verb))).toBe(false);
    expect(refused(await ask('PUT', '/v1/nodes/lent/states/raid', 'admin', {}))).toBe(true);
  });

  it('may run the pipeline of the profile on a leased node, and no other one', async () => {
    const run = (name: string, args: object) =>
      ask('PUT', `/v1/nodes/${name}/states/provision`, 'admin', {
        target: 'service',
        service_steps: [
          { interface: 'power', step: 'reboot' },
          { interface: 'deploy', step: 'run_pipeline', args },
        ],
      });
    for (const args of [{ pipeline: 'zfs-replace' }, { run: 'a73c0ef4-3b6c-4c7a-9b5e-5f6f0a4d2b11' }, { pipeline: null }]) {
      expect.soft(await run('lent', args), JSON.stringify(args)).toBe(403);
      expect.soft(await run('own', args), JSON.stringify(args)).not.toBe(403);
    }
    expect(await run('lent', {})).not.toBe(403);
  });

  it('may note what it likes in the extra of a leased node, but not say what the appliance does with the node', async () => {
    const patch = (name: string, value: object[], role: Role = 'member', project = 'blue') =>
      ask('PATCH', `/v1/nodes/${name}`, role, value, project);
    const set = (path: string, value: unknown) => [{ op: 'add', path, value }];
    expect(await patch('lent', set('/extra', { profile: 'plain', cluster: 'home', rack: 1 }), 'member', 'red')).toBe(200);
    expect(await patch('lent', set('/extra/note', 'mine'))).toBe(200);
    expect(await patch('lent', set('/extra', { profile: 'plain', cluster: 'home', note: 'yours' }))).toBe(200);
    for (const refused of [
      set('/extra/profile', 'other'),
      [{ op: 'remove', path: '/extra/profile' }],
      set('/extra', { note: 'x' }),
      set('/extra', { profile: 'plain', cluster: { name: 'home' } }),
      [{ op: 'remove', path: '/extra' }],
      [...set('/extra/note', 'good'), ...set('/extra/cluster', 'other')],
    ])
      for (const role of ['member', 'admin'] as const) expect.soft(await patch('lent', refused, role), JSON.stringify(refused)).toBe(403);
    expect((await harness.nodes.find('lent'))?.extra).toEqual({ profile: 'plain', cluster: 'home', note: 'yours' });
    const refusal = await harness.app.inject({
      method: 'PATCH',
      url: '/v1/nodes/lent',
      headers: headersOf('blue', 'member'),
      payload: set('/extra/profile', 'other'),
    });
    expect(refusal.body).toContain('faultstring');
    expect(refusal.body).toContain('extra.profile');
    expect(await patch('own', set('/extra/profile', 'other'))).toBe(200);
  });

  it('may use nothing that the policy does not name', async () => {
    for (const url of ['/api/nodes', '/api/events', '/api/users', '/v1/chassis', '/v1/deploy_templates', '/metrics', '/no/such'])
      expect.soft([403, 404], url).toContain(await ask('GET', url, 'admin'));
    expect(await ask('POST', '/v1/nodes', 'admin', { driver: 'fake-hardware' })).not.toBe(201);
    expect(await ask('PUT', '/api/enrolment', 'admin', { mode: 'open' })).toBe(403);
    expect(await ask('GET', '/api/session', 'reader')).toBe(200);
    expect(await ask('POST', '/v1/allocations', 'reader', { name: 'a', resource_class: 'x' })).toBe(403);
  });

  it('has allocations of the project, and of no other', async () => {
    const make = async (project: string, owner?: string) => {
      const payload = { resource_class: 'baremetal', name: `for-${project}`, ...(owner === undefined ? {} : { owner }) };
      return harness.app.inject({ method: 'POST', url: '/v1/allocations', headers: headersOf(project, 'member'), payload });
    };
    expect(bodyOf(await make('blue'))).toMatchObject({ owner: 'blue' });
    expect((await make('red', 'blue')).statusCode).toBe(403);
    expect(bodyOf(await make('red'))).toMatchObject({ owner: 'red' });
    const list = (await harness.get('/v1/allocations', headersOf('blue', 'reader'))).body;
    expect([list.includes('for-blue'), list.includes('for-red')]).toEqual([true, false]);
    expect(await ask('GET', '/v1/allocations/for-red', 'admin')).toBe(404);
    expect(await ask('DELETE', '/v1/allocations/for-red', 'admin')).toBe(404);
    expect(await ask('DELETE', '/v1/allocations/for-blue', 'reader')).toBe(403);
    expect(await ask('GET', '/v1/allocations/for-blue', 'reader')).toBe(200);
  });

  it('manages the ports of the own node, and cannot move them to another', async () => {
    const { ports } = bodyOf(await harness.get('/v1/nodes/own/ports', headersOf('blue', 'reader')));
    const port = Array.isArray(ports) ? String((ports[0] as Record<string, unknown>).uuid) : ''; // as the list shows it
    const other = await harness.nodes.find('other');
    const patch = (value: object[]) => ask('PATCH', `/v1/ports/${port}`, 'operator', value);
    expect(await patch([{ op: 'replace', path: '/extra', value: { a: 1 } }])).toBe(200);
    expect(await patch([{ op: 'replace', path: '/node_uuid', value: other?.uuid }])).toBe(403);
    expect(await ask('GET', `/v1/ports/${port}`, 'reader')).toBe(200);
    expect(await ask('GET', `/v1/ports/${port}`, 'admin', undefined, 'red')).toBe(404);
    const make = (node: string, role: Role) => ask('POST', '/v1/ports', role, { node_uuid: node, address: '52:54:00:00:00:09' });
    const [own, lent] = await Promise.all([harness.nodes.find('own'), harness.nodes.find('lent')]);
    expect(await make(other?.uuid ?? '', 'admin')).toBe(400);
    expect(await make(lent?.uuid ?? '', 'admin')).toBe(403);
    expect(await make(own?.uuid ?? '', 'member')).toBe(403);
    expect(await make(own?.uuid ?? '', 'operator')).toBe(201);
  });
});

describe('the policy of projects', () => {
  it('names no route that is for administrators of the site, and none that asks nobody who they are', () => {
    const named = [...accessRows()].filter(([key]) => {
      const [method = '', route = ''] = key.split(' ');
      return projectRule(method, route) !== undefined;
    });
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(([, access]) => access === 'admin' || access === 'public' || access === 'agent').map(([key]) => key)).toEqual([]);
  });
});
