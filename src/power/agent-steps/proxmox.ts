// The deploy interface `proxmox`: the agent prepares the disks, then Proxmox's own installer does the rest, unattended. Who keeps the record
// of the installation, and proves what the installer is answered, is the desk. Knows no ISOs, answers or boot scripts.

import { Type } from 'typebox';
import { type Clock, messageOf, RackseedError } from '../../lib/index.ts';
import type { AgentDesk } from '../agent-desk.ts';
import { fail } from '../errors.ts';
import type { ChosenDisk, InstallDesk, InstallPrepared } from '../install-desk.ts';
import { NO_PIPELINE_DESK } from '../no-desk.ts';
import type { PipelineDesk } from '../pipeline-desk.ts';
import type { AgentWord, Driver, DriverStep, StepOutcome, StepRun, Target } from '../seam.ts';
import { isWaiting } from '../step-outcome.ts';
import { isBurnIn } from './burn-in.ts';
import { type Cleaning, cleanSteps, runCleanStep } from './clean.ts';
import { deploymentOf, orderStands, placeOrder } from './order.ts';
import { refsIn } from './seen-disks.ts';

export interface ProxmoxParts {
  readonly desk: AgentDesk;
  readonly installs: InstallDesk;
  /** Nobody runs pipelines unless it is given. */
  readonly pipelines?: PipelineDesk;
  readonly cleaning: Cleaning;
  readonly clock: Pick<Clock, 'now' | 'sleep' | 'monotonic'>;
}

const MINUTE = 60_000;
/** The record is looked at so often where nothing is heard, which keeps the state's own limit (30 minutes of silence) away. */
const LOOK_MS = 10 * MINUTE;
const LEAST_MS = 5000;
/** From the report of the first boot to an open SSH port: services that wait for the network or for time take minutes. */
const SIGN_IN_MS = 15 * MINUTE;
const SIGN_IN_EVERY_MS = 10_000;

export const RUN_PIPELINE = 'run_pipeline';

const agent = { kind: 'deploy', needsRamdisk: true } as const;
const STEPS: readonly DriverStep[] = [
  { ...agent, step: 'prepare_install', priority: 90, title: 'Look whether the machine can be installed', needsDisks: true },
  { ...agent, step: 'stamp_disks', priority: 80, title: 'Mark the disks that the installer may take', isDestructive: true },
  { ...agent, step: 'check_answer', priority: 70, title: 'Prove what the installer would do' },
  { ...agent, step: 'tear_down_agent', priority: 40, title: 'End the work of the agent' },
  { ...agent, step: 'boot_installer', priority: 30, title: 'Boot the installer', leavesAgent: true, bootsNetwork: true },
  { kind: 'deploy', step: 'wait_for_installer', priority: 20, title: 'Wait for the installer' },
  { kind: 'deploy', step: 'wait_for_first_boot', priority: 15, title: "Wait for the new system's first boot" },
  { kind: 'deploy', step: 'verify_ssh', priority: 10, title: 'Sign in to the new system' },
  {
    kind: 'service',
    step: RUN_PIPELINE,
    priority: 0,
    title: 'Run the pipeline of its profile',
    argsInfo: {
      pipeline: { description: 'Another pipeline than the one of its profile.' },
      run: { description: 'The UUID of a run that failed: it goes on.' },
    },
    isAbortable: true,
    goesOnAtLength: true,
  },
];

export function proxmoxDriver(parts: ProxmoxParts): Driver {
  const refusal = (target: Target): string | null => parts.installs.refusal(target);
  return {
    interface: 'deploy',
    name: 'proxmox',
    title: "Proxmox's own installer, unattended",
    info: Type.Object({}),
    refusal,
    stepRefusal: (step, target) => (step.kind === 'clean' || step.kind === 'service' || isBurnIn(step) ? null : refusal(target)),
    steps: [...STEPS, ...cleanSteps(parts.cleaning)],
    runStep: (step, target, run) =>
      step.kind === 'clean' || isBurnIn(step) ? runCleanStep(parts.desk, step, target, run) : runStep(parts, step, target, run),
    continueStep: (step, target, run) => goOn(parts, step, target, run),
  };
}

async function runStep(parts: ProxmoxParts, step: DriverStep, target: Target, run: StepRun): Promise<StepOutcome> {
  const { desk } = parts;
  switch (step.step) {
    case 'prepare_install': {
      const { disks } = await prepare(parts, target, run);
      run.progress(1, `the system goes to ${disks.map(({ title }) => title).join(' and ')}`);
      return {};
    }
    case 'stamp_disks':
      return stampDisks(parts, target, run);
    case 'check_answer':
      return armed(parts, target, run, await placeOrder(desk, target, run, { name: 'inventory', args: {} }));
    case 'tear_down_agent':
      run.progress(1, 'nothing to do: the agent ends with the restart');
      return {};
    case 'boot_installer':
      return placeOrder(desk, target, run, { name: 'reboot', args: {} });
    case 'wait_for_installer':
      return stands(parts, target, run, 'installed');
    case 'wait_for_first_boot':
      return stands(parts, target, run, 'first-boot');
    case 'verify_ssh':
      return verifySsh(parts, target, run);
    case RUN_PIPELINE:
      return pipeline(parts, target, run);
    default:
      throw fail('power.unsupported', { message: `the installer of Proxmox has no deploy step ${step.step}` });
  }
}

async function goOn(
  parts: ProxmoxParts,
  step: DriverStep,
  target: Target,
  run: StepRun & { readonly word: AgentWord },
): Promise<StepOutcome> {
  switch (step.step) {
    case 'wait_for_installer':
      return stands(parts, target, run, 'installed');
    case 'wait_for_first_boot':
      return stands(parts, target, run, 'first-boot');
    case RUN_PIPELINE:
      return pipeline(parts, target, run);
    case 'stamp_disks': {
      const outcome = await orderStands(parts.desk, target, run);
      return isWaiting(outcome) ? outcome : { ...outcome, wrote: placesOf(run, (await prepare(parts, target, run)).disks) };
    }
    case 'check_answer':
      return armed(parts, target, run, await orderStands(parts.desk, target, run));
    default:
      return orderStands(parts.desk, target, run);
  }
}

/** Asked by each step that needs to know the disks: the same deployment has the same. */
function prepare({ installs }: ProxmoxParts, target: Target, run: StepRun): Promise<InstallPrepared> {
  const { signal, args } = run;
  const progress = (fraction: number, text: string): void => run.progress(fraction, text);
  const disks = refsIn(args.disks);
  const places = Array.isArray(args.systemOn) ? args.systemOn.map(Number) : [];
  const systemOn = places.flatMap((at) => disks[at] ?? []);
  const order = { nodeUuid: target.uuid, deployment: deploymentOf(run.key), disks, systemOn, isRebuild: args.isRebuild === true };
  return installs.prepare({ ...order, signal, progress });
}

/** A disk that needs no mark is emptied all the same. What is on it is ours with the mark alone, until the installer has its answer. */
async function stampDisks(parts: ProxmoxParts, target: Target, run: StepRun): Promise<StepOutcome> {
  const prepared = await prepare(parts, target, run);
  const places = placesOf(run, prepared.disks);
  const allowed = refsIn(run.args.disks);
  const disks = places.flatMap((at) => allowed[at] ?? []);
  const order =
    prepared.stamps === null
      ? { name: 'erase_metadata', args: { disks } }
      : { name: 'stamp_disks', args: { disks, guids: [...prepared.stamps] } };
  const marks = prepared.disks.map((_, at) => (prepared.stamps === null ? [] : [`table gpt ${prepared.stamps[at] ?? ''}`]));
  await run.touches?.({ at: places, leaves: Object.fromEntries(places.map((place, at) => [place, marks[at] ?? []])) });
  const outcome = await placeOrder(parts.desk, target, run, order);
  return isWaiting(outcome) ? outcome : { ...outcome, wrote: places };
}

/** Where the chosen disks are among those that the wipe plan allows, in the order of the chosen. */
function placesOf(run: StepRun, chosen: readonly ChosenDisk[]): number[] {
  const allowed = refsIn(run.args.disks);
  return chosen.map((disk) => {
    const at = allowed.findIndex((one) => identityOf(one) === identityOf(disk));
    if (at >= 0) return at;
    throw fail('power.refused', {
      message: `no disk is written: ${disk.title} was chosen for the system, and is not in the wipe plan that was approved`,
      hint: 'Look at the plan, and say yes to one that names it: rackseed node plan NODE',
    });
  });
}

function identityOf({ serial, wwn, size, byPath }: ChosenDisk): string {
  return JSON.stringify([serial, wwn, size, byPath]);
}

/** With the inventory that came after the marks. */
async function armed({ installs }: ProxmoxParts, target: Target, run: StepRun, inventory: StepOutcome): Promise<StepOutcome> {
  if (isWaiting(inventory)) return inventory;
  await installs.arm({ nodeUuid: target.uuid, deployment: deploymentOf(run.key), signal: run.signal });
  run.progress(1, 'the installer can take no other disks and no other network card');
  return {};
}

async function stands(
  { installs, clock }: ProxmoxParts,
  target: Target,
  run: StepRun,
  goal: 'installed' | 'first-boot',
): Promise<StepOutcome> {
  const standing = await installs.standing(target.uuid, deploymentOf(run.key), goal);
  switch (standing.state) {
    case 'reached':
      run.progress(1, goal === 'installed' ? 'it is installed' : 'the new system has reported its first boot');
      return {};
    case 'waits':
      run.progress(standing.fraction, standing.text);
      return { waitUntil: nextLook(clock.now(), standing.until) };
    case 'failed':
      throw fail('power.refused', { message: standing.message, hint: standing.hint });
  }
}

/** A time that has passed already must not make us ask without end. */
function nextLook(now: number, until: number | null): number {
  return Math.max(now + LEAST_MS, Math.min(until ?? Number.POSITIVE_INFINITY, now + LOOK_MS));
}

async function verifySsh(parts: ProxmoxParts, target: Target, run: StepRun): Promise<StepOutcome> {
  const outcome = await signIn(parts, target, run);
  const next = await (parts.pipelines ?? NO_PIPELINE_DESK).deployed(target.uuid, deploymentOf(run.key));
  if (next !== null) run.log.info({ node: target.uuid }, `the pipeline ${next} follows`);
  return outcome;
}

/** What is left of it, from wherever it is. */
async function pipeline({ pipelines = NO_PIPELINE_DESK, clock }: ProxmoxParts, target: Target, run: StepRun): Promise<StepOutcome> {
  const standing = await pipelines.drive({
    nodeUuid: target.uuid,
    service: run.key,
    args: run.args,
    signal: run.signal,
    progress: (fraction, text) => run.progress(fraction, text),
    log: (line) => run.log.info({ node: target.uuid }, line),
  });
  run.progress(standing.is === 'done' ? 1 : 0, standing.text);
  return standing.is === 'done' ? {} : { waitUntil: nextLook(clock.now(), standing.until) };
}

async function signIn({ installs, clock }: ProxmoxParts, target: Target, run: StepRun): Promise<StepOutcome> {
  const deadline = clock.monotonic() + SIGN_IN_MS;
  for (;;) {
    try {
      const { address, system } = await installs.signIn(target.uuid, deploymentOf(run.key), run.signal);
      run.progress(1, `signed in to ${address} by the host keys that its installer told: ${system}`);
      return { result: { address, system } };
    } catch (thrown) {
      run.signal.throwIfAborted();
      if (!mayPass(thrown)) throw thrown;
      if (clock.monotonic() >= deadline) throw notReached(thrown);
      run.progress(0, `no SSH yet: ${messageOf(thrown)}`);
    }
    await clock.sleep(SIGN_IN_EVERY_MS, run.signal);
  }
}

/** Another host key does not become the right one by waiting. */
function mayPass(thrown: unknown): boolean {
  return thrown instanceof RackseedError && thrown.code !== 'power.not_trusted';
}

function notReached(cause: unknown): Error {
  return fail('power.unreachable', {
    message: `the new system runs, and could not be signed in to for ${SIGN_IN_MS / MINUTE} minutes: ${messageOf(cause)}`,
    hint: 'Look whether its address can be reached from the appliance (VLAN, firewall, a wrong gateway) and sshd runs, then deploy it again.',
    cause,
  });
}
