import { describe, expect, it } from 'vitest';
import { containing } from '../../support/containing.ts';
import { bodyOf, parsed } from './harness.ts';
import { openClient } from './node-client.ts';

const UUID = 'aaaaaaaa-2222-4333-8444-555555555555';
const OTHER = 'bbbbbbbb-2222-4333-8444-555555555555';

describe('traits', () => {
  it('are listed, replaced, added and taken away', async () => {
    const api = await openClient();
    const { uuid } = await api.make();
    const url = `/v1/nodes/${String(uuid)}/traits`;
    const traits = async () => bodyOf(await api.ask('GET', url)).traits;
    expect((await api.ask('PUT', url, { traits: ['CUSTOM_B', 'CUSTOM_A', 'HW_CPU_X86_VMX', 'CUSTOM_A'] })).statusCode).toBe(204);
    expect(await traits()).toEqual(['CUSTOM_A', 'CUSTOM_B', 'HW_CPU_X86_VMX']);
    const added = await api.ask('PUT', `${url}/CUSTOM_C`);
    expect([added.statusCode, added.headers.location]).toEqual([204, `https://seed.lan${url}/CUSTOM_C`]);
    expect((await api.ask('DELETE', `${url}/CUSTOM_A`)).statusCode).toBe(204);
    expect((await api.ask('DELETE', `${url}/CUSTOM_A`)).statusCode).toBe(404);
    expect(await traits()).toEqual(['CUSTOM_B', 'CUSTOM_C', 'HW_CPU_X86_VMX']);
    expect(await api.show(uuid)).toMatchObject({ traits: ['CUSTOM_B', 'CUSTOM_C', 'HW_CPU_X86_VMX'] });
    const many = Array.from({ length: 51 }, (_, index) => `CUSTOM_${index}`);
    for (const body of [
      { traits: ['custom'] },
      { traits: ['CUSTOM_a'] },
      { traits: 'CUSTOM_A' },
      { traits: [1] },
      {},
      { traits: many },
      { x: 1 },
    ])
      expect.soft((await api.ask('PUT', url, body)).statusCode, JSON.stringify(body).slice(0, 80)).toBe(400);
    expect((await api.ask('PUT', `${url}/nonsense`)).statusCode).toBe(400);
    expect((await api.ask('PUT', `${url}/CUSTOM_D`, { traits: ['CUSTOM_D'] })).statusCode).toBe(400);
    expect((await api.ask('GET', url, undefined, '1.36')).statusCode).toBe(406);
    expect((await api.ask('DELETE', url)).statusCode).toBe(204);
    expect(await traits()).toEqual([]);
  });
});

describe('maintenance', () => {
  it('comes with a reason or none, and goes with it', async () => {
    const api = await openClient();
    const { uuid } = await api.make();
    const url = `/v1/nodes/${String(uuid)}/maintenance`;
    expect((await api.ask('PUT', url)).statusCode).toBe(202);
    expect(await api.show(uuid)).toMatchObject({ maintenance: true, maintenance_reason: null });
    expect((await api.ask('PUT', url, { reason: 'fan' })).statusCode).toBe(202);
    expect(await api.show(uuid)).toMatchObject({ maintenance: true, maintenance_reason: 'fan' });
    expect((await api.ask('DELETE', url)).statusCode).toBe(202);
    expect(await api.show(uuid)).toMatchObject({ maintenance: false, maintenance_reason: null });
    expect((await api.ask('PUT', url, { reason: 7 })).statusCode).toBe(400);
    expect((await api.ask('PUT', '/v1/nodes/none/maintenance')).statusCode).toBe(404);
  });
});

describe('lists', () => {
  it('hide children unless they or their parent are asked for', async () => {
    const api = await openClient();
    const parent = await api.make({ name: 'parent' });
    const child = await api.make({ name: 'child', parent_node: 'parent' });
    expect(child.parent_node).toBe(parent.uuid);
    const names = async (query: string) => {
      const { nodes } = bodyOf(await api.ask('GET', `/v1/nodes?sort_key=name&fields=name&${query}`));
      return Array.isArray(nodes) ? nodes.map((node: { name: unknown }) => node.name) : nodes;
    };
    expect(await names('')).toEqual(['parent']);
    expect(await names('include_children=True')).toEqual(['child', 'parent']);
    expect(await names(`parent_node=${String(parent.uuid)}`)).toEqual(['child']);
    expect(await names('parent_node=parent')).toEqual(['child']);
    expect(bodyOf(await api.ask('GET', '/v1/nodes/parent/children'))).toMatchObject({ children: [child.uuid] });
    expect((await api.ask('GET', '/v1/nodes/parent/children', undefined, '1.82')).statusCode).toBe(404);
    expect((await api.ask('GET', '/v1/nodes?parent_node=x', undefined, '1.82')).statusCode).toBe(406);
  });

  it('filter by what Ironic filters by, each from its version on', async () => {
    const api = await openClient();
    await api.make({
      name: 'a',
      owner: 'p',
      shard: 's1',
      resource_class: 'big',
      instance_uuid: OTHER,
      conductor_group: 'g',
      retired: true,
    });
    await api.make({ name: 'b', lessee: 'p', shard: 's2', instance_name: 'web', description: 'left one' });
    await api.make({ name: 'c' });
    const rows: [query: string, found: string[], since: number][] = [
      ['owner=p', ['a'], 50],
      ['lessee=p', ['b'], 65],
      ['project=p', ['a', 'b'], 1],
      ['shard=s1,s2', ['a', 'b'], 82],
      ['sharded=false', ['c'], 82],
      ['resource_class=big', ['a'], 21],
      [`instance_uuid=${OTHER}`, ['a'], 1],
      ['associated=True', ['a'], 1],
      ['associated=False', ['b', 'c'], 1],
      ['conductor_group=G', ['a'], 46],
      ['retired=True', ['a'], 1],
      ['instance_name=web', ['b'], 104],
      ['description_contains=left', ['b'], 1],
      ['driver=fake-hardware', ['a', 'b', 'c'], 16],
      ['provision_state=enroll', ['a', 'b', 'c'], 9],
      ['fault=power%20failure', [], 42],
      ['conductor=elsewhere', [], 49],
    ];
    for (const [query, found, since] of rows) {
      const { nodes } = bodyOf(await api.ask('GET', `/v1/nodes?sort_key=name&${query}`));
      expect.soft(Array.isArray(nodes) ? nodes.map((node: { name: unknown }) => node.name) : nodes, query).toEqual(found);
      if (since > 1) expect.soft((await api.ask('GET', `/v1/nodes?${query}`, undefined, `1.${since - 1}`)).statusCode, query).toBe(406);
    }
    for (const query of ['fault=x', 'instance_uuid=x', 'chassis_uuid=x', 'associated=x', 'sort_key=driver_info', 'sort_dir=up', 'marker=x'])
      expect.soft((await api.ask('GET', `/v1/nodes?${query}`)).statusCode, query).toBe(400);
    expect((await api.ask('GET', `/v1/nodes?chassis_uuid=${UUID}`)).statusCode).toBe(404);
    expect((await api.ask('GET', '/v1/nodes?sort_key=owner', undefined, '1.49')).statusCode).toBe(406);
    const one = bodyOf(await api.ask('GET', `/v1/nodes?instance_uuid=${OTHER}&limit=1`));
    expect(one.next).toBeUndefined();
    expect(bodyOf(await api.ask('GET', '/v1/shards'))).toEqual({
      shards: [
        { name: 'None', count: 1 },
        { name: 's1', count: 1 },
        { name: 's2', count: 1 },
      ],
    });
    expect((await api.ask('GET', '/v1/shards', undefined, '1.81')).statusCode).toBe(404);
  });
});

describe('history', () => {
  it('is listed page by page, short or in detail, and one by one', async () => {
    const api = await openClient();
    const { uuid } = await api.make();
    for (const event of ['manage', 'fail', 'manage'] as const) {
      const who = event === 'fail' ? 'system' : 'user';
      await api.store.transaction(async (tx) =>
        api.nodes.move(tx, { node: await api.nodes.get(String(uuid), tx), event, who, reason: 'x'.repeat(300) }),
      );
    }
    const url = `/v1/nodes/${String(uuid)}/history`;
    const first = bodyOf(await api.ask('GET', `${url}?limit=2`));
    expect(first).toMatchObject({ history: [{ severity: 'INFO' }, { severity: 'ERROR' }], next: containing('/history?limit=2&marker=') });
    const entry = parsed(JSON.stringify(Array.isArray(first.history) ? first.history[0] : null));
    expect(Object.keys(entry).toSorted()).toEqual(['created_at', 'event', 'links', 'severity', 'uuid']);
    expect(String(entry.event)).toHaveLength(254);
    const rest = bodyOf(await api.ask('GET', String(first.next).replace('https://seed.lan', '')));
    expect(rest).toMatchObject({ history: [{ severity: 'INFO' }] });
    expect(bodyOf(await api.ask('GET', `${url}?detail=True`))).toMatchObject({ history: [{ state: 'verifying', user: 'user' }, {}, {}] });
    const one = bodyOf(await api.ask('GET', `${url}/${String(entry.uuid)}`, undefined, '1.78'));
    expect(Object.keys(one)).not.toContain('state');
    expect(String(one.event)).toHaveLength(300);
    expect((await api.ask('GET', `${url}/${UUID}`)).statusCode).toBe(404);
    expect((await api.ask('GET', url, undefined, '1.77')).statusCode).toBe(404);
  });
});
