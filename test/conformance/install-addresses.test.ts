// Addresses that nodes of a cluster are given for good: on SQLite and PostgreSQL, with one appliance and with two.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AddressesOptions, createAddresses, type Probed } from '../../src/install/addresses/addresses.ts';
import { type Mac, parseMac, silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import { createNodes, type Node } from '../../src/nodes/index.ts';
import type { Store } from '../../src/store/index.ts';
import { type StoreFixture, storeAt } from './store/fixture.ts';
import { postgresFixture } from './store/postgres.ts';
import { sqliteFixture } from './store/sqlite.ts';

const HOME = {
  name: 'home',
  addresses: { network: '10.0.0.0/24', first: '10.0.0.11', last: '10.0.0.14', gateway: '10.0.0.1', dns: '10.0.0.53' },
  dhcp_addresses: false,
};
const MAC = '52:54:00:00:00:01';
const STRANGER = macOf('52:54:00:ff:ff:ff');

function macOf(text: string): Mac {
  return parseMac(text) ?? expect.unreachable();
}

describe.each([
  ['SQLite', sqliteFixture],
  ['PostgreSQL', postgresFixture],
] as const)('addresses of a cluster on %s', (_name, makeFixture) => {
  let fixture: StoreFixture | undefined;
  const ends: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    fixture = await makeFixture();
  });
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });
  afterAll(() => fixture?.remove());

  async function open(options: Partial<AddressesOptions> = {}, url?: string) {
    const at = url ?? (await (fixture ?? expect.unreachable()).freshUrl());
    const store: Store = await storeAt(at);
    ends.push(() => store.close());
    const nodes = createNodes({ store, clock: systemClock, random: systemRandom, log: silentLog });
    const probed: string[] = [];
    const answers = new Map<string, Probed>();
    const addresses = createAddresses({
      store,
      clock: systemClock,
      clusters: [HOME, { name: 'other', dhcp_addresses: false }, { name: 'lent', dhcp_addresses: true }],
      probe: (address) => {
        probed.push(address);
        return answers.get(address) ?? { kind: 'free' };
      },
      isOnLink: () => true,
      ...options,
    });
    const node = (name: string): Promise<Node> =>
      store.transaction((tx) => nodes.create(tx, { name, driver: 'manual-management' }, { who: 'user' }));
    const give = (to: Node, cluster: string | null = 'home') => addresses.give({ nodeUuid: to.uuid, cluster, macs: [MAC] });
    return { url: at, store, nodes, addresses, node, give, probed, answers };
  }

  it('are the lowest free ones, and the same again for the same node', async () => {
    const { node, give, addresses, probed } = await open();
    const [one, two] = [await node('one'), await node('two')];
    const first = { address: { cidr: '10.0.0.11/24', gateway: '10.0.0.1', dns: '10.0.0.53' }, notes: [] };
    expect(await give(one)).toEqual(first);
    expect(await give(two)).toMatchObject({ address: { cidr: '10.0.0.12/24' } });
    expect(await give(one)).toEqual(first);
    expect(probed).toEqual(['10.0.0.11', '10.0.0.12', '10.0.0.11']);
    expect(await addresses.list({ cluster: 'home' })).toMatchObject([
      { address: '10.0.0.11', prefix: 24, cluster: 'home', purpose: 'management', nodeUuid: one.uuid, conflict: null },
      { address: '10.0.0.12', nodeUuid: two.uuid },
    ]);
    expect((await addresses.list()).every(({ probedAt }) => probedAt !== null)).toBe(true);
    expect(await addresses.list({ nodeUuid: two.uuid })).toHaveLength(1);
  });

  it('that somebody else uses are passed over, with an event that says whom', async () => {
    const { node, give, answers, store, addresses } = await open();
    answers.set('10.0.0.11', { kind: 'in-use', mac: STRANGER });
    answers.set('10.0.0.12', { kind: 'doubtful', mac: STRANGER });
    const one = await node('one');
    expect(await give(one)).toEqual({
      address: { cidr: '10.0.0.13/24', gateway: '10.0.0.1', dns: '10.0.0.53' },
      notes: [`10.0.0.11 is in use by ${STRANGER}`, `10.0.0.12 was used by ${STRANGER} not long ago, which may still be there`],
    });
    const events = await store.events.list({ after: 0, limit: 100, type: 'install.address_given' });
    expect(events.map(({ severity, message }) => [severity, message])).toEqual([
      ['info', 'the address 10.0.0.11 was given'],
      ['warning', `the address 10.0.0.12 was given in place of 10.0.0.11, since 10.0.0.11 is in use by ${STRANGER}`],
      [
        'warning',
        `the address 10.0.0.13 was given in place of 10.0.0.12, since 10.0.0.12 was used by ${STRANGER} not long ago, which may still be there`,
      ],
    ]);
    expect(await addresses.list()).toMatchObject([
      { address: '10.0.0.13', conflict: expect.stringContaining('10.0.0.11 is in use') as unknown },
    ]);
  });

  it('that the node itself uses already stay its own', async () => {
    const { node, give, answers } = await open();
    const one = await node('one');
    await give(one);
    answers.set('10.0.0.11', { kind: 'in-use', mac: macOf(MAC) });
    expect(await give(one)).toMatchObject({ address: { cidr: '10.0.0.11/24' }, notes: [] });
    answers.set('10.0.0.11', { kind: 'in-use', mac: null });
    expect(await give(one)).toMatchObject({ address: { cidr: '10.0.0.12/24' } });
  });

  it('are given unasked where nobody can ask, and say so', async () => {
    const unasked = async (options: Partial<AddressesOptions>) => {
      const { node, give, addresses } = await open(options);
      const { notes } = await give(await node('one'));
      expect(await addresses.list()).toMatchObject([{ probedAt: null }]);
      return notes;
    };
    expect(await unasked({ probe: null })).toEqual(['10.0.0.11 was given unasked: dhcp.conflict_probe = false']);
    expect(await unasked({ isOnLink: () => false })).toEqual([
      '10.0.0.11 was given unasked: the appliance has no address in 10.0.0.0/24 to ask from',
    ]);
    expect(await unasked({ probe: () => ({ kind: 'unchecked', why: 'no socket' }) })).toEqual(['10.0.0.11 was given unasked: no socket']);
  });

  it('end with the pool', async () => {
    const { node, give } = await open();
    for (const name of ['a', 'b', 'c', 'd']) await give(await node(name));
    await expect(give(await node('e'))).rejects.toMatchObject({
      code: 'install.no_address',
      message: 'no address is left from 10.0.0.11 to 10.0.0.14 of the [[cluster]] home; 4 are given or in use',
    });
  });

  it('that all answer are a reason to stop, and none of them is kept', async () => {
    const wide = { ...HOME, addresses: { ...HOME.addresses, last: '10.0.0.99' } };
    const { node, give, addresses } = await open({ clusters: [wide], probe: () => ({ kind: 'in-use', mac: STRANGER }) });
    await expect(give(await node('one'))).rejects.toMatchObject({
      code: 'install.no_address',
      message: expect.stringContaining('8 addresses') as unknown,
    });
    expect(await addresses.list()).toEqual([]);
  });

  it('go back with their node, and when it leaves for another cluster', async () => {
    const { store, nodes, node, give, addresses } = await open();
    const [one, two] = [await node('one'), await node('two')];
    await give(one);
    await give(two);
    await store.transaction(async (tx) => nodes.remove(tx, one, { who: 'user' }));
    expect(await addresses.list()).toMatchObject([{ address: '10.0.0.12' }]);
    expect(await give(two, 'lent')).toEqual({
      address: null,
      notes: ['the installer keeps the address that DHCP gives it: [[cluster]] lent allows that'],
    });
    expect(await addresses.list()).toEqual([]);
    const [event] = (await store.events.list({ after: 0, limit: 100, type: 'install.address_released' })).slice(-1);
    expect(event).toMatchObject({ nodeUuid: two.uuid, message: 'the address 10.0.0.12 is free again' });
  });

  it('from DHCP need a word of the cluster, and none for a node of no cluster', async () => {
    const { node, give } = await open();
    const one = await node('one');
    await expect(give(one, 'other')).rejects.toMatchObject({
      code: 'install.no_address',
      message: 'the [[cluster]] other has no addresses, and the installer would make an address from DHCP a fixed one',
      hint: expect.stringContaining('dhcp_addresses = true') as unknown,
    });
    expect(await give(one, null)).toEqual({ address: null, notes: [] });
  });

  it('are given once, whatever asks at the same time, from two appliances on one store', async () => {
    const wide = { clusters: [{ ...HOME, addresses: { ...HOME.addresses, last: '10.0.0.99' } }] };
    const first = await open(wide);
    const second = fixture?.dialect === 'postgres' ? await open(wide, first.url) : first;
    const nodes = await Promise.all(Array.from({ length: 12 }, (_, index) => first.node(`n${index}`)));
    const given = await Promise.all(nodes.flatMap((one, index) => [(index % 2 === 0 ? first : second).give(one), first.give(one)]));
    const mine = given.filter((_, index) => index % 2 === 0).map(({ address }) => address?.cidr);
    expect(new Set(mine).size).toBe(12);
    expect(given.filter((_, index) => index % 2 === 1).map(({ address }) => address?.cidr)).toEqual(mine);
    expect(await first.addresses.list()).toHaveLength(12);
  });
});
