import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../../src/lib/index.ts';
import type { JsonObject } from '../../../../src/nodes/index.ts';
import { proxmoxDriver } from '../../../../src/power/agent-steps/proxmox.ts';
import { fail } from '../../../../src/power/errors.ts';
import type {
  AgentWord,
  InstallDesk,
  InstallOrder,
  InstallPrepared,
  InstallStanding,
  StepOutcome,
  StepRun,
  Target,
} from '../../../../src/power/index.ts';
import { containing } from '../../../support/containing.ts';
import { playedDesk } from '../../../support/desk.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const UUID = '4c4c4544-0042-3510-8051-b4c04f4d3232';
const START = 1_700_000_000_000;
const MINUTE = 60_000;

const disk = (serial: string, expects: string[] | null = null) => ({
  serial,
  wwn: null,
  size: 10 ** 11,
  byPath: null,
  expects,
  title: serial,
});

function setUp(
  change: Partial<InstallDesk> = {},
  prepared: InstallPrepared = { disks: [disk('two'), disk('three')], stamps: ['g2', 'g3'] },
  touches?: NonNullable<StepRun['touches']>,
) {
  const orders: InstallOrder[] = [];
  const clock = createFakeClock(START);
  const desk = playedDesk(clock);
  const asked: string[] = [];
  const state = { standing: { state: 'reached' } as InstallStanding, signIn: [] as (Error | { address: string; system: string })[] };
  const installs: InstallDesk = {
    refusal: () => null,
    prepare: (order) => {
      const { deployment, disks } = order;
      orders.push(order);
      asked.push(`prepare ${deployment} of ${disks.map(({ title }) => title).join(',')}`);
      return Promise.resolve(prepared);
    },
    arm: ({ deployment }) => Promise.resolve(void asked.push(`arm ${deployment}`)),
    standing: (_uuid, deployment, goal) => {
      asked.push(`standing ${deployment} ${goal}`);
      return Promise.resolve(state.standing);
    },
    signIn: () => {
      const next = state.signIn.shift();
      return next === undefined || next instanceof Error
        ? Promise.reject(next ?? fail('power.unreachable', { message: 'nobody answers', hint: 'wait' }))
        : Promise.resolve(next);
    },
    abandon: () => Promise.resolve(),
    ...change,
  };
  const driver = proxmoxDriver({ desk, installs, cleaning: 'express', clock });
  const said: string[] = [];
  const run = (index: number, args: JsonObject): StepRun & { readonly word: AgentWord } => ({
    key: `task-1:${index}`,
    args,
    isResumed: false,
    signal: new AbortController().signal,
    log: silentLog,
    progress: (_, text) => void said.push(text),
    ...(touches === undefined ? {} : { touches }),
    word: {},
  });
  const step = (name: string, how: 'runStep' | 'continueStep', index: number, args: JsonObject = PLAN): Promise<StepOutcome> => {
    const found = driver.steps?.find((one) => one.step === name) ?? expect.unreachable(name);
    return driver[how]?.(found, TARGET, run(index, args)) ?? expect.unreachable();
  };
  const settle = (index: number, result: JsonObject = {}): void => {
    desk.give(UUID);
    desk.settle(UUID, `task-1:${index}`, { state: 'done', message: 'well', result });
  };
  return { clock, desk, asked, orders, said, state, driver, step, settle };
}

const PLAN: JsonObject = { disks: [disk('one', ['ext4']), disk('two', ['ntfs']), disk('three', [])].map((one) => ({ ...one })) };
const TARGET: Target = {
  uuid: UUID,
  name: 'pve1',
  driver: 'generic',
  macs: [],
  driverInfo: {},
  properties: {},
  instanceInfo: {},
  internalInfo: {},
  recorded: { powerState: null, bootMode: null, secureBoot: null, isConsoleOn: false, targetRaidConfig: {} },
};

describe('the deploy interface proxmox', () => {
  it('goes from the look at the machine to the sign-in, and the agent is left once the installer is to be booted', () => {
    const { driver } = setUp();
    const own = (driver.steps ?? []).filter(({ kind, priority }) => kind === 'deploy' && priority > 0);
    expect(own.toSorted((a, b) => b.priority - a.priority).map(({ step }) => step)).toEqual([
      'prepare_install',
      'stamp_disks',
      'check_answer',
      'tear_down_agent',
      'boot_installer',
      'wait_for_installer',
      'wait_for_first_boot',
      'verify_ssh',
    ]);
    expect(own.filter(({ leavesAgent, bootsNetwork }) => leavesAgent === true && bootsNetwork === true).map(({ step }) => step)).toEqual([
      'boot_installer',
    ]);
    expect(own.filter(({ isDestructive }) => isDestructive === true).map(({ step }) => step)).toEqual(['stamp_disks']);
  });

  it('can be cleaned whatever is against an installation', () => {
    const { driver } = setUp({ refusal: () => 'there is no installer' });
    expect(driver.refusal(TARGET)).toBe('there is no installer');
    const [clean, deploy] = ['clean', 'deploy'].map((kind) => driver.steps?.find((one) => one.kind === kind));
    expect(clean === undefined ? undefined : driver.stepRefusal?.(clean, TARGET)).toBeNull();
    expect(deploy === undefined ? undefined : driver.stepRefusal?.(deploy, TARGET)).toBe('there is no installer');
  });

  it('asks the desk with what the wipe plan allows, and places no order for it', async () => {
    const the = setUp();
    expect(await the.step('prepare_install', 'runStep', 0)).toEqual({});
    expect(the.asked).toEqual(['prepare task-1 of one,two,three']);
    expect(the.said).toEqual(['the system goes to two and three']);
    expect(the.desk.placed).toEqual([]);
  });

  it('says before it has a disk marked which mark will be on it, and asks the desk with the disks of the last system', async () => {
    const touched: unknown[] = [];
    const the = setUp({}, undefined, async (touch) => void touched.push(touch));
    await the.step('stamp_disks', 'runStep', 1, { ...PLAN, systemOn: [1], isRebuild: true });
    expect(touched).toEqual([{ at: [1, 2], leaves: { 1: ['table gpt g2'], 2: ['table gpt g3'] } }]);
    expect(the.orders).toMatchObject([{ systemOn: [{ serial: 'two' }], isRebuild: true }]);
    const bare = setUp({}, { disks: [disk('two')], stamps: null }, async (touch) => void touched.push(touch));
    await bare.step('stamp_disks', 'runStep', 1);
    expect(touched.at(-1)).toEqual({ at: [1], leaves: { 1: [] } });
    expect(bare.orders).toMatchObject([{ systemOn: [], isRebuild: false }]);
  });

  it('marks the chosen disks only, each as the wipe plan knows it, and says which of the plan’s it has written', async () => {
    const the = setUp();
    expect(await the.step('stamp_disks', 'runStep', 1)).toBe('wait');
    expect(the.desk.placed).toMatchObject([
      {
        key: 'task-1:1',
        name: 'stamp_disks',
        args: { disks: [{ serial: 'two', expects: ['ntfs'] }, { serial: 'three' }], guids: ['g2', 'g3'] },
      },
    ]);
    the.settle(1, { disks: [] });
    expect(await the.step('stamp_disks', 'continueStep', 1)).toEqual({ result: { disks: [] }, wrote: [1, 2] });
  });

  it('empties a disk that needs no mark', async () => {
    const the = setUp({}, { disks: [disk('three')], stamps: null });
    await the.step('stamp_disks', 'runStep', 1);
    expect(the.desk.placed).toMatchObject([{ name: 'erase_metadata', args: { disks: [{ serial: 'three' }] } }]);
    the.settle(1);
    expect(await the.step('stamp_disks', 'runStep', 1)).toMatchObject({ wrote: [2] });
  });

  it('writes nothing where a chosen disk is not in the plan', async () => {
    const the = setUp({}, { disks: [disk('two'), disk('four')], stamps: ['a', 'b'] });
    await expect(the.step('stamp_disks', 'runStep', 1)).rejects.toMatchObject({
      code: 'power.refused',
      message: containing('four was chosen'),
      hint: containing('rackseed node plan'),
    });
    expect(the.desk.placed).toEqual([]);
  });

  it('lets the installer be booted only with an inventory taken after the marks', async () => {
    const the = setUp();
    expect(await the.step('check_answer', 'runStep', 2)).toBe('wait');
    expect([the.desk.placed.map(({ name }) => name), the.asked]).toEqual([['inventory'], []]);
    expect(await the.step('check_answer', 'continueStep', 2)).toBe('wait');
    expect(the.asked).toEqual([]);
    the.settle(2);
    expect(await the.step('check_answer', 'continueStep', 2)).toEqual({});
    expect(the.asked).toEqual(['arm task-1']);
    expect(await the.step('check_answer', 'runStep', 2)).toEqual({});
    expect([the.desk.placed.length, the.asked.length]).toEqual([1, 2]);
  });

  it('restarts the machine once, however often it is asked', async () => {
    const the = setUp();
    await the.step('boot_installer', 'runStep', 4);
    await the.step('boot_installer', 'runStep', 4);
    expect(the.desk.placed.map(({ name }) => name)).toEqual(['reboot']);
  });
});

describe('the wait for an installer', () => {
  it('says how it stands, and looks again when the record wants it, ten minutes later at the latest', async () => {
    const the = setUp();
    the.state.standing = { state: 'waits', fraction: 0.4, text: '700 of 1800 MB', until: START + MINUTE };
    expect(await the.step('wait_for_installer', 'runStep', 5)).toEqual({ waitUntil: START + MINUTE });
    the.state.standing = { ...the.state.standing, until: START - 1 };
    expect(await the.step('wait_for_installer', 'continueStep', 5)).toEqual({ waitUntil: START + 5000 });
    the.state.standing = { ...the.state.standing, until: null };
    expect(await the.step('wait_for_first_boot', 'continueStep', 6)).toEqual({ waitUntil: START + 10 * MINUTE });
    expect(the.said).toEqual(['700 of 1800 MB', '700 of 1800 MB', '700 of 1800 MB']);
    expect(the.asked).toEqual(['standing task-1 installed', 'standing task-1 installed', 'standing task-1 first-boot']);
  });

  it('is over when it is reached, and fails with the words of the record', async () => {
    const the = setUp();
    expect(await the.step('wait_for_installer', 'continueStep', 5)).toEqual({});
    the.state.standing = { state: 'failed', message: 'no answer was asked for', hint: 'look at its screen' };
    await expect(the.step('wait_for_installer', 'continueStep', 5)).rejects.toMatchObject({
      message: containing('no answer was asked for'),
      hint: 'look at its screen',
    });
  });
});

describe('signing in to the new system', () => {
  it('is tried until it answers', async () => {
    const the = setUp();
    the.state.signIn = [fail('power.unreachable', { message: 'refused' }), { address: '10.0.0.11', system: 'Linux 6.14' }];
    const done = the.step('verify_ssh', 'runStep', 7);
    expect(await the.clock.until(done)).toEqual({ result: { address: '10.0.0.11', system: 'Linux 6.14' } });
    expect(the.said).toEqual(['no SSH yet: refused', containing('signed in to 10.0.0.11')]);
  });

  it('fails with the last reason after a quarter of an hour', async () => {
    const the = setUp();
    const failed = the.step('verify_ssh', 'runStep', 7).catch((error: unknown) => error);
    expect(await the.clock.until(failed)).toMatchObject({
      code: 'power.unreachable',
      message: containing('nobody answers'),
      hint: containing('VLAN'),
    });
    expect(the.clock.now() - START).toBeGreaterThanOrEqual(15 * MINUTE);
  });

  it('waits for nobody who proves to be another', async () => {
    const the = setUp();
    the.state.signIn = [fail('power.not_trusted', { message: 'another host key' })];
    await expect(the.step('verify_ssh', 'runStep', 7)).rejects.toMatchObject({ code: 'power.not_trusted' });
  });
});
