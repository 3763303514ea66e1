import { expect, it } from 'vitest';
import { MAX_PORTS, type Node, type Port, type PortInput, parseNodeUuid, parsePortUuid } from '../../../src/nodes/index.ts';
import { errorOf, mac, openWorld, type World } from './world.ts';

const add = (world: World, node: Pick<Node, 'uuid'>, input: PortInput): Promise<Port> =>
  world.store.transaction((tx) => world.nodes.ports.add(tx, node.uuid, input));

it('finds the nodes that have one of the addresses, however they are spelt', async () => {
  const world = await openWorld();
  const first = await world.enrol({ name: 'a', ports: [{ address: mac('52:54:00:00:00:01') }, { address: mac('52:54:00:00:00:02') }] });
  await world.clock.advance(1);
  const second = await world.enrol({ name: 'b', ports: [{ address: mac('52:54:00:00:00:03') }] });
  const found = await world.nodes.findByAddresses(['52-54-00-00-00-02', '525400000001', '52:54:00:00:00:03', 'junk', 'ff:ff:ff:ff:ff:ff']);
  expect(found.map(({ node, ports }) => [node.uuid, ports.map((port) => port.address)])).toEqual([
    [first.uuid, ['52:54:00:00:00:01', '52:54:00:00:00:02']],
    [second.uuid, ['52:54:00:00:00:03']],
  ]);
  expect(await world.nodes.findByAddresses([])).toEqual([]);
  expect(await world.nodes.findByAddresses(['junk'])).toEqual([]);
});

it('looks at no more addresses than a machine can have', async () => {
  const world = await openWorld();
  await world.enrol({ ports: [{ address: mac('52:54:00:00:00:01') }] });
  const many = Array.from({ length: MAX_PORTS }, (_, index) => `02:00:00:00:01:${index.toString(16).padStart(2, '0')}`);
  expect(await world.nodes.findByAddresses([...many, '52:54:00:00:00:01'])).toEqual([]);
});

it('refuses an address that no network card has', async () => {
  const world = await openWorld();
  const node = await world.enrol();
  for (const address of ['ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '00:00:00:00:00:00'])
    expect(await errorOf(() => add(world, node, { address: mac(address) })), address).toMatchObject({ code: 'nodes.bad_mac' });
});

it('refuses a port beyond the cap, and a port of no node', async () => {
  const world = await openWorld();
  const address = (index: number) => mac(`02:00:00:00:00:${index.toString(16).padStart(2, '0')}`);
  const ports = Array.from({ length: MAX_PORTS }, (_, index) => ({ address: address(index) }));
  const node = await world.enrol({ ports });
  expect(await errorOf(() => add(world, node, { address: address(200) }))).toMatchObject({ code: 'nodes.too_many_ports' });
  const uuid = parseNodeUuid('11111111-2222-4333-8444-555555555555') ?? expect.unreachable();
  expect(await errorOf(() => add(world, { uuid }, { address: address(201) }))).toMatchObject({ code: 'nodes.not_found' });
});

it('changes and moves a port, and refuses an address that another has', async () => {
  const world = await openWorld();
  const a = await world.enrol({ ports: [{ address: mac('52:54:00:00:00:01') }] });
  const b = await world.enrol({ ports: [{ address: mac('52:54:00:00:00:02') }] });
  const port = (await world.nodes.ports.findByAddress(mac('52:54:00:00:00:01'))) ?? expect.unreachable();
  const change = (changes: Parameters<typeof world.nodes.ports.update>[2]): Promise<Port> =>
    world.store.transaction((tx) => world.nodes.ports.update(tx, port.uuid, changes));
  expect(await errorOf(() => change({ address: mac('52:54:00:00:00:02') }))).toMatchObject({ code: 'nodes.duplicate_mac' });
  const moved = await change({ nodeUuid: b.uuid, localLinkConnection: { port_id: 'Gi1/0/4' } });
  expect(moved).toEqual({ ...port, nodeUuid: b.uuid, localLinkConnection: { port_id: 'Gi1/0/4' }, updatedAt: world.clock.now() });
  expect(await world.nodes.ports.ofNodes([a.uuid, b.uuid])).toHaveLength(2);
  expect(await world.nodes.ports.ofNodes([a.uuid])).toEqual([]);
});

it('removes a port, once', async () => {
  const world = await openWorld();
  await world.enrol({ ports: [{ address: mac('52:54:00:00:00:01') }] });
  const port = (await world.nodes.ports.findByAddress(mac('52:54:00:00:00:01'))) ?? expect.unreachable();
  const remove = (): Promise<void> => world.store.transaction((tx) => world.nodes.ports.remove(tx, port.uuid));
  await remove();
  expect(await errorOf(remove)).toMatchObject({ code: 'nodes.port_not_found' });
});

it('pages through ports', async () => {
  const world = await openWorld();
  const ports = [1, 2, 3, 4, 5].map((index) => ({ address: mac(`52:54:00:00:00:0${index}`) }));
  await world.enrol({ ports });
  const first = await world.nodes.ports.list({ limit: 3 });
  const second = await world.nodes.ports.list({ limit: 3, marker: first.at(-1)?.uuid ?? '' });
  expect([...first, ...second].map((port) => port.address).toSorted()).toEqual(ports.map((port) => port.address));
  expect(await errorOf(() => world.nodes.ports.list({ marker: 'junk' }))).toMatchObject({ code: 'nodes.bad_query' });
  expect(parsePortUuid('junk')).toBeUndefined();
});
