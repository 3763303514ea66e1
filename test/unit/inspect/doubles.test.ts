// Machines that were discovered twice: when they become one node, and when they never do.

import { expect, it } from 'vitest';
import { createInspect, createOrders } from '../../../src/inspect/index.ts';
import { parseMac, silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import { createNodes } from '../../../src/nodes/index.ts';
import { openTestStore } from '../../support/store.ts';
import { report } from '../enrol/machines.ts';

const [A, B] = ['52:54:00:00:00:0a', '52:54:00:00:00:0b'].map((text) => parseMac(text) ?? expect.unreachable()) as [never, never]; // two of them
const UUIDS = ['4c4c4544-0042-3510-8051-b4c04f4d3232', '4c4c4544-0042-3510-8051-b4c04f4d3233'] as const;

async function world() {
  const store = await openTestStore();
  const common = { store, clock: systemClock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  const inspect = createInspect({ ...common, nodes, orders: createOrders({ ...common, nodes }) });
  const add = (mac: string, more: object = {}) =>
    store.transaction((tx) =>
      nodes.create(
        tx,
        { driver: 'manual-management', ports: [{ address: parseMac(mac) ?? expect.unreachable() }], ...more },
        { who: 'system' },
      ),
    );
  /** One machine that has both ports now. */
  const seeBoth = async (uuid: string | null = null): Promise<string> => {
    const secret = await inspect.issueSecret(A, uuid);
    const look = { secret, claim: 'c'.repeat(32), macs: [A, B], smbiosUuid: uuid, agentVersion: '1' };
    const { token } = await inspect.lookup(look, '10.0.0.9');
    const { inventory, pluginData } = report({ mac: A, uuid });
    const [card] = inventory.interfaces;
    if (card === undefined) return expect.unreachable();
    const both = { ...inventory, interfaces: [card, { ...card, name: 'eth1', mac_address: B }] };
    return (await inspect.receiveInventory(token, { inventory: both, pluginData })).node.uuid;
  };
  return { store, nodes, add, seeBoth };
}

it('makes one node of two that turn out to be one machine, and says so', async () => {
  const { store, nodes, add, seeBoth } = await world();
  const [first, second] = [await add(A), await add(B)];
  expect(await seeBoth()).toBe(first.uuid);
  expect(await nodes.find(second.uuid)).toBeUndefined();
  expect((await nodes.ports.list({ nodeUuid: first.uuid })).map(({ address }) => address).sort()).toEqual([A, B]);
  const [event] = await store.events.list({ after: 0, limit: 5, type: 'node.merged' });
  expect(event).toMatchObject({ nodeUuid: first.uuid, data: { removed: [second.uuid] } });
});

it('keeps the one that a person has named', async () => {
  const { add, seeBoth } = await world();
  await add(A);
  const named = await add(B, { name: 'pve1' });
  expect(await seeBoth()).toBe(named.uuid);
});

it.each([
  [
    'one of them is no longer in enroll',
    async ({ store, uuid }: Given) => store.db.updateTable('nodes').set({ provision_state: 'active' }).where('uuid', '=', uuid).execute(),
  ],
  ['one of them was approved', ({ store, uuid }: Given) => enrolment(store, uuid, 'approved')],
  ['one of them was rejected', ({ store, uuid }: Given) => enrolment(store, uuid, 'rejected')],
  [
    'one of them is ignored',
    ({ store, uuid }: Given) => store.db.updateTable('nodes').set({ ignored: 1 }).where('uuid', '=', uuid).execute(),
  ],
])('leaves both alone when %s', async (_, decide) => {
  const { store, nodes, add, seeBoth } = await world();
  const [first, second] = [await add(A), await add(B)];
  await decide({ store, uuid: second.uuid });
  await expect(seeBoth()).rejects.toMatchObject({ code: 'inspect.identity_conflict' });
  for (const { uuid } of [first, second]) expect(await nodes.find(uuid)).toBeDefined();
});

it('leaves both alone when the firmware says that they are two: an adapter that went from machine to machine', async () => {
  const { nodes, add, seeBoth } = await world();
  const [first, second] = [await add(A, { smbiosUuid: UUIDS[0] }), await add(B, { smbiosUuid: UUIDS[1] })];
  expect(await seeBoth(UUIDS[0])).toBe(first.uuid);
  for (const [node, mac] of [[first, A] as const, [second, B] as const])
    expect((await nodes.ports.list({ nodeUuid: node.uuid })).map(({ address }) => address)).toEqual([mac]);
});

it('leaves both alone when one of them has a port that this machine has not', async () => {
  const { nodes, add, seeBoth } = await world();
  await add(A);
  const second = await add(B, { ports: [{ address: B }, { address: parseMac('52:54:00:00:00:0c') ?? expect.unreachable() }] });
  await expect(seeBoth()).rejects.toThrow('which this machine does not report');
  expect(await nodes.find(second.uuid)).toBeDefined();
});

interface Given {
  readonly store: Awaited<ReturnType<typeof openTestStore>>;
  readonly uuid: string;
}

function enrolment(store: Given['store'], uuid: string, state: string): Promise<unknown> {
  const nothing = {
    profile: null,
    name: null,
    rule: null,
    reason: '',
    plan_uuid: null,
    approved_by: null,
    approved_at: null,
    task_id: null,
  };
  return store.db
    .insertInto('enrolments')
    .values({ node_uuid: uuid, state, ...nothing, created_at: 1, updated_at: 1 })
    .execute();
}
