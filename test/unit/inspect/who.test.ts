// Over a real store: cards and disks that go from machine to machine, new mainboards, one UUID in two machines, and what a person says of it.

import { describe, expect, it } from 'vitest';
import { createIdentities, createInspect, createOrders, INSPECT_ERRORS, mayBeIn } from '../../../src/inspect/index.ts';
import { createMacSightings } from '../../../src/inspect/mac-sightings.ts';
import { type Mac, parseMac, silentLog, systemRandom } from '../../../src/lib/index.ts';
import { createNodes } from '../../../src/nodes/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';
import { type MachineWords, report } from '../enrol/machines.ts';

const UUIDS = ['4c4c4544-0042-3510-8051-b4c04f4d3230', '4c4c4544-0042-3510-8051-b4c04f4d3231', '4c4c4544-0042-3510-8051-b4c04f4d3232'];
const [UUID_A = '', UUID_B = '', UUID_C = ''] = UUIDS;
const DONGLE = '00:e0:4c:00:00:99';
const BY = { who: 'user', actor: 'admin' } as const;

interface Box {
  readonly macs: readonly string[];
  readonly uuid: string | null;
  readonly serial?: string | null;
  readonly disks?: readonly string[];
  readonly boots?: string;
}

const A: Box = { macs: ['52:54:00:00:00:0a'], uuid: UUID_A, serial: 'SN-A-01', disks: ['DISK-A1', 'DISK-A2'] };
const B: Box = { macs: ['52:54:00:00:00:0b'], uuid: UUID_B, serial: 'SN-B-01', disks: ['DISK-B1'] };

async function world() {
  const clock = createFakeClock(1_800_000_000_000);
  const store = await openTestStore({ clock });
  const common = { store, clock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  const inspect = createInspect({ ...common, nodes, orders: createOrders({ ...common, nodes }) });
  const identities = createIdentities({ store, nodes, clock });
  const see = async (box: Box): Promise<string> => {
    await clock.advance(60_000);
    const boots = mac(box.boots ?? box.macs[0] ?? '');
    const secret = await inspect.issueSecret(boots, box.uuid);
    const look = { secret, claim: 'c'.repeat(32), macs: [...box.macs], smbiosUuid: box.uuid, agentVersion: '1' };
    const { token } = await inspect.lookup(look, '10.0.0.9');
    return (await inspect.receiveInventory(token, requestOf(box, boots))).node.uuid;
  };
  const portsOf = async (uuid: string): Promise<string[]> => {
    const node = await nodes.get(uuid);
    return (await nodes.ports.list({ nodeUuid: node.uuid })).map(({ address }) => String(address)).toSorted();
  };
  const settle = async (uuid: string): Promise<void> => {
    await store.db.updateTable('nodes').set({ provision_state: 'active' }).where('uuid', '=', uuid).execute();
  };
  const events = async (type: string) => store.events.list({ after: 0, limit: 50, type });
  return { clock, store, nodes, inspect, identities, see, portsOf, settle, events };
}

function mac(text: string): Mac {
  return parseMac(text) ?? expect.unreachable();
}

function requestOf({ macs, uuid, serial = null, disks = [] }: Box, boots: string): ReturnType<typeof report> {
  const words: MachineWords = { mac: boots, uuid, serial, disks: disks.map((one) => ({ serial: one, holds: null })) };
  const { inventory, pluginData } = report(words);
  const [card] = inventory.interfaces;
  if (card === undefined) return expect.unreachable();
  const interfaces = macs.map((address, at) => ({ ...card, name: `eth${at}`, mac_address: address }));
  return { inventory: { ...inventory, interfaces }, pluginData };
}

describe('a network card that goes from machine to machine', () => {
  it('makes no machine another one, is a port where it was first, and identifies nobody from the second UUID on', async () => {
    const { see, portsOf, inspect, events, store } = await world();
    const first = await see({ ...A, macs: [DONGLE, ...A.macs] });
    const second = await see({ ...B, macs: [DONGLE, ...B.macs] });
    expect(second).not.toBe(first);
    expect([await portsOf(first), await portsOf(second)]).toEqual([[DONGLE, ...A.macs].toSorted(), B.macs]);
    expect((await events('inspect.mac_shared')).map(({ data }) => data.mac)).toEqual([DONGLE]);
    expect(await inspect.findMachine(mac(DONGLE), null)).toMatchObject({ is: 'unclear', nodes: [{ uuid: first }] });
    expect(await inspect.findMachine(mac(DONGLE), UUID_A)).toMatchObject({ is: 'known', node: { uuid: first } });
    expect(await inspect.findMachine(mac(DONGLE), UUID_B)).toMatchObject({ is: 'known', node: { uuid: second } });
    await store.reasons.flush();
    const why = await store.reasons.list(`node:${first}`, 20);
    expect(why.find(({ decision }) => decision === 'identifies nobody')?.reason).toMatch(new RegExp(`${DONGLE}.*${UUID_A} and ${UUID_B}`));
  });

  it('takes in a third machine that has nothing else, by its UUID, again and again', async () => {
    const { see, nodes, portsOf } = await world();
    await see({ ...A, macs: [DONGLE, ...A.macs] });
    await see({ ...B, macs: [DONGLE, ...B.macs] });
    const third = await see({ macs: [DONGLE], uuid: UUID_C, serial: 'SN-C-01', disks: ['DISK-C1'] });
    expect(await see({ macs: [DONGLE], uuid: UUID_C, serial: 'SN-C-01', disks: ['DISK-C2'] })).toBe(third);
    expect(await portsOf(third)).toEqual([]);
    expect(mayBeIn((await nodes.get(third)).driverInternalInfo)).toEqual([]);
  });

  it('is no way in for a machine that has nothing of its own: it is refused, with what to do', async () => {
    const { see, nodes } = await world();
    await see({ ...A, macs: [DONGLE, ...A.macs] });
    await see({ ...B, macs: [DONGLE, ...B.macs] });
    await expect(see({ macs: [DONGLE], uuid: null })).rejects.toMatchObject({
      code: 'inspect.identity_conflict',
      message: expect.stringContaining('nothing tells this machine from others') as unknown,
    });
    expect(await nodes.list({})).toHaveLength(2);
  });

  it('is noted when it only boots in another machine, once, and survives a restart of the appliance', async () => {
    const { see, inspect, events, store, nodes, clock } = await world();
    const node = await see({ ...A, macs: [DONGLE, ...A.macs] });
    for (let turn = 0; turn < 3; turn += 1)
      expect(await inspect.findMachine(mac(DONGLE), UUID_B)).toMatchObject({ is: 'unclear', nodes: [{ uuid: node }] });
    expect(await events('inspect.mac_shared')).toHaveLength(1);
    const common = { store, nodes, clock, random: systemRandom, log: silentLog };
    const again = createInspect({ ...common, orders: createOrders(common) });
    expect(await again.findMachine(mac(DONGLE), null)).toMatchObject({ is: 'unclear' });
  });

  it('identifies again when a person says so, as a port of the node that is named', async () => {
    const { see, identities, inspect, nodes, portsOf } = await world();
    const first = await see({ ...A, macs: [DONGLE, ...A.macs] });
    const second = await see({ ...B, macs: [DONGLE, ...B.macs] });
    expect((await identities.sharedMacs()).map((one) => one.smbiosUuid).toSorted()).toEqual([UUID_A, UUID_B]);
    await identities.forgetMac(mac(DONGLE), await nodes.get(second), BY);
    expect([await portsOf(first), await portsOf(second)]).toEqual([A.macs, [DONGLE, ...B.macs].toSorted()]);
    expect(await inspect.findMachine(mac(DONGLE), null)).toMatchObject({ is: 'known', node: { uuid: second } });
    await expect(identities.forgetMac(mac('52:54:00:ff:ff:ff'), null, BY)).rejects.toMatchObject({ code: 'inspect.mac_not_shared' });
  });
});

describe('a card that was moved for good', () => {
  it('leaves both machines what they are: the one that has it now is known by its UUID', async () => {
    const { see, portsOf } = await world();
    const [first, second] = [await see({ ...A, macs: [...A.macs, DONGLE] }), await see(B)];
    expect(await see({ ...B, macs: [...B.macs, DONGLE] })).toBe(second);
    expect(await see({ ...B, macs: [...B.macs, DONGLE], boots: DONGLE })).toBe(second);
    expect(await portsOf(first)).toEqual([DONGLE, ...A.macs].toSorted());
  });
});

describe('two machines with one UUID', () => {
  it('are two nodes when their serial numbers differ, and their UUID identifies neither', async () => {
    const { see, inspect } = await world();
    const first = await see(A);
    const second = await see({ ...B, uuid: UUID_A });
    expect(second).not.toBe(first);
    expect(await inspect.findMachine(mac('52:54:00:00:00:ee'), UUID_A)).toMatchObject({ is: 'unclear' });
    expect([await see(A), await see({ ...B, uuid: UUID_A })]).toEqual([first, second]);
  });

  it('are two nodes when nothing else can be compared, and a person is told that they may be one', async () => {
    const { see, nodes } = await world();
    const first = await see({ ...A, serial: null, disks: [] });
    const second = await see({ ...B, uuid: UUID_A, serial: null, disks: [] });
    expect(second).not.toBe(first);
    expect(mayBeIn((await nodes.get(second)).driverInternalInfo)).toMatchObject([{ uuid: first }]);
  });

  it('are two nodes when also their serial numbers are the same, as long as their disks are others', async () => {
    const { see } = await world();
    expect(await see({ ...B, uuid: UUID_A, serial: 'SN-A-01' })).not.toBe(await see(A));
  });
});

describe('a machine whose cards are all new', () => {
  it('is the node with its UUID, serial number and disks', async () => {
    const { see, portsOf } = await world();
    const node = await see(A);
    expect(await see({ ...A, macs: B.macs })).toBe(node);
    expect(await portsOf(node)).toEqual([...A.macs, ...B.macs].toSorted());
  });

  it('and whose disks are those of a node is a machine of its own that may be that node, and says by which disks', async () => {
    const { see, nodes, events } = await world();
    const node = await see(A);
    const found = await see({ ...B, disks: A.disks ?? [] });
    expect(found).not.toBe(node);
    const [same] = mayBeIn((await nodes.get(found)).driverInternalInfo);
    expect(same).toMatchObject({ uuid: node, reason: expect.stringMatching(/its disks .*DISK-A1.*DISK-A2/) as unknown });
    const [event] = await events('node.may_be');
    expect(event).toMatchObject({ severity: 'warning', nodeUuid: found, data: { node } });
    expect(event?.message).toContain(`rackseed node merge ${found} ${node}`);
    await see({ ...B, disks: A.disks ?? [] });
    expect(await events('node.may_be')).toHaveLength(1);
  });

  it.each([
    ['of hypervisors', ['QM00001', 'drive-scsi0']],
    ['that say nothing', ['0123456789', 'Default string']],
  ])('is not taken for another by serial numbers %s', async (_, disks) => {
    const { see, nodes } = await world();
    await see({ ...A, disks });
    expect(mayBeIn((await nodes.get(await see({ ...B, disks }))).driverInternalInfo)).toEqual([]);
  });
});

describe('a mainboard that was swapped', () => {
  const swapped: Box = { ...B, macs: ['52:54:00:00:00:0b', DONGLE], disks: A.disks ?? [] };

  it('makes a discovered machine that becomes the node when a person says so', async () => {
    const { see, nodes, portsOf, settle, identities, inspect, events } = await world();
    const node = await see({ ...A, macs: [...A.macs, DONGLE] });
    await settle(node);
    const found = await see(swapped);
    expect(await inspect.findMachine(mac(DONGLE), UUID_C)).toMatchObject({ is: 'unclear' });
    expect(found).not.toBe(node);
    const merged = await identities.merge(await nodes.get(found), await nodes.get(node), { dropPorts: true }, BY);
    expect(merged).toMatchObject({ uuid: node, provisionState: 'active', smbiosUuid: UUID_B, smbiosSerial: 'SN-B-01' });
    expect(await portsOf(node)).toEqual([...swapped.macs].toSorted());
    expect(await nodes.find(found)).toBeUndefined();
    expect(await see(swapped)).toBe(node);
    expect((await events('node.merged'))[0]).toMatchObject({ nodeUuid: node, data: { removed: [found], dropped: [...A.macs] } });
  });

  it('keeps the ports that the node had, where nobody says otherwise', async () => {
    const { see, nodes, portsOf, identities } = await world();
    const node = await see(A);
    await identities.merge(await nodes.get(await see({ ...B, disks: A.disks ?? [] })), await nodes.get(node), { dropPorts: false }, BY);
    expect(await portsOf(node)).toEqual([...A.macs, ...B.macs].toSorted());
  });

  it('is not believed while the node itself is heard as another machine', async () => {
    const { see, nodes, identities } = await world();
    const node = await see(A);
    const found = await see({ ...B, disks: A.disks ?? [] });
    await see(A);
    const merging = identities.merge(await nodes.get(found), await nodes.get(node), { dropPorts: false }, BY);
    await expect(merging).rejects.toMatchObject({
      code: 'inspect.not_merged',
      message: expect.stringContaining('is another machine that works') as unknown,
    });
    expect(await nodes.list({})).toHaveLength(2);
  });

  it.each([
    ['the first is no discovered machine', (_: string, found: string) => ({ state: 'active', uuid: found })],
    ['something is being done to the node', (node: string) => ({ state: 'clean wait', uuid: node })],
  ])('changes nothing when %s', async (_, change) => {
    const { see, nodes, identities, store } = await world();
    const node = await see(A);
    const found = await see({ ...B, disks: A.disks ?? [] });
    const { state, uuid } = change(node, found);
    await store.db.updateTable('nodes').set({ provision_state: state }).where('uuid', '=', uuid).execute();
    const merging = identities.merge(await nodes.get(found), await nodes.get(node), { dropPorts: true }, BY);
    await expect(merging).rejects.toMatchObject({ code: 'inspect.not_merged' });
    expect(await nodes.list({})).toHaveLength(2);
    expect(INSPECT_ERRORS['inspect.not_merged'].status).toBe(409);
  });
});

describe('what is remembered of cards', () => {
  it('has room for so many and no more, and those of nodes stay', async () => {
    const { see, store, clock } = await world();
    await see(A);
    const sightings = createMacSightings({ clock, maxRows: 4 });
    for (let at = 0; at < 20; at += 1) {
      await clock.advance(1000);
      await store.transaction((tx) => sightings.note(tx, [`02:00:00:00:00:${at.toString(16).padStart(2, '0')}`], UUID_B));
    }
    const macs = (await store.db.selectFrom('mac_sightings').select('mac').execute()).map((row) => row.mac);
    expect(macs).toHaveLength(4);
    expect(macs).toContain(A.macs[0]);
    expect(macs).toContain('02:00:00:00:00:13');
  });

  it('goes with age: a stranger after three months, a shared one after two years', async () => {
    const { see, store, clock } = await world();
    await see({ ...A, macs: [DONGLE, ...A.macs] });
    await see({ ...B, macs: [DONGLE, ...B.macs] });
    const sightings = createMacSightings({ clock });
    const note = () => store.transaction((tx) => sightings.note(tx, ['02:00:00:00:00:02'], UUID_C));
    await store.transaction((tx) => sightings.note(tx, ['02:00:00:00:00:01'], UUID_C));
    await clock.advance(91 * 86_400_000);
    await note();
    const seen = async () => new Set((await store.db.selectFrom('mac_sightings').select('mac').execute()).map((row) => row.mac));
    expect(await seen()).toEqual(new Set([DONGLE, ...A.macs, ...B.macs, '02:00:00:00:00:02']));
    await clock.advance(640 * 86_400_000);
    await note();
    expect(await seen()).toEqual(new Set(['02:00:00:00:00:02']));
  });

  it('keeps a few UUIDs of one card: somebody who invents them cannot fill the store', async () => {
    const { store, clock } = await world();
    const sightings = createMacSightings({ clock });
    for (let at = 0; at < 30; at += 1) await store.transaction((tx) => sightings.note(tx, [DONGLE], systemRandom.uuid()));
    expect(await store.db.selectFrom('mac_sightings').selectAll().execute()).toHaveLength(8);
  });
});
