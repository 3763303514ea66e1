// What a node names beside itself: its chassis, its parent, the allocation that holds it. Asked inside the caller's transaction.

import type { Tx } from '../store/index.ts';
import type { NodeChanges } from './columns.ts';
import { fail } from './errors.ts';
import { nodeTitle } from './guards.ts';
import type { Node } from './model.ts';

/** Throws unless what `changes` names exists. `uuid` is the node that will name it. */
export async function checkLinks(tx: Tx, uuid: string, { chassisUuid, parentNode }: NodeChanges): Promise<void> {
  if (typeof chassisUuid === 'string') {
    const chassis = await tx.selectFrom('chassis').select('uuid').where('uuid', '=', chassisUuid).executeTakeFirst();
    if (chassis === undefined) throw noLink(`Chassis ${chassisUuid} could not be found.`, 'Make the chassis first.');
  }
  if (typeof parentNode !== 'string') return;
  const parent = await tx.selectFrom('nodes').select(['uuid', 'parent_node']).where('uuid', '=', parentNode).executeTakeFirst();
  if (parent === undefined) throw noLink(`Node ${parentNode} could not be found.`, 'Enrol the parent first.');
  // One level, as in Ironic's model: steps run on a node's children, never on theirs.
  if (parent.uuid === uuid) throw noLink(`Node ${uuid} can not be its own parent.`, 'Name another node.');
}

/** A node whose instance was taken loses the allocation that gave it. */
export async function dropAllocation(tx: Tx, node: Node, changes: NodeChanges): Promise<void> {
  if (node.allocationUuid === null || changes.allocationUuid !== null) return;
  await tx.deleteFrom('allocations').where('uuid', '=', node.allocationUuid).execute();
}

/** Who got the node by an allocation in the name of a project keeps it from other projects. */
export async function checkOwner(tx: Tx, node: Node, changes: NodeChanges): Promise<void> {
  if (changes.owner === undefined || changes.owner === node.owner || node.allocationUuid === null) return;
  const allocation = await tx.selectFrom('allocations').select('owner').where('uuid', '=', node.allocationUuid).executeTakeFirst();
  if (allocation === undefined || allocation.owner === null) return;
  throw fail('nodes.wrong_state', {
    message: `cannot update owner of node ${nodeTitle(node)} while it is allocated to an allocation with an owner`,
    hint: 'Tear the node down first.',
    detail: { node: node.uuid, allocation: node.allocationUuid },
  });
}

function noLink(message: string, hint: string): Error {
  return fail('nodes.no_such_link', { message, hint });
}
