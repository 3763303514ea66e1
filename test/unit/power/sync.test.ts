import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLog } from '../../../src/lib/index.ts';
import type { Node, NodeChanges } from '../../../src/nodes/index.ts';
import { createPowerSync, type PowerSync, type PowerSyncOptions } from '../../../src/power/index.ts';
import { matching } from '../../support/containing.ts';
import { ALICE } from '../nodes/world.ts';
import { openPowerWorld, type PowerWorld } from './world.ts';

const DEAD = () => Promise.reject(new Error('no route to host'));

function syncOf(world: PowerWorld, more: Partial<PowerSyncOptions> = {}): PowerSync {
  const { store, nodes, gateway, clock } = world;
  const sync = createPowerSync({ store, nodes, gateway, clock, log: silentLog, holder: 'one', intervalMs: 60_000, workers: 8, ...more });
  onTestFinished(() => clock.until(sync.stop()));
  return sync;
}

async function openSync(more: Partial<PowerSyncOptions> = {}) {
  const world = await openPowerWorld();
  const sync = syncOf(world, more);
  return {
    ...world,
    world,
    sync,
    round: () => world.clock.until(sync.round('well', 0)),
    recover: () => world.clock.until(sync.round('failed', 0)),
    change: (node: Node, changes: NodeChanges) =>
      world.store.transaction(async (tx) => world.nodes.update(tx, await world.nodes.get(node.uuid, tx), changes, ALICE)),
    // A read is tried three times.
    kill: (rounds = 1) => world.bmc.script.push(...Array.from({ length: 3 * rounds }, () => DEAD)),
    eventsOf: async (type: string) => (await world.store.events.list({ after: 0, limit: 1000, type })).map((event) => event.message),
  };
}

describe('reading the power states', () => {
  it('records what the machine says, and the change as an event', async () => {
    const { node, nodes, bmc, round, eventsOf } = await openSync();
    const one = await node('one');
    await round();
    expect(await nodes.get(one.uuid)).toMatchObject({ powerState: 'power off' });
    bmc.reading = 'power on';
    await round();
    await round();
    expect(await nodes.get(one.uuid)).toMatchObject({ powerState: 'power on', maintenance: false });
    expect(await eventsOf('node.power_changed')).toEqual([
      'node one is power off, and nobody knew its power state before',
      'node one is power on, and was recorded as power off',
    ]);
  });

  it('leaves alone who is under way, held, in maintenance, ignored or only enrolled, but not who is only watched', async () => {
    const { world, node, bmc, round, change, store } = await openSync();
    await node('enrolled', {}, 'enroll');
    await node('cleaning', {}, 'cleaning');
    await node('waiting', {}, 'wait call-back');
    await change(await node('repaired'), { maintenance: true });
    await change(await node('ignored'), { ignored: true });
    await change(await node('switching'), { targetPowerState: 'power on' });
    const held = await node('held');
    await store.transaction((tx) =>
      store.leases.acquire(tx, { key: `node:${held.uuid}`, holder: 'task:1', purpose: 'a test', ttlMs: 60_000 }),
    );
    await change(await node('watched'), { observeOnly: true });
    await world.node('stranger', { driver: 'snmp' });
    await world.node('bare', { driverInfo: {} });
    await round();
    expect(bmc.calls).toEqual(['state watched']);
  });

  it('does not overwrite what somebody began while the machine was asked', async () => {
    const { node, nodes, bmc, round, change } = await openSync();
    const one = await node('one');
    bmc.script.push(async () => {
      await change(one, { targetPowerState: 'power on' });
    });
    await round();
    expect(await nodes.get(one.uuid)).toMatchObject({ powerState: null, targetPowerState: 'power on' });
  });

  it('takes a machine out of service after three failures in a row, and says why', async () => {
    const { node, nodes, round, change, kill, eventsOf, store } = await openSync();
    const one = await node('one');
    await change(one, { powerState: 'power on' });
    kill(2);
    await round();
    await round();
    expect(await nodes.get(one.uuid)).toMatchObject({ powerState: 'power on', maintenance: false });
    await round(); // answers: the count begins anew
    await change(one, { powerState: 'power on' });
    kill(3);
    for (let count = 0; count < 2; count += 1) await round();
    expect(await nodes.get(one.uuid)).toMatchObject({ maintenance: false });
    await round();
    expect(await nodes.get(one.uuid)).toMatchObject({
      powerState: null,
      maintenance: true,
      fault: 'power failure',
      maintenanceReason: matching(/^the power state can not be read: .*(no route to host|left alone)/),
    });
    expect(await eventsOf('node.power_failure')).toHaveLength(1);
    await store.reasons.flush();
    const [last] = await store.reasons.list(`node:${one.uuid}`, 1);
    expect(last).toMatchObject({ area: 'power', decision: 'out of service' });
  });

  it('takes it back when it answers again', async () => {
    const { node, nodes, bmc, clock, round, recover, change, kill, eventsOf } = await openSync();
    const one = await node('one');
    await change(one, { powerState: 'power on' });
    kill(3);
    for (let count = 0; count < 3; count += 1) await round();
    kill(1);
    await clock.advance(600_000);
    await recover();
    expect(await nodes.get(one.uuid)).toMatchObject({ maintenance: true, fault: 'power failure' });
    await clock.advance(600_000);
    bmc.script.length = 0;
    bmc.reading = 'power on';
    await recover();
    expect(await nodes.get(one.uuid)).toMatchObject({
      maintenance: false,
      fault: null,
      maintenanceReason: null,
      lastError: null,
      powerState: 'power on',
    });
    expect(await eventsOf('node.power_recovered')).toEqual(['node one answers again and is power on; its maintenance is over']);
  });

  it('leaves it in maintenance where a person has given another reason', async () => {
    const { node, nodes, bmc, clock, round, recover, change, kill } = await openSync();
    const one = await node('one');
    await change(one, { powerState: 'power on' });
    kill(3);
    for (let count = 0; count < 3; count += 1) await round();
    await change(one, { maintenanceReason: 'new board on order' });
    bmc.script.length = 0;
    await clock.advance(600_000);
    await recover();
    expect(await nodes.get(one.uuid)).toMatchObject({
      maintenance: true,
      fault: null,
      maintenanceReason: 'new board on order',
      powerState: 'power off',
    });
  });

  it('never touches maintenance that a person set', async () => {
    const { node, nodes, recover, change } = await openSync();
    const one = await change(await node('one'), { maintenance: true, maintenanceReason: 'mine' });
    await recover();
    expect(await nodes.get(one.uuid)).toMatchObject({ maintenance: true, version: one.version });
  });

  it('is spread over the interval, half of the workers at most at once', async () => {
    const { world, node, bmc, clock } = await openSync();
    for (let count = 0; count < 8; count += 1) await node(`n${count}`);
    const sync = syncOf(world, { workers: 4 });
    let under = 0;
    let most = 0;
    bmc.script.push(
      ...Array.from({ length: 8 }, () => async () => {
        under += 1;
        most = Math.max(most, under);
        await clock.sleep(15_000);
        under -= 1;
      }),
    );
    await clock.until(sync.start(AbortSignal.timeout(30_000)));
    await clock.advance(5000);
    expect(bmc.calls).toHaveLength(1);
    await clock.advance(114_000);
    expect(new Set(bmc.calls).size).toBe(8);
    expect(most).toBe(2);
    expect(sync.counters()).toMatchObject({ late_rounds: 1, changed: 8 });
  });

  it('is done by one of several appliances', async () => {
    const { world, node, clock } = await openSync();
    await node('one');
    const both = [syncOf(world, { holder: 'one' }), syncOf(world, { holder: 'two' })];
    for (const sync of both) await sync.start(AbortSignal.timeout(30_000));
    await clock.advance(180_000);
    expect(both.map((sync) => sync.counters().rounds).toSorted((a, b) => a - b)).toEqual([0, 4]);
  });

  it('is off when the interval is 0', async () => {
    const { world, node, bmc, clock } = await openSync();
    await node('one');
    const sync = syncOf(world, { intervalMs: 0 });
    await sync.start(AbortSignal.timeout(30_000));
    await clock.advance(600_000);
    expect(bmc.calls).toEqual([]);
  });
});
