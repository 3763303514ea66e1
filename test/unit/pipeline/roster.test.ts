// Which machines other programs are told of, and what of them.

import { expect, it } from 'vitest';
import { silentLog, systemRandom } from '../../../src/lib/index.ts';
import { createNodes, type ProvisionState } from '../../../src/nodes/index.ts';
import { createRoster } from '../../../src/pipeline/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';

const OLGA = { who: 'user', actor: 'olga' } as const;
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBRXZ5c0aLrBnlRHdN7mcVfeIVJJ1hGPDgs8JXRpJkXh';

async function open() {
  const clock = createFakeClock();
  const store = await openTestStore({ clock });
  const nodes = createNodes({ store, clock, random: systemRandom, log: silentLog });
  const node = async (name: string, state: ProvisionState, info: object = {}, extra: object = {}): Promise<string> => {
    const made = await store.transaction((tx) => nodes.create(tx, { name, driver: 'fake-hardware', extra: { ...extra } }, OLGA));
    const set = { driver_internal_info: JSON.stringify(info), provision_state: state };
    await store.db.updateTable('nodes').set(set).where('uuid', '=', made.uuid).execute();
    return made.uuid;
  };
  const installed = async (uuid: string, plan: object): Promise<void> => {
    const at = clock.now();
    const id = (): string => crypto.randomUUID();
    const texts = { uuid: id(), deployment: id(), boot_id: id(), answer_hash: id(), hook_hash: id(), first_boot_hash: id(), secrets: '' };
    const counts = { boots: 1, answer_asks: 1, iso_bytes: 0, iso_total: 0, created_at: at, updated_at: at };
    const row = { ...texts, ...counts, node_uuid: uuid, stage: 'reached', stage_at: at, plan: JSON.stringify(plan) };
    await store.db.insertInto('installations').values(row).execute();
  };
  return { clock, store, node, installed, roster: createRoster({ store, nodes, domain: 'home.arpa' }) };
}

it('is the machines that have a system, by name, and no other', async () => {
  const { node, roster } = await open();
  for (const state of ['available', 'enroll', 'deploying', 'deploy failed'] as const) await node(`no-${state.replace(' ', '-')}`, state);
  await node('pve2', 'service failed');
  await node('pve1', 'active');
  expect((await roster.list()).map(({ fqdn, state }) => [fqdn, state])).toEqual([
    ['pve1.home.arpa', 'active'],
    ['pve2.home.arpa', 'service failed'],
  ]);
});

it('says what the newest installation gave: name and address; and the cluster that it joined since', async () => {
  const { clock, node, installed, roster } = await open();
  const uuid = await node('x', 'active', {
    first_boot: { ssh_host_keys: [KEY] },
    cluster_member: { cluster: 'home', at: 2_000_000_000_000 },
  });
  await installed(uuid, { fqdn: 'old.rack.example', address: { cidr: '10.0.0.9/24' } });
  await clock.advance(1000);
  await installed(uuid, { fqdn: 'pve1.rack.example', address: { cidr: '10.0.0.11/24' } });
  expect(await roster.list()).toEqual([
    {
      uuid,
      name: 'pve1',
      fqdn: 'pve1.rack.example',
      address: '10.0.0.11',
      profile: null,
      cluster: 'home',
      state: 'active',
      maintenance: false,
      hostKeys: [KEY],
    },
  ]);
});

it('has members of imported clusters, by their own name and address', async () => {
  const { clock, store, node, roster } = await open();
  const uuid = await node('shelf-3', 'active');
  const times = { created_at: clock.now(), updated_at: clock.now() };
  const none = { api_url: null, fingerprint: null, version: null };
  await store.db
    .insertInto('clusters')
    .values({ name: 'old', origin: 'csv', ...none, observe_only: 1, imported_by: 'olga', ...times })
    .execute();
  const member = { node_uuid: uuid, cluster: 'old', member: 'pve7', addresses: '["not one","10.1.0.7"]', was_observed: null };
  await store.db
    .insertInto('cluster_members')
    .values({ ...member, ...times })
    .execute();
  expect(await roster.list()).toMatchObject([{ fqdn: 'pve7.home.arpa', address: '10.1.0.7', cluster: 'old' }]);
});

it('passes on nothing that a machine says of itself unless it is an address or a key', async () => {
  const { node, roster } = await open();
  await node('evil', 'active', {
    first_boot: {
      from: "{{ lookup('pipe', 'id') }}",
      addresses: ['$(id)', '10.0.0.66\n'],
      ssh_host_keys: ['ssh-rsa {{ 7*7 }}', `${KEY}\nx`, KEY],
    },
  });
  expect(await roster.list()).toMatchObject([{ address: null, hostKeys: [KEY] }]);
});

it('is narrowed to a cluster or a profile', async () => {
  const { node, roster } = await open();
  const member = { cluster_member: { cluster: 'home', at: 1 } };
  await node('a', 'active', member, { profile: 'pve' });
  await node('b', 'active', {}, { profile: 'pve' });
  await node('c', 'active', member, { profile: 'ceph' });
  const names = async (filter: object) => (await roster.list(filter)).map(({ name }) => name);
  expect(await names({ cluster: 'home' })).toEqual(['a', 'c']);
  expect(await names({ profile: 'pve' })).toEqual(['a', 'b']);
  expect(await names({ profile: 'pve', cluster: 'home' })).toEqual(['a']);
  expect(await names({ cluster: 'none' })).toEqual([]);
});

it('is whole with more machines than a page has', async () => {
  const { store, node, roster } = await open();
  const first = await node('n0', 'active');
  const row = await store.db.selectFrom('nodes').selectAll().where('uuid', '=', first).executeTakeFirstOrThrow();
  const copies = Array.from({ length: 1004 }, (_, at) => ({ ...row, uuid: crypto.randomUUID(), name: `n${at + 1}` }));
  for (let at = 0; at < copies.length; at += 100)
    await store.db
      .insertInto('nodes')
      .values(copies.slice(at, at + 100))
      .execute();
  expect(new Set((await roster.list()).map(({ name }) => name)).size).toBe(1005);
});
