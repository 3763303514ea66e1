import { describe, expect, it } from 'vitest';
import { RackseedError } from '../../../src/lib/index.ts';
import { containing, matching } from '../../support/containing.ts';
import { asking, breakerOf, deaf, failureOf, never, openPowerWorld, type PowerWorld } from './world.ts';

const busy = (): Promise<never> =>
  Promise.reject(new RackseedError('power.failed', { status: 502, about: '', retryable: true }, { message: 'BUSY' }));
const STEP = { kind: 'clean', step: 'reset_bmc', priority: 0, title: 'Reset the BMC' } as const;
const refused = (): Promise<never> =>
  Promise.reject(new RackseedError('power.bad_argument', { status: 400, about: '' }, { message: 'no' }));

async function failTimes(
  { gateway, bmc, clock }: PowerWorld,
  node: Parameters<typeof gateway.powerState>[0],
  times: number,
): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    bmc.script.push(() => Promise.reject(new Error('no route to host')));
    await failureOf(
      clock,
      gateway.ask(
        node,
        { which: 'power', what: 'a trial', kind: 'write', ask: (_, target, call) => bmc.power?.state(target, call) },
        asking(),
      ),
    );
  }
}

describe('the gateway', () => {
  it('asks one thing at a time of one BMC, and other BMCs meanwhile', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld();
    const [one, two] = [await node('one'), await node('two')];
    let release: (() => void) | undefined;
    bmc.script.push(
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    const first = gateway.powerState(one, asking());
    const second = gateway.powerState(one, asking());
    await gateway.powerState(two, asking());
    expect(bmc.calls).toEqual(['state one', 'state two']);
    await clock.advance(0);
    expect(gateway.queues()).toMatchObject([{ key: 'bmc-one', waiting: 1, isBusy: true }]);
    release?.();
    await clock.until(Promise.all([first, second]));
    await clock.advance(0);
    expect(bmc.calls).toEqual(['state one', 'state two', 'state one']);
    expect(gateway.queues()).toEqual([]);
  });

  it('asks no more BMCs at once than it has workers', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld({ workers: 2 });
    const nodes = await Promise.all(['a', 'b', 'c'].map((name) => node(name)));
    bmc.script.push(never, never);
    const all = nodes.map((one) => gateway.powerState(one, asking()).catch(() => 'failed'));
    await clock.advance(0);
    expect(bmc.calls).toHaveLength(2);
    await clock.advance(30_000);
    expect(await clock.until(Promise.all(all))).toEqual(['failed', 'failed', 'power off']);
  });

  it('refuses a call when too many wait already, and says where', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld({ perKey: 1 });
    const one = await node('one');
    bmc.script.push(never);
    const first = gateway.powerState(one, asking()).catch(() => undefined);
    await clock.advance(0);
    const second = gateway.powerState(one, asking());
    expect(await failureOf(clock, gateway.powerState(one, asking()))).toMatchObject({
      code: 'power.queue_full',
      message: containing('bmc-one'),
    });
    await clock.until(Promise.all([first, second]));
  });

  it('gives up a call at its time, and holds the BMC until the call has ended', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld();
    const one = await node('one');
    bmc.script.push(deaf);
    const first = gateway.powerState(one, asking());
    const second = gateway.powerState(one, asking());
    expect(await failureOf(clock, first)).toMatchObject({
      code: 'power.timeout',
      message: containing('did not answer in 30 s'),
    });
    expect(bmc.calls).toHaveLength(1);
    // One that does not even listen holds it for five seconds more.
    expect(await clock.until(second)).toBe('power off');
    expect(gateway.counters()).toMatchObject({ timeouts: 1, given_up: 1 });
  });

  it('tries a read again where that can help, and a write never', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld();
    const one = await node('one');
    bmc.script.push(busy, busy);
    expect(await clock.until(gateway.powerState(one, asking()))).toBe('power off');
    expect(gateway.counters()).toMatchObject({ retries: 2, failures: 0 });
    bmc.script.push(() => Promise.resolve(), busy);
    expect(await failureOf(clock, gateway.setPower(one, 'power on', asking()))).toMatchObject({ code: 'power.failed', message: 'BUSY' });
    expect(bmc.calls.filter((call) => call.startsWith('set'))).toHaveLength(1);
  });

  it('ends with the caller, and with the appliance', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld();
    const one = await node('one');
    bmc.script.push(never, never);
    const caller = new AbortController();
    const call = gateway.powerState(one, { signal: caller.signal });
    await clock.advance(0);
    caller.abort(new Error('no longer wanted'));
    expect(await failureOf(clock, call)).toMatchObject({ message: 'no longer wanted' });
    const other = gateway.powerState(one, asking());
    await clock.advance(0);
    const stopped = gateway.stop();
    expect(await failureOf(clock, other)).toMatchObject({ code: 'power.stopped' });
    await clock.until(stopped);
    expect(await failureOf(clock, gateway.powerState(one, asking()))).toMatchObject({ code: 'power.stopped' });
    expect(breakerOf(gateway, 'bmc-one')).toBeUndefined();
  });

  it('never lets a secret of the node out in an error', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld();
    const one = await node('one');
    const leak = () => Promise.reject(new Error('auth as root:hunter2 failed', { cause: new Error('-P hunter2') }));
    bmc.script.push(leak, leak, leak);
    const error = await failureOf(clock, gateway.powerState(one, asking()));
    expect(error).toMatchObject({ code: 'power.failed', message: containing('root:*** failed') });
    expect(JSON.stringify(error) + String((error as Error).stack) + String((error as Error).cause)).not.toContain('hunter2');
  });

  it('never lets a secret out in an error of ours either, nor in what a step tells', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld();
    const one = await node('one');
    const ours = new RackseedError(
      'power.bad_argument',
      { status: 400, about: '' },
      { message: 'no hunter2', detail: { sent: 'hunter2' } },
    );
    bmc.script.push(() => Promise.reject(ours));
    expect(await failureOf(clock, gateway.powerState(one, asking()))).toMatchObject({
      code: 'power.bad_argument',
      message: 'no ***',
      detail: { withheld: containing('secret') },
    });
    const told: string[] = [];
    bmc.stepOf = (run) => run.progress(0.5, 'logged in with hunter2');
    const request = {
      which: 'power',
      step: STEP,
      args: {},
      key: 'tsk:0',
      isResumed: false,
      progress: (_: number, text: string) => told.push(text),
    } as const;
    await clock.until(gateway.runStep(one, { ...request, ...asking() }));
    expect(told).toEqual(['logged in with ***']);
  });

  it('lets a step take its time, and asks the BMC meanwhile; a queued one waits for its turn', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld({ workers: 1 });
    const one = await node('one');
    let release: (() => void) | undefined;
    bmc.stepOf = () =>
      new Promise<void>((resolve) => {
        release = resolve;
      });
    const request = { which: 'power', args: {}, key: 'tsk:0', isResumed: false, progress: () => undefined } as const;
    const step = gateway.runStep(one, { ...request, ...asking(), step: STEP });
    await clock.advance(3_600_000);
    expect(await clock.until(gateway.powerState(one, asking()))).toBe('power off');
    release?.();
    expect(await clock.until(step)).toEqual({});
    const queued = gateway.runStep(one, { ...request, ...asking(), step: { ...STEP, isQueued: true } });
    expect(await failureOf(clock, queued)).toMatchObject({ code: 'power.timeout' });
    expect(gateway.counters()).toMatchObject({ steps: 2, timeouts: 1 });
  });

  it('asks nobody where the description is not enough, or the driver can not do it', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld();
    const bare = await node('bare', { driverInfo: {} });
    expect(await gateway.refusal(bare, 'power')).toContain('ipmi_address');
    expect(await failureOf(clock, gateway.powerState(bare, asking()))).toMatchObject({ code: 'power.bad_info' });
    expect(await failureOf(clock, gateway.setPower(await node('one'), 'soft power off', asking()))).toMatchObject({
      code: 'power.unsupported',
    });
    const fake = await node('fake', { driver: 'fake-hardware', driverInfo: {} });
    const question = { which: 'boot', what: 'reading its mind', kind: 'read', ask: () => undefined } as const;
    expect(await failureOf(clock, gateway.ask(fake, question, asking()))).toMatchObject({
      code: 'power.unsupported',
      message: containing('reading its mind'),
    });
    expect(bmc.calls).toEqual([]);
  });
});

describe('a BMC that fails', () => {
  it('is left alone after five failures in a row, and the reason can be read', async () => {
    const world = await openPowerWorld();
    const { gateway, bmc, clock } = world;
    const one = await world.node('one');
    await failTimes(world, one, 4);
    expect(breakerOf(gateway, 'bmc-one')).toMatchObject({ state: 'closed', failures: 4 });
    await failTimes(world, one, 1);
    expect(breakerOf(gateway, 'bmc-one')).toMatchObject({
      state: 'open',
      failures: 5,
      reason: containing('no route to host'),
    });
    const asked = bmc.calls.length;
    expect(await failureOf(clock, gateway.powerState(one, asking()))).toMatchObject({
      code: 'power.not_asked',
      message: matching(/left alone for 30 s more: 5 calls in a row failed, the last one: .*no route to host/),
    });
    expect(bmc.calls).toHaveLength(asked);
    expect(gateway.counters()).toMatchObject({ breakers_opened: 1, refused: 1 });
  });

  it('is probed by one read when the time is over, and left alone twice as long when that fails', async () => {
    const world = await openPowerWorld();
    const { gateway, bmc, clock } = world;
    const one = await world.node('one');
    await failTimes(world, one, 5);
    await clock.advance(30_000);
    bmc.script.push(never);
    const probe = gateway.powerState(one, asking());
    await clock.advance(0);
    expect(breakerOf(gateway, 'bmc-one')).toMatchObject({ state: 'probing' });
    expect(await failureOf(clock, gateway.powerState(one, asking()))).toMatchObject({ code: 'power.not_asked' });
    expect(await failureOf(clock, probe)).toMatchObject({ code: 'power.timeout' });
    expect(breakerOf(gateway, 'bmc-one')).toMatchObject({ state: 'open', until: clock.now() + 60_000 });
    await clock.advance(60_000);
    expect(await clock.until(gateway.powerState(one, asking()))).toBe('power off');
    expect(breakerOf(gateway, 'bmc-one')).toBeUndefined();
  });

  it('is tried at once when a person wants its power changed', async () => {
    const world = await openPowerWorld();
    const one = await world.node('one');
    await failTimes(world, one, 5);
    expect(await world.clock.until(world.gateway.setPower(one, 'power on', asking()))).toBe('power on');
    expect(breakerOf(world.gateway, 'bmc-one')).toBeUndefined();
  });

  it('is well when it answers that the question was wrong', async () => {
    const world = await openPowerWorld();
    const one = await world.node('one');
    await failTimes(world, one, 4);
    world.bmc.script.push(refused);
    await failureOf(world.clock, world.gateway.powerState(one, asking()));
    expect(breakerOf(world.gateway, 'bmc-one')).toBeUndefined();
  });
});

describe('a change of power', () => {
  it('tells nothing to a machine that is so already, but reboots one that is on', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld();
    const one = await node('one');
    bmc.reading = 'power on';
    expect(await clock.until(gateway.setPower(one, 'power on', asking()))).toBe('power on');
    expect(bmc.calls).toEqual(['state one']);
    expect(await clock.until(gateway.setPower(one, 'rebooting', asking()))).toBe('power on');
    expect(bmc.calls).toEqual(['state one', 'set one rebooting', 'state one']);
  });

  it('looks until the machine got there, through failures of the BMC, and tells how far it is', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld();
    const one = await node('one');
    bmc.obeys = false;
    bmc.script.push(
      () => Promise.resolve(),
      () => Promise.resolve(),
      () => Promise.reject(new Error('deaf for a moment')),
      () => Promise.resolve(),
      () => {
        bmc.reading = 'power on';
        return Promise.resolve();
      },
    );
    const told: string[] = [];
    const progress = (_: number, text: string) => told.push(text);
    expect(await clock.until(gateway.setPower(one, 'power on', { ...asking(), progress }))).toBe('power on');
    expect(told.at(0)).toBe('told "power on"');
    expect(told.at(-1)).toBe('it is on');
  });

  it('fails when the machine does not get there in its time, and says how it was last', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld();
    const one = await node('one');
    bmc.obeys = false;
    expect(await failureOf(clock, gateway.setPower(one, 'power on', { ...asking(), timeoutMs: 10_000 }))).toMatchObject({
      code: 'power.not_reached',
      message: matching(/node one was told "power on" and did not get there in 10 s: it is still off/),
    });
  });

  it('ends at once where nobody can know the power state', async () => {
    const { gateway, bmc, node, clock } = await openPowerWorld();
    const one = await node('one');
    bmc.obeys = false;
    bmc.reading = null;
    expect(await clock.until(gateway.setPower(one, 'power on', asking()))).toBeNull();
    expect(bmc.calls).toEqual(['state one', 'set one power on', 'state one']);
  });
});
