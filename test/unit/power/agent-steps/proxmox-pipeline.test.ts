// What the deploy driver of installers asks of whoever runs pipelines: the end of an installation, and a service step.

import { expect, it } from 'vitest';
import { silentLog } from '../../../../src/lib/index.ts';
import { proxmoxDriver } from '../../../../src/power/agent-steps/proxmox.ts';
import {
  type Driver,
  type InstallDesk,
  NO_DESK,
  NO_INSTALL_DESK,
  type PipelineDesk,
  type PipelineStanding,
  type StepRun,
  type Target,
} from '../../../../src/power/index.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const TARGET = { uuid: 'n-1', name: 'pve1', instanceInfo: {}, internalInfo: {} } as unknown as Target; // what these steps read of it
const MINUTE = 60_000;

function driverWith(standings: readonly PipelineStanding[] = []) {
  const clock = createFakeClock();
  const asked: string[] = [];
  const left = [...standings];
  const installs: InstallDesk = { ...NO_INSTALL_DESK, signIn: () => Promise.resolve({ address: '10.0.0.11', system: 'Linux' }) };
  const pipelines: PipelineDesk = {
    deployed: (uuid, deployment) => {
      asked.push(`deployed ${uuid} ${deployment}`);
      return Promise.resolve('three');
    },
    drive: ({ service, args }) => {
      asked.push(`drive ${service} ${JSON.stringify(args)}`);
      return Promise.resolve(left.shift() ?? expect.unreachable());
    },
  };
  return { driver: proxmoxDriver({ desk: NO_DESK, installs, pipelines, cleaning: 'express', clock }), asked, clock };
}

function stepOf(driver: Driver, name: string) {
  return driver.steps?.find(({ step }) => step === name) ?? expect.unreachable();
}

function runWith(key: string, args: StepRun['args'] = {}): StepRun {
  const signal = new AbortController().signal;
  return { key, args, isResumed: false, signal, log: silentLog, progress: () => undefined };
}

it('tells that a machine is installed once it was signed in to', async () => {
  const { driver, asked } = driverWith();
  expect(await driver.runStep?.(stepOf(driver, 'verify_ssh'), TARGET, runWith('task-1:7'))).toMatchObject({
    result: { address: '10.0.0.11' },
  });
  expect(asked).toEqual(['deployed n-1 task-1']);
});

it('has a pipeline run as a service that needs no agent, is never begun unasked, and goes on for as long as it takes', async () => {
  const waits = { is: 'waits', until: 0, text: 'waits until pve0: Join is over' } as const;
  const { driver, asked, clock } = driverWith([
    { ...waits, until: createFakeClock().now() + MINUTE },
    { is: 'done', text: 'done' },
  ]);
  const step = stepOf(driver, 'run_pipeline');
  expect(step).toMatchObject({ kind: 'service', priority: 0, isAbortable: true, goesOnAtLength: true });
  expect(step.needsRamdisk).toBeUndefined();
  expect(driver.stepRefusal?.(step, TARGET)).toBeNull();
  const run = runWith('task-2:0', { pipeline: 'other' });
  expect(await driver.runStep?.(step, TARGET, run)).toEqual({ waitUntil: clock.now() + MINUTE });
  expect(await driver.continueStep?.(step, TARGET, { ...run, word: {} })).toEqual({});
  expect(asked).toEqual(['drive task-2:0 {"pipeline":"other"}', 'drive task-2:0 {"pipeline":"other"}']);
});

it('says that nobody runs pipelines where nobody does', async () => {
  const driver = proxmoxDriver({ desk: NO_DESK, installs: NO_INSTALL_DESK, cleaning: 'express', clock: createFakeClock() });
  await expect(driver.runStep?.(stepOf(driver, 'run_pipeline'), TARGET, runWith('task-3:0'))).rejects.toThrow('nobody here runs pipelines');
});
