// Orders to agents over a real store, with agents that a test plays: what is given, to whom, how often, and how it ends.

import { describe, expect, it, onTestFinished } from 'vitest';
import { createInspect, createOrders, type Inspect, type Orders, type OrderWord } from '../../../src/inspect/index.ts';
import { parseMac, silentLog, systemRandom } from '../../../src/lib/index.ts';
import { createNodes, type Nodes } from '../../../src/nodes/index.ts';
import type { Store } from '../../../src/store/index.ts';
import { bootOwnAgent, type Command, type Deed, type OwnAgent } from '../../sim/own-agent.ts';
import { inventoryOf } from '../../support/agent.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';

const MAC = '52:54:00:00:00:0a';
const UUID = '4c4c4544-0042-3510-8051-b4c04f4d3232';
const DISK = { serial: 'S1', wwn: null, size: 1000, byPath: null, expects: null, title: 'disk S1' };

describe('an order', () => {
  it('goes out with a held heartbeat at once, and its answer is what it stands at', async () => {
    const world = await open();
    const agent = await boot(world);
    const living = agent.live(world.signal);
    await held(world, 1);
    await world.orders.place(agent.node.uuid, { key: 'power:1', name: 'erase_metadata', args: { disks: [DISK] } });
    const end = await world.orders.ended(agent.node.uuid, 'power:1', world.signal);
    expect(end).toMatchObject({ state: 'done', result: { disks: [{ title: 'disk S1', verified: true }] } });
    expect(agent.given).toMatchObject([{ name: 'erase_metadata', arguments: { disks: [DISK] } }]);
    world.stop();
    expect(await living).toBe('stopped');
  });

  it('is placed once under its key, also when it has ended', async () => {
    const world = await open();
    const agent = await boot(world);
    const order = { key: 'power:1', name: 'health', args: {} };
    expect(await world.orders.place(agent.node.uuid, order)).toEqual({ state: 'waiting' });
    expect(await world.orders.place(agent.node.uuid, order)).toEqual({ state: 'waiting' });
    const { command } = await agent.beat();
    expect((await world.orders.place(agent.node.uuid, order)).state).toBe('given');
    await agent.beat({ answers: [{ commandId: idOf(command), outcome: 'done', message: 'well', result: { items: [] } }] });
    expect(await world.orders.place(agent.node.uuid, order)).toEqual({ state: 'done', message: 'well', result: { items: [] } });
    expect((await agent.beat()).command).toBeNull();
  });
});

interface World {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: FakeClock;
  readonly orders: Orders;
  readonly inspect: Inspect;
  readonly words: (OrderWord & { readonly uuid: string })[];
  readonly signal: AbortSignal;
  stop(): void;
}

async function open(): Promise<World> {
  const clock = createFakeClock(1_800_000_000_000);
  const store = await openTestStore({ clock });
  const common = { store, clock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  const orders = createOrders({ ...common, nodes });
  const words: World['words'] = [];
  orders.listen({
    ended: (uuid, word) => {
      words.push({ uuid, ...word });
      return Promise.resolve();
    },
    progress: () => Promise.resolve(),
  });
  const stopping = new AbortController();
  onTestFinished(async () => {
    stopping.abort();
    await orders.stop();
  });
  const inspect = createInspect({ ...common, nodes, orders });
  return { store, nodes, clock, orders, inspect, words, signal: stopping.signal, stop: () => stopping.abort() };
}

async function boot({ inspect }: World, script?: (command: Command) => Deed): Promise<OwnAgent> {
  const mac = parseMac(MAC) ?? expect.unreachable();
  const secret = await inspect.issueSecret(mac, UUID);
  return bootOwnAgent(secret, {
    macs: [MAC],
    smbiosUuid: UUID,
    inventory: inventoryOf({ mac: MAC, uuid: UUID }),
    send: (path, body, headers, signal) => into(inspect, path, body, headers, signal),
    ...(script === undefined ? {} : { script }),
  });
}

/** Straight into the room, past the API. */
async function into(inspect: Inspect, path: string, body: object, headers: Readonly<Record<string, string>>, signal: AbortSignal) {
  const token = headers.authorization?.slice('Bearer '.length) ?? '';
  const made = JSON.parse(JSON.stringify(body)) as never; // in the protocol's form, as the stand-in made it
  const reply = path.endsWith('lookup')
    ? await inspect.lookup(made, '10.0.0.9')
    : path.endsWith('inventory')
      ? await inspect.receiveInventory(token, made)
      : await inspect.heartbeat(token, made, signal);
  return { status: 200, body: JSON.stringify(reply) };
}

async function held({ orders }: World, count: number): Promise<void> {
  await expect.poll(() => orders.held).toBe(count);
}

function idOf(command: Command | null): string {
  return command?.id ?? expect.unreachable();
}
