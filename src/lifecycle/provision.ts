// A verb asked for: everything that may refuse it, then the move and its task in one transaction. Nothing is changed by a refusal.

import { Secret } from '../lib/index.ts';
import { type By, type Interface, type Node, type NodeChanges, nodeTitle, type ProvisionEvent, stateOf } from '../nodes/index.ts';
import { FIRST_BOOT } from '../power/index.ts';
import { type Asked, prepared, type Tx } from '../store/index.ts';
import type { TaskEngine } from '../tasks/index.ts';
import { type TypedDisk, typedDisks } from './all-disks-decide.ts';
import { cursorOf, shownName, shownStep, withoutCursor } from './cursor.ts';
import { fail } from './errors.ts';
import { type Holder, readHolders } from './holders.ts';
import { bad, disallowedRefusal, eventFor, invalidState, nodeRefusal, observeRefusal, partsRefusal } from './rules.ts';
import { withRunbook } from './runbook.ts';
import type { AskedStep, ProvisionRequest } from './seam.ts';
import { WALK_KINDS, type WalkKind } from './steps-decide.ts';
import { KIND_OF_EVENT, POWER_KIND, VERB_KINDS } from './verbs.ts';
import { closeUses } from './wipe-use.ts';
import { GO, type Go, rescueContext, type WorkArgs, type WorkDeps } from './work.ts';

export interface DoorDeps extends WorkDeps {
  readonly tasks: Pick<TaskEngine, 'submit' | 'cancel' | 'wake'>;
  readonly newId: () => string;
}

export async function provision(deps: DoorDeps, { uuid }: Node, asked: ProvisionRequest, by: By): Promise<void> {
  const request = asked.runbook === undefined ? asked : await withRunbook(deps.store.db, asked, await deps.nodes.get(uuid));
  const before = await deps.nodes.get(uuid);
  // Drivers are asked outside of the transaction; whoever changes the node meanwhile is found by its version.
  const invalid = await driverRefusal(deps, before, eventFor(before, request.verb));
  const ended = await deps.store.transaction(async (tx) => {
    const node = await deps.nodes.get(uuid, tx);
    const event = await checkedEvent(deps, tx, node, request);
    if (invalid !== undefined && node.version === before.version) throw invalid;
    return act(deps, tx, { node, event, request, by });
  });
  if (ended !== undefined) await forgetOrders(deps, uuid, ended);
}

/** They would not be given any more in any case, as their task has ended; so they are seen to be over at once. */
async function forgetOrders(deps: DoorDeps, uuid: string, task: string): Promise<void> {
  try {
    await deps.desk.cancel(uuid, 'aborted by request', task);
  } catch (error) {
    deps.log.warn({ node: uuid, task, err: error }, 'orders to the agent stay till they are looked at again');
  }
}

/** Throws what refuses it. In the order in which Ironic looks. */
async function checkedEvent(deps: DoorDeps, tx: Tx, node: Node, request: ProvisionRequest): Promise<ProvisionEvent> {
  const event = eventFor(node, request.verb);
  const holder = (await readHolders(tx, [node.uuid], deps.clock.now(), deps.config.host)).get(node.uuid);
  if (event === undefined) throw holder === undefined ? invalidState(node, request.verb) : locked(node, holder);
  const refusal =
    partsRefusal(request, event) ??
    disallowedRefusal(request, deps.config) ??
    (holder === undefined ? undefined : locked(node, holder)) ??
    observeRefusal(node, request.verb, deps.observeOnly(node)) ??
    nodeRefusal(node, event);
  if (refusal !== undefined) throw refusal;
  return event;
}

export function locked(node: Node, holder: Holder): Error {
  return fail('lifecycle.locked', {
    message: `Node ${node.uuid} is locked by host ${holder.host}, please retry after the current operation is completed.`,
    hint: `Under way: ${holder.purpose}${holder.task === undefined ? '' : ` (task ${holder.task.id}, ${holder.task.state})`}.`,
    detail: { node: node.uuid, task: holder.task?.id ?? null, ...RETRY_AFTER },
  });
}

const RETRY_AFTER = { retryAfterSeconds: 2 } as const;

interface Act {
  readonly node: Node;
  readonly event: ProvisionEvent;
  readonly request: ProvisionRequest;
  readonly by: By;
}

/** Resolves with the task that it aborted. */
async function act(deps: DoorDeps, tx: Tx, wanted: Act): Promise<string | undefined> {
  const { node, event, request, by } = wanted;
  if (event === 'abort') return abort(deps, tx, node, by);
  if (event === 'unhold') {
    await unhold(deps, tx, node, by);
    return undefined;
  }
  // One that waits in the state that is left: its work is over.
  await endWaiting(deps, tx, node, `${event} was asked for`);
  await closeUses(tx, node.uuid, deps.clock.now());
  const changes = startChanges(wanted);
  const prepared = Object.keys(changes).length === 0 ? node : await deps.nodes.update(tx, node, changes, { who: 'system' });
  const moved = await deps.nodes.move(tx, { node: prepared, event, ...by });
  if (stateOf(moved.node.provisionState).kind !== 'working') return undefined;
  const kind = KIND_OF_EVENT[event];
  if (kind === undefined) throw new TypeError(`${event} leads to ${moved.node.provisionState}, and no task works on that`);
  await deps.tasks.submit(tx, {
    kind,
    subject: `node:${node.uuid}`,
    nodeUuid: node.uuid,
    locks: [`node:${node.uuid}`],
    args: argsOf(deps, wanted, await typedAll(deps, tx, node, request)),
  });
  return undefined;
}

/** Left over from work before: cursors; and where the system on the disks is given up, what it told of its first boot. */
function startChanges({ node, request, event }: Act): NodeChanges {
  const leftover = WALK_KINDS.map((kind) => withoutCursor(node, kind));
  const isDeploy = event === 'deploy' || event === 'rebuild';
  const isOver = isDeploy || event === 'delete';
  const info = Object.fromEntries(
    Object.entries(node.driverInternalInfo).filter(
      ([key]) => leftover.every((changes) => Object.hasOwn(changes.driverInternalInfo ?? {}, key)) && !(isOver && key === FIRST_BOOT),
    ),
  );
  const isClean = Object.keys(info).length === Object.keys(node.driverInternalInfo).length;
  const shown = { ...node.cleanStep, ...node.deployStep, ...node.serviceStep };
  const { configdrive } = request;
  return {
    ...(isClean && Object.keys(shown).length === 0 ? {} : { driverInternalInfo: info, cleanStep: {}, deployStep: {}, serviceStep: {} }),
    ...(isDeploy && configdrive !== undefined ? { instanceInfo: { ...node.instanceInfo, configdrive } } : {}),
  };
}

/** Taken now: what is put into the machine before its turn comes was not meant. */
async function typedAll(deps: DoorDeps, tx: Tx, node: Node, { cleanSteps = [] }: ProvisionRequest): Promise<TypedDisk[] | undefined> {
  if (!cleanSteps.some(({ args }) => args?.confirm === nodeTitle(node))) return undefined;
  const report = await deps.nodes.inventory(node.uuid, tx);
  return report === undefined ? undefined : typedDisks(report);
}

function argsOf(deps: DoorDeps, { node, request, event }: Act, allDisks: TypedDisk[] | undefined): WorkArgs {
  const steps: readonly AskedStep[] | undefined = request.cleanSteps ?? request.deploySteps ?? request.serviceSteps;
  const { rescuePassword, disableRamdisk, verb } = request;
  return {
    verb,
    ...(steps === undefined || steps.length === 0 || event === 'provide' ? {} : { steps: [...steps] }),
    ...(disableRamdisk === undefined ? {} : { disableRamdisk }),
    ...(allDisks === undefined ? {} : { allDisks }),
    ...(rescuePassword === undefined ? {} : { password: deps.store.vault.seal(new Secret(rescuePassword), rescueContext(node.uuid)) }),
  };
}

const ABORTED: Readonly<Record<string, { readonly kind: WalkKind; readonly noun: string }>> = {
  'clean wait': { kind: 'clean', noun: 'Cleaning' },
  'clean hold': { kind: 'clean', noun: 'Cleaning' },
  'wait call-back': { kind: 'deploy', noun: 'Deployment' },
  'deploy hold': { kind: 'deploy', noun: 'Deployment' },
  'rescue wait': { kind: 'rescue', noun: 'Rescue' },
  'service wait': { kind: 'service', noun: 'Service' },
  'service hold': { kind: 'service', noun: 'Service' },
};

async function abort(deps: DoorDeps, tx: Tx, node: Node, by: By): Promise<string | undefined> {
  const walk = ABORTED[node.provisionState];
  const step = walk === undefined ? {} : shownStep(node, walk.kind);
  const name = shownName(step);
  const field = walk?.kind === 'clean' ? 'cleanStep' : walk?.kind === 'service' ? 'serviceStep' : undefined;
  if (field !== undefined && name !== undefined && step.abortable !== true) {
    // As in Ironic: what may not be broken off is completed first, then it ends.
    await deps.nodes.update(tx, node, { [field]: { ...step, abort_after: true } }, { who: 'system' });
    return undefined;
  }
  const task = await endWaiting(deps, tx, node, 'aborted by request');
  await closeUses(tx, node.uuid, deps.clock.now());
  await leaveRamdisk(deps, tx, node);
  const noun = walk?.noun ?? stateOf(node.provisionState).label;
  const lastError = `${noun} was aborted by request${name === undefined ? '' : ` during the step ${name}`}. Ask for the verb again to start over.`;
  const isFailure = node.provisionState !== 'service failed';
  const changed = walk === undefined ? node : await deps.nodes.update(tx, node, withoutCursor(node, walk.kind), { who: 'system' });
  await deps.nodes.move(tx, { node: changed, event: 'abort', ...by, ...(isFailure ? { lastError } : {}) });
  return task;
}

/** The machine runs the agent, and nothing goes on with it: off, as Ironic leaves it, and not into whatever is on its disks. */
export async function leaveRamdisk(deps: DoorDeps, tx: Tx, node: Node): Promise<void> {
  const kind = ABORTED[node.provisionState]?.kind;
  if (kind === undefined || kind === 'service' || cursorOf(node, kind)?.usesRamdisk !== true || node.disablePowerOff) return;
  if (deps.gateway.registry.driverOf(node, 'power').power?.targets.includes('power off') !== true) return;
  const about = { subject: `node:${node.uuid}`, nodeUuid: node.uuid, locks: [`node:${node.uuid}`] };
  await deps.tasks.submit(tx, { kind: POWER_KIND, ...about, args: { target: 'power off', timeoutSeconds: null } });
}

async function unhold(deps: DoorDeps, tx: Tx, node: Node, by: By): Promise<void> {
  const task = await waitingTask(tx, node.uuid);
  if (task === undefined) {
    throw fail('lifecycle.invalid_state', {
      message: `node ${nodeTitle(node)} is held, but nothing is left that could go on`,
      hint: 'Abort it and ask for the verb again.',
    });
  }
  await deps.nodes.move(tx, { node, event: 'unhold', ...by });
  const go: Go = { by: 'unhold' };
  await deps.tasks.wake(tx, task, GO, go);
}

/** The task of a verb that waits for the machine or a person. */
export async function waitingTask(db: Asked, uuid: string): Promise<string | undefined> {
  // One at most but for a fault of ours, and SQLite's sorting costs more than finding it (43 µs, 5).
  const rows = await waitingTasks(db, { uuid });
  return rows
    .map(({ id }) => id)
    .toSorted()
    .at(-1);
}

const waitingTasks = prepared((db, given: { readonly uuid: string }) =>
  db
    .selectFrom('tasks')
    .select('id')
    .where('node_uuid', '=', given.uuid)
    .where('kind', 'in', VERB_KINDS)
    .where('state', 'in', ['waiting', 'running']),
);

/** Its node goes another way: what waits for it has nothing to go on with. Resolves with that task. */
export async function endWaiting(deps: Pick<DoorDeps, 'tasks'>, tx: Tx, node: Node, reason: string): Promise<string | undefined> {
  const task = await waitingTask(tx, node.uuid);
  if (task !== undefined) await deps.tasks.cancel(tx, task, reason);
  return task;
}

/** Interfaces that must be able to work on the node before a verb is begun, and how Ironic begins what it says otherwise. */
const NEEDED: Readonly<
  Partial<Record<ProvisionEvent, { readonly interfaces: readonly Interface[]; readonly says: (uuid: string) => string }>>
> = {
  deploy: { interfaces: ['power', 'deploy'], says: (uuid) => `Failed to validate deploy or power info for node ${uuid}: ` },
  rebuild: { interfaces: ['power', 'deploy'], says: (uuid) => `Failed to validate deploy or power info for node ${uuid}: ` },
  delete: { interfaces: ['power'], says: () => 'Failed to validate power driver interface. Can not delete instance. Error: ' },
  clean: { interfaces: ['power', 'network'], says: (uuid) => `Validation of node ${uuid} for cleaning failed: ` },
  service: { interfaces: ['power', 'network'], says: (uuid) => `Validation of node ${uuid} for service failed: ` },
  rescue: { interfaces: ['power', 'rescue', 'network'], says: (uuid) => `Failed to rescue node ${uuid}: Validation failed: ` },
  unrescue: { interfaces: ['power', 'rescue', 'network'], says: (uuid) => `Failed to unrescue node ${uuid}: Validation failed: ` },
  inspect: { interfaces: ['power', 'inspect'], says: () => '' },
};

async function driverRefusal(deps: DoorDeps, node: Node, event: ProvisionEvent | undefined): Promise<Error | undefined> {
  const needed = event === undefined ? undefined : NEEDED[event];
  for (const which of needed?.interfaces ?? []) {
    const refusal = await deps.gateway.refusal(node, which);
    if (refusal !== null) {
      return fail('lifecycle.not_valid', {
        message: `${needed?.says(node.uuid) ?? ''}${refusal}`,
        hint: 'GET /v1/nodes/{node}/validate says what each interface lacks.',
        detail: { node: node.uuid, interface: which },
      });
    }
  }
  if (event === 'deploy' || event === 'rebuild') return traitsRefusal(node);
  return undefined;
}

export function traitsRefusal(node: Node): Error | undefined {
  const { traits } = node.instanceInfo;
  if (traits === undefined) return undefined;
  if (!Array.isArray(traits)) return bad('Failed to validate deploy or power info: the traits of instance_info are no list');
  const missing = traits.filter((trait) => !node.traits.some((has) => has === trait));
  if (missing.length === 0) return undefined;
  return bad(
    `Failed to validate deploy or power info for node ${node.uuid}: Traits ${missing.join(', ')} of instance_info are not traits of the node`,
  );
}
