// What steps are told of a node without asking its machine: where it is, by which keys it is known, what it was installed as, who else is in
// its cluster.

import { expect, it } from 'vitest';
import { silentLog, systemRandom } from '../../../src/lib/index.ts';
import { createNodes, type ProvisionState } from '../../../src/nodes/index.ts';
import { type LookParts, lookOf, markJoined, markMoved, pipelineOf } from '../../../src/pipeline/index.ts';
import type { InstallationTable } from '../../../src/store/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';

const OLGA = { who: 'user', actor: 'olga' } as const;
const CONFIG = {
  profile: [{ name: 'pve', pipeline: 'cluster-node', cluster: 'home', system_disks: { filesystem: 'ext4' } }],
  cluster: [{ name: 'home', links: [], root_password: { file: '/etc/rackseed/root' }, api_token: { env: 'TOKEN' } }],
  install: { domain: 'home.arpa' },
} as unknown as LookParts['config']; // of the whole configuration only this is read
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBRXZ5c0aLrBnlRHdN7mcVfeIVJJ1hGPDgs8JXRpJkXh';
const FIRST_BOOT = { reported_at: 1, from: '10.0.0.77', ssh_host_keys: [KEY] };

async function open() {
  const clock = createFakeClock();
  const store = await openTestStore({ clock });
  const nodes = createNodes({ store, clock, random: systemRandom, log: silentLog });
  const parts: LookParts = { store, nodes, clock, config: CONFIG };
  const node = async (name: string, extra: object = { profile: 'pve' }, info: object = { first_boot: FIRST_BOOT }): Promise<string> => {
    const made = await store.transaction((tx) => nodes.create(tx, { name, driver: 'fake-hardware', extra: { ...extra } }, OLGA));
    const set = { driver_internal_info: JSON.stringify(info), provision_state: 'active' };
    await store.db.updateTable('nodes').set(set).where('uuid', '=', made.uuid).execute();
    return made.uuid;
  };
  const put = (uuid: string, state: ProvisionState) =>
    store.db.updateTable('nodes').set({ provision_state: state }).where('uuid', '=', uuid).execute();
  const installed = async (uuid: string, plan: object, more: Partial<InstallationTable> = {}): Promise<void> => {
    const at = clock.now();
    const texts = { boot_id: crypto.randomUUID(), secrets: '', answer_hash: crypto.randomUUID(), hook_hash: crypto.randomUUID() };
    const row = {
      uuid: crypto.randomUUID(),
      node_uuid: uuid,
      deployment: crypto.randomUUID(),
      stage: 'reached',
      stage_at: at,
      plan: JSON.stringify(plan),
    };
    const rest = {
      first_boot_hash: crypto.randomUUID(),
      boots: 1,
      answer_asks: 1,
      iso_bytes: 0,
      iso_total: 0,
      created_at: at,
      updated_at: at,
    };
    await store.db
      .insertInto('installations')
      .values({ ...row, ...texts, ...rest, ...more })
      .execute();
  };
  const joined = (uuid: string, isMember: boolean) => store.transaction((tx) => markJoined(parts, tx, uuid, { cluster: 'home', isMember }));
  return { clock, store, nodes, parts, node, put, installed, joined };
}

const PLAN = {
  fqdn: 'pve1.rack.example',
  address: { cidr: '10.0.0.11/24', gateway: '10.0.0.1', dns: '10.0.0.1' },
  disks: [{ serial: 'S1', wwn: null, title: 'SSD S1', size: 1, byPath: null, expects: [] }],
};

it('is what it was installed as, with its keys; where secrets are kept is not in it', async () => {
  const { parts, node, installed } = await open();
  const uuid = await node('pve1');
  await installed(uuid, PLAN);
  const look = await lookOf(parts, uuid);
  expect(look.node).toMatchObject({ name: 'pve1', fqdn: 'pve1.rack.example', address: '10.0.0.11', hostKeys: [KEY], memberOf: null });
  expect(look.node.systemDisks).toEqual([{ serial: 'S1', wwn: null, title: 'SSD S1' }]);
  expect([look.profile.name, look.cluster]).toEqual(['pve', { name: 'home', links: [] }]);
  expect(pipelineOf(CONFIG, { extra: { profile: 'pve' } })).toBe('cluster-node');
  expect(pipelineOf(CONFIG, { extra: {} })).toBeUndefined();
});

it('is where its report came from when it has its address by DHCP, and nowhere without a report', async () => {
  const { parts, node, installed } = await open();
  const uuid = await node('pve1');
  await installed(
    uuid,
    { ...PLAN, address: null },
    { first_boot: JSON.stringify({ from: '10.0.0.42', addresses: ['10.0.0.42', 'fe80::1'] }) },
  );
  expect((await lookOf(parts, uuid)).node.address).toBe('10.0.0.42');
  const dark = await node('dark', { profile: 'pve' }, {});
  await expect(lookOf(parts, dark)).rejects.toMatchObject({ code: 'pipeline.no_way' });
});

it('is where a step has moved it, until it is installed anew', async () => {
  const { clock, parts, store, node, installed } = await open();
  const uuid = await node('pve1');
  await installed(uuid, PLAN);
  await clock.advance(1000);
  await store.transaction((tx) => markMoved(parts, tx, uuid, '10.0.7.11'));
  expect((await lookOf(parts, uuid)).node.address).toBe('10.0.7.11');
  await clock.advance(1000);
  await installed(uuid, PLAN);
  expect((await lookOf(parts, uuid)).node.address).toBe('10.0.0.11');
});

it('is protected before it joins, and one of the members of the others when it has', async () => {
  const { clock, parts, nodes, node, installed, joined, put } = await open();
  const [first, second] = [await node('pve1'), await node('pve2')];
  await installed(first, PLAN);
  await clock.advance(1000);
  await joined(first, false);
  expect(await nodes.get(first)).toMatchObject({ protected: true, protectedReason: 'a member of the cluster home' });
  expect((await lookOf(parts, second)).members).toEqual([]);
  await joined(first, true);
  await joined(first, true);
  expect((await lookOf(parts, second)).members).toEqual([{ name: 'pve1', nodeUuid: first, addresses: ['10.0.0.11'], hostKeys: [KEY] }]);
  expect(await lookOf(parts, first)).toMatchObject({ node: { memberOf: 'home' }, members: [] });
  await put(first, 'available');
  expect((await lookOf(parts, second)).members).toEqual([]);
  await put(first, 'active');
  await clock.advance(1000);
  await installed(first, PLAN);
  expect((await lookOf(parts, second)).members).toEqual([]);
});

it('has the members of a cluster that was imported too, without keys where they were not installed from here', async () => {
  const { clock, store, parts, node } = await open();
  const [own, old] = [await node('pve1'), await node('old', {}, {})];
  const times = { created_at: clock.now(), updated_at: clock.now() };
  const cluster = {
    name: 'home',
    origin: 'csv',
    api_url: null,
    fingerprint: null,
    version: null,
    observe_only: 1 as const,
    imported_by: 'olga',
  };
  await store.db
    .insertInto('clusters')
    .values({ ...cluster, ...times })
    .execute();
  const member = { node_uuid: old, cluster: 'home', member: 'pve0', addresses: '["10.0.0.10"]', was_observed: 0 as const };
  await store.db
    .insertInto('cluster_members')
    .values({ ...member, ...times })
    .execute();
  const known = { name: 'pve0', nodeUuid: old, addresses: ['10.0.0.10'], hostKeys: [] };
  expect((await lookOf(parts, own)).members).toEqual([known]);
  // Still one, or another cluster of the same name would be made.
  await store.db.updateTable('nodes').set({ observe_only: 1 }).where('uuid', '=', old).execute();
  expect((await lookOf(parts, own)).members).toEqual([{ ...known, isObserved: true }]);
});
