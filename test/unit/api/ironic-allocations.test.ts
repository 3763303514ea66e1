// /v1/allocations as clients of Ironic meet them: statuses and words were asked of Ironic 21.4 and read in its newer source.

import { describe, expect, it } from 'vitest';
import { containing } from '../../support/containing.ts';
import { ADMIN, bodyOf } from './harness.ts';
import { faultString } from './ironic-client.ts';
import { openManaged } from './managed-client.ts';

const KEYS = [
  'candidate_nodes',
  'created_at',
  'extra',
  'last_error',
  'links',
  'name',
  'node_uuid',
  'owner',
  'resource_class',
  'state',
  'traits',
  'updated_at',
  'uuid',
];

describe('an allocation', () => {
  it('is allocating in the answer, and active with a node soon after; the node carries it', async () => {
    const { send, free, settled, world } = await openManaged();
    const node = await free('n1', { traits: ['CUSTOM_A', 'CUSTOM_B'] });
    const made = await send('POST', '/allocations', { name: 'mine', resource_class: 'large', traits: ['CUSTOM_A'], extra: { a: 1 } });
    const body = bodyOf(made);
    expect([made.statusCode, Object.keys(body).toSorted()]).toEqual([201, KEYS]);
    expect(made.headers.location).toBe(`https://seed.lan/v1/allocations/${String(body.uuid)}`);
    expect(body).toMatchObject({ state: 'allocating', node_uuid: null, updated_at: null, candidate_nodes: [], owner: null });
    expect(await settled('mine')).toMatchObject({ state: 'active', node_uuid: node.uuid, last_error: null });
    const shown = bodyOf(await send('GET', `/nodes/${node.uuid}`));
    expect(shown).toMatchObject({ instance_uuid: body.uuid, allocation_uuid: body.uuid, instance_info: { traits: ['CUSTOM_A'] } });
    expect(bodyOf(await send('GET', '/nodes/n1/allocation'))).toMatchObject({ uuid: body.uuid, name: 'mine' });
    expect((await send('DELETE', '/allocations/mine')).statusCode).toBe(204);
    expect(await world.nodes.get('n1')).toMatchObject({ instanceUuid: null, allocationUuid: null, instanceInfo: {} });
    const gone = await send('GET', '/nodes/n1/allocation');
    expect([gone.statusCode, faultString(gone)]).toEqual([404, 'Allocation for node n1 was not found']);
  });

  it('says in Ironic’s words why there is no node for it, and is an error until somebody removes it', async () => {
    const { send, free, settled } = await openManaged();
    await free('other', { resourceClass: 'small' });
    await free('plain');
    const rows: readonly (readonly [object, string])[] = [
      [{ resource_class: 'none' }, 'no available nodes match the resource class none'],
      [
        { resource_class: 'large', candidate_nodes: ['other'] },
        'none of the requested nodes are available and match the resource class large',
      ],
      [{ resource_class: 'large', traits: ['CUSTOM_X', 'CUSTOM_Y'] }, 'no suitable nodes have the requested traits CUSTOM_X, CUSTOM_Y'],
      [{ resource_class: 'large', owner: 'p1' }, 'no available nodes match the resource class large'],
    ];
    for (const [request, reason] of rows) {
      const uuid = String(bodyOf(await send('POST', '/allocations', request)).uuid);
      expect(await settled(uuid)).toMatchObject({
        state: 'error',
        node_uuid: null,
        last_error: `Failed to process allocation ${uuid}: ${reason}.`,
      });
      expect((await send('DELETE', `/allocations/${uuid}`)).statusCode).toBe(204);
    }
  });

  it('gets only nodes that are free, in order, and its owner’s; one of its own name before all others', async () => {
    const { send, free, settled, world } = await openManaged();
    await world.put(await world.enrol('early', { resourceClass: 'large' }), 'manageable');
    await free('broken', { maintenance: true });
    await free('taken', { instanceUuid: '11111111-2222-4333-8444-555555555555' });
    await free('ignored', { ignored: true });
    await free('watched', { observeOnly: true });
    const theirs = await free('theirs', { owner: 'p1' });
    await send('POST', '/allocations', { name: 'a', resource_class: 'large', owner: 'p1' });
    expect(await settled('a')).toMatchObject({ state: 'active', node_uuid: theirs.uuid, owner: 'p1' });
    for (let i = 0; i < 12; i += 1) await free(`n${i}`);
    const named = await world.nodes.get('n7');
    await send('POST', '/allocations', { name: 'n7', resource_class: 'large' });
    expect(await settled('n7')).toMatchObject({ state: 'active', node_uuid: named.uuid });
  });

  it.each([
    [{}, 400, 'The resource_class field is mandatory when not backfilling'],
    [{ resource_class: 'large', name: 'a b' }, 400, "Cannot create allocation with invalid name 'a b'"],
    [{ resource_class: 'large', uuid: 'x' }, 400, 'Expected UUID for uuid: x'],
    [{ resource_class: 'large', candidate_nodes: ['n1', 'n9'] }, 400, 'Nodes cannot be found: n9'],
    [{ resource_class: 'large', node: 'n9' }, 400, 'Node n9 could not be found.'],
    [{ resource_class: 'large', traits: ['nope'] }, 400, "Schema error for allocation: 'nope' is not the name of a trait"],
    [{ resource_class: 'x'.repeat(81) }, 400, ''],
    [{ resource_class: 'large', colour: 'red' }, 400, ''],
    [{ resource_class: 'large', name: 'there' }, 409, 'An allocation with name there already exists.'],
  ])('is refused: %j → %i', async (request, status, words) => {
    const { send, free, allocations } = await openManaged();
    await free('n1');
    await send('POST', '/allocations', { resource_class: 'none', name: 'there' });
    const refused = await send('POST', '/allocations', request);
    expect([refused.statusCode, faultString(refused)]).toEqual([status, containing(words)]);
    expect(await allocations.list({})).toHaveLength(1);
  });

  it('of an active node is made afterwards, with the node’s instance as its UUID', async () => {
    const { send, world } = await openManaged();
    const instanceUuid = '11111111-2222-4333-8444-555555555555';
    await world.put(await world.enrol('up', { resourceClass: 'large', instanceUuid }), 'active');
    const wrong = await send('POST', '/allocations', { node: 'up', resource_class: 'small', traits: ['CUSTOM_A'] });
    expect([wrong.statusCode, faultString(wrong)]).toEqual([
      400,
      containing('Resource class large does not match the requested resource class small; List of traits'),
    ]);
    const other = await send('POST', '/allocations', { node: 'up', uuid: '99999999-2222-4333-8444-555555555555' });
    expect([other.statusCode, faultString(other)]).toEqual([409, containing(`is associated with instance ${instanceUuid}.`)]);
    expect(bodyOf(await send('GET', '/allocations'))).toEqual({ allocations: [] });
    const made = await send('POST', '/allocations', { node: 'up', name: 'after' });
    expect(bodyOf(made)).toMatchObject({ uuid: instanceUuid, state: 'active', resource_class: 'large' });
    expect(await world.nodes.get('up')).toMatchObject({ instanceUuid, allocationUuid: instanceUuid });
  });

  it('stays while its node is active or on its way; under maintenance it may go', async () => {
    const { send, free, settled, world } = await openManaged();
    const node = await free('n1');
    await send('POST', '/allocations', { name: 'a', resource_class: 'large' });
    const uuid = String((await settled('a')).uuid);
    await world.put(node, 'active');
    const active = await send('DELETE', '/allocations/a');
    expect([active.statusCode, faultString(active)]).toEqual([
      409,
      containing(`Cannot remove allocation ${uuid} for node ${node.uuid}, because the node is active (and maintenance mode is off)`),
    ]);
    await world.put(node, 'deploying', 'active');
    expect(faultString(await send('DELETE', '/nodes/n1/allocation'))).toContain('is in state deploying where updates are not allowed');
    await world.put(node, 'active');
    await send('PUT', '/nodes/n1/maintenance', {});
    expect((await send('DELETE', '/nodes/n1/allocation')).statusCode).toBe(204);
    expect(bodyOf(await send('GET', '/nodes/n1'))).toMatchObject({ instance_uuid: null, allocation_uuid: null });
  });

  it('waits for a node that is being worked on', async () => {
    const { send, free, settled, world, allocations } = await openManaged({ isStill: true });
    const node = await free('n1');
    expect((await send('PUT', '/nodes/n1/states/power', { target: 'power on' })).statusCode).toBe(202);
    await send('POST', '/allocations', { name: 'a', resource_class: 'large' });
    expect(await allocations.match()).toBe(1);
    expect(bodyOf(await send('GET', '/allocations/a'))).toMatchObject({ state: 'allocating' });
    await world.tasks.start(new AbortController().signal);
    expect(await settled('a')).toMatchObject({ state: 'active', node_uuid: node.uuid });
  });

  it('of a node that is removed under maintenance goes with it', async () => {
    const { send, free, settled } = await openManaged();
    await free('n1');
    await send('POST', '/allocations', { name: 'a', resource_class: 'large' });
    await settled('a');
    await send('PUT', '/nodes/n1/maintenance', {});
    expect((await send('DELETE', '/nodes/n1')).statusCode).toBe(204);
    expect((await send('GET', '/allocations/a')).statusCode).toBe(404);
  });
});

describe('allocations', () => {
  it('never share a node, however many are asked for at once', async () => {
    const { send, free, settled, world } = await openManaged();
    const nodes = await Promise.all(Array.from({ length: 40 }, (_, i) => free(`n${i}`)));
    const asked = await Promise.all(
      Array.from({ length: 60 }, (_, i) => send('POST', '/allocations', { name: `a${i}`, resource_class: 'large' })),
    );
    expect(asked.map(({ statusCode }) => statusCode)).toEqual(Array.from({ length: 60 }, () => 201));
    const ends = await Promise.all(asked.map((_, i) => settled(`a${i}`)));
    const active = ends.filter(({ state }) => state === 'active');
    expect(new Set(active.map((one) => one.node_uuid))).toEqual(new Set(nodes.map(({ uuid }) => uuid)));
    expect([active.length, ends.filter(({ state }) => state === 'error').length]).toEqual([40, 20]);
    for (const { uuid, node_uuid: node } of active) expect((await world.nodes.get(String(node))).instanceUuid).toBe(uuid);
  });

  it('are listed by page, field and filter', async () => {
    const { send, free, settled } = await openManaged();
    const node = await free('n1');
    await send('POST', '/allocations', { name: 'a', resource_class: 'large' });
    await settled('a');
    for (const name of ['b', 'c']) await send('POST', '/allocations', { name, resource_class: 'none', owner: 'p1' });
    await settled('c');
    await settled('b');
    const names = async (query: string): Promise<unknown> => {
      const { allocations } = bodyOf(await send('GET', `/allocations?${query}`)) as { readonly allocations: { readonly name: string }[] };
      return allocations.map(({ name }) => name);
    };
    expect(await names('sort_key=name')).toEqual(['a', 'b', 'c']);
    expect(await names('state=error&sort_key=name&sort_dir=desc')).toEqual(['c', 'b']);
    expect(await names('state=foo')).toEqual([]);
    expect(await names(`node=${node.uuid}`)).toEqual(['a']);
    expect(await names('resource_class=large')).toEqual(['a']);
    expect(await names('owner=p1&sort_key=name')).toEqual(['b', 'c']);
    const page = bodyOf(await send('GET', '/allocations?limit=2&sort_key=name&fields=name'));
    expect(page).toMatchObject({ allocations: [{ name: 'a' }, { name: 'b' }], next: containing('marker=') });
    expect((await send('GET', '/allocations?node=n9')).statusCode).toBe(400);
    expect((await send('GET', '/allocations?sort_key=extra')).statusCode).toBe(400);
  });

  it('are renamed, and nothing else of them is changed', async () => {
    const { send, settled } = await openManaged();
    await send('POST', '/allocations', { name: 'a', resource_class: 'none' });
    await settled('a');
    const changed = await send('PATCH', '/allocations/a', [
      { op: 'replace', path: '/name', value: 'b' },
      { op: 'add', path: '/extra/x', value: 1 },
    ]);
    expect([changed.statusCode, bodyOf(changed)]).toMatchObject([200, { name: 'b', extra: { x: 1 } }]);
    const refused = await send('PATCH', '/allocations/b', [{ op: 'replace', path: '/resource_class', value: 'c' }]);
    expect([refused.statusCode, faultString(refused)]).toEqual([
      400,
      'Cannot patch /resource_class. Only the following can be updated: name, extra',
    ]);
    expect((await send('PATCH', '/allocations/b', [{ op: 'replace', path: '/name', value: 'c d' }])).statusCode).toBe(400);
    expect(bodyOf(await send('PATCH', '/allocations/b', [{ op: 'remove', path: '/name' }]))).toMatchObject({ name: null });
  });

  it('come, and learn more, with the versions of Ironic', async () => {
    const { send, free } = await openManaged();
    await free('n1');
    const rows: readonly (readonly [Parameters<typeof send>[0], string, object | undefined, string, number])[] = [
      ['GET', '/allocations', undefined, '1.51', 404],
      ['POST', '/allocations', { resource_class: 'none' }, '1.51', 405],
      ['GET', '/nodes/n1/allocation', undefined, '1.51', 404],
      ['DELETE', '/nodes/n1/allocation', undefined, '1.51', 404],
      ['PATCH', '/allocations/a', [{ op: 'remove', path: '/name' }], '1.56', 405],
      ['POST', '/allocations', { resource_class: 'none', node: 'n1' }, '1.57', 400],
      ['POST', '/allocations', { resource_class: 'none', owner: 'p' }, '1.59', 406],
      ['GET', '/allocations?owner=p', undefined, '1.59', 406],
      ['GET', '/allocations?fields=owner', undefined, '1.59', 406],
    ];
    for (const [method, url, body, version, status] of rows)
      expect([method, url, version, (await send(method, url, body, version)).statusCode]).toEqual([method, url, version, status]);
    const old = bodyOf(await send('POST', '/allocations', { resource_class: 'none' }, '1.59'));
    expect(Object.keys(old)).not.toContain('owner');
  });

  it('are asked for by members, and read by readers', async () => {
    const { send } = await openManaged();
    const as = (token: string): object => ({ ...ADMIN, authorization: `Bearer ${token}` });
    const request = { resource_class: 'none', name: 'a' };
    expect((await send('POST', '/allocations', request, 'latest', as('reader-token'))).statusCode).toBe(403);
    expect((await send('POST', '/allocations', request, 'latest', as('member-token'))).statusCode).toBe(201);
    expect((await send('GET', '/allocations/a', undefined, 'latest', as('reader-token'))).statusCode).toBe(200);
    expect((await send('DELETE', '/allocations/a', undefined, 'latest', as('reader-token'))).statusCode).toBe(403);
  });
});
