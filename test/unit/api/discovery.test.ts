// /api/discovery over a roster of two machines.

import { expect, it } from 'vitest';
import type { Registered, RosterFilter } from '../../../src/pipeline/index.ts';
import { bodyOf, openApi } from './harness.ts';

const READER = { authorization: 'Bearer reader-token' };
const ONE: Registered = {
  uuid: '11111111-2222-4333-8444-555555555555',
  name: 'pve1',
  fqdn: 'pve1.home.arpa',
  address: '10.0.0.11',
  profile: 'pve',
  cluster: 'home',
  state: 'active',
  maintenance: false,
  hostKeys: [],
};

async function open() {
  const asked: (RosterFilter | undefined)[] = [];
  const roster = {
    list: (filter?: RosterFilter) => {
      asked.push(filter);
      return Promise.resolve([ONE]);
    },
  };
  return { ...(await openApi({ services: (real) => ({ ...real, roster }) })), asked };
}

it('answers Prometheus as it wants it: 200, JSON, a list of target groups; a reader may ask', async () => {
  const { get, asked } = await open();
  const response = await get('/api/discovery/prometheus', READER);
  expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
  expect(JSON.parse(response.body)).toMatchObject([{ targets: ['10.0.0.11:9100'], labels: { __meta_rackseed_name: 'pve1' } }]);
  const narrowed = await get('/api/discovery/prometheus?port=9221&cluster=home&profile=pve', READER);
  expect(JSON.parse(narrowed.body)).toMatchObject([{ targets: ['10.0.0.11:9221'] }]);
  expect(asked.at(-1)).toMatchObject({ cluster: 'home', profile: 'pve' });
});

it('refuses ports that are none, and filters that it does not know', async () => {
  const { get } = await open();
  for (const query of ['port=0', 'port=65536', 'port=x', 'clusters=home'])
    expect.soft((await get(`/api/discovery/prometheus?${query}`)).statusCode, query).toBe(400);
});

it('answers Ansible, and gives hosts as JSON and as a file', async () => {
  const { get } = await open();
  expect(bodyOf(await get('/api/discovery/ansible', READER))).toMatchObject({
    _meta: { hostvars: { 'pve1.home.arpa': { ansible_host: '10.0.0.11' } } },
    cluster_home: { hosts: ['pve1.home.arpa'] },
  });
  expect(bodyOf(await get('/api/discovery/hosts', READER))).toEqual({
    hosts: [{ address: '10.0.0.11', names: ['pve1.home.arpa', 'pve1'] }],
  });
  const file = await get('/api/discovery/hosts.txt', READER);
  expect([file.headers['content-type'], file.body]).toEqual([
    'text/plain; charset=utf-8',
    '# The machines of this rack, by Rackseed.\n10.0.0.11 pve1.home.arpa pve1\n',
  ]);
});

it('is not there without a roster, and not empty: Prometheus keeps what it knew', async () => {
  const { get } = await openApi();
  expect((await get('/api/discovery/prometheus')).statusCode).toBe(404);
});
