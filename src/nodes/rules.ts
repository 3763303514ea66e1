// What may be changed on a node, and when it may be removed. Pure.

import type { RackseedError } from '../lib/index.ts';
import type { NodeChanges } from './columns.ts';
import { fail } from './errors.ts';
import { nodeTitle, protectedRefusal } from './guards.ts';
import { isDeletable, isUpdatable } from './machine.ts';
import { INTERFACES, type Node } from './model.ts';
import { DELETABLE_STATES, type ProvisionState, type Who } from './states.ts';

const PROTECTABLE: readonly string[] = ['active', 'rescue', 'servicing'];
/** A person must be able to stop our hands at any time. */
const ALWAYS_ALLOWED: readonly string[] = ['maintenance', 'maintenanceReason', 'fault', 'description', 'traits'];
/** Where what drives a machine, and what it is sold as, may change: nothing runs on it that was chosen by these. As in Ironic. */
const FREE_STATES: readonly ProvisionState[] = ['enroll', 'inspecting', 'inspect wait', 'manageable', 'available'];

/** Why a change is refused; undefined when it may be written. The system may write while something is under way: it is what is under way. */
export function changeRefusal(node: Node, changes: NodeChanges, who: Who): RackseedError | undefined {
  return (
    busyRefusal(node, changes, who) ??
    protectionRefusal(node, changes) ??
    retirementRefusal(node, changes) ??
    instanceRefusal(node, changes, who) ??
    (who === 'user' ? hardwareRefusal(node, changes) : undefined)
  );
}

function busyRefusal(node: Node, changes: NodeChanges, who: Who): RackseedError | undefined {
  const isFree = who !== 'user' || Object.keys(changes).every((field) => ALWAYS_ALLOWED.includes(field)) || freesInstance(node, changes);
  if (isFree || isUpdatable(node.provisionState, node.targetProvisionState)) return undefined;
  return fail('nodes.under_way', {
    message: `node ${nodeTitle(node)} is ${node.provisionState} on its way to ${node.targetProvisionState} and can not be changed now`,
    hint: 'Wait until it has arrived or failed, or abort what is under way.',
    detail: { node: node.uuid, state: node.provisionState },
  });
}

/** The way out for a broken machine: under maintenance its instance may be taken from it in any state. */
function freesInstance(node: Node, changes: NodeChanges): boolean {
  return node.maintenance && changes.instanceUuid === null && Object.keys(changes).length === 1;
}

function protectionRefusal(node: Node, changes: NodeChanges): RackseedError | undefined {
  if (changes.protected === true && !node.protected && !PROTECTABLE.includes(node.provisionState))
    return wrongState(node, 'protected', PROTECTABLE, 'Protect it once it is active.');
  if (typeof changes.protectedReason === 'string' && !(changes.protected ?? node.protected)) {
    return fail('nodes.bad_field', {
      message: `node ${nodeTitle(node)} is not protected, so there is no reason for it to keep`,
      hint: 'Set `protected` together with its reason.',
      detail: { field: 'protectedReason' },
    });
  }
  return undefined;
}

function retirementRefusal(node: Node, changes: NodeChanges): RackseedError | undefined {
  if (changes.retired === true && !node.retired && node.provisionState === 'available') {
    return fail('nodes.wrong_state', {
      message: `node ${nodeTitle(node)} can not be retired while it is available: somebody may be given it at any moment`,
      hint: 'Move it to manageable first.',
      detail: { node: node.uuid, state: node.provisionState },
    });
  }
  if (typeof changes.retiredReason === 'string' && !(changes.retired ?? node.retired)) {
    return fail('nodes.bad_field', {
      message: `node ${nodeTitle(node)} is not retired, so there is no reason for it to keep`,
      hint: 'Set `retired` together with its reason.',
      detail: { field: 'retiredReason' },
    });
  }
  return undefined;
}

function instanceRefusal(node: Node, changes: NodeChanges, who: Who): RackseedError | undefined {
  const { instanceUuid: wanted } = changes;
  if (wanted === undefined || wanted === node.instanceUuid || node.instanceUuid === null) return undefined;
  if (wanted !== null) {
    return fail('nodes.has_instance', {
      message: `node ${nodeTitle(node)} is associated with instance ${node.instanceUuid}`,
      hint: 'Take that instance from it first.',
      detail: { node: node.uuid, instance: node.instanceUuid },
    });
  }
  const mayGo = who !== 'user' || node.allocationUuid === null || node.maintenance || FREE_STATES.includes(node.provisionState);
  return mayGo ? undefined : wrongState(node, 'instanceUuid', FREE_STATES, 'Tear the node down, or set maintenance.');
}

function hardwareRefusal(node: Node, changes: NodeChanges): RackseedError | undefined {
  if (changes.driver !== undefined && changes.driver !== node.driver && node.consoleEnabled) {
    return fail('nodes.wrong_state', {
      message: `node ${nodeTitle(node)} can not update the driver while the console is enabled`,
      hint: 'Stop the console first.',
      detail: { node: node.uuid },
    });
  }
  if (FREE_STATES.includes(node.provisionState)) return undefined;
  if (changes.resourceClass !== undefined && node.resourceClass !== null && changes.resourceClass !== node.resourceClass)
    return wrongState(node, 'resourceClass', FREE_STATES, 'What is deployed was asked for by this class.');
  const { interfaces } = changes;
  const changed = interfaces === undefined ? undefined : INTERFACES.find((which) => interfaces[which] !== node.interfaces[which]);
  if (changed === undefined || node.maintenance) return undefined;
  return wrongState(node, `${changed}_interface`, FREE_STATES, 'Set maintenance to change it in this state.');
}

function wrongState(node: Node, field: string, allowed: readonly string[], hint: string): RackseedError {
  return fail('nodes.wrong_state', {
    message: `node ${nodeTitle(node)} can not have ${field} updated unless it is in one of the states ${allowed.join(', ')}; it is ${node.provisionState}`,
    hint,
    detail: { node: node.uuid, field, state: node.provisionState },
  });
}

/** What goes with a change: leaving maintenance, protection or retirement takes its reason along. */
export function withConsequences(changes: NodeChanges): NodeChanges {
  return {
    ...changes,
    ...(changes.maintenance === false ? { maintenanceReason: null, fault: null } : {}),
    ...(changes.protected === false ? { protectedReason: null } : {}),
    ...(changes.retired === false ? { retiredReason: null } : {}),
    // The allocation is the instance's claim on the node.
    ...(changes.instanceUuid === null ? { allocationUuid: null } : {}),
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
