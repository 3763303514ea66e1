// The verbs whose work is steps: which steps, and how each of them ends.

import type { JsonObject, Node, NodeChanges } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';
import { type Cursor, shownName } from './cursor.ts';
import { fail } from './errors.ts';
import { readAll } from './look.ts';
import { offeredSteps } from './perform.ts';
import { powerOffIfPossible, powerOnIfPossible } from './ramdisk.ts';
import type { AskedStep } from './seam.ts';
import { deploySteps, enabledSteps, listedSteps, ownSteps, type Planned, type PlannedStep, type WalkKind } from './steps-decide.ts';
import { walkFlow } from './walk.ts';
import { leaveAgent, type Work } from './work.ts';

/** In driver_internal_info: whoever set it goes on with the agent after a cleaning, so the machine is left on. */
export const KEEP_AGENT = 'keep_agent';

export const verifyFlow = walkFlow({
  kind: 'verify',
  noun: 'Verifying',
  working: 'verifying',
  wait: null,
  hold: null,
  plan: async (work, node) => {
    await readAll(work, node);
    return enabledSteps('verify', offeredSteps(work, node, 'verify'));
  },
  ending: () => ({ event: 'done' }),
});

export const cleanFlow = walkFlow({
  kind: 'clean',
  noun: 'Cleaning',
  working: 'cleaning',
  wait: 'clean wait',
  hold: 'clean hold',
  plan: async (work, node) => {
    const { steps } = work.context.args;
    if (steps !== undefined) return ofPlan('clean', listedSteps('clean', steps, offeredSteps(work, node, 'clean')));
    if (node.automatedClean ?? work.deps.config.automatedClean) return enabledSteps('clean', offeredSteps(work, node, 'clean'));
    work.context.log('automated cleaning is off for this node');
    return [];
  },
  // Enrolment goes on with it.
  finish: (work, node, { usesRamdisk }) =>
    usesRamdisk && node.driverInternalInfo[KEEP_AGENT] !== true ? () => powerOffIfPossible(work, node) : undefined,
  ending: (node) => ({ event: node.targetProvisionState === 'manageable' ? 'manage' : 'done' }),
  onFail: (node) => inMaintenance('clean failure', node.cleanStep),
});

export const deployFlow = walkFlow({
  kind: 'deploy',
  noun: 'Deployment',
  working: 'deploying',
  wait: 'wait call-back',
  hold: 'deploy hold',
  plan: async (work, node) => {
    const templates = await templateSteps(work.deps.store.db, node);
    const steps = ofPlan('deploy', deploySteps(offeredSteps(work, node, 'deploy'), templates, work.context.args.steps ?? []));
    if (steps.length > 0) return steps;
    throw fail('lifecycle.bad_steps', {
      message: 'no deploy steps are offered by the drivers of the node',
      hint: 'Choose a deploy interface that writes an image.',
    });
  },
  // As every deployment of Ironic's ends: the machine runs what was written.
  finish: (work, node, cursor) => (isStarted(work, node, cursor) ? undefined : () => startOwnSystem(work, node)),
  ending: () => ({ event: 'done' }),
});

export const serviceFlow = walkFlow({
  kind: 'service',
  noun: 'Service',
  working: 'servicing',
  wait: 'service wait',
  hold: 'service hold',
  plan: async (work, node) => ofPlan('service', listedSteps('service', work.context.args.steps ?? [], offeredSteps(work, node, 'service'))),
  finish: (work, node, { usesRamdisk }) => (usesRamdisk ? () => intoOwnSystem(work, node) : undefined),
  ending: () => ({ event: 'done' }),
  onFail: (node) => inMaintenance('service failure', node.serviceStep),
});

/** Opens a way in beside the machine's own system; what it opened is shown with the node. */
export const rescueFlow = walkFlow({
  kind: 'rescue',
  noun: 'Rescue',
  working: 'rescuing',
  wait: 'rescue wait',
  hold: null,
  plan: (work, node) => {
    work.context.progress(0.1, 'brings the rescue system up');
    return Promise.resolve(ownSteps('rescue', offeredSteps(work, node, 'rescue')));
  },
  ending: () => ({ event: 'done' }),
  kept: ({ addresses, hostKeys }): JsonObject => (addresses === undefined ? {} : { rescue: jsonOf({ addresses, hostKeys }) }),
});

function jsonOf(value: unknown): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject; // an object goes in
}

/** By a step that had it boot, where nobody can know its power state. */
function isStarted(work: Work, node: Node, { steps }: Cursor): boolean {
  if (node.powerState !== null) return node.powerState === 'power on';
  const leaving = offeredSteps(work, node, 'deploy').filter(({ step }) => step.leavesAgent === true);
  return leaving.some((one) => steps.some(({ interface: which, step }) => which === one.interface && step === one.step.step));
}

async function startOwnSystem(work: Work, node: Node): Promise<void> {
  await leaveAgent(work);
  await powerOnIfPossible(work, node);
}

async function intoOwnSystem(work: Work, node: Node): Promise<void> {
  await leaveAgent(work);
  await powerOffIfPossible(work, node);
  await powerOnIfPossible(work, await work.deps.nodes.get(node.uuid));
}

/** The steps of the templates that are named as traits of the instance. */
async function templateSteps(db: Store['db'], node: Node): Promise<AskedStep[]> {
  const { traits } = node.instanceInfo;
  const names = Array.isArray(traits) ? traits.filter((trait) => typeof trait === 'string') : [];
  if (names.length === 0) return [];
  const rows = await db.selectFrom('deploy_templates').select('steps').where('name', 'in', names).orderBy('name').execute();
  return rows.flatMap((row) => JSON.parse(row.steps) as AskedStep[]); // checked by the API when it was stored
}

function ofPlan(kind: WalkKind, planned: Planned): readonly PlannedStep[] {
  if ('steps' in planned) return planned.steps;
  throw fail('lifecycle.bad_steps', {
    message: `the ${kind} steps can not be run: ${planned.refusal}`,
    hint: 'Ask for steps that the drivers of the node offer.',
  });
}

/** As Ironic does when a step failed: somebody must look before the machine is used again. */
function inMaintenance(fault: string, step: Node['cleanStep']): NodeChanges {
  const name = shownName(step);
  return name === undefined ? {} : { maintenance: true, maintenanceReason: `${fault} in the step ${name}`, fault };
}
