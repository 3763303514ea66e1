// May this verb be asked for, with this? What Ironic refuses, in its words, and what only we refuse. Pure.

import type { RackseedError } from '../lib/index.ts';
import { eventOfVerb, isVerb, moveRefusal, type Node, nextState, nodeTitle, type ProvisionEvent, whatIsPossible } from '../nodes/index.ts';
import { fail } from './errors.ts';
import type { ProvisionRequest } from './seam.ts';
import type { LifecycleConfig } from './work.ts';

export function invalidState(node: Node, action: string): RackseedError {
  return fail('lifecycle.invalid_state', {
    message: `The requested action "${action}" can not be performed on node "${node.uuid}" while it is in state "${node.provisionState}".`,
    hint: `From ${node.provisionState} ${whatIsPossible(node.provisionState)}.`,
    detail: { node: node.uuid, state: node.provisionState },
  });
}

/** The event that the verb pulls; undefined when a person can not pull it here. */
export function eventFor(node: Node, verb: string): ProvisionEvent | undefined {
  if (!isVerb(verb)) return undefined;
  const event = eventOfVerb(verb);
  const next = nextState(node.provisionState, event);
  return next.ok && next.move.who.includes('user') ? event : undefined;
}

const IN_MAINTENANCE: Readonly<Partial<Record<ProvisionEvent, string>>> = {
  deploy: 'provisioning',
  rebuild: 'provisioning',
  rescue: 'rescuing',
  unrescue: 'unrescuing',
  clean: 'cleaning',
  service: 'service',
};

/** The node's own flags. */
export function nodeRefusal(node: Node, event: ProvisionEvent): RackseedError | undefined {
  const what = IN_MAINTENANCE[event];
  if (node.maintenance && what !== undefined) return inMaintenance(node, what);
  if (node.retired && event === 'provide') {
    return fail('lifecycle.retired', {
      message: `The providing operation can't be performed on node ${node.uuid} because it is retired.`,
      hint: 'Unset `retired` if the machine is to be used again.',
    });
  }
  return moveRefusal(node, event, 'user');
}

function inMaintenance(node: Node, what: string): RackseedError {
  const because =
    node.maintenanceReason === null || node.maintenanceReason === '' ? '' : ` It was put there because: ${node.maintenanceReason}.`;
  return fail('lifecycle.in_maintenance', {
    message: `The ${what} operation can't be performed on node ${node.uuid} because it's in maintenance mode.`,
    hint: `Take it out of maintenance first.${because}`,
  });
}

/** Nothing is written to the machine: only what ends or gives up work is let through. */
const WITHOUT_THE_MACHINE: readonly string[] = ['abort'];

export function observeRefusal(node: Node, event: string, siteReason: string | undefined): RackseedError | undefined {
  const reason = siteReason ?? (node.observeOnly ? `node ${nodeTitle(node)} is observe-only` : undefined);
  if (reason === undefined || WITHOUT_THE_MACHINE.includes(event)) return undefined;
  return fail('lifecycle.observe_only', {
    message: `${reason}, so ${event} is refused: nothing is written to its machine`,
    hint: 'Turn observe-only off when the machine may be changed.',
    detail: { node: node.uuid },
  });
}

type Part = 'cleanSteps' | 'deploySteps' | 'serviceSteps' | 'rescuePassword';

const ONLY_WITH: Readonly<Record<Part, { readonly key: string; readonly events: readonly ProvisionEvent[]; readonly verbs: string }>> = {
  cleanSteps: { key: 'clean_steps', events: ['clean'], verbs: 'clean' },
  deploySteps: { key: 'deploy_steps', events: ['deploy', 'rebuild'], verbs: 'active or rebuild' },
  serviceSteps: { key: 'service_steps', events: ['service'], verbs: 'service' },
  rescuePassword: { key: 'rescue_password', events: ['rescue'], verbs: 'rescue' },
};

/** What came along must go with the verb, and what the verb needs must have come. */
export function partsRefusal(request: ProvisionRequest, event: ProvisionEvent): RackseedError | undefined {
  for (const [part, { key, events, verbs }] of Object.entries(ONLY_WITH)) {
    const value = request[part as Part]; // the table's own keys
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (isGiven && !events.includes(event)) return bad(`"${key}" is only valid when setting target provision state to ${verbs}`);
  }
  if (request.disableRamdisk !== undefined && event !== 'clean' && event !== 'service')
    return bad('"disable_ramdisk" is only valid when setting target provision state to clean or service');
  if (event === 'rescue' && (request.rescuePassword ?? '').trim() === '')
    return bad('A non-empty "rescue_password" is required when setting target provision state to rescue');
  if (event === 'clean' && (request.cleanSteps ?? []).length === 0)
    return bad('"clean_steps" is required when setting target provision state to clean');
  if (event === 'service' && (request.serviceSteps ?? []).length === 0)
    return bad('"service_steps" is required when setting target provision state to service');
  if (request.configdrive !== undefined && event !== 'deploy' && event !== 'rebuild')
    return bad('Adding a config drive is only supported when setting provision state to active, rebuild');
  return undefined;
}

export function disallowedRefusal(request: ProvisionRequest, config: LifecycleConfig): RackseedError | undefined {
  const lists = { clean: request.cleanSteps, deploy: request.deploySteps, service: request.serviceSteps } as const;
  for (const kind of ['clean', 'deploy', 'service'] as const) {
    const found = lists[kind]?.find((step) => config.disallowedSteps[kind].includes(`${step.interface}.${step.step}`));
    if (found !== undefined) return bad(`The ${kind} step ${found.interface}.${found.step} is not allowed on this site`);
  }
  return undefined;
}

export function bad(message: string, hint?: string): RackseedError {
  return fail('lifecycle.bad_request', { message, ...(hint === undefined ? {} : { hint }) });
}
