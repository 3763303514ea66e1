// The verbs as tasks: what each is called, how many of it run at once, and which work it goes through. Data.

import type { ProvisionEvent } from '../nodes/index.ts';
import { defineTask, type TaskDefinition } from '../tasks/index.ts';
import { adoptFlow, deleteFlow, inspectFlow, unrescueFlow } from './flows.ts';
import { LENGTH_MS } from './perform.ts';
import { cleanFlow, deployFlow, rescueFlow, serviceFlow, verifyFlow } from './walks.ts';
import { type Flow, runFlows, type WorkDeps, workArgs } from './work.ts';

interface VerbTask {
  readonly kind: string;
  readonly title: string;
  readonly flows: readonly Flow[];
  readonly limit?: 'maxDeploys' | 'maxCleans';
}

const VERB_TASKS: readonly VerbTask[] = [
  { kind: 'node.verify', title: 'Verify', flows: [verifyFlow] },
  { kind: 'node.inspect', title: 'Inspect', flows: [inspectFlow] },
  { kind: 'node.clean', title: 'Clean', flows: [cleanFlow], limit: 'maxCleans' },
  { kind: 'node.deploy', title: 'Deploy', flows: [deployFlow], limit: 'maxDeploys' },
  { kind: 'node.delete', title: 'Tear down', flows: [deleteFlow, cleanFlow], limit: 'maxCleans' },
  { kind: 'node.rescue', title: 'Rescue', flows: [rescueFlow] },
  { kind: 'node.unrescue', title: 'Leave rescue', flows: [unrescueFlow] },
  { kind: 'node.adopt', title: 'Adopt', flows: [adoptFlow] },
  { kind: 'node.service', title: 'Service', flows: [serviceFlow] },
];

/** What a verb's event submits when it moved the node into work. */
export const KIND_OF_EVENT: Readonly<Partial<Record<ProvisionEvent, string>>> = {
  manage: 'node.verify',
  inspect: 'node.inspect',
  provide: 'node.clean',
  clean: 'node.clean',
  deploy: 'node.deploy',
  rebuild: 'node.deploy',
  delete: 'node.delete',
  rescue: 'node.rescue',
  unrescue: 'node.unrescue',
  adopt: 'node.adopt',
  service: 'node.service',
};

/** Power asked for beside the verbs. */
export const POWER_KIND = 'node.power';

/** The kinds whose tasks may wait for the machine or a person. */
export const VERB_KINDS: readonly string[] = VERB_TASKS.map(({ kind }) => kind);

/** The steps and states have limits of their own; this one is behind them all. */
const LAST_RESORT_MS = 25 * 3_600_000;
/** Of services: one of their steps may go on for days. */
const SERVICE_RESORT_MS = LENGTH_MS + LAST_RESORT_MS;

export function verbDefinitions(deps: WorkDeps): TaskDefinition[] {
  return VERB_TASKS.map(({ kind, title, flows, limit }) =>
    defineTask({
      kind,
      title,
      args: workArgs,
      ...(limit === undefined ? {} : { concurrency: deps.config[limit] }),
      // One step of the engine: the node's own steps are many, and the cursor in the node says how far they are.
      steps: [
        {
          name: 'work',
          title,
          timeoutMs: kind === 'node.service' ? SERVICE_RESORT_MS : LAST_RESORT_MS,
          run: (context) => runFlows(deps, flows, context),
        },
      ],
    }),
  );
}
