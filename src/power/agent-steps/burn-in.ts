// Burning a machine in as clean and as service steps, by Ironic's names: only when they are asked for, and nothing is written to disks.

import type { AgentDesk } from '../agent-desk.ts';
import type { DriverStep, StepOutcome, StepRun, Target } from '../seam.ts';
import { placeOrder } from './order.ts';

const PREFIX = 'burnin_';
const PARTS = ['cpu', 'memory', 'disk', 'network'] as const;
const TITLES = {
  cpu: 'the processor',
  memory: 'the memory',
  disk: 'the disks, by reading',
  network: 'the network to the appliance',
} as const;
/** Ironic's default of a day, in seconds. */
const SECONDS = 86_400;
const SECONDS_MAX = 604_800;

const KINDS = ['clean', 'service'] as const;

export const BURN_IN_STEPS: readonly DriverStep[] = KINDS.flatMap((kind) =>
  PARTS.map((part) => ({
    kind,
    step: `${PREFIX}${part}`,
    priority: 0,
    title: `Burn in ${TITLES[part]}`,
    needsRamdisk: true,
    argsInfo: { seconds: { description: `How long, ${SECONDS} (a day) unless told, ${SECONDS_MAX} at most.` } },
  })),
);

export function isBurnIn({ step }: Pick<DriverStep, 'step'>): boolean {
  return step.startsWith(PREFIX);
}

export function runBurnIn(desk: AgentDesk, { step }: DriverStep, target: Target, run: StepRun): Promise<StepOutcome> {
  const asked = Math.round(Number(run.args.seconds ?? SECONDS));
  const seconds = Math.min(SECONDS_MAX, Math.max(1, Number.isFinite(asked) ? asked : SECONDS));
  return placeOrder(desk, target, run, { name: 'burn_in', args: { seconds, parts: [step.slice(PREFIX.length)] } });
}
