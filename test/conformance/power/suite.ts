// The one suite that every driver passes. A bench says which driver it is and how to describe a machine that is well, one that fails, and
// one that never answers; what a driver has decides what is asked of it.

import { describe, expect, it } from 'vitest';
import { RackseedError, Secret, silentLog } from '../../../src/lib/index.ts';
import type { DriverInfo, SecretTree } from '../../../src/nodes/index.ts';
import {
  BOOT_DEVICES,
  type Call,
  type Driver,
  type DriverStep,
  type PowerTarget,
  STEP_KINDS,
  type Target,
} from '../../../src/power/index.ts';
import { matching } from '../../support/containing.ts';

/** Stands where a password does in every target; must never be seen again. */
export const PASSWORD = 'hunter2-Zx9/+ä';

export interface DriverBench {
  readonly driver: Driver;
  /** A machine that is there, answers, and is off. The password in it is PASSWORD. */
  readonly well: Target;
  /** Every call to it ends in an error soon. */
  readonly failing: Target;
  /** Every call to it takes for ever. */
  readonly hanging: Target;
  /** Keys of driver_info that it does not work without. */
  readonly required: readonly string[];
  /** Values that driver_info may not have. */
  readonly malformed: Readonly<Record<string, SecretTree>>;
  /** False where a call does nothing that could hang or fail. */
  readonly asksMachine: boolean;
  /** False where nothing in the bench goes off, or on, however often it is told. */
  readonly goesOff?: boolean;
  readonly goesOn?: boolean;
  /** Steps that this bench can not run: they need more than it has. */
  readonly withoutSteps?: readonly string[];
  close?(): Promise<void>;
}

/** How long a driver may take to notice that nobody wants its answer any more. */
const ABORT_MS = 2000;
const SETTLE_MS = 20_000;

type Operation = readonly [name: string, run: (target: Target, call: Call) => Promise<unknown>];

export function driverSuite(name: string, open: () => Promise<DriverBench>): void {
  describe(`the driver ${name}`, () => {
    const withBench = (work: (bench: DriverBench) => Promise<void> | void) => async (): Promise<void> => {
      const bench = await open();
      try {
        await work(bench);
      } finally {
        await bench.close?.();
      }
    };
    describe('its description', () => descriptionTests(withBench));
    describe('its machine', () => machineTests(withBench));
    describe('its steps', () => stepTests(withBench));
    describe('when it goes wrong', () => trouble(withBench));
  });
}

type WithBench = (work: (bench: DriverBench) => Promise<void> | void) => () => Promise<void>;

function descriptionTests(withBench: WithBench): void {
  it(
    'has a name and a title, and describes every key of driver_info in words',
    withBench(({ driver }) => {
      expect(driver.name).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(driver.title.length).toBeGreaterThan(2);
      expect(driver.info).toMatchObject({ type: 'object' });
      for (const [key, schema] of Object.entries(propertiesOf(driver)))
        expect(schema, key).toMatchObject({ description: matching(/.{10}/) });
    }),
  );
  it(
    'accepts a machine that is described well, and has the same queue for it each time',
    withBench(({ driver, well }) => {
      expect(driver.refusal(well)).toBeNull();
      const key = driver.queueKey?.(well);
      expect(driver.queueKey?.(well)).toBe(key);
      expect(key ?? '').not.toContain(PASSWORD);
    }),
  );
  it(
    'refuses a machine that lacks what it needs, naming the key',
    withBench(({ driver, well, required }) => {
      for (const key of required) {
        const { [key]: _, ...others } = well.driverInfo;
        expect(driver.refusal({ ...well, driverInfo: others }), key).toContain(key);
      }
    }),
  );
  it(
    'refuses values of the wrong kind, naming the key and not the secret',
    withBench(({ driver, well, malformed }) => {
      for (const [key, value] of Object.entries(malformed)) {
        const refusal = driver.refusal({ ...well, driverInfo: { ...well.driverInfo, [key]: value } });
        expect(refusal, key).toContain(key);
        expect(refusal, key).not.toContain(PASSWORD);
      }
    }),
  );
}

function machineTests(withBench: WithBench): void {
  it(
    'reaches the power state that it is told, for each that it says it can',
    withBench(async ({ driver, well, goesOff = true, goesOn = true }) => {
      if (driver.power === undefined) return;
      expect(driver.power.targets.length).toBeGreaterThan(0);
      expect([null, 'power on', 'power off']).toContain(await driver.power.state(well, call()));
      for (const wanted of driver.power.targets) {
        await driver.power.set(well, wanted, call());
        if (isOff(wanted) ? goesOff : goesOn) await eventually(driver, well, wanted);
      }
    }),
  );
  it(
    'boots from what it is told to boot from, and refuses a device that there is not',
    withBench(async ({ driver, well }) => {
      const { management } = driver;
      if (management === undefined) return;
      expect(BOOT_DEVICES).toEqual(expect.arrayContaining([...management.bootDevices]));
      for (const device of management.bootDevices) {
        await management.setBootDevice(well, { device, isPersistent: false }, call());
        if (driver.name !== 'noop') expect((await management.bootDevice(well, call())).device).toBe(device);
      }
      const other = BOOT_DEVICES.find((device) => !management.bootDevices.includes(device));
      if (other === undefined || driver.name === 'noop') return;
      const error = await errorOf(management.setBootDevice(well, { device: other, isPersistent: false }, call()));
      expect(error.status, other).toBe(400);
    }),
  );
  it(
    'answers every question of a machine that is well',
    withBench(async ({ driver, well }) => {
      for (const [name, run] of questions(driver)) await expect(run(well, call()), name).resolves.not.toThrow();
    }),
  );
  it(
    'refuses a vendor method that it does not have',
    withBench(async ({ driver, well }) => {
      if (driver.vendor === undefined) return;
      const error = await errorOf(driver.vendor.call(well, 'no_such_method', {}, call()));
      expect(error.status).toBe(400);
    }),
  );
}

function stepTests(withBench: WithBench): void {
  it(
    'offers each step once for each kind, with a priority and a title',
    withBench(({ driver }) => {
      const steps = driver.steps ?? [];
      expect(new Set(steps.map(({ kind, step }) => `${kind} ${step}`)).size).toBe(steps.length);
      for (const step of steps) {
        expect(STEP_KINDS).toContain(step.kind);
        expect(step.step).toMatch(/^[a-z][a-z0-9_]*$/);
        expect(Number.isInteger(step.priority) && step.priority >= 0, step.step).toBe(true);
        expect(step.title.length, step.step).toBeGreaterThan(2);
        if (step.kind === 'verify') expect(step.isDestructive, step.step).not.toBe(true);
      }
    }),
  );
  it(
    'runs each of them, also when an end of the process cut it off before',
    withBench(async ({ driver, well, withoutSteps = [] }) => {
      for (const step of (driver.steps ?? []).filter((one) => driver.runStep !== undefined && !withoutSteps.includes(one.step))) {
        for (const isResumed of [false, true]) {
          const told: number[] = [];
          const outcome = await driver.runStep?.(step, well, {
            ...call(),
            args: argsFor(step),
            key: 'tsk:0',
            isResumed,
            progress: (part) => told.push(part),
          });
          expect(outcome === 'wait' || typeof outcome === 'object', step.step).toBe(true);
          expect(
            told.every((part) => part >= 0 && part <= 1),
            step.step,
          ).toBe(true);
        }
      }
    }),
  );
  it(
    'refuses a step that lacks an argument it requires, naming it',
    withBench(async ({ driver, well }) => {
      for (const step of driver.runStep === undefined ? [] : (driver.steps ?? [])) {
        for (const [key] of Object.entries(step.argsInfo ?? {}).filter(([, { required }]) => required === true)) {
          const run = { ...call(), args: {}, key: 'tsk:0', isResumed: false, progress: () => undefined };
          const error = await errorOf(driver.runStep?.(step, well, run));
          expect(error.status, step.step).toBe(400);
          expect(error.message, step.step).toContain(key);
        }
      }
    }),
  );
}

function trouble(withBench: WithBench): void {
  it(
    'fails with one of our errors, that says what to do and holds no secret',
    withBench(async ({ driver, failing, asksMachine }) => {
      if (!asksMachine) return;
      for (const [name, run] of operations(driver)) {
        const error = await errorOf(run(failing, call()));
        expect(error.code, name).toMatch(/^power\./);
        expect(error.hint ?? '', name).not.toBe('');
        const said = [error.message, error.hint, JSON.stringify(error.detail), String(error.cause), error.stack].join('\n');
        for (const form of [PASSWORD, encodeURIComponent(PASSWORD), Buffer.from(PASSWORD).toString('base64')])
          expect(said, name).not.toContain(form);
      }
    }),
  );
  it(
    'does not begin what nobody wants any more',
    withBench(async ({ driver, well, asksMachine }) => {
      if (!asksMachine) return;
      const reason = new Error('nobody wants it');
      for (const [name, run] of operations(driver))
        await expect(run(well, { ...call(), signal: AbortSignal.abort(reason) }), name).rejects.toThrow();
    }),
  );
  it(
    'ends soon after its caller has given up',
    withBench(async ({ driver, hanging, asksMachine }) => {
      if (!asksMachine) return;
      for (const [name, run] of operations(driver)) {
        const caller = new AbortController();
        const running = run(hanging, { ...call(), signal: caller.signal }).then(
          () => 'answered',
          () => 'ended',
        );
        caller.abort(new Error('given up'));
        expect(await Promise.race([running, afterMs(ABORT_MS)]), name).toBe('ended');
      }
    }),
  );
}

/** What changes nothing. */
function questions({ power, management, console: serial, bios, firmware, inspect }: Driver): Operation[] {
  const all: [string, ((target: Target, call: Call) => Promise<unknown>) | undefined][] = [
    ['power.state', power && ((target, at) => power.state(target, at))],
    ['management.bootDevice', management && ((target, at) => management.bootDevice(target, at))],
    ['management.bootMode', management?.bootMode && ((target, at) => orNothing(management.bootMode?.(target, at)))],
    ['management.secureBoot', management?.secureBoot && ((target, at) => orNothing(management.secureBoot?.(target, at)))],
    ['console.console', serial && ((target, at) => serial.console(target, at))],
    ['bios.settings', bios && ((target, at) => bios.settings(target, at))],
    ['firmware.components', firmware && ((target, at) => firmware.components(target, at))],
    ['inspect.inspect', inspect && ((target, at) => inspect.inspect(target, at))],
  ];
  return all.flatMap(([name, run]) => (run === undefined ? [] : [[name, run] as const]));
}

/** What asks the machine: questions, and the first of each kind of change. */
function operations(driver: Driver): Operation[] {
  const { power, management, steps = [] } = driver;
  const [wanted] = power?.targets ?? [];
  const [device] = management?.bootDevices ?? [];
  const changes: Operation[] = [];
  if (power !== undefined && wanted !== undefined) changes.push(['power.set', (target, at) => power.set(target, wanted, at)]);
  if (management !== undefined && device !== undefined)
    changes.push(['management.setBootDevice', (target, at) => management.setBootDevice(target, { device, isPersistent: true }, at)]);
  const step = driver.runStep === undefined ? undefined : steps[0];
  if (step !== undefined) {
    const run = { args: argsFor(step), key: 'tsk:0', isResumed: false, progress: () => undefined };
    changes.push([`step ${step.step}`, (target, at) => orNothing(driver.runStep?.(step, target, { ...at, ...run }))]);
  }
  return [...questions(driver), ...changes];
}

function orNothing(answer: Promise<unknown> | undefined): Promise<unknown> {
  return answer ?? Promise.resolve(undefined);
}

function argsFor({ argsInfo = {} }: DriverStep): Record<string, never[]> {
  return Object.fromEntries(Object.entries(argsInfo).map(([key]) => [key, []]));
}

function propertiesOf({ info }: Driver): Record<string, unknown> {
  return 'properties' in info && typeof info.properties === 'object' && info.properties !== null ? { ...info.properties } : {};
}

async function eventually(driver: Driver, target: Target, wanted: PowerTarget): Promise<void> {
  const goal = isOff(wanted) ? 'power off' : 'power on';
  await expect.poll(async () => isAt(await driver.power?.state(target, call()), goal), { timeout: SETTLE_MS, message: wanted }).toBe(true);
}

function isOff(wanted: PowerTarget): boolean {
  return wanted === 'power off' || wanted === 'soft power off';
}

/** Where nobody can know the state there is nothing to see. */
function isAt(reading: string | null | undefined, goal: string): boolean {
  return reading === null || reading === goal;
}

async function errorOf(work: Promise<unknown> | undefined): Promise<RackseedError> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof RackseedError) return thrown;
    throw thrown;
  }
  throw new Error('this should have failed');
}

async function afterMs(ms: number): Promise<string> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
  return `nothing after ${ms} ms`;
}

function call(): Call {
  return { signal: AbortSignal.timeout(60_000), log: silentLog };
}

export function targetOf(driverInfo: DriverInfo, more: Partial<Target> = {}): Target {
  return {
    uuid: '11111111-2222-4333-8444-555555555555',
    name: 'pve1',
    driver: 'fake-hardware',
    macs: [],
    driverInfo: { a_password: new Secret(PASSWORD), ...driverInfo },
    properties: {},
    instanceInfo: {},
    internalInfo: {},
    recorded: { powerState: null, bootMode: null, secureBoot: null, isConsoleOn: false, targetRaidConfig: {} },
    ...more,
  };
}
