// Which steps run and in which order, from tables typed by hand out of Ironic's documentation.

import { expect, it } from 'vitest';
import {
  deploySteps,
  enabledSteps,
  listedSteps,
  type Offered,
  stepInterfaces,
  type WalkKind,
} from '../../../src/lifecycle/steps-decide.ts';
import type { Interface } from '../../../src/nodes/index.ts';

const offer = (kind: WalkKind, which: Interface, name: string, priority: number, more: Partial<Offered['step']> = {}): Offered => ({
  interface: which,
  driver: 'fake',
  step: { kind, step: name, priority, title: name, ...more },
});

const order = (steps: readonly { readonly interface: string; readonly step: string }[]): string[] =>
  steps.map((one) => `${one.interface}.${one.step}`);

/** Ties between steps of one priority, the first to go first. */
const TIES: Readonly<Record<WalkKind, readonly Interface[]>> = {
  rescue: ['rescue'],
  verify: [
    'power',
    'management',
    'firmware',
    'inspect',
    'deploy',
    'boot',
    'bios',
    'raid',
    'vendor',
    'network',
    'storage',
    'console',
    'rescue',
  ],
  clean: ['vendor', 'power', 'management', 'firmware', 'deploy', 'bios', 'raid'],
  deploy: ['vendor', 'power', 'management', 'firmware', 'deploy', 'bios', 'raid'],
  service: ['network', 'vendor', 'power', 'management', 'firmware', 'deploy', 'bios', 'raid'],
};

for (const kind of ['verify', 'clean', 'deploy', 'service'] as const) {
  it(`orders ${kind} steps by priority, and those of one priority by their interface`, () => {
    const same = TIES[kind].toReversed().map((which) => offer(kind, which, 'same', 10));
    const offered = [offer(kind, 'deploy', 'low', 1), ...same, offer(kind, 'deploy', 'high', 99), offer(kind, 'deploy', 'off', 0)];
    expect(order(enabledSteps(kind, offered))).toEqual(['deploy.high', ...TIES[kind].map((which) => `${which}.same`), 'deploy.low']);
    expect(stepInterfaces(kind).toSorted()).toEqual(TIES[kind].toSorted());
  });
}

it('runs listed steps in the order of the list, or of their order numbers', () => {
  const offered = ['a', 'b', 'c'].map((name, at) => offer('clean', 'deploy', name, at));
  const ask = (step: string, number?: number) =>
    ({ interface: 'deploy', step, ...(number === undefined ? {} : { order: number }) }) as const;
  expect(listedSteps('clean', [ask('c'), ask('a'), ask('b')], offered)).toMatchObject({
    steps: [{ step: 'c' }, { step: 'a' }, { step: 'b' }],
  });
  expect(listedSteps('clean', [ask('c', 3), ask('a', 2), ask('b', 1)], offered)).toMatchObject({
    steps: [{ step: 'b' }, { step: 'a' }, { step: 'c' }],
  });
});

it('puts a template’s steps in the place of a driver’s, and a person’s in the place of both', () => {
  const offered = [offer('deploy', 'deploy', 'image', 80), offer('deploy', 'bios', 'apply', 0), offer('deploy', 'deploy', 'boot', 20)];
  const template = [
    { interface: 'bios', step: 'apply', args: {}, priority: 90 },
    { interface: 'deploy', step: 'boot', args: {}, priority: 85 },
  ] as const;
  const person = [{ interface: 'bios', step: 'apply', args: {}, priority: 10 }] as const;
  expect(deploySteps(offered, template, [])).toMatchObject({ steps: [{ step: 'apply' }, { step: 'boot' }, { step: 'image' }] });
  expect(deploySteps(offered, template, person)).toMatchObject({ steps: [{ step: 'boot' }, { step: 'image' }, { step: 'apply' }] });
});

const REFUSED: readonly [asked: object, says: string][] = [
  [{ interface: 'deploy', step: 'nope' }, 'does not support this clean step'],
  [{ interface: 'network', step: 'wipe' }, 'network has no clean steps'],
  [{ interface: 'deploy', step: 'wipe', args: { colour: 'red' } }, 'unexpected arguments: colour'],
  [{ interface: 'deploy', step: 'wipe', args: { confirm: 'pve1' } }, 'missing these required arguments: passes'],
  [{ interface: 'deploy', step: 'wait', args: { seconds: -1 } }, '0 to 86400 seconds'],
  [{ interface: 'deploy', step: 'wait', args: { seconds: 'x' } }, '0 to 86400 seconds'],
  [{ interface: 'deploy', step: 'hold', args: { seconds: 1 } }, 'no argument seconds'],
];

it('says what is wrong with a step that was asked for', () => {
  const argsInfo = { passes: { description: 'how often', required: true } };
  const offered = [offer('clean', 'deploy', 'wipe', 10, { argsInfo, isDestructive: true })];
  for (const [asked, says] of REFUSED) {
    const planned = listedSteps('clean', [asked as Parameters<typeof listedSteps>[1][number]], offered); // wrong ones on purpose
    expect(planned).toMatchObject({ refusal: expect.stringContaining(says) as string });
  }
});
