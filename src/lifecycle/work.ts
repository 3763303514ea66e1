// What every verb's work has at hand: the node under the task's lock, the moves it makes, and how it fails. Knows nothing of the verbs.

import { type Static, Type } from 'typebox';
import { type Clock, type Log, messageOf, RackseedError } from '../lib/index.ts';
import type { JsonObject, Node, NodeChanges, Nodes, ProvisionEvent, ProvisionState, Records } from '../nodes/index.ts';
import type { AgentDesk, Asking, Gateway } from '../power/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { done, type StepContext, type StepResult, waitFor } from '../tasks/index.ts';
import type { TypedDisk } from './all-disks-decide.ts';
import { fail } from './errors.ts';
import type { AskedStep } from './seam.ts';
import type { WalkKind } from './steps-decide.ts';
import { closeUses } from './wipe-use.ts';

export interface LifecycleConfig {
  /** Where a node does not say: is it cleaned before it is available? */
  readonly automatedClean: boolean;
  /** A machine that runs our agent is not booted into it again. */
  readonly fastTrack: boolean;
  readonly softPowerOffMs: number;
  /** "interface.step" that nobody may ask for. */
  readonly disallowedSteps: Readonly<Record<Exclude<WalkKind, 'verify' | 'rescue'>, readonly string[]>>;
  /** At most this many begun and not ended; more wait in the queue. */
  readonly maxDeploys: number;
  readonly maxCleans: number;
  /** How this appliance is called where Ironic says "host". */
  readonly host: string;
}

export interface WorkDeps {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly records: Pick<Records, 'vifs' | 'hardware'>;
  readonly gateway: Gateway;
  readonly desk: AgentDesk;
  readonly clock: Clock;
  readonly log: Log;
  readonly config: LifecycleConfig;
  /** Why nothing may be written to this node's machine, beyond the node's own flag. */
  readonly observeOnly: (node: Node) => string | undefined;
}

export const workArgs = Type.Object({
  verb: Type.String(),
  steps: Type.Optional(Type.Array(Type.Unsafe<AskedStep>({ type: 'object' }))),
  disableRamdisk: Type.Optional(Type.Boolean()),
  /** The disks that the machine had when somebody typed that all of them are erased. */
  allDisks: Type.Optional(Type.Array(Type.Unsafe<TypedDisk>({ type: 'object' }))),
  /** Sealed by the vault, bound to the node. */
  password: Type.Optional(Type.String()),
});
export type WorkArgs = Static<typeof workArgs>;

export interface Work {
  readonly deps: WorkDeps;
  readonly context: StepContext<WorkArgs>;
  readonly uuid: string;
}

/** Somebody else has moved the node: this work has nothing to do any more. */
export class Overtaken extends Error {}

/** The wake that a task in a wait or hold state waits for. */
export const GO = 'go';

export type AgentGo = {
  readonly by: 'agent';
  readonly status?: 'start' | 'end' | 'error';
  readonly message?: string;
  /** Of the order that has ended: a word for the step that placed it, and for no other. */
  readonly key?: string;
};
export type Go = AgentGo | { readonly by: 'unhold' };

/** Looks up now and then, in case the node was removed or moved by other hands; the wait states' own timeouts come before. */
const WAIT_MS = 3_600_000;

/** It is the machine's turn, or a person's: the lock is free meanwhile, as in Ironic. */
export function waitForGo(work: Work, lookAt?: number | null): StepResult {
  const latest = work.deps.clock.now() + WAIT_MS;
  return waitFor(GO, Math.min(lookAt ?? latest, latest), { freesLocks: true });
}

export function goOf({ context: { woken } }: Work): Go | undefined {
  if (woken?.by !== 'event' || typeof woken.payload !== 'object' || woken.payload === null || !('by' in woken.payload)) return undefined;
  return woken.payload as Go; // written by lifecycle.ts, in this form only
}

export const SYSTEM = { who: 'system' } as const;

/** One transaction on the node as it is now. Throws Overtaken when it is in none of these states any more. */
export async function onNode<T>(work: Work, states: readonly ProvisionState[], act: (tx: Tx, node: Node) => Promise<T>): Promise<T> {
  return work.context.transaction(async (tx) => act(tx, await nodeIn(work, states, tx)));
}

/** The same, and with it the task has ended: nobody sees the node where it was going with work still under way. */
export async function endOnNode(
  work: Work,
  states: readonly ProvisionState[],
  act: (tx: Tx, node: Node) => Promise<unknown>,
): Promise<StepResult> {
  return work.context.finish(async (tx) => {
    await act(tx, await nodeIn(work, states, tx));
  });
}

async function nodeIn(work: Work, states: readonly ProvisionState[], tx: Tx): Promise<Node> {
  const node = await work.deps.nodes.find(work.uuid, tx);
  if (node === undefined || !states.includes(node.provisionState)) throw new Overtaken(node?.provisionState ?? 'removed');
  return node;
}

export interface Push {
  readonly event: ProvisionEvent;
  readonly changes?: NodeChanges;
  readonly lastError?: string;
  readonly reason?: string;
}

/** Changes and move as one. */
export async function push(work: Work, tx: Tx, node: Node, { event, changes, lastError, reason }: Push): Promise<Node> {
  const { nodes } = work.deps;
  const changed = changes === undefined ? node : await nodes.update(tx, node, changes, SYSTEM);
  const moved = await nodes.move(tx, {
    node: changed,
    event,
    who: 'system',
    ...(lastError === undefined ? {} : { lastError }),
    ...(reason === undefined ? {} : { reason }),
  });
  return moved.node;
}

/** What a verb does, from wherever it was left, and how its node fails. */
export interface Flow {
  /** States in which this flow has the node. */
  readonly states: readonly ProvisionState[];
  go(work: Work, node: Node): Promise<StepResult>;
  /** What is done to the machine when it fails, as far as that can be. */
  leave?(work: Work, node: Node): Promise<void>;
  /** What is tidied in the node when it fails. */
  onFail?(node: Node, error: unknown): NodeChanges;
}

/** Runs whichever flow has the node now. A failure ends in the state's fail state; being stopped leaves everything as it is. */
export async function runFlows(deps: WorkDeps, flows: readonly Flow[], context: StepContext<WorkArgs>): Promise<StepResult> {
  const work: Work = { deps, context, uuid: context.nodeUuid ?? '' };
  const node = await deps.nodes.find(work.uuid);
  const flow = flows.find(({ states }) => node !== undefined && states.includes(node.provisionState));
  if (node === undefined || flow === undefined) return done({ overtaken: node?.provisionState ?? 'removed' });
  try {
    return await flow.go(work, node);
  } catch (error) {
    if (error instanceof Overtaken) return done({ overtaken: error.message });
    if (!isPutDown(context.signal)) {
      if (!context.signal.aborted) await leaveMachine(work, flows);
      await failNode(work, flows, reasonOf(context.signal, error));
    }
    throw error;
  }
}

/** The process stops, or another appliance has the task: it goes on later, from where it was. */
function isPutDown(signal: AbortSignal): boolean {
  const reason: unknown = signal.reason;
  return reason instanceof RackseedError && (reason.code === 'tasks.stopping' || reason.code === 'tasks.lease_lost');
}

function reasonOf(signal: AbortSignal, error: unknown): unknown {
  return signal.aborted ? signal.reason : error;
}

async function leaveMachine(work: Work, flows: readonly Flow[]): Promise<void> {
  const node = await work.deps.nodes.find(work.uuid);
  const flow = flows.find(({ states }) => node !== undefined && states.includes(node.provisionState));
  if (node === undefined) return;
  try {
    await flow?.leave?.(work, node);
  } catch (error) {
    // The work has failed already, and why counts more than this.
    work.context.log(`the machine could not be switched off: ${messageOf(error)}`, 'err');
  }
}

async function failNode(work: Work, flows: readonly Flow[], error: unknown): Promise<void> {
  const lastError = errorText(error);
  work.context.log(lastError, 'err');
  try {
    await work.context.transaction(async (tx) => {
      const node = await work.deps.nodes.find(work.uuid, tx);
      const flow = flows.find(({ states }) => node !== undefined && states.includes(node.provisionState));
      if (node === undefined) return;
      await closeUses(tx, node.uuid, work.deps.clock.now());
      if (flow === undefined) return;
      const changes = flow.onFail?.(node, error);
      await push(work, tx, node, { event: 'fail', lastError, ...(changes === undefined ? {} : { changes }) });
    });
  } catch (thrown) {
    // The task fails in any case; the timers find a node that nobody works on.
    work.deps.log.error({ node: work.uuid, err: thrown }, `the node could not be marked as failed: ${messageOf(thrown)}`);
  }
}

/** Message and next step in one text, as last_error has no other place for the hint. */
export function errorText(error: unknown): string {
  if (!(error instanceof RackseedError))
    return `${messageOf(error)}. This is a mistake in Rackseed: please report it with the log of the task.`;
  return error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
}

/** The node fails because of what `error` says, at what the text names. */
export function failedAt(what: string, error: unknown, hint: string): RackseedError {
  const inner = error instanceof RackseedError && error.hint !== undefined ? `${error.message} (${error.hint})` : messageOf(error);
  return fail('lifecycle.step_failed', { message: `${what}: ${inner}`, hint, cause: error });
}

/** What a driver is called with: stopped with the task, and heard in the task's log. */
export function callOf(work: Work, signal: AbortSignal = work.context.signal): Required<Asking> {
  return { signal, log: taskLog(work) };
}

function taskLog({ context, deps }: Work): Log {
  const { log } = deps;
  const fields = { node: context.nodeUuid ?? '', task: context.taskId };
  const made: Log = {
    debug: (more, message) => log.debug({ ...fields, ...more }, message),
    info: (_, message) => context.log(message),
    warn: (_, message) => context.log(message, 'err'),
    error: (_, message) => context.log(message, 'err'),
    child: () => made,
  };
  return made;
}

export function rescueContext(uuid: string): string {
  return `nodes/${uuid}/rescue_password`;
}

/** In driver_internal_info: from here on the machine starts its own disk when it boots, whatever state its node is in. */
export const BOOTS_OWN_DISK = 'boots_own_disk';

/** Stored before the machine is told to boot. */
export async function leaveAgent(work: Work): Promise<void> {
  const seen = await work.deps.nodes.find(work.uuid);
  if (seen === undefined || seen.driverInternalInfo[BOOTS_OWN_DISK] === true) return;
  await work.context.transaction(async (tx) => {
    const node = await work.deps.nodes.get(work.uuid, tx);
    const driverInternalInfo = { ...node.driverInternalInfo, [BOOTS_OWN_DISK]: true };
    await work.deps.nodes.update(tx, node, { driverInternalInfo }, SYSTEM);
  });
}

export function without(object: JsonObject, ...keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}
