// Cleaning by the agent: Ironic's clean steps, on the disks that the life cycle gives, which are those of the approved wipe plan.

import type { JsonValue } from '../../nodes/index.ts';
import type { AgentDesk } from '../agent-desk.ts';
import type { DriverStep, StepOutcome, StepRun, Target } from '../seam.ts';
import { BURN_IN_STEPS, isBurnIn, runBurnIn } from './burn-in.ts';
import { placeOrder } from './order.ts';
import { refsIn } from './seen-disks.ts';

/** What is erased when a machine is cleaned by itself. */
export const CLEANINGS = ['metadata', 'express', 'full'] as const;
export type Cleaning = (typeof CLEANINGS)[number];

const wipes = { kind: 'clean', needsRamdisk: true, isDestructive: true } as const;
const METHOD = {
  method: { description: 'auto, secure, discard, overwrite or express; auto unless told.' },
  passes: { description: 'How often an overwritten disk is written, the last time with zeroes; 1 unless told.' },
} as const;

/** Priorities are Ironic's; which of the two longer ones runs by itself is set up. */
export function cleanSteps(cleaning: Cleaning): readonly DriverStep[] {
  return [
    { ...wipes, step: 'erase_devices_metadata', priority: 99, title: 'Erase partition tables and file system signatures' },
    {
      ...wipes,
      step: 'erase_devices',
      priority: cleaning === 'full' ? 10 : 0,
      title: 'Erase the disks whole',
      argsInfo: METHOD,
    },
    {
      ...wipes,
      step: 'erase_devices_express',
      priority: cleaning === 'express' ? 10 : 0,
      title: 'Erase each disk the fastest way that it has itself',
    },
    ...BURN_IN_STEPS,
  ];
}

export async function runCleanStep(desk: AgentDesk, asked: DriverStep, target: Target, run: StepRun): Promise<StepOutcome> {
  if (isBurnIn(asked)) return runBurnIn(desk, asked, target, run);
  const { step } = asked;
  const disks = refsIn(run.args.disks);
  if (disks.length === 0) {
    run.progress(1, 'no disks are named for it: nothing is erased');
    return {};
  }
  if (step === 'erase_devices_metadata') return placeOrder(desk, target, run, { name: 'erase_metadata', args: { disks } });
  const method = step === 'erase_devices_express' ? 'express' : textOr(run.args.method, 'auto');
  return placeOrder(desk, target, run, {
    name: 'erase_disks',
    args: { disks, method, verify: true, passes: numberOr(run.args.passes, 1) },
  });
}

function textOr(value: JsonValue | undefined, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function numberOr(value: JsonValue | undefined, otherwise: number): number {
  return value === undefined || value === null ? otherwise : Number(value);
}
