import { describe, expect, it } from 'vitest';
import { processorOf } from '../../../src/boot/decide/architectures.ts';
import { mayStartDisk } from '../../../src/boot/decide/decide.ts';
import { decideInstall, decideProgram, type KnownMachine, type Situation } from '../../../src/boot/index.ts';
import { STATE_NAMES } from '../../../src/nodes/index.ts';
import { containing } from '../../support/containing.ts';

const machine = (provisionState: string, change: Partial<KnownMachine> = {}): KnownMachine => ({
  uuid: 'u',
  name: 'pve1',
  provisionState,
  ignored: false,
  held: null,
  ownDisk: null,
  secureBoot: false,
  ...change,
});
const OPEN: Situation = { machine: undefined, enrolmentOpen: true };
const CLOSED: Situation = { machine: undefined, enrolmentOpen: false };
const YES = { name: 'rack7', fits: 'yes' } as const;
const ASK = { name: 'rack7', fits: 'ask' } as const;

describe('what an unknown machine runs', () => {
  it('is the agent while enrolment is open', () => expect(decideProgram(OPEN)).toMatchObject({ run: 'agent' }));

  it('is its own disk while enrolment is closed, and no loader of ours on the way', () =>
    expect(decideProgram(CLOSED)).toMatchObject({ run: 'own-disk', hands: 'off' }));

  it('is the agent when a rule fits though enrolment is closed, and the reason names the rule', () =>
    expect(decideProgram({ ...CLOSED, rule: YES })).toMatchObject({ run: 'agent', reason: containing('rule rack7') }));

  it('is to be asked when a rule may fit', () => expect(decideProgram({ ...CLOSED, rule: ASK })).toMatchObject({ run: 'ask' }));

  it('is its own disk, and no hands on it, where the site only watches', () =>
    expect(decideProgram({ ...OPEN, rule: YES, observeOnly: true })).toMatchObject({ run: 'own-disk', hands: 'off' }));

  it('is its own disk when the agent is not built, with the command that builds it', () =>
    expect(decideProgram({ ...OPEN, noAgent: 'there is none: rackseed image build' })).toMatchObject({
      run: 'own-disk',
      reason: containing('rackseed image build'),
    }));
});

describe('the processor', () => {
  it.each([
    [0, 'x86'],
    [7, 'x86'],
    [16, 'x86'],
    [10, 'arm'],
    [11, 'arm64'],
    [19, 'arm64'],
    [77, null],
    [null, null],
  ])('of option 93 %s is %s', (option, processor) => expect(processorOf(option)).toBe(processor));
});

describe('what a known machine runs', () => {
  it('is its own disk when it was rejected, though enrolment is open and a rule fits', () => {
    const situation = { machine: machine('enroll', { rejected: 'rejected by olga' }), enrolmentOpen: true, rule: YES };
    expect(decideProgram(situation)).toMatchObject({ run: 'own-disk', hands: 'off', reason: 'pve1 is rejected by olga' });
  });

  it.each(STATE_NAMES)('is its own disk when it is ignored in "%s", though enrolment is open and a rule fits', (state) => {
    const situation = { machine: machine(state, { ignored: true, held: 'dead' }), enrolmentOpen: true, rule: YES };
    expect(decideProgram(situation)).toMatchObject({ run: 'own-disk', hands: 'off', reason: 'pve1 is ignored' });
  });

  it('is its own disk when it is active, also while enrolment is open', () => {
    expect(decideProgram({ machine: machine('active'), enrolmentOpen: true, rule: YES })).toMatchObject({
      run: 'own-disk',
      reason: containing('pve1'),
    });
  });

  it('is the agent when it waits for a yes and enrolment is open or a rule fits, and its own disk otherwise', () => {
    const waits = { machine: machine('enroll') };
    expect(decideProgram({ ...waits, enrolmentOpen: true })).toMatchObject({ run: 'agent' });
    expect(decideProgram({ ...waits, enrolmentOpen: false, rule: YES })).toMatchObject({ run: 'agent' });
    expect(decideProgram({ ...waits, enrolmentOpen: false, rule: ASK })).toMatchObject({ run: 'ask' });
    expect(decideProgram({ ...waits, enrolmentOpen: false })).toMatchObject({ run: 'own-disk' });
  });

  it('is its own disk when it has waited too long for a yes, with the way on', () => {
    const overdue = { machine: machine('enroll'), enrolmentOpen: true, rule: YES, waitedMinutes: 11 };
    expect(decideProgram(overdue)).toMatchObject({ run: 'own-disk', reason: containing('waited 11 minutes') });
    expect(decideProgram(overdue).reason).toContain('open enrolment again');
  });

  it.each(['clean failed', 'clean hold', 'deploy hold', 'deploy failed', 'deleting', 'error'])(
    'is nothing at all in "%s": never the local disk',
    (state) => expect(decideProgram({ machine: machine(state), enrolmentOpen: true })).toMatchObject({ run: 'hold' }),
  );

  it('is nothing at all while it is declared dead and being replaced, whatever its state', () => {
    for (const state of STATE_NAMES) {
      const situation = { machine: machine(state, { held: 'it is being replaced by pve9' }), enrolmentOpen: true };
      expect(decideProgram(situation), state).toMatchObject({ run: 'hold', reason: containing('replaced by pve9') });
    }
  });

  it('is the agent while it is inspected or cleaned, though enrolment is closed', () => {
    for (const state of ['inspecting', 'inspect wait', 'cleaning', 'clean wait'])
      expect(decideProgram({ machine: machine(state), enrolmentOpen: false }), state).toMatchObject({ run: 'agent' });
  });

  it('is nothing while it is cleaned and the agent is not there: its disk is no alternative', () => {
    expect(
      decideProgram({ machine: machine('cleaning'), enrolmentOpen: true, noAgent: 'there is none: rackseed image build' }),
    ).toMatchObject({ run: 'hold' });
    expect(
      decideProgram({ machine: machine('inspecting'), enrolmentOpen: true, noAgent: 'there is none: rackseed image build' }),
    ).toMatchObject({ run: 'own-disk' });
  });

  it('is decided for every state of the table, with a reason that names machine and state', () => {
    for (const state of STATE_NAMES) {
      const { reason } = decideProgram({ machine: machine(state), enrolmentOpen: false });
      expect(reason).toContain(state);
      expect(reason).toContain('pve1');
    }
  });
});

describe('what a machine runs that may be one of several nodes', () => {
  const rivals = (...states: string[]): Situation => ({ ...CLOSED, rivals: states.map((state) => machine(state)) });

  it('is nothing when one of them is held', () =>
    expect(decideProgram(rivals('active', 'clean failed'))).toMatchObject({ run: 'hold', reason: containing('may be pve1') }));

  it('is as for an unknown machine otherwise', () => {
    expect(decideProgram(rivals('active', 'enroll'))).toMatchObject({ run: 'own-disk', reason: containing('none of them for sure') });
    expect(decideProgram({ ...rivals('active'), enrolmentOpen: true })).toMatchObject({ run: 'agent' });
  });

  it('is its own disk when one of them is ignored', () =>
    expect(decideProgram({ ...OPEN, rivals: [machine('active', { ignored: true })] })).toMatchObject({ run: 'own-disk', hands: 'off' }));
});

describe('what a machine runs that is being deployed', () => {
  const deployed = (state: string, progress: Parameters<typeof decideInstall>[0]): Situation => ({
    machine: machine(state, { agent: { deploys: false, installs: true, serves: false, left: true } }),
    enrolmentOpen: false,
    install: decideInstall(progress),
  });
  const begun = { stage: 'armed', boots: 0, failure: null };

  it('is the installer, three times at most', () => {
    for (const state of ['deploying', 'wait call-back'])
      expect([0, 1, 2, 3, 4].map((boots) => decideProgram(deployed(state, { ...begun, boots })).run)).toEqual([
        'installer',
        'installer',
        'installer',
        'hold',
        'hold',
      ]);
  });

  it.each([
    ['armed', 'installer'],
    ['script', 'installer'],
    ['kernel', 'installer'],
    ['initrd', 'installer'],
    ['iso', 'installer'],
    ['answered', 'hold'],
    ['installed', 'own-disk'],
    ['first-boot', 'own-disk'],
    ['reached', 'own-disk'],
    ['prepared', 'hold'],
    ['failed', 'hold'],
    ['a stage that nobody knows', 'hold'],
  ])('follows its installation: %s, %s', (stage, run) =>
    expect(decideProgram(deployed('wait call-back', { ...begun, stage, boots: 1 })).run).toBe(run),
  );

  it('comes back when it asks after its answer, or after three boots, and while it may yet install it is not', () => {
    const isBack = (change: object): unknown => decideProgram(deployed('wait call-back', { ...begun, ...change })).isBack;
    expect([isBack({ stage: 'answered', boots: 1 }), isBack({ stage: 'iso', boots: 3 })]).toEqual([true, true]);
    expect([isBack({ boots: 2 }), isBack({ stage: 'installed', boots: 3 }), isBack({ stage: 'failed' })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is nothing after a failure, and the reason is that of the failure', () =>
    expect(decideProgram(deployed('deploying', { stage: 'failed', boots: 1, failure: 'the disk is too small' }))).toMatchObject({
      run: 'hold',
      reason: containing('the disk is too small'),
    }));

  it('is nothing where nothing was prepared, and the reason says so', () =>
    expect(decideProgram(deployed('deploying', null))).toMatchObject({ run: 'hold', reason: containing('no installation was prepared') }));

  it('is nothing when nobody knows how far it came', () =>
    expect(decideProgram({ machine: machine('deploying'), enrolmentOpen: true })).toMatchObject({ run: 'hold' }));
});

describe('what a machine runs where the agent has a part', () => {
  const part = (change: Partial<NonNullable<KnownMachine['agent']>>): Partial<KnownMachine> => ({
    agent: { deploys: false, serves: false, left: false, ...change },
  });
  const decided = (state: string, change: Partial<KnownMachine>): string =>
    decideProgram({ machine: machine(state, change), enrolmentOpen: false }).run;

  it.each(['rescuing', 'rescue wait', 'rescue'])('is the agent in "%s"', (state) => expect(decided(state, {})).toBe('agent'));

  it.each([
    ['deploying', { deploys: true }],
    ['wait call-back', { deploys: true }],
    ['servicing', { serves: true }],
    ['service wait', { serves: true }],
  ])('is the agent in "%s" where that is its work, until it has left', (state, does) => {
    expect(decided(state, part(does))).toBe('agent');
    expect(decided(state, part({ ...does, left: true }))).toBe('own-disk');
  });

  it.each(['deploying', 'wait call-back'])('is the agent in "%s" before an installer, until it has left', (state) => {
    const prepares = { deploys: false, installs: true };
    expect(decided(state, part(prepares))).toBe('agent');
    const after = { machine: machine(state, part({ ...prepares, left: true })), enrolmentOpen: false };
    expect(decideProgram({ ...after, install: decideInstall({ stage: 'armed', boots: 0, failure: null }) }).run).toBe('installer');
    expect(decideProgram({ ...after, noAgent: 'none is built' }).run).toBe('hold');
    expect(decideProgram({ machine: machine(state, part(prepares)), enrolmentOpen: false, noAgent: 'none is built' }).run).toBe('hold');
  });

  it('is its own disk in a service that needs no agent', () => expect(decided('service wait', part({ deploys: true }))).toBe('own-disk'));

  it('stays held where a person has the word, whatever the agent did', () => {
    for (const state of ['deploy hold', 'clean hold', 'deploy failed'])
      expect(decided(state, part({ deploys: true, left: true }))).toBe('hold');
  });

  it('is the agent while it is cleaned, whatever was left over of a deployment', () =>
    expect(decided('clean wait', part({ deploys: true, left: true }))).toBe('agent'));

  it('is nothing while its disks are half written and the agent can not be had, and its own system after that', () => {
    const without = (left: boolean): Situation => ({
      machine: machine('wait call-back', part({ deploys: true, left })),
      enrolmentOpen: false,
      noAgent: 'there is none',
    });
    expect(decideProgram(without(false))).toMatchObject({ run: 'hold', reason: containing('there is none') });
    expect(mayStartDisk(without(false))).toBe(false);
    expect(decideProgram(without(true)).run).toBe('own-disk');
    expect(mayStartDisk(without(true))).toBe(true);
  });
});

describe('whether a machine may start its disk when its program cannot be had', () => {
  it.each([
    ['enroll', true],
    ['inspecting', true],
    ['active', true],
    ['cleaning', false],
    ['clean wait', false],
    ['clean failed', false],
    ['deploying', false],
  ])('in "%s": %s', (state, expected) => expect(mayStartDisk({ machine: machine(state), enrolmentOpen: true })).toBe(expected));

  it('is so for an unknown one', () => expect(mayStartDisk(OPEN)).toBe(true));
});
