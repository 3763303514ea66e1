// What may be changed on a node, and when it may be removed. Pure.

import type { RackseedError } from '../lib/index.ts';
import type { NodeChanges } from './columns.ts';
import { fail } from './errors.ts';
import { nodeTitle, protectedRefusal } from './guards.ts';
import { isDeletable, isUpdatable } from './machine.ts';
import type { Node } from './model.ts';
import { DELETABLE_STATES, type Who } from './states.ts';

const PROTECTABLE: readonly string[] = ['active', 'rescue', 'servicing'];
/** A person must be able to stop our hands at any time. */
const ALWAYS_ALLOWED: readonly string[] = ['maintenance', 'maintenanceReason', 'fault', 'description'];

/** Why a change is refused; undefined when it may be written. The system may write while something is under way: it is what is under way. */
export function changeRefusal(node: Node, changes: NodeChanges, who: Who): RackseedError | undefined {
  const isFree = who !== 'user' || Object.keys(changes).every((field) => ALWAYS_ALLOWED.includes(field));
  if (!isFree && !isUpdatable(node.provisionState, node.targetProvisionState)) {
    return fail('nodes.under_way', {
      message: `node ${nodeTitle(node)} is ${node.provisionState} on its way to ${node.targetProvisionState} and can not be changed now`,
      hint: 'Wait until it has arrived or failed, or abort what is under way.',
      detail: { node: node.uuid, state: node.provisionState },
    });
  }
  if (changes.protected === true && !node.protected && !PROTECTABLE.includes(node.provisionState)) {
    return fail('nodes.bad_field', {
      message: `node ${nodeTitle(node)} is ${node.provisionState}; only a node in ${PROTECTABLE.join(', ')} can be protected`,
      hint: 'Protect it once it is active.',
      detail: { field: 'protected' },
    });
  }
  if (typeof changes.protectedReason === 'string' && !(changes.protected ?? node.protected)) {
    return fail('nodes.bad_field', {
      message: `node ${nodeTitle(node)} is not protected, so there is no reason for it to keep`,
      hint: 'Set `protected` together with its reason.',
      detail: { field: 'protectedReason' },
    });
  }
  return undefined;
}

/** What goes with a change: leaving maintenance or protection takes its reason along. */
export function withConsequences(changes: NodeChanges): NodeChanges {
  return {
    ...changes,
    ...(changes.maintenance === false ? { maintenanceReason: null, fault: null } : {}),
    ...(changes.protected === false ? { protectedReason: null } : {}),
  };
}

/** Why the node may not be removed from the inventory; undefined when it may. */
export function removalRefusal(node: Node): RackseedError | undefined {
  const guarded = protectedRefusal(node, 'removing it');
  if (guarded !== undefined || node.maintenance) return guarded;
  if (node.instanceUuid !== null) {
    return fail('nodes.has_instance', {
      message: `node ${nodeTitle(node)} carries the instance ${node.instanceUuid}`,
      hint: 'Tear it down first, or set maintenance to remove a node that is beyond repair.',
      detail: { node: node.uuid, instance: node.instanceUuid },
    });
  }
  if (isDeletable(node.provisionState)) return undefined;
  return fail('nodes.not_deletable', {
    message: `node ${nodeTitle(node)} is ${node.provisionState}; a node is removed from ${DELETABLE_STATES.join(', ')}`,
    hint: 'Bring it to one of these states, or set maintenance to remove a node that is beyond repair.',
    detail: { node: node.uuid, state: node.provisionState },
  });
}
