// Methods that no route takes: the statuses of Ironic, as its own API was seen to answer.

import { expect, it } from 'vitest';
import { containing } from '../../support/containing.ts';
import { bodyOf } from './harness.ts';
import { type Method, openClient, why } from './node-client.ts';

const ONE = 'aaaaaaaa-2222-4333-8444-555555555555';
const LISTS = [
  'nodes',
  'ports',
  'portgroups',
  'chassis',
  'allocations',
  'deploy_templates',
  'runbooks',
  'volume/connectors',
  'volume/targets',
];

it('tells apart what is never done, what misses a name, and what is not there', async () => {
  const api = await openClient();
  const says = async (method: Method, path: string, status: number, text: string) => {
    const reply = await api.ask(method, `/v1/${path}`, method === 'DELETE' ? undefined : []);
    expect.soft([reply.statusCode, why(reply)], `${method} ${path}`).toEqual([status, containing(text)]);
  };
  for (const list of LISTS) {
    await says('PUT', `${list}/${ONE}`, 405, 'does not take PUT');
    await says('PATCH', list, 400, 'Missing mandatory parameter: ');
    await says('DELETE', `${list}?x=y`, 400, 'Missing mandatory parameter: ');
  }
  await says('PUT', `inspection_rules/${ONE}`, 405, 'does not take PUT');
  for (const below of [`nodes/${ONE}/ports`, `nodes/${ONE}/portgroups`, `portgroups/${ONE}/ports`]) {
    await says('POST', below, 403, 'Operation not permitted.');
    await says('DELETE', `${below}/${ONE}`, 403, 'Operation not permitted.');
  }
  await says('PUT', 'elephants/1', 404, 'could not be found');
  await says('PATCH', 'constructor', 404, 'could not be found');
  await says('DELETE', `nodes/${ONE}/elephants`, 404, 'could not be found');
});

it('removes all inspection rules at once, the one list that can', async () => {
  const api = await openClient();
  expect((await api.ask('DELETE', '/v1/inspection_rules')).statusCode).toBe(204);
});

it('makes a chassis of nothing, and nothing else', async () => {
  const api = await openClient();
  const made = await api.ask('POST', '/v1/chassis');
  expect([made.statusCode, bodyOf(made)]).toMatchObject([201, { description: null, extra: {} }]);
  for (const list of LISTS.filter((name) => name !== 'chassis' && name !== 'allocations'))
    expect.soft((await api.ask('POST', `/v1/${list}`)).statusCode, list).toBe(400);
});
