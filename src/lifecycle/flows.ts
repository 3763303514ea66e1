// The verbs that are no list of steps: inspect, tear down, rescue and back, adopt. Each from wherever it was left.

import type { Interface, Node, NodeChanges } from '../nodes/index.ts';
import type { InspectDriver, Question, StepKind } from '../power/index.ts';
import type { StepResult } from '../tasks/index.ts';
import { withoutCursor } from './cursor.ts';
import { fail } from './errors.ts';
import { readPower } from './look.ts';
import { setPower } from './perform.ts';
import { bootRamdisk, powerOffIfPossible, powerOnIfPossible } from './ramdisk.ts';
import { cleanFlow } from './walks.ts';
import { spendPlans } from './wipe-use.ts';
import {
  BOOTS_OWN_DISK,
  callOf,
  endOnNode,
  type Flow,
  failedAt,
  goOf,
  leaveAgent,
  onNode,
  push,
  type Work,
  waitForGo,
  without,
} from './work.ts';

const MINUTE = 60_000;
const RETRY = 'Put right what it names and ask for the verb again; the log of the task has the details';

export const inspectFlow: Flow = {
  states: ['inspecting', 'inspect wait'],
  async go(work, node) {
    if (node.provisionState === 'inspect wait') return inspectHeard(work);
    try {
      const found = await outOfBand(work, node);
      if (found !== undefined) return await keepFound(work, found);
      work.context.progress(0.2, 'boots the agent');
      if ((await bootRamdisk(work, node)) === 'there') await askInventory(work);
    } catch (error) {
      throw failedAt('Inspection failed', error, RETRY);
    }
    await onNode(work, ['inspecting'], (tx, now) => push(work, tx, now, { event: 'wait' }));
    return waitForGo(work);
  },
};

/** The agent reports by itself only when it starts. */
async function askInventory({ deps, context, uuid }: Work): Promise<void> {
  await deps.desk.place(uuid, { key: `${context.taskId}:inventory`, name: 'inventory', args: {} });
}

/** Undefined: the machine must boot the agent, which reports by itself. */
async function outOfBand(work: Work, node: Node): Promise<Awaited<ReturnType<InspectDriver['inspect']>>> {
  return work.deps.gateway.ask(
    node,
    {
      which: 'inspect',
      what: 'inspecting',
      kind: 'read',
      timeoutMs: 10 * MINUTE,
      ask: (driver, target, call) => driver.inspect?.inspect(target, call),
    },
    callOf(work),
  );
}

/** Only the end of the report counts: that the agent lives was written down by whoever heard it. */
async function inspectHeard(work: Work): Promise<StepResult> {
  const go = goOf(work);
  if (go?.by !== 'agent' || go.status === undefined || go.status === 'start') return waitForGo(work);
  if (go.status === 'error') {
    const said = fail('lifecycle.step_failed', { message: go.message ?? 'the agent said that it failed' });
    throw failedAt('Inspection failed', said, RETRY);
  }
  return endOnNode(work, ['inspect wait'], (tx, node) => push(work, tx, node, { event: 'done' }));
}

async function keepFound(
  work: Work,
  found: { readonly properties: Node['properties']; readonly inventory?: Node['properties'] },
): Promise<StepResult> {
  const { nodes } = work.deps;
  return endOnNode(work, ['inspecting'], async (tx, node) => {
    if (found.inventory !== undefined) await nodes.saveInventory(tx, node.uuid, { inventory: found.inventory, pluginData: {} });
    await push(work, tx, node, { event: 'done', changes: { properties: { ...node.properties, ...found.properties } } });
  });
}

export const deleteFlow: Flow = {
  states: ['deleting'],
  async go(work, node) {
    try {
      work.context.progress(0.1, 'takes the machine down');
      if (node.consoleEnabled) await stopConsole(work, node);
      await ownSteps(work, node, 'deploy', 'delete');
      await powerOffIfPossible(work, node);
    } catch (error) {
      throw failedAt('Tearing down failed', error, RETRY);
    }
    const cleaning = await onNode(work, ['deleting'], async (tx, now) => {
      await work.deps.records.vifs.clear(tx, now);
      await tx.deleteFrom('allocations').where('node_uuid', '=', now.uuid).execute();
      return push(work, tx, now, { event: 'clean', changes: instanceGone(now) });
    });
    return cleanFlow.go(work, cleaning);
  },
};

async function stopConsole(work: Work, node: Node): Promise<void> {
  const ask: Question<void>['ask'] = (driver, target, call) => driver.console?.setConsole(target, false, call);
  await work.deps.gateway.ask(node, { which: 'console', what: 'stopping the console', kind: 'write', ask }, callOf(work));
}

/** What belonged to the instance goes with it, as in Ironic; its allocation and virtual interfaces do too. */
function instanceGone(node: Node): NodeChanges {
  return {
    ...withoutCursor(node, 'deploy'),
    instanceInfo: {},
    instanceUuid: null,
    instanceName: null,
    allocationUuid: null,
    consoleEnabled: false,
  };
}

export const unrescueFlow: Flow = {
  states: ['unrescuing'],
  async go(work, node) {
    const failed = 'Leaving rescue failed';
    try {
      await ownSteps(work, node, 'rescue', 'unrescue');
      await outOfRescue(work, await work.deps.nodes.get(node.uuid));
    } catch (error) {
      throw failedAt(failed, error, RETRY);
    }
    return endOnNode(work, ['unrescuing'], (tx, now) =>
      push(work, tx, now, {
        event: 'done',
        changes: {
          instanceInfo: without(now.instanceInfo, 'rescue_password', 'hashed_rescue_password'),
          driverInternalInfo: without(now.driverInternalInfo, 'rescue', BOOTS_OWN_DISK),
        },
      }),
    );
  },
};

/** A rescue system that is the agent is left by a boot: from the machine's own disk. */
async function outOfRescue(work: Work, node: Node): Promise<void> {
  const steps = work.deps.gateway.registry.driverOf(node, 'rescue').steps ?? [];
  const isAgent = steps.some(({ kind, leavesAgent }) => kind === 'unrescue' && leavesAgent === true);
  if (!isAgent || node.powerState === 'power off') return powerOnIfPossible(work, node);
  await leaveAgent(work);
  await setPower(work, await work.deps.nodes.get(node.uuid), 'rebooting');
}

/** What an interface does by itself when a verb comes to it: steps that nobody lists. None of them can wait. */
async function ownSteps(work: Work, node: Node, which: Interface, kind: StepKind): Promise<void> {
  const { gateway } = work.deps;
  const steps = (gateway.registry.driverOf(node, which).steps ?? []).filter((step) => step.kind === kind);
  for (const step of steps.toSorted((a, b) => b.priority - a.priority)) {
    work.context.log(`${which}.${step.step}: begun`);
    const { isResumed } = work.context;
    const progress = (part: number, text: string): void => work.context.progress(part / 2, text);
    const key = `${work.context.taskId}:${which}.${step.step}`;
    await gateway.runStep(node, { ...callOf(work), which, step, args: {}, key, isResumed, progress });
  }
}

/** Nothing is written to the machine: it is looked at, and taken over as it runs. */
export const adoptFlow: Flow = {
  states: ['adopting'],
  async go(work, node) {
    try {
      await readPower(work, node);
    } catch (error) {
      throw failedAt('Adoption failed', error, RETRY);
    }
    return endOnNode(work, ['adopting'], async (tx, now) => {
      // What runs on its disks is somebody's: a yes to erase them was to what they held before.
      const { context, deps } = work;
      await spendPlans(tx, now.uuid, { reason: `adopted by task ${context.taskId}`, now: deps.clock.now() });
      await push(work, tx, now, { event: 'done' });
    });
  },
};
