// The ways to a machine and its cluster: opened when they are used, once, by pinned host keys, and all closed.

import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/index.ts';
import { contextOf, endedBy } from '../../../src/pipeline/hands.ts';
import type { MemberAddress, StepLook } from '../../../src/pipeline/index.ts';
import { openHands, type Place, type PveOrder } from '../../../src/pipeline/open.ts';
import type { RunOptions } from '../../../src/proxmox/index.ts';
import { containing } from '../../support/containing.ts';
import { stepWorld } from '../../support/pipeline.ts';

const SIGNAL = new AbortController().signal;

function lookWith(members: readonly MemberAddress[] = [], node: Partial<StepLook['node']> = {}): StepLook {
  const { node: own, profile } = stepWorld({ node }).context({ args: {} } as never, {}); // a look needs no step
  return { node: own, profile, cluster: { name: 'home' }, members };
}

async function open(look: StepLook, dead: readonly string[] = []) {
  const opened: string[] = [];
  const closed: string[] = [];
  const tokens: string[] = [];
  const openShell = async ({ address, hostKeys }: Place) => {
    if (dead.includes(address)) throw new Error(`nobody is at ${address}`);
    opened.push(`${address} ${hostKeys.join()}`);
    return Object.assign(stepWorld({ machine: { address, files: { '/etc/hostname': address } } }).machine, {
      close: async () => void closed.push(address),
    });
  };
  const openPve = async ({ shell, name, cluster, how }: PveOrder) => {
    if (how === 'work') tokens.push(`${name} ${shell.address} ${cluster}`);
    const none = (): never => expect.unreachable();
    return {
      address: shell.address,
      call: async () => null,
      task: async () => none(),
      close: async () => void closed.push(`api ${name}`),
    };
  };
  const hands = await openHands({ openShell, openPve, secret: async () => undefined }, look, SIGNAL);
  return { hands, opened, closed, tokens };
}

describe('the ways to a machine', () => {
  it('are opened when they are used first, once, and closed at the end', async () => {
    const { hands, opened, closed } = await open(lookWith([], { address: '10.0.0.11', hostKeys: ['k1'] }));
    expect(opened).toEqual([]);
    expect((await hands.shell.readFile('/etc/hostname'))?.toString()).toBe('10.0.0.11');
    await hands.shell.readFile('/etc/hostname');
    expect(opened).toEqual(['10.0.0.11 k1']);
    await hands.close();
    expect(closed).toEqual(['10.0.0.11']);
  });

  it('lead to where it was moved to, under the same host keys; the API of a member is that of its cluster', async () => {
    const look = lookWith([], { address: '10.0.0.11', hostKeys: ['k1'] });
    const { hands, opened, tokens, closed } = await open(look);
    await hands.pve('node', 'work');
    const there = await hands.shellAt('10.0.7.11');
    expect((await there.readFile('/etc/hostname'))?.toString()).toBe('10.0.7.11');
    hands.sees({ ...look, node: { ...look.node, address: '10.0.7.11', memberOf: 'home' } });
    expect(hands.shell.address).toBe('10.0.7.11');
    await hands.pve('node', 'work');
    expect(opened).toEqual(['10.0.0.11 k1', '10.0.7.11 k1', '10.0.7.11 k1']);
    expect(tokens).toEqual(['pve1 10.0.0.11 null', 'pve1 10.0.7.11 home']);
    await hands.close();
    expect(closed.toSorted()).toEqual(['10.0.0.11', '10.0.7.11', '10.0.7.11', 'api pve1', 'api pve1']);
  });

  it('lead to the first member that answers, and say of each why not', async () => {
    const members: MemberAddress[] = [
      { name: 'old', nodeUuid: 'a', addresses: ['10.0.0.1'] },
      { name: 'off', nodeUuid: 'b', addresses: ['10.0.0.2'], hostKeys: ['k2'] },
      { name: 'on', nodeUuid: 'c', addresses: ['10.0.0.3', '10.0.0.4'], hostKeys: ['k3'] },
    ];
    const found = await open(lookWith(members), ['10.0.0.2', '10.0.0.3']);
    expect(await found.hands.memberShell('look')).toMatchObject({ name: 'on', address: '10.0.0.4' });
    const { hands } = await open(lookWith(members), ['10.0.0.2', '10.0.0.3', '10.0.0.4']);
    await expect(hands.memberShell('look')).rejects.toMatchObject({
      code: 'pipeline.no_member',
      message: containing('old was not installed from here, so its host keys are not known; nobody is at 10.0.0.2'),
    });
  });
});

describe('the ways to a member that is only observed', () => {
  const members: MemberAddress[] = [
    { name: 'watched', nodeUuid: 'a', addresses: ['10.0.0.1'], hostKeys: ['k1'], isObserved: true },
    { name: 'ours', nodeUuid: 'b', addresses: ['10.0.0.2'], hostKeys: ['k2'] },
  ];

  it('are taken for looking only, and only when no other answers', async () => {
    const both = await open(lookWith(members));
    expect(await both.hands.memberShell('look')).toMatchObject({ name: 'ours' });
    expect(await both.hands.memberShell('work')).toMatchObject({ name: 'ours' });
    expect(both.opened).toEqual(['10.0.0.2 k2']);
    const { hands, tokens } = await open(lookWith(members), ['10.0.0.2']);
    expect(await hands.memberShell('look')).toMatchObject({ name: 'watched' });
    await hands.pve('member', 'look');
    const refusal = { code: 'pipeline.no_member', message: containing('nobody is at 10.0.0.2; watched is only observed') };
    await expect(hands.memberShell('work')).rejects.toMatchObject(refusal);
    await expect(hands.pve('member', 'work')).rejects.toMatchObject(refusal);
    expect(tokens).toEqual([]);
  });
});

describe('a step whose time is over', () => {
  it('has its commands ended, and waits for no other answer', async () => {
    const { hands } = await open(lookWith());
    const over = new AbortController();
    const given: RunOptions[] = [];
    const never = new Promise<never>(() => undefined);
    const run = (_: readonly string[], options: RunOptions = {}): Promise<never> => {
      given.push(options);
      return never;
    };
    const shell = { ...hands.shell, run };
    const context = contextOf({
      look: lookWith(),
      hands: { ...hands, shell, pve: () => never },
      args: {},
      notes: { get: () => undefined, set: () => Promise.resolve() },
      moved: () => Promise.resolve(),
      progress: () => undefined,
      log: () => undefined,
      signal: SIGNAL,
      clock: systemClock,
      trace: stepWorld().context({ args: {} } as never, {}).trace,
    });
    const ended = endedBy(context, over.signal);
    void ended.shell.run(['sleep', '600']);
    const asked = ended.pve('node');
    over.abort(new Error('too late'));
    // The shell itself rejects, once the command is gone from the machine.
    expect(given[0]?.signal?.aborted).toBe(true);
    await expect(asked).rejects.toThrow('too late');
  });
});
