// What the orders to agents ask of the database and keep to: the same on SQLite and PostgreSQL, with one appliance and with several.

import { Type } from 'typebox';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { orderOutcome, PROTOCOL_LIMITS } from '../../src/inspect/index.ts';
import { silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import type { Store } from '../../src/store/index.ts';
import { createTaskEngine, defineTask, done, type TaskDefinition, type TaskEngine } from '../../src/tasks/index.ts';
import type { Command } from '../sim/own-agent.ts';
import { containing } from '../support/containing.ts';
import { ONE, type OrderWorld, orderWorld, TWO } from '../support/orders.ts';
import { type StoreFixture, storeAt } from './store/fixture.ts';
import { postgresFixture } from './store/postgres.ts';
import { sqliteFixture } from './store/sqlite.ts';

const DISK = { serial: 'S1', wwn: null, size: 1000, byPath: null, expects: ['ext4 @1024 u'], title: 'disk S1' };
const ERASE = { key: 'a:1', name: 'erase_metadata', args: { disks: [DISK] } };
const ERASED = { disks: [{ title: 'disk S1', method: 'zeros', seconds: 1, verified: true, message: '' }] };

describe.each([
  ['SQLite', sqliteFixture],
  ['PostgreSQL', postgresFixture],
] as const)('orders to agents on %s', (_name, makeFixture) => {
  let fixture: StoreFixture | undefined;
  const ends: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    fixture = await makeFixture();
  });
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });
  afterAll(() => fixture?.remove());

  async function open(url?: string, options: Parameters<typeof orderWorld>[2] = {}): Promise<OrderWorld & { readonly url: string }> {
    const at = url ?? (await (fixture ?? expect.unreachable()).freshUrl());
    const store: Store = await storeAt(at);
    const world = orderWorld(store, systemClock, options);
    ends.push(
      () => store.close(),
      () => world.orders.stop(),
    );
    return { ...world, url: at };
  }

  it('are given one at a time, the oldest first, and end with their answers, which may come twice', async () => {
    const { orders, boot, words } = await open();
    const agent = await boot(ONE);
    const { uuid } = agent.node;
    await orders.place(uuid, ERASE);
    await orders.place(uuid, { key: 'a:2', name: 'health', args: {} });
    const first = commandOf(await agent.beat());
    expect(first).toEqual({ id: first.id, name: 'erase_metadata', arguments: { disks: [DISK] } });
    const running = { commandId: first.id, fraction: 0.25, text: 'disk S1', log: [] };
    expect(await agent.beat({ running })).toEqual({ waitSeconds: 2, command: null });
    expect(await orders.standing(uuid, 'a:1')).toEqual({ state: 'given', fraction: 0.25, text: 'disk S1' });
    const answers = [{ commandId: first.id, outcome: 'done', message: 'all zeros', result: ERASED } as const];
    const second = commandOf(await agent.beat({ answers }));
    expect(second.name).toBe('health');
    expect(await orders.standing(uuid, 'a:1')).toEqual({ state: 'done', message: 'all zeros', result: ERASED });
    // The reply was lost: the same again, and the same order comes again.
    expect(commandOf(await agent.beat({ answers }))).toEqual(second);
    expect(words.map(({ key, status }) => [key, status])).toEqual([
      ['a:1', 'end'],
      ['a:1', 'end'],
    ]);
  });

  it('are placed once under a key, also by many at once', async () => {
    const { orders, boot, store } = await open();
    const { node } = await boot(ONE);
    await Promise.all(Array.from({ length: 8 }, () => orders.place(node.uuid, ERASE)));
    expect(await store.db.selectFrom('agent_orders').select('key').execute()).toEqual([{ key: 'a:1' }]);
    await expect(orders.place(node.uuid, { ...ERASE, key: 'a:2', args: { disks: 'all' } })).rejects.toMatchObject({
      code: 'inspect.bad_order',
      message: containing('disks'),
    });
  });

  it('keep their arguments sealed, and forget them when they end', async () => {
    const { orders, boot, store } = await open();
    const agent = await boot(ONE);
    const hash = '$6$salt$rounds-and-hash';
    await orders.place(agent.node.uuid, { key: 'a:1', name: 'rescue', args: { passwordHash: hash, keys: [] } });
    const stored = async () => (await store.db.selectFrom('agent_orders').selectAll().execute()).map((row) => row.args).join();
    expect(await stored()).toMatch(/^v1:/);
    expect(await stored()).not.toContain(hash);
    const [row] = await store.db.selectFrom('agent_orders').selectAll().execute();
    // Bound to its row, in the words that the change of keys uses too: elsewhere it does not open.
    expect(store.vault.open(row?.args ?? '', `agent_orders/${agent.node.uuid}/${row?.id}/args`).reveal()).toContain(hash);
    const elsewhere = `agent_orders/${agent.node.uuid}/other/args`;
    expect(() => store.vault.open(row?.args ?? '', elsewhere)).toThrow(/can't be opened/);
    const { id, arguments: args } = commandOf(await agent.beat());
    expect(args).toEqual({ passwordHash: hash, keys: [] });
    await agent.beat({ answers: [{ commandId: id, outcome: 'failed', message: 'no port' }] });
    expect(await stored()).toBe('');
    expect(await orders.standing(agent.node.uuid, 'a:1')).toEqual({ state: 'failed', message: 'no port' });
  });

  it('are not ended by other machines, other boots or other ids; that is noted, and their agents go on', async () => {
    const { orders, boot, store } = await open();
    const agent = await boot(ONE);
    const other = await boot(TWO);
    await orders.place(agent.node.uuid, ERASE);
    const { id } = commandOf(await agent.beat());
    const forged = { outcome: 'done', message: 'believe me', result: ERASED } as const;
    expect(await other.beat({ answers: [{ commandId: id, ...forged }] })).toMatchObject({ command: null });
    expect(await other.beat({ answers: [{ commandId: 'made-up', ...forged }] })).toMatchObject({ command: null });
    expect(await orders.standing(agent.node.uuid, 'a:1')).toMatchObject({ state: 'given' });
    await store.reasons.flush();
    const notes = (await store.reasons.list(`mac:${TWO.mac}`, 10)).map(({ reason }) => reason);
    expect(notes.join('\n')).toContain(`done to ${id}: that order is of another machine`);
    expect(notes.join('\n')).toContain('done to made-up: no order has that id');
    await expect(
      agent
        .beat({}, new AbortController().signal)
        .then(() => boot(ONE).then(() => agent.beat({ answers: [{ commandId: id, ...forged }] }))),
    ).rejects.toMatchObject({ code: 'inspect.token_refused' });
  });

  it('fail with a result that is too long, and what is told says how long it was', async () => {
    const { orders, boot } = await open();
    const agent = await boot(ONE);
    await orders.place(agent.node.uuid, { key: 'a:1', name: 'health', args: {} });
    const { id } = commandOf(await agent.beat());
    const items = ['x'.repeat(PROTOCOL_LIMITS.resultBytes)];
    await agent.beat({ answers: [{ commandId: id, outcome: 'done', message: '', result: { items } }] });
    expect(await orders.standing(agent.node.uuid, 'a:1')).toMatchObject({ state: 'failed', message: containing('bytes long') });
  });

  it('go to the machine’s next boot as taken up again, at most three times', async () => {
    const { orders, boot, store } = await open();
    const order = { ...ERASE, key: `${await unfinishedTask(store)}:0` };
    let agent = await boot(ONE);
    const { uuid } = agent.node;
    await orders.place(uuid, order);
    const first = commandOf(await agent.beat());
    expect(first.isResumed).toBeUndefined();
    for (let boots = 2; boots <= 3; boots += 1) {
      agent = await boot(ONE);
      expect(commandOf(await agent.beat())).toEqual({ ...first, isResumed: true });
    }
    agent = await boot(ONE);
    expect((await agent.beat()).command).toBeNull();
    expect(await orders.standing(uuid, order.key)).toMatchObject({ state: 'failed', message: containing('booted anew 3 times') });
    const types = (await store.events.list({ after: 0, limit: 100 })).map(({ type }) => type).filter((type) => type.startsWith('agent.'));
    expect(types).toEqual(['agent.order_given', 'agent.order_given', 'agent.order_given', 'agent.order_failed']);
  });

  it('are done by the boot of the machine where that is what they are for', async () => {
    const { orders, boot } = await open();
    const { uuid } = (await boot(ONE)).node;
    const before = await boot(ONE);
    await orders.place(uuid, { key: 'a:1', name: 'reboot', args: {} });
    commandOf(await before.beat());
    expect((await (await boot(ONE)).beat()).command).toBeNull();
    expect(await orders.standing(uuid, 'a:1')).toMatchObject({ state: 'done', message: 'the machine has booted anew' });
  });

  it('that would have the machine go away are not given again when nobody waits for them any more', async () => {
    const { orders, boot } = await open();
    const { uuid } = (await boot(ONE)).node;
    for (const [key, name] of [
      ['power:1', 'reboot'],
      ['power:2', 'power_off'],
    ] as const) {
      const agent = await boot(ONE);
      await orders.place(uuid, { key, name, args: {} });
      const { id } = commandOf(await agent.beat()); // the reply is lost
      await orders.cancel(uuid, 'nobody waits for it any more', key);
      expect((await agent.beat()).command).toBeNull();
      expect(await orders.standing(uuid, key)).toMatchObject({ state: 'failed', message: 'nobody waits for it any more' });
      await agent.beat({ answers: [{ commandId: id, outcome: 'done', message: '', result: {} }] });
      expect((await (await boot(ONE)).beat()).command).toBeNull();
    }
    await orders.place(uuid, ERASE);
    const next = await boot(ONE);
    commandOf(await next.beat());
    await orders.cancel(uuid, 'not wanted');
    expect(await orders.standing(uuid, ERASE.key)).toMatchObject({ state: 'given' });
  });

  it('are no longer untouched when they were given in a boot before', async () => {
    const { orders, boot, store } = await open();
    const { uuid } = (await boot(ONE)).node;
    await orders.place(uuid, ERASE);
    await orders.place(uuid, { ...ERASE, key: 'b:1' });
    const outcome = (key: string) => store.transaction((tx) => orderOutcome(tx, uuid, key));
    expect([await outcome('a:1'), await outcome('c:1')]).toEqual(['untouched', 'unknown']);
    commandOf(await (await boot(ONE)).beat());
    expect([await outcome('a:1'), await outcome('a')]).toEqual(['unknown', 'unknown']);
    const agent = await boot(ONE);
    const again = commandOf(await agent.beat());
    const refused = (commandId: string) => [{ commandId, outcome: 'refused' as const, message: 'another disk is there' }];
    const next = commandOf(await agent.beat({ answers: refused(again.id) }));
    expect(await orders.standing(uuid, 'a:1')).toEqual({ state: 'failed', message: 'another disk is there' });
    await agent.beat({ answers: refused(next.id) });
    expect(await orders.standing(uuid, 'b:1')).toMatchObject({ state: 'failed', isUntouched: true });
    expect([await outcome('a:1'), await outcome('b:1')]).toEqual(['unknown', 'untouched']);
  });

  it('whose reply was lost are not given again when the work that wanted them is over', async () => {
    const { store, orders, boot } = await open();
    const task = await unfinishedTask(store);
    const agent = await boot(ONE);
    const { uuid } = agent.node;
    await orders.place(uuid, { ...ERASE, key: `${task}:0` });
    expect((await agent.beat()).command?.name).toBe('erase_metadata');
    await store.transaction((tx) => engineOn(store).cancel(tx, task, 'not wanted'));
    expect((await agent.beat()).command).toBeNull();
    expect(await orders.standing(uuid, `${task}:0`)).toMatchObject({ state: 'failed', message: containing('the agent never saw it') });
  });

  it('are not given when the work that wanted them is over, nor again to a next boot', async () => {
    const { orders, boot, store } = await open();
    const task = await unfinishedTask(store);
    const agent = await boot(ONE);
    const { uuid } = agent.node;
    await orders.place(uuid, { ...ERASE, key: `${task}:0` });
    await orders.place(uuid, { ...ERASE, key: `${task}:1` });
    commandOf(await agent.beat());
    await store.transaction((tx) => engineOn(store).cancel(tx, task, 'not wanted'));
    expect((await (await boot(ONE)).beat()).command).toBeNull();
    expect(await orders.standing(uuid, `${task}:0`)).toMatchObject({
      state: 'failed',
      message: containing('the work that wanted it is over'),
    });
    expect(await orders.standing(uuid, `${task}:1`)).toEqual({
      state: 'failed',
      message: 'the work that wanted it is over',
      isUntouched: true,
    });
  });

  it('end for whoever waits for them, and are told again when the first telling was cut off', async () => {
    let isCutOff = true;
    const world = await open(undefined, {
      onEnded: () => {
        if (isCutOff) throw new Error('killed');
      },
    });
    const agent = await world.boot(ONE);
    const task = await unfinishedTask(world.store);
    await world.orders.place(agent.node.uuid, { key: `${task}:0`, name: 'health', args: {} });
    const ended = world.orders.ended(agent.node.uuid, `${task}:0`, AbortSignal.timeout(20_000));
    const { id } = commandOf(await agent.beat());
    const answers = [{ commandId: id, outcome: 'done', message: '', result: { items: [] } } as const];
    await expect(agent.beat({ answers })).rejects.toThrow('killed');
    expect(await ended).toMatchObject({ state: 'done' });
    isCutOff = false;
    await agent.beat({ answers });
    expect(world.words).toHaveLength(2);
    // Another life of the appliance, with nobody who asks: it looks by itself what is waited for.
    await world.orders.start(new AbortController().signal);
    await expect.poll(() => world.words.length).toBe(3);
  });

  it('of one appliance reach a heartbeat that another one holds', async () => {
    const here = await open();
    const there = fixture?.dialect === 'postgres' ? await open(here.url) : here;
    const agent = await there.boot(ONE);
    const stopping = new AbortController();
    const living = agent.live(stopping.signal);
    await expect.poll(() => there.orders.held, { timeout: 10_000 }).toBe(1);
    await here.orders.place(agent.node.uuid, ERASE);
    expect(await here.orders.ended(agent.node.uuid, 'a:1', AbortSignal.timeout(30_000))).toMatchObject({ state: 'done' });
    stopping.abort();
    expect(await living).toBe('stopped');
  });

  it('go with their node', async () => {
    const { orders, boot, store, nodes } = await open();
    const agent = await boot(ONE);
    await orders.place(agent.node.uuid, ERASE);
    await store.transaction(async (tx) => nodes.remove(tx, await nodes.get(agent.node.uuid, tx), { who: 'system' }));
    expect(await orders.standing(agent.node.uuid, 'a:1')).toBeUndefined();
    expect(await store.db.selectFrom('agent_orders').selectAll().execute()).toEqual([]);
  });
});

/** Accepted and never begun: nobody starts this engine. */
async function unfinishedTask(store: Store): Promise<string> {
  return store.transaction((tx) => engineOn(store).submit(tx, { kind: KIND, subject: 'test', locks: [], args: {} }));
}

const KIND = 'test.nothing';

function engineOn(store: Store): TaskEngine {
  const definition = defineTask({
    kind: KIND,
    title: 'Nothing',
    args: Type.Object({}),
    steps: [{ name: 'nothing', title: 'Nothing', timeoutMs: 1000, run: () => Promise.resolve(done()) }],
  });
  return createTaskEngine({
    store,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    definitions: [definition as TaskDefinition],
    holder: 'test',
  });
}

function commandOf({ command }: { readonly command: Command | null }): Command {
  return command ?? expect.unreachable('there is no command');
}
