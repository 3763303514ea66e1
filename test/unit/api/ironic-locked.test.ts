// What may not be changed of a node while somebody works on it, and what may.

import { expect, it } from 'vitest';
import { parseNodeUuid } from '../../../src/nodes/index.ts';
import { containing } from '../../support/containing.ts';
import { addNode, bodyOf } from './harness.ts';
import { type Method, openClient, why } from './node-client.ts';

const NODE = 'aaaaaaaa-2222-4333-8444-555555555555';
const replace = (path: string, value: unknown) => [{ op: 'replace', path, value }];

async function openHeld() {
  const held = new Map<string, string>();
  const api = await openClient({
    services: (real) => ({ ...real, lifecycle: Object.assign({}, real.lifecycle, { holders: () => Promise.resolve(held) }) }),
  });
  // Volumes are changed while the machine is off.
  const uuid = parseNodeUuid(NODE);
  await addNode(api, 'one', { powerState: 'power off', ...(uuid === undefined ? {} : { uuid }) });
  const made = async (url: string, body: object) => {
    const reply = await api.ask('POST', url, { node_uuid: NODE, ...body });
    expect(reply.statusCode, reply.body).toBe(201);
    return `${url}/${String(bodyOf(reply).uuid)}`;
  };
  const port = await made('/v1/ports', { address: '52:54:00:00:00:01' });
  const group = await made('/v1/portgroups', { name: 'bond0' });
  const target = await made('/v1/volume/targets', { volume_type: 'iscsi', volume_id: 'v', boot_index: 0 });
  const connector = await made('/v1/volume/connectors', { type: 'iqn', connector_id: 'iqn.2026-01.lan:one' });
  const writes: readonly (readonly [Method, string, unknown, done: number])[] = [
    ['PATCH', `/v1/nodes/${NODE}`, replace('/extra', { a: 1 }), 200],
    ['PUT', '/v1/nodes/one/maintenance', { reason: 'fan' }, 202],
    ['DELETE', '/v1/nodes/one/maintenance', undefined, 202],
    ['PUT', '/v1/nodes/one/traits', { traits: ['CUSTOM_B'] }, 204],
    ['PUT', '/v1/nodes/one/traits/CUSTOM_A', undefined, 204],
    ['POST', '/v1/nodes/one/vifs', { id: 'v1' }, 204],
    ['DELETE', '/v1/nodes/one/vifs/v1', undefined, 204],
    ['PATCH', port, replace('/description', 'left'), 200],
    ['PATCH', group, replace('/extra', { a: 1 }), 200],
    ['PATCH', target, replace('/extra', { a: 1 }), 200],
    ['PATCH', connector, replace('/extra', { a: 1 }), 200],
    ['DELETE', port, undefined, 204],
    ['DELETE', group, undefined, 204],
    ['DELETE', target, undefined, 204],
    ['DELETE', connector, undefined, 204],
    ['DELETE', `/v1/nodes/${NODE}`, undefined, 204],
  ];
  return { api, held, writes, port };
}

it('refuses every change of a node that is held, and of its parts, in the words of Ironic', async () => {
  const { api, held, writes } = await openHeld();
  await api.ask('PUT', '/v1/nodes/one/maintenance', { reason: 'disk' });
  held.set(NODE, 'seed-1');
  for (const [method, url, body] of writes) {
    const reply = await api.ask(method, url, body);
    const locked = `Node ${NODE} is locked by host seed-1, please retry after the current operation is completed.`;
    expect
      .soft([reply.statusCode, reply.statusCode === 409 && why(reply)], `${method} ${url} ${reply.body}`)
      .toEqual([409, containing(locked)]);
    expect.soft(reply.headers['retry-after']).toBe('2');
  }
  expect(await api.show('one')).toMatchObject({ extra: {}, traits: [], maintenance_reason: 'disk', reservation: 'seed-1' });
});

it('lets the same changes through when nobody holds it', async () => {
  const { api, writes } = await openHeld();
  for (const [method, url, body, done] of writes) expect.soft((await api.ask(method, url, body)).statusCode, `${method} ${url}`).toBe(done);
});

it('answers readers, takes new ports, and does not mind a change that is none, while the node is held', async () => {
  const { api, held, port } = await openHeld();
  held.set(NODE, 'seed-1');
  for (const url of ['/v1/nodes/one', port, '/v1/nodes/one/vifs', '/v1/nodes/one/traits'])
    expect.soft((await api.ask('GET', url)).statusCode, url).toBe(200);
  expect((await api.ask('POST', '/v1/ports', { node_uuid: NODE, address: '52:54:00:00:00:02' })).statusCode).toBe(201);
  expect((await api.patch('one', { op: 'replace', path: '/name', value: 'one' })).statusCode).toBe(200);
});

it('asks about the node itself: work on another one does not matter', async () => {
  const { api, held } = await openHeld();
  held.set('bbbbbbbb-2222-4333-8444-555555555555', 'seed-1');
  expect((await api.patch('one', { op: 'replace', path: '/name', value: 'two' })).statusCode).toBe(200);
});
