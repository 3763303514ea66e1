// Lists keep what they wrote: what they show must be what is stored all the same.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KeptTexts } from '../../../src/api/ironic/nodes/kept-texts.ts';
import { type NodeVersion, parseNodeUuid } from '../../../src/nodes/index.ts';
import { bodyOf } from './harness.ts';
import { type Client, openClient } from './node-client.ts';

const UUIDS = [1, 2, 3, 4].map((digit) => `${digit}aaaaaaa-2222-4333-8444-555555555555`);

type Act = (api: Client, uuid: string, word: string) => Promise<unknown>;
const WRITES: readonly Act[] = [
  (api, uuid, word) =>
    api.ask('POST', '/v1/nodes', { driver: 'fake-hardware', uuid, extra: { word }, driver_info: { ipmi_password: word } }),
  (api, uuid) => api.ask('DELETE', `/v1/nodes/${uuid}`),
  (api, uuid, word) => api.patch(uuid, { op: 'add', path: '/extra/more', value: word }),
  (api, uuid, word) => api.patch(uuid, { op: 'replace', path: '/conductor_group', value: word }),
  (api, uuid, word) => api.ask('PUT', `/v1/nodes/${uuid}/maintenance`, { reason: word }),
  (api, uuid, word) => api.ask('PUT', `/v1/nodes/${uuid}/traits/CUSTOM_${word.toUpperCase()}`),
];

it('a list shows each node as it is alone, whatever was written between lists and whoever holds it', async () => {
  const holders = new Map<string, string>();
  let conductor: string | null = null;
  const api = await openClient({
    services: (real) => ({
      ...real,
      lifecycle: { ...real.lifecycle, holders: () => Promise.resolve(holders) } as unknown as NonNullable<typeof real.lifecycle>, // one question of it is asked
      conductorOf: ({ conductorGroup }) => (conductorGroup === 'b' ? 'other' : conductor),
    }),
  });
  const write = fc.tuple(fc.nat(WRITES.length + 1), fc.constantFrom(...UUIDS), fc.constantFrom('a', 'b', 'ü', 'secret'));
  await fc.assert(
    fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 12 }), async (writes) => {
      for (const [kind, uuid, word] of writes) {
        const act = WRITES[kind];
        if (act !== undefined) await act(api, uuid, word);
        else if (kind === WRITES.length) conductor = word;
        else if (!holders.delete(uuid)) holders.set(uuid, word);
        for (const version of ['latest', '1.50']) await expectAsAlone(api, version);
      }
    }),
    { numRuns: 25 },
  );
});

async function expectAsAlone(api: Client, version: string): Promise<void> {
  const { nodes } = bodyOf(await api.ask('GET', '/v1/nodes/detail?sort_key=uuid', undefined, version));
  const alone: unknown[] = [];
  for (const uuid of UUIDS) {
    const reply = await api.ask('GET', `/v1/nodes/${uuid}`, undefined, version);
    if (reply.statusCode === 200) alone.push(bodyOf(reply));
  }
  expect(nodes).toEqual(alone);
}

it('the next page is linked, and fields are told apart', async () => {
  const api = await openClient();
  for (const uuid of UUIDS) await api.make({ uuid });
  const ask = async (query: string) => bodyOf(await api.ask('GET', `/v1/nodes?sort_key=uuid&${query}`));
  for (let time = 0; time < 2; time += 1) {
    const first = await ask('limit=3&fields=uuid');
    expect(first).toMatchObject({ next: `https://seed.lan/v1/nodes?sort_key=uuid&fields=uuid&limit=3&marker=${UUIDS[2]}` });
    expect(first.nodes).toHaveLength(3);
    expect(await ask(`limit=3&marker=${UUIDS[2]}&fields=driver`)).toMatchObject({ nodes: [{ driver: 'fake-hardware' }] });
    expect(Object.keys(await ask('maintenance=true'))).toEqual(['nodes']);
  }
});

it('more nodes than are read one by one are read at once', async () => {
  const api = await openClient();
  for (let made = 0; made < 70; made += 1) await api.make({ name: `node-${made}` });
  const ask = async () => bodyOf(await api.ask('GET', '/v1/nodes/detail')).nodes;
  const anew = await ask();
  expect(anew).toHaveLength(70);
  expect(await ask()).toEqual(anew);
});

it('what is kept stays below its cap, however many forms of reply are asked for', () => {
  const cap = 10_000;
  const texts = new KeptTexts(cap);
  const beside = { holder: null, conductor: null };
  for (let turn = 0; turn < 500; turn += 1) {
    const node = versionOf(turn % 40);
    texts.keep(`form ${Math.floor(turn / 50) % 3}`, node, beside, Buffer.alloc(100, turn));
    expect(texts.find(`form ${Math.floor(turn / 50) % 3}`, node, beside)?.[0]).toBe(turn % 256);
    expect(texts.bytes).toBeLessThanOrEqual(cap);
  }
  for (let form = 0; form < 100; form += 1) expect(texts.find(`other ${form}`, versionOf(1), beside)).toBeUndefined();
  expect(texts.bytes).toBe(0);
  texts.keep('large', versionOf(1), beside, Buffer.alloc(2 * cap));
  texts.keep('large', versionOf(2), beside, Buffer.alloc(10));
  expect(texts.bytes).toBeLessThanOrEqual(cap);
});

function versionOf(index: number): NodeVersion {
  const uuid = parseNodeUuid(`${String(index).padStart(8, '0')}-2222-4333-8444-555555555555`);
  if (uuid === undefined) throw new TypeError('no UUID');
  return { uuid, version: 1, createdAt: 1, conductorGroup: '' };
}
