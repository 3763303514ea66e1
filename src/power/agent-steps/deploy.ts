// Deploy interfaces that the agent does: `direct` writes an image and starts it; `custom-agent` does what it is asked for. Steps and their
// priorities are Ironic's core steps, with the config drive and the first boot as steps of their own.

import { Type } from 'typebox';
import type { JsonObject } from '../../nodes/index.ts';
import type { AgentDesk } from '../agent-desk.ts';
import { fail } from '../errors.ts';
import type { AgentWord, Driver, DriverStep, StepOutcome, StepRun, Target } from '../seam.ts';
import { isWaiting } from '../step-outcome.ts';
import { isBurnIn } from './burn-in.ts';
import { type Cleaning, cleanSteps, runCleanStep } from './clean.ts';
import { firstBootStands } from './first-boot-decide.ts';
import { type ImageOrder, missingWords, readImage } from './image-decide.ts';
import type { ApplianceImages } from './images.ts';
import { earlierResults, orderStands, placeOrder } from './order.ts';
import { chooseRootDisk, hintsRefusal, refForWriting, type WrittenDisk } from './root-disk-decide.ts';
import { type DiskRef, exactly, identityIn, isDiskOf, refOf, refsIn, type SeenDisk, seenDisks, titleOfDisk } from './seen-disks.ts';

export interface AgentDeployParts {
  readonly desk: AgentDesk;
  readonly images: ApplianceImages;
  readonly cleaning: Cleaning;
}

const CONFIG_DRIVE_PATH = '/api/agent/configdrive';
const agent = { kind: 'deploy', needsRamdisk: true } as const;
const ORDER = { order: { description: 'Boot order by UEFI: network-first, disk-first or leave; network-first unless told.' } } as const;

/** `own`: what runs when nobody asks for steps. */
function deploySteps(own: boolean): readonly DriverStep[] {
  const priority = (value: number): number => (own ? value : 0);
  return [
    { ...agent, step: 'write_image', priority: priority(80), title: 'Write the image', isDestructive: true },
    { ...agent, step: 'write_configdrive', priority: priority(70), title: 'Write the config drive', isDestructive: true },
    { ...agent, step: 'prepare_instance_boot', priority: priority(60), title: 'Tell the firmware where the system is', argsInfo: ORDER },
    { ...agent, step: 'tear_down_agent', priority: 40, title: 'End the work of the agent' },
    { ...agent, step: 'boot_instance', priority: 20, title: 'Start the system', leavesAgent: true },
    { kind: 'deploy', step: 'wait_for_first_boot', priority: priority(10), title: "Wait for the system's report of its first boot" },
  ];
}

export function agentDeploys(parts: AgentDeployParts): readonly Driver[] {
  const refused = (target: Target): string | null => imageRefusal(parts.images, target);
  return [
    deployDriver(parts, { name: 'direct', title: 'the agent writes a disk image', own: true, refusal: refused }),
    deployDriver(parts, { name: 'custom-agent', title: 'the agent runs the steps that are asked for', own: false, refusal: () => null }),
  ];
}

interface Kind extends Pick<Driver, 'name' | 'title' | 'refusal'> {
  readonly own: boolean;
}

function deployDriver(parts: AgentDeployParts, { name, title, own, refusal }: Kind): Driver {
  return {
    interface: 'deploy',
    name,
    title,
    info: Type.Object({}),
    refusal,
    stepRefusal: (step, target) => (step.step === 'write_image' ? imageRefusal(parts.images, target) : null),
    steps: [...cleanSteps(parts.cleaning), ...deploySteps(own)],
    runStep: (step, target, run) => runAgentStep(parts, step, target, run),
    continueStep: (step, target, run) => goOn(parts, step, target, run),
  };
}

export function imageRefusal(images: ApplianceImages, { uuid, instanceInfo, properties }: Target): string | null {
  const read = readImage(instanceInfo);
  if ('missing' in read) return missingWords(uuid, read.missing);
  if ('refused' in read) return read.refused;
  if ('file' in read) {
    const refusal = images.refusal(read.file);
    if (refusal !== null) return refusal;
  }
  if (instanceInfo.first_boot === true && typeof instanceInfo.configdrive === 'string')
    return 'first_boot is asked for, and configdrive is a finished image: nobody can put the report into it; give its parts (meta_data, user_data, …)';
  return hintsRefusal(instanceInfo.root_device ?? properties.root_device);
}

async function runAgentStep(parts: AgentDeployParts, step: DriverStep, target: Target, run: StepRun): Promise<StepOutcome> {
  const { desk } = parts;
  if (step.kind === 'clean' || isBurnIn(step)) return runCleanStep(desk, step, target, run);
  switch (step.step) {
    case 'write_image':
      return withWritten(desk, { step, target, run }, await writeImage(parts, target, run));
    case 'write_configdrive': {
      if (!wantsConfigDrive(target)) {
        run.progress(1, 'instance_info has no configdrive and asks for no report of the first boot: none is written');
        return { wrote: [] };
      }
      return withWritten(desk, { step, target, run }, await writeConfigDrive(parts, target, run));
    }
    case 'prepare_instance_boot': {
      const order = typeof run.args.order === 'string' ? run.args.order : 'network-first';
      return placeOrder(desk, target, run, { name: 'install_boot', args: { disk: await knownDisk(desk, target, run), order } });
    }
    case 'tear_down_agent':
      run.progress(1, 'nothing to do: the agent ends with the restart');
      return {};
    case 'boot_instance':
      return placeOrder(desk, target, run, { name: 'boot_disk', args: { disk: await knownDisk(desk, target, run), how: 'reboot' } });
    case 'wait_for_first_boot':
      return firstBoot(target, run);
    default:
      throw fail('power.unsupported', { message: `the agent has no deploy step ${step.step}` });
  }
}

async function goOn(
  { desk }: AgentDeployParts,
  step: DriverStep,
  target: Target,
  run: StepRun & { readonly word: AgentWord },
): Promise<StepOutcome> {
  if (step.step === 'wait_for_first_boot') return firstBoot(target, run);
  return withWritten(desk, { step, target, run }, await orderStands(desk, target, run));
}

async function writeImage({ desk, images }: AgentDeployParts, target: Target, run: StepRun): Promise<StepOutcome> {
  const image = await imageOf(images, target, run);
  const { ref, at } = await rootDisk(desk, target, run);
  await run.touches?.({ at });
  const args: JsonObject = { disk: ref, ...image, compression: 'auto', grow: true };
  return placeOrder(desk, target, run, { name: 'write_image', args });
}

async function writeConfigDrive({ desk }: AgentDeployParts, target: Target, run: StepRun): Promise<StepOutcome> {
  const { ref, at } = await rootDisk(desk, target, run);
  await run.touches?.({ at });
  return placeOrder(desk, target, run, { name: 'write_configdrive', args: { disk: ref, path: CONFIG_DRIVE_PATH } });
}

interface Ended {
  readonly step: DriverStep;
  readonly target: Target;
  readonly run: StepRun;
}

/**
 * Of the plan's disks the image goes to one: the others are not ours by it. The config drive goes where the image went, so that it makes no
 * disk ours that is not.
 */
async function withWritten(desk: AgentDesk, { step, target, run }: Ended, outcome: StepOutcome): Promise<StepOutcome> {
  if (isWaiting(outcome) || (step.step !== 'write_image' && step.step !== 'write_configdrive')) return outcome;
  if (step.step !== 'write_image') return { ...outcome, wrote: [] };
  const report = await desk.inventory(target.uuid);
  const written = report === null ? undefined : writtenBy([outcome.result ?? {}], seenDisks(report));
  return { ...outcome, wrote: written === undefined ? [] : placesOf(run, written.disk) };
}

/** Throws where nobody can tell any more which disk it was: another one would be taken for it. */
function writtenBy(results: readonly JsonObject[], disks: readonly SeenDisk[]): WrittenDisk | undefined {
  const [found] = results.flatMap((result) => (typeof result.disk === 'string' ? { result, title: result.disk } : []));
  if (found === undefined) return undefined;
  const { result, title } = found;
  const identity = identityIn(result.on);
  const titled = disks.filter((one) => titleOfDisk(one) === title);
  const disk = identity === undefined ? (titled.length === 1 ? titled[0] : undefined) : exactly(identity, disks);
  const holds = Array.isArray(result.holds) ? result.holds.filter((item) => typeof item === 'string') : null;
  if (disk !== undefined) return { disk, holds };
  throw fail('power.refused', {
    message: `the image was written to ${title}, and ${titled.length > 1 ? 'several disks are called so' : 'that disk is not there any more'}`,
    hint: 'Nothing more is written. Look at the disks of the machine, then deploy it again.',
  });
}

/** Of the disk in the wipe plan; none: the plan does not name it. */
function placesOf(run: StepRun, disk: SeenDisk): number[] {
  const refs = refsIn(run.args.disks);
  const exact = exactly(disk, refs);
  const at = exact === undefined ? refs.findIndex((ref) => isDiskOf(ref, disk)) : refs.indexOf(exact);
  return at < 0 ? [] : [at];
}

async function imageOf(images: ApplianceImages, { uuid, instanceInfo }: Target, run: StepRun): Promise<ImageOrder> {
  const read = readImage(instanceInfo);
  if ('image' in read) return read.image;
  if ('file' in read) {
    run.progress(0, `reads ${read.file} for its checksum`);
    const { checksum } = await images.describe(read.file, run.signal);
    if (read.checksum?.startsWith('sha256:') === true && read.checksum !== checksum)
      throw fail('power.refused', {
        message: `the image ${read.file} on the appliance has the checksum ${checksum}, and should have ${read.checksum}`,
        hint: 'Look at which of the two was changed.',
      });
    // One by another algorithm is for the agent to compare: it reads all of it anyway.
    return { url: images.url, checksum: read.checksum ?? checksum, isAppliance: true, format: read.format };
  }
  throw fail('power.bad_info', { message: 'missing' in read ? missingWords(uuid, read.missing) : read.refused });
}

interface Chosen {
  readonly disk: SeenDisk;
  readonly plan: readonly DiskRef[];
  /** By an earlier step of this work. */
  readonly written: WrittenDisk | undefined;
}

/** The same for every step of one deployment: what the first of them wrote is ours for those that follow. */
async function chosen(desk: AgentDesk, target: Target, run: StepRun): Promise<Chosen> {
  const report = await desk.inventory(target.uuid);
  if (report === null)
    throw fail('power.failed', { message: 'its disks are not known: the agent has not reported yet', hint: 'Inspect it first.' });
  const plan = refsIn(run.args.disks);
  const wanted = target.instanceInfo.root_device ?? target.properties.root_device;
  const hints = typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted) ? (wanted as JsonObject) : undefined; // by the test
  const disks = seenDisks(report);
  const written = writtenBy(await earlierResults(desk, target, run.key), disks);
  const choice = written ?? chooseRootDisk(disks, { hints, plan });
  if ('disk' in choice) return { disk: choice.disk, plan, written };
  throw fail('power.refused', {
    message: `no disk is written: ${choice.refused}`,
    hint: 'Set properties/root_device or instance_info/root_device to what only one disk is: {"serial": "…"} or {"wwn": "…"}.',
  });
}

async function rootDisk(desk: AgentDesk, target: Target, run: StepRun): Promise<{ readonly ref: DiskRef; readonly at: readonly number[] }> {
  const { disk, plan, written } = await chosen(desk, target, run);
  const allowed = refForWriting(disk, plan, written);
  if ('ref' in allowed) return { ref: allowed.ref, at: placesOf(run, disk) };
  throw fail('power.refused', {
    message: `no disk is written: ${allowed.refused}`,
    hint: 'Approve a wipe plan that names it, or choose another disk.',
  });
}

/** Nothing is written to it. */
async function knownDisk(desk: AgentDesk, target: Target, run: StepRun): Promise<DiskRef> {
  return refOf((await chosen(desk, target, run)).disk, null);
}

export function wantsConfigDrive({ instanceInfo }: Pick<Target, 'instanceInfo'>): boolean {
  return (instanceInfo.configdrive ?? null) !== null || instanceInfo.first_boot === true;
}

function firstBoot(target: Target, run: StepRun): StepOutcome {
  const stands = firstBootStands(target);
  run.progress(stands.isDone ? 1 : 0, stands.words);
  return stands.isDone ? {} : 'wait';
}
