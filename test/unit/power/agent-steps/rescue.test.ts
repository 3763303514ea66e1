import { Check } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../../src/inspect/commands.ts';
import { saltOf, sha512Crypt, silentLog, systemRandom } from '../../../../src/lib/index.ts';
import { agentRescue } from '../../../../src/power/agent-steps/rescue.ts';
import type { Driver, DriverStep, StepRun, Target } from '../../../../src/power/index.ts';
import { type PlayedDesk, playedDesk } from '../../../support/desk.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const UUID = '6f0ad1f2-6d8f-4a34-a65e-3a8b3f1d0c11';
const KEY = 'task-1:rescue.rescue';

function target(driverInfo: Target['driverInfo'] = {}): Target {
  const recorded = { powerState: null, bootMode: null, secureBoot: null, isConsoleOn: false, targetRaidConfig: {} };
  return { uuid: UUID, name: 'n1', driver: 'generic', macs: [], driverInfo, properties: {}, instanceInfo: {}, internalInfo: {}, recorded };
}

function run(args: StepRun['args'], key = KEY): StepRun {
  return { key, args, isResumed: false, progress: () => undefined, signal: new AbortController().signal, log: silentLog };
}

function open(): { desk: PlayedDesk; driver: Driver; step: (kind: string) => DriverStep } {
  const desk = playedDesk(createFakeClock());
  const driver = agentRescue({ desk, random: systemRandom });
  const step = (kind: string): DriverStep => {
    const found = driver.steps?.find((one) => one.kind === kind);
    if (found === undefined) throw new Error(`no step of kind ${kind}`);
    return found;
  };
  return { desk, driver, step };
}

describe('rescue=agent', () => {
  it('orders a shell with the hash of the password, never the password, and waits for the answer', async () => {
    const { desk, driver, step } = open();
    expect(await driver.runStep?.(step('rescue'), target(), run({ rescue_password: 'hunter2 ü' }))).toBe('wait');
    const [order] = desk.placed;
    expect(order).toMatchObject({ key: KEY, name: 'rescue', args: { keys: [] } });
    expect(JSON.stringify(order)).not.toContain('hunter2');
    const hash = order?.args.passwordHash;
    if (typeof hash !== 'string') throw new Error('no hash was ordered');
    expect(hash).toBe(sha512Crypt('hunter2 ü', hash.split('$')[2] ?? ''));
    expect(Check(COMMANDS.rescue.args, order?.args)).toBe(true);
    const word = { word: {} };
    expect(await driver.continueStep?.(step('rescue'), target(), { ...run({}), ...word })).toBe('wait');
    const result = { addresses: ['10.0.0.5'], hostKeys: ['ssh-ed25519 AAAA'] };
    desk.settle(UUID, KEY, { state: 'done', message: 'ok', result });
    expect(await driver.continueStep?.(step('rescue'), target(), { ...run({}), ...word })).toEqual({ result });
  });

  it('lets in the keys of the node, from a list or a text', async () => {
    for (const keys of [['ssh-ed25519 A', ' ssh-rsa B '], '# mine\nssh-ed25519 A\n\nssh-rsa B\n']) {
      const { desk, driver, step } = open();
      await driver.runStep?.(step('rescue'), target({ rescue_ssh_keys: keys }), run({ rescue_password: 'x' }));
      expect(desk.placed[0]?.args.keys).toEqual(['ssh-ed25519 A', 'ssh-rsa B']);
    }
    expect(open().driver.refusal(target({ rescue_ssh_keys: 7 }))).toContain('driver_info/rescue_ssh_keys');
    expect(open().driver.refusal(target())).toBeNull();
  });

  it('fails with what the agent said', async () => {
    const { desk, driver, step } = open();
    await driver.runStep?.(step('rescue'), target(), run({ rescue_password: 'x' }));
    desk.settle(UUID, KEY, { state: 'failed', message: 'no port 22' });
    await expect(driver.continueStep?.(step('rescue'), target(), { ...run({}), word: {} })).rejects.toThrow('no port 22');
  });

  it('closes the shell before the machine restarts, where the agent still runs', async () => {
    const { desk, driver, step } = open();
    expect(await driver.runStep?.(step('unrescue'), target(), run({}, 'task-2:u'))).toEqual({});
    expect(desk.placed).toEqual([]);
    desk.heard(UUID);
    const closing = driver.runStep?.(step('unrescue'), target(), run({}, 'task-2:u'));
    await Promise.resolve();
    expect(desk.take(UUID)).toBe('unrescue');
    expect(await closing).toEqual({});
    expect(step('unrescue').leavesAgent).toBe(true);
  });
});

describe('crypt(3) with SHA-512', () => {
  // Of the algorithm's own description.
  it("gives its inventor's results", () => {
    expect(sha512Crypt('Hello world!', 'saltstring')).toBe(
      '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
    );
  });

  it('takes no more than sixteen letters of salt, of its own alphabet', () => {
    expect(sha512Crypt('a', 'abcdefghijklmnopqrst')).toContain('$6$abcdefghijklmnop$');
    expect(() => sha512Crypt('a', 'a$b')).toThrow('salt');
    expect(saltOf(Uint8Array.of(0, 1, 63, 64, 255))).toBe('./z.z');
  });
});
