// Held heartbeats, silence and stops, with a clock that the test turns. What the database is asked for is in test/conformance.

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Store } from '../../../src/store/index.ts';
import type { Command } from '../../sim/own-agent.ts';
import { containing } from '../../support/containing.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { ONE, type OrderWorld, orderWorld, TWO } from '../../support/orders.ts';
import { openTestStore } from '../../support/store.ts';

const DISK = { serial: 'S1', wwn: null, size: 1000, byPath: null, expects: null, title: 'disk S1' };
const ERASE = { key: 'loose:1', name: 'erase_metadata', args: { disks: [DISK] } };
const MINUTE = 60_000;

async function open(options: Parameters<typeof orderWorld>[2] = {}): Promise<OrderWorld & { readonly clock: FakeClock }> {
  const clock = createFakeClock(1_800_000_000_000);
  const world = orderWorld(await openTestStore({ clock }), clock, options);
  onTestFinished(() => world.orders.stop());
  return { ...world, clock };
}

function notes(count: number): { readonly kind: 'agent'; readonly line: string }[] {
  return Array.from({ length: count }, (_, i) => ({ kind: 'agent', line: `note ${i}` }));
}

/** Notes that became events, and words that some did not. */
async function kept({ events }: Store): Promise<number[]> {
  const of = async (type: string): Promise<number> => (await events.list({ after: 0, limit: 1000, type })).length;
  return [await of('agent.agent'), await of('agent.notes_left_out')];
}

describe('a held heartbeat', () => {
  it('is answered when its time is over, and not before', async () => {
    const { boot, clock, orders } = await open();
    const agent = await boot(ONE);
    let reply: unknown;
    const beat = agent.beat({ holdSeconds: 25 }).then((one) => (reply = one));
    await clock.advance(24_000);
    expect(reply).toBeUndefined();
    expect(orders.held).toBe(1);
    await clock.advance(2000);
    expect(await beat).toEqual({ waitSeconds: 0, command: null });
    expect(orders.held).toBe(0);
  });

  it('is answered at once with an order that is placed meanwhile', async () => {
    const { boot, clock, orders } = await open();
    const agent = await boot(ONE);
    const beat = agent.beat({ holdSeconds: 25 });
    await clock.advance(1000);
    await orders.place(agent.node.uuid, ERASE);
    expect(await beat).toMatchObject({ waitSeconds: 0, command: { name: 'erase_metadata' } });
    expect(clock.now()).toBe(1_800_000_001_000);
  });

  it('ends when its machine is gone, and what it was given then goes to the next one', async () => {
    const { boot, clock, orders } = await open();
    const agent = await boot(ONE);
    const gone = new AbortController();
    const first = agent.beat({ holdSeconds: 25 }, gone.signal);
    await clock.advance(1000);
    gone.abort();
    expect(await first).toEqual({ waitSeconds: 0, command: null });
    expect(orders.held).toBe(0);
    await orders.place(agent.node.uuid, ERASE);
    const lost = await agent.beat();
    expect((await agent.beat({ holdSeconds: 25 })).command).toEqual(lost.command);
  });

  it('gives way to the next one of the same machine', async () => {
    const { boot, clock, orders } = await open();
    const agent = await boot(ONE);
    const first = agent.beat({ holdSeconds: 25 });
    await clock.advance(1000);
    const second = agent.beat({ holdSeconds: 25 });
    expect(await first).toEqual({ waitSeconds: 0, command: null });
    await clock.advance(1000);
    expect(orders.held).toBe(1);
    await orders.place(agent.node.uuid, ERASE);
    expect((await second).command?.name).toBe('erase_metadata');
  });

  it('is not held where as many are held already', async () => {
    const { boot, orders } = await open({ maxHeld: 0 });
    const agent = await boot(ONE);
    expect(await agent.beat({ holdSeconds: 25 })).toEqual({ waitSeconds: 5, command: null });
    expect(orders.held).toBe(0);
  });

  it('is answered when the appliance stops, and none is held after that', async () => {
    const { boot, clock, orders } = await open();
    const agent = await boot(ONE);
    const beat = agent.beat({ holdSeconds: 25 });
    await clock.advance(1000);
    await orders.release();
    expect(await beat).toEqual({ waitSeconds: 0, command: null });
    expect(await agent.beat({ holdSeconds: 25 })).toEqual({ waitSeconds: 5, command: null });
    expect(clock.sleeping).toBe(0);
  });

  it('costs no timer of its own: a thousand share one', async () => {
    const { boot, clock, orders, store } = await open();
    const agent = await boot(ONE);
    const nodes = Array.from({ length: 1000 }, (_, at) => `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`);
    const beats = nodes.map((nodeUuid) =>
      orders.beat(
        { nodeUuid, session: nodeUuid, mac: ONE.mac },
        { uptimeSeconds: 1, agentVersion: 'x', answers: [], holdSeconds: 25 },
        new AbortController().signal,
        () => undefined,
      ),
    );
    await clock.advance(1000);
    expect(orders.held).toBe(1000);
    expect(clock.sleeping).toBe(1);
    await orders.place(agent.node.uuid, ERASE);
    await clock.advance(26_000);
    expect(await Promise.all(beats)).toEqual(nodes.map(() => ({ waitSeconds: 0, command: null })));
    expect(clock.sleeping).toBe(0);
    expect(await store.db.selectFrom('agent_orders').select('state').execute()).toEqual([{ state: 'waiting' }]);
  });
});

describe('an end that the server itself made', () => {
  it('is told again when whoever waits for it could not listen', async () => {
    let isBusy = true;
    const { boot, clock, orders, words } = await open({
      onEnded: () => {
        if (isBusy) throw new Error('the store is busy');
      },
    });
    await orders.start(new AbortController().signal);
    const agent = await boot(ONE);
    await orders.place(agent.node.uuid, ERASE);
    await agent.beat();
    await clock.advance(16 * MINUTE);
    expect(await orders.standing(agent.node.uuid, ERASE.key)).toMatchObject({ state: 'failed' });
    const before = words.length;
    isBusy = false;
    await clock.advance(MINUTE);
    expect(words.length).toBe(before + 1);
    await clock.advance(MINUTE);
    expect(words.length).toBe(before + 1);
  });
});

describe('an agent', () => {
  it('that falls silent fails its order after a while, and its late answer changes nothing', async () => {
    const { boot, clock, orders, words } = await open();
    await orders.start(new AbortController().signal);
    const agent = await boot(ONE);
    await orders.place(agent.node.uuid, ERASE);
    const { id } = commandOf(await agent.beat());
    await clock.advance(14 * MINUTE);
    await agent.beat({ running: { commandId: id, fraction: 0.5, text: 'half', log: [] } });
    await clock.advance(14 * MINUTE);
    expect(await orders.standing(agent.node.uuid, ERASE.key)).toMatchObject({ state: 'given', fraction: 0.5 });
    await clock.advance(2 * MINUTE);
    const failed = await orders.standing(agent.node.uuid, ERASE.key);
    expect(failed).toMatchObject({
      state: 'failed',
      message: expect.stringMatching(/^nothing was heard of the agent for 15 minutes/) as unknown,
    });
    expect(words.map(({ status }) => status)).toEqual(['error']);
    await agent.beat({ answers: [{ commandId: id, outcome: 'done', message: '', result: { disks: [] } }] });
    expect(await orders.standing(agent.node.uuid, ERASE.key)).toEqual(failed);
  });

  it('that refuses has done nothing, as the order says from then on; one that fails may have', async () => {
    const { boot, orders } = await open();
    const agent = await boot(ONE);
    for (const [at, outcome] of (['refused', 'failed'] as const).entries()) {
      const order = { ...ERASE, key: `loose:${at}` };
      await orders.place(agent.node.uuid, order);
      const { id } = commandOf(await agent.beat());
      await agent.beat({ answers: [{ commandId: id, outcome, message: 'no' }] });
      const isUntouched = outcome === 'refused' ? { isUntouched: true } : {};
      expect(await orders.standing(agent.node.uuid, order.key)).toEqual({ state: 'failed', message: 'no', ...isUntouched });
    }
  });

  it('gets nothing else while it is at something that nobody waits for any more', async () => {
    const { boot, orders, beats } = await open();
    const agent = await boot(ONE);
    await orders.place(agent.node.uuid, ERASE);
    const running = { commandId: 'of-another-life', fraction: 0.5, text: 'half', log: [] };
    expect(await agent.beat({ running })).toEqual({ waitSeconds: 2, command: null });
    expect((await agent.beat()).command?.name).toBe('erase_metadata');
    expect(beats.at(-1)).toEqual({ uuid: agent.node.uuid, isBusy: true });
  });

  it('that ends something short in one beat has the last lines of its log kept, and nothing noted of work that nobody waits for', async () => {
    const { boot, orders, progress, store } = await open();
    const agent = await boot(ONE);
    await orders.place(agent.node.uuid, ERASE);
    const { id } = commandOf(await agent.beat());
    const log = [{ stream: 'out', line: 'erased' }] as const;
    const beat = {
      running: { commandId: id, fraction: 1, text: 'done', log: [...log] },
      answers: [{ commandId: id, outcome: 'done', message: '', result: { disks: [] } } as const],
    };
    await agent.beat(beat);
    await agent.beat(beat);
    expect(progress.map((one) => one.log)).toEqual([log]);
    expect(await orders.standing(agent.node.uuid, ERASE.key)).toMatchObject({ state: 'done' });
    expect((await store.reasons.list(`mac:${ONE.mac}`, 100)).map(({ decision }) => decision)).not.toContain('nothing to do');
  });

  it('is said to run from its report on, before its first heartbeat', async () => {
    const { boot, orders } = await open();
    const agent = await boot(ONE);
    expect(orders.isBeating(agent.node.uuid)).toBe(true);
  });

  it('is said to beat until it was told to go', async () => {
    const { boot, orders, clock } = await open();
    const agent = await boot(ONE);
    await agent.beat();
    expect(orders.isBeating(agent.node.uuid)).toBe(true);
    await orders.place(agent.node.uuid, { key: 'loose:2', name: 'power_off', args: {} });
    const living = agent.live(new AbortController().signal);
    expect(await living).toBe('gone');
    expect(orders.isBeating(agent.node.uuid)).toBe(false);
    await agent.beat();
    expect(orders.isBeating(agent.node.uuid)).toBe(true);
    await clock.advance(96_000);
    expect(orders.isBeating(agent.node.uuid)).toBe(false);
  });

  it('tells progress at most once a second, and every line of its log', async () => {
    const { boot, orders, progress, clock } = await open();
    const agent = await boot(ONE, { script: () => ({ does: 'work', beats: 4, end: { does: 'succeed', result: { items: [] } } }) });
    await orders.place(agent.node.uuid, { key: 'loose:3', name: 'health', args: {} });
    const stopping = new AbortController();
    const living = agent.live(stopping.signal);
    expect(await orders.ended(agent.node.uuid, 'loose:3', stopping.signal)).toMatchObject({ state: 'done' });
    stopping.abort();
    await clock.advance(1000);
    await living;
    expect(progress.map(({ isDue, log }) => [isDue, log.length])).toEqual([
      [true, 1],
      [false, 1],
      [false, 1],
      [false, 1],
    ]);
  });

  it('that notes something has it as an event of its node', async () => {
    const { boot, store } = await open();
    const agent = await boot(ONE);
    await agent.beat({ notes: [{ kind: 'rescue', line: 'root came in from 10.0.0.5' }] });
    const events = await store.events.list({ after: 0, limit: 100, type: 'agent.rescue' });
    expect(events).toMatchObject([{ nodeUuid: agent.node.uuid, message: 'root came in from 10.0.0.5' }]);
  });

  it('that notes much has it kept in one transaction', async () => {
    const { boot, store } = await open();
    const agent = await boot(ONE);
    const transaction = vi.spyOn(store, 'transaction');
    await agent.beat();
    expect(transaction).toHaveBeenCalledTimes(0);
    await agent.beat({ notes: notes(50) });
    expect(transaction).toHaveBeenCalledTimes(1);
    expect(await kept(store)).toEqual([50, 0]);
  });

  it('that notes without end has sixty kept an hour and is told of once, others have theirs', async () => {
    const { boot, store, clock } = await open();
    const [agent, other] = [await boot(ONE), await boot(TWO)];
    for (let beat = 0; beat < 5; beat += 1) await agent.beat({ notes: notes(50) });
    expect(await kept(store)).toEqual([60, 1]);
    const [told] = await store.events.list({ after: 0, limit: 1, type: 'agent.notes_left_out' });
    expect(told).toMatchObject({ severity: 'warning', nodeUuid: agent.node.uuid, message: containing('more than 60') });
    await other.beat({ notes: notes(50) });
    expect(await kept(store)).toEqual([110, 1]);
    await clock.advance(61 * MINUTE);
    await agent.beat({ notes: notes(50) });
    await agent.beat({ notes: notes(50) });
    expect(await kept(store)).toEqual([170, 2]);
  });

  it('whose notes could not be kept has them kept when it sends them again', async () => {
    const { boot, store } = await open();
    const agent = await boot(ONE);
    const transaction = vi.spyOn(store, 'transaction').mockRejectedValueOnce(new Error('the disk is full'));
    await expect(agent.beat({ notes: notes(50) })).rejects.toThrow('the disk is full');
    await agent.beat({ notes: notes(50) });
    expect(await kept(store)).toEqual([50, 0]);
    transaction.mockRestore();
  });
});

describe('an order that no task wants', () => {
  it('is given within ten minutes or never', async () => {
    const { boot, orders, clock } = await open();
    const agent = await boot(ONE);
    await orders.place(agent.node.uuid, { key: 'power:1', name: 'power_off', args: {} });
    await clock.advance(11 * MINUTE);
    expect((await agent.beat()).command).toBeNull();
    expect(await orders.standing(agent.node.uuid, 'power:1')).toEqual({
      state: 'failed',
      message: 'no agent took it within 10 minutes',
      isUntouched: true,
    });
  });

  it('is gone when whoever placed it takes it back, and the others stay', async () => {
    const { boot, orders } = await open();
    const agent = await boot(ONE);
    await orders.place(agent.node.uuid, { key: 'power:1', name: 'reboot', args: {} });
    await orders.place(agent.node.uuid, ERASE);
    await orders.cancel(agent.node.uuid, 'changed my mind', 'power:1');
    expect((await agent.beat()).command?.name).toBe('erase_metadata');
    await orders.cancel(agent.node.uuid, 'all of it');
    expect((await orders.standing(agent.node.uuid, ERASE.key))?.state).toBe('given');
  });

  it('goes with the others of its task, by the beginning of their keys', async () => {
    const { boot, orders } = await open();
    const { uuid } = (await boot(ONE)).node;
    for (const key of ['t1:0', 't1:1:x', 't10:0']) await orders.place(uuid, { ...ERASE, key });
    await orders.cancel(uuid, 'aborted', 't1');
    const states = await Promise.all(['t1:0', 't1:1:x', 't10:0'].map(async (key) => (await orders.standing(uuid, key))?.state));
    expect(states).toEqual(['failed', 'failed', 'waiting']);
  });
});

function commandOf({ command }: { readonly command: Command | null }): Command {
  return command ?? expect.unreachable('there is no command');
}
