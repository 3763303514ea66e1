// Power asked for by a person: checked at once, done by a task that holds the node, so that nothing else works on it meanwhile.

import { type Static, Type } from 'typebox';
import { withoutAgent } from '../inspect/index.ts';
import { type By, type Node, type NodeChanges, nodeTitle } from '../nodes/index.ts';
import { POWER_TARGETS, type PowerTarget } from '../power/index.ts';
import type { Tx } from '../store/index.ts';
import { defineTask, done, type StepContext, type TaskDefinition } from '../tasks/index.ts';
import { fail } from './errors.ts';
import { readHolders } from './holders.ts';
import { type DoorDeps, locked } from './provision.ts';
import { invalidState, observeRefusal } from './rules.ts';
import { POWER_KIND } from './verbs.ts';
import { errorText, SYSTEM, type WorkDeps } from './work.ts';

const powerArgs = Type.Object({
  target: Type.Enum([...POWER_TARGETS]),
  timeoutSeconds: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
});
type PowerArgs = Static<typeof powerArgs>;

const HOUR = 3_600_000;
const SOFT: readonly PowerTarget[] = ['soft power off', 'soft rebooting'];
const OFF: readonly PowerTarget[] = ['power off', 'soft power off'];

export async function setPower(
  deps: DoorDeps,
  { uuid }: Node,
  asked: { readonly target: PowerTarget; readonly timeoutSeconds: number | null },
  by: By,
): Promise<void> {
  const before = await deps.nodes.get(uuid);
  const cannot = await driverRefusal(deps, before, asked.target);
  await deps.store.transaction(async (tx) => {
    const node = await deps.nodes.get(uuid, tx);
    const refusal = (await powerRefusal(deps, tx, node, asked.target)) ?? cannot;
    if (refusal !== undefined) throw refusal;
    const targetPowerState = OFF.includes(asked.target) ? 'power off' : 'power on';
    const info = asked.target === 'power on' ? undefined : withoutAgent(node.driverInternalInfo);
    const forgotten = info === undefined ? {} : { driverInternalInfo: info };
    await deps.nodes.update(tx, node, { targetPowerState, lastError: null, ...forgotten }, SYSTEM);
    await deps.tasks.submit(tx, {
      kind: POWER_KIND,
      subject: `node:${uuid}`,
      nodeUuid: uuid,
      locks: [`node:${uuid}`],
      args: { target: asked.target, timeoutSeconds: asked.timeoutSeconds },
      // A person waits for it.
      priority: 5,
    });
    await deps.store.events.append(tx, {
      type: 'node.power_asked',
      nodeUuid: uuid,
      message: `node ${nodeTitle(node)}: ${asked.target} asked for by ${by.actor ?? by.who}`,
      data: { target: asked.target, ...by },
    });
  });
}

async function powerRefusal(deps: DoorDeps, tx: Tx, node: Node, target: PowerTarget): Promise<Error | undefined> {
  if (node.provisionState === 'cleaning' || node.provisionState === 'clean wait') return invalidState(node, target);
  if (OFF.includes(target) && node.disablePowerOff) {
    return fail('lifecycle.power_refused', {
      message: `Failed to set node power state to ${target}.`,
      hint: `Node ${nodeTitle(node)} has disable_power_off: it is restarted, never switched off.`,
    });
  }
  const holder = (await readHolders(tx, [node.uuid], deps.clock.now(), deps.config.host)).get(node.uuid);
  return (holder === undefined ? undefined : locked(node, holder)) ?? writeRefusal(deps, node, target);
}

/** For everything that is written to a machine without being a verb. */
export function writeRefusal(deps: DoorDeps, node: Node, what: string): Error | undefined {
  if (node.ignored) {
    return fail('lifecycle.power_refused', {
      message: `node ${nodeTitle(node)} is ignored, so ${what} is refused`,
      hint: 'An ignored machine is never touched. Un-ignore it first if it is meant to be managed.',
    });
  }
  return observeRefusal(node, what, deps.observeOnly(node));
}

async function driverRefusal(deps: DoorDeps, node: Node, target: PowerTarget): Promise<Error | undefined> {
  const refusal = await deps.gateway.refusal(node, 'power');
  if (refusal !== null) return fail('lifecycle.not_valid', { message: refusal, detail: { node: node.uuid, interface: 'power' } });
  const targets = deps.gateway.registry.driverOf(node, 'power').power?.targets ?? [];
  if (targets.includes(target)) return undefined;
  return fail('lifecycle.unsupported', {
    message: `The driver ${node.driver} does not support the power state, ${target}`,
    hint: targets.length === 0 ? 'It can not switch power at all.' : `It supports ${targets.join(', ')}.`,
  });
}

export function powerDefinition(deps: WorkDeps): TaskDefinition<PowerArgs> {
  return defineTask({
    kind: POWER_KIND,
    title: 'Set power',
    args: powerArgs,
    steps: [{ name: 'set', title: 'Set power', timeoutMs: HOUR * 2, run: (context) => powerTask(deps, context) }],
  });
}

async function powerTask(deps: WorkDeps, context: StepContext<PowerArgs>) {
  const { target, timeoutSeconds } = context.args;
  const uuid = context.nodeUuid ?? '';
  const node = await deps.nodes.find(uuid);
  if (node === undefined) return done({ overtaken: 'removed' });
  const soft = SOFT.includes(target) ? { timeoutMs: deps.config.softPowerOffMs } : {};
  const timeout = timeoutSeconds === null ? soft : { timeoutMs: timeoutSeconds * 1000 };
  try {
    const progress = (fraction: number, text: string): void => context.progress(fraction, text);
    const asking = { signal: context.signal, log: deps.log, progress };
    const reading = await deps.gateway.setPower(node, target, { ...asking, ...timeout });
    await keep(deps, context, { powerState: reading ?? node.powerState, targetPowerState: null });
    return done({ reading });
  } catch (error) {
    if (!context.signal.aborted) {
      const lastError = `Failed to set node power state to ${target}: ${errorText(error)}`;
      await keep(deps, context, { targetPowerState: null, lastError });
    }
    throw error;
  }
}

async function keep(deps: WorkDeps, context: StepContext<PowerArgs>, changes: NodeChanges): Promise<void> {
  await context.transaction(async (tx) => {
    const node = await deps.nodes.find(context.nodeUuid ?? '', tx);
    if (node !== undefined) await deps.nodes.update(tx, node, changes, SYSTEM);
  });
}
