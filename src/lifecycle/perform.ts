// One step: a reserved one by ourselves, any other by the driver that offers it, in its turn and within its time. Moves nothing.

import { withoutAgent } from '../inspect/index.ts';
import { RackseedError } from '../lib/index.ts';
import type { Node } from '../nodes/index.ts';
import { type AgentWord, BEGUN, isWaiting, type PowerTarget, type Question, type StepOutcome, type StepRequest } from '../power/index.ts';
import type { Tx } from '../store/index.ts';
import { fail } from './errors.ts';
import { networkNext } from './network-next.ts';
import { isReserved, type Offered, type PlannedStep, type ReservedStep, stepInterfaces, type WalkKind } from './steps-decide.ts';
import { destructiveArgs } from './wipe.ts';
import type { Touch } from './wipe-decide.ts';
import { beginPlan, erasedAll, failPlan, livePlans, settlePlan, spendPlans } from './wipe-use.ts';
import { callOf, leaveAgent, rescueContext, type Work } from './work.ts';

export interface Entry {
  /** Of this step of this work. */
  readonly key: string;
  /** A process died in it: look first. */
  readonly isResumed: boolean;
  /** It had answered 'wait', and the agent was heard. */
  readonly word?: AgentWord;
}

/** `hold`: a person's turn. `pause`: so many milliseconds. */
export type Performed = StepOutcome | 'hold' | { readonly pauseMs: number };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The states' own timeouts are behind these: the longest is this. */
const STATE_MS = 24 * HOUR;
const STEP_MS: Readonly<Record<WalkKind, number>> = {
  verify: 5 * MINUTE,
  clean: 23 * HOUR,
  deploy: 2 * HOUR,
  service: 23 * HOUR,
  rescue: HOUR,
};

/** Of a step that goes on at length: each thing that it does has a limit of its own, up to 14 days. More than 24 days no timer of Node holds. */
export const LENGTH_MS = 20 * 24 * HOUR;

const POWER_STEPS: Readonly<Partial<Record<ReservedStep, PowerTarget>>> = {
  power_on: 'power on',
  power_off: 'power off',
  reboot: 'rebooting',
};

/** What the node's drivers offer, of every interface that may have such steps. */
export function offeredSteps(work: Pick<Work, 'deps'>, node: Node, kind: WalkKind): Offered[] {
  return stepInterfaces(kind).flatMap((name) => {
    // Every name in the table of ties is an interface.
    const which = name as Offered['interface'];
    const driver = work.deps.gateway.registry.driverOf(node, which);
    return (driver.steps ?? []).filter((step) => step.kind === kind).map((step) => ({ interface: which, driver: driver.name, step }));
  });
}

function offeredOf(work: Work, node: Node, kind: WalkKind, step: PlannedStep): Offered | undefined {
  return offeredSteps(work, node, kind).find((one) => one.interface === step.interface && one.step.step === step.step);
}

function isManual({ context }: Work, kind: WalkKind): boolean {
  return kind === 'clean' && context.args.steps !== undefined;
}

/** All steps are done: a node that is retired gives up the disks that were ours by its wipe plans. */
export async function spendUsedPlans(work: Work, tx: Tx, node: Node, kind: WalkKind): Promise<void> {
  if (kind !== 'clean' || !node.retired) return;
  await spendPlans(tx, node.uuid, { reason: `retired, and cleaned by task ${work.context.taskId}`, now: work.deps.clock.now() });
}

export async function perform(work: Work, node: Node, kind: WalkKind, step: PlannedStep, entry: Entry, share: Share): Promise<Performed> {
  if (isReserved(step.step)) return reserved(work, node, step, step.step, entry);
  const offered = offeredOf(work, node, kind, step);
  if (offered === undefined) {
    throw fail('lifecycle.bad_steps', {
      message: `the ${step.interface} interface of the node no longer has the step ${step.step}`,
      hint: 'Set the interface back, or start over.',
    });
  }
  // Only what begins needs it: opened for a step that merely goes on, it could fail one that has it already.
  const own = kind === 'rescue' && entry.word === undefined ? { rescue_password: rescuePassword(work) } : {};
  const asked = {
    args: { ...step.args, ...own },
    isManual: isManual(work, kind),
    isUnderWay: entry.word !== undefined,
    kind,
    typed: work.context.args.allDisks,
    isRebuild: work.context.args.verb === 'rebuild',
  };
  if (offered.step.leavesAgent === true) await leaveAgent(work);
  // An installer that is booted has begun nothing yet: it asks for its answer first.
  if (kind === 'deploy' && offered.step.leavesAgent === true && offered.step.bootsNetwork !== true) await systemLives(work);
  if (offered.step.bootsNetwork === true && entry.word === undefined) await networkNext(work, node);
  const { args, note, plan, typed } = await destructiveArgs(work.deps, node, offered, asked);
  if (note !== undefined) work.context.log(note);
  const use = { key: entry.key, kind, now: work.deps.clock.now() };
  // Before the order: also where it fails, or we do, what comes onto these disks afterwards is nothing of ours.
  if (typed !== undefined) await work.context.transaction((tx) => erasedAll(tx, work.uuid, typed, use.now));
  let isTold = false;
  const outcome = await within(work, limitOf(kind, offered), `${step.interface}.${step.step}`, (signal) => {
    const run = {
      ...callOf(work, signal),
      which: step.interface,
      step: offered.step,
      args,
      key: entry.key,
      isResumed: entry.isResumed,
      progress: share,
      // Before the order: what it leaves half done is known in any case.
      touches: (touch: Touch) => {
        isTold = true;
        return beginUse(work, plan, { ...use, ...touch });
      },
    };
    return entry.word === undefined ? work.deps.gateway.runStep(node, run) : goOn(work, node, run, entry.word);
  }).catch(async (error: unknown) => {
    // Stopped, it goes on later, and the agent meanwhile.
    if (plan !== undefined && !work.context.signal.aborted)
      await work.context.transaction((tx) => failPlan(tx, plan, { ...use, isUntouched: untouched(error) }));
    throw error;
  });
  if (plan === undefined) return outcome;
  if (!isWaiting(outcome)) {
    const used = { ...use, task: work.context.taskId, wrote: outcome.wrote };
    await work.context.transaction((tx) => settlePlan(tx, plan, used));
  } else if (entry.word === undefined && !isTold) {
    await beginUse(work, plan, use);
  }
  return outcome;
}

async function beginUse(work: Work, plan: string | undefined, use: Parameters<typeof beginPlan>[2]): Promise<void> {
  if (plan !== undefined) await work.context.transaction((tx) => beginPlan(tx, plan, use));
}

/** From here on it may write to every disk that is ours. */
async function systemLives({ context, uuid, deps }: Work): Promise<void> {
  await context.transaction((tx) => livePlans(tx, uuid, deps.clock.now()));
}

/** Whether the agent says that it did nothing; undefined: nobody can say. */
function untouched(error: unknown): boolean | undefined {
  const begun = error instanceof RackseedError ? error.detail?.[BEGUN] : undefined;
  return typeof begun === 'boolean' ? !begun : undefined;
}

/** Never among the steps that are stored with the node. */
function rescuePassword({ deps, context, uuid }: Work): string {
  const { password } = context.args;
  return password === undefined ? '' : deps.store.vault.open(password, rescueContext(uuid)).reveal();
}

/** Whether a step that waits is over now is for its driver to say, if it has a say at all. */
async function goOn(work: Work, node: Node, run: StepRequest, word: AgentWord): Promise<StepOutcome> {
  const driver = work.deps.gateway.registry.driverOf(node, run.which);
  if (driver.continueStep === undefined) return {};
  if (run.step.goesOnAtLength === true) return work.deps.gateway.runStep(node, { ...run, word });
  const { which, step, args, key, isResumed } = run;
  const progress = (fraction: number, text: string): void => run.progress(fraction, text);
  const question: Question<StepOutcome> = {
    which,
    step,
    what: `${step.kind} step ${step.step} goes on`,
    kind: 'write',
    ask: (one, target, call) => one.continueStep?.(step, target, { ...call, args, key, isResumed, progress, word }),
  };
  return work.deps.gateway.ask(node, question, run);
}

export type Share = (fraction: number, text: string) => void;

async function reserved(work: Work, node: Node, step: PlannedStep, name: ReservedStep, { word }: Entry): Promise<Performed> {
  if (name === 'hold') return 'hold';
  if (name === 'wait') {
    if (word !== undefined) return {};
    return step.args.seconds === undefined ? 'wait' : { pauseMs: Number(step.args.seconds) * 1000 };
  }
  const target = POWER_STEPS[name];
  if (target !== undefined) await setPower(work, node, target);
  return {};
}

/** Power as part of other work: the node's fields follow, its own target does not show. */
export async function setPower(work: Work, node: Node, target: PowerTarget): Promise<void> {
  // A machine that may not be powered off is restarted instead, as Ironic does.
  const wanted = target === 'power off' && node.disablePowerOff ? 'rebooting' : target;
  const progress = (_: number, text: string): void => work.context.progress(0, text);
  if (wanted !== 'power on') await forgetAgent(work);
  const reading = await work.deps.gateway.setPower(node, wanted, { ...callOf(work), progress });
  if ((await work.deps.nodes.find(work.uuid))?.powerState === reading) return;
  await work.context.transaction(async (tx) => {
    const now = await work.deps.nodes.get(work.uuid, tx);
    if (now.powerState !== reading) await work.deps.nodes.update(tx, now, { powerState: reading }, { who: 'system' });
  });
}

/** Its token and address were of one boot. Before it ends: what boots next may look up at once. */
async function forgetAgent(work: Work): Promise<void> {
  const seen = await work.deps.nodes.find(work.uuid);
  if (seen === undefined || withoutAgent(seen.driverInternalInfo) === undefined) return;
  await work.context.transaction(async (tx) => {
    const now = await work.deps.nodes.get(work.uuid, tx);
    const driverInternalInfo = withoutAgent(now.driverInternalInfo);
    if (driverInternalInfo !== undefined) await work.deps.nodes.update(tx, now, { driverInternalInfo }, { who: 'system' });
  });
}

function limitOf(kind: WalkKind, { step }: Offered): number {
  return step.goesOnAtLength === true ? LENGTH_MS : STEP_MS[kind];
}

/** The state's own timeout counts from the last sign of life: such a step is one for as long as it is under way. */
async function signs({ context, deps, uuid }: Work, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await deps.clock.sleep(HOUR, signal);
      await context.transaction(async (tx) => deps.nodes.signOfLife(tx, (await deps.nodes.get(uuid, tx)).uuid));
    } catch (error) {
      // The next one is in time, too.
      if (!signal.aborted) deps.log.warn({ node: uuid, err: error }, 'a sign of life could not be written');
    }
  }
}

/** Made once: an abort without a reason makes an error with a stack each time. */
const FINISHED = new Error('finished in time');

/** Ends the work by its signal when the time is over. */
async function within<T>(work: Work, ms: number, what: string, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const finished = new AbortController();
  // Rejects when the step was faster: then there is nothing to do.
  work.deps.clock.sleep(ms, finished.signal).then(
    () => over.abort(timeoutError(what, ms)),
    () => undefined,
  );
  const alive = ms > STATE_MS ? signs(work, AbortSignal.any([work.context.signal, finished.signal])) : undefined;
  try {
    return await act(AbortSignal.any([work.context.signal, over.signal]));
  } catch (error) {
    throw over.signal.aborted && over.signal.reason instanceof RackseedError ? over.signal.reason : error;
  } finally {
    finished.abort(FINISHED);
    await alive;
  }
}

function timeoutError(what: string, ms: number): RackseedError {
  return fail('lifecycle.step_timeout', {
    message: `${what} took longer than ${ms / MINUTE} minutes`,
    hint: 'Look at the log of the task for what it was waiting for.',
  });
}
