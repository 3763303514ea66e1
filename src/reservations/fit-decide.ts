// Which nodes an allocation may get, in which order they are tried, and why one does not fit. Pure.

import { isUpdatable, type Node } from '../nodes/index.ts';
import type { Allocation } from './model.ts';

/** What of a node decides before it is looked at closely. */
export interface Candidate {
  readonly uuid: string;
  readonly name: string | null;
  readonly traits: readonly string[];
}

type Wanted = Pick<Allocation, 'name' | 'traits'>;

export function hasTraits({ traits }: Pick<Candidate, 'traits'>, wanted: readonly string[]): boolean {
  return wanted.every((trait) => traits.includes(trait));
}

/** By chance, so that allocations at the same time do not all try the same nodes; but a node with the allocation's name comes first. */
export function inOrder<C extends Candidate>(candidates: readonly C[], { name }: Pick<Wanted, 'name'>, chance: () => number): C[] {
  const mixed = [...candidates];
  // Fisher and Yates.
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = Math.floor(chance() * (last + 1));
    const [a, b] = [mixed[last], mixed[other]];
    if (a !== undefined && b !== undefined) [mixed[last], mixed[other]] = [b, a];
  }
  const named = name === null ? -1 : mixed.findIndex((one) => one.name === name);
  const [first] = named < 0 ? [] : mixed.splice(named, 1);
  return first === undefined ? mixed : [first, ...mixed];
}

/** Whether the node may be given away, and to this allocation, as it is now. */
export function fits(node: Node, { resourceClass, traits, owner, candidateNodes }: Allocation): boolean {
  const isFree = node.provisionState === 'available' && node.instanceUuid === null;
  const isUsable = !node.maintenance && !node.retired && !node.ignored && !node.observeOnly;
  const isAllowed = owner === null || node.owner === owner || node.lessee === owner;
  const isNamed = candidateNodes.length === 0 || candidateNodes.includes(node.uuid);
  return isFree && isUsable && isAllowed && isNamed && node.resourceClass === resourceClass && hasTraits(node, traits);
}

/** Ironic's words for why none is left. */
export function noneAvailable({ candidateNodes, resourceClass }: Pick<Allocation, 'candidateNodes' | 'resourceClass'>): string {
  return candidateNodes.length > 0
    ? `none of the requested nodes are available and match the resource class ${resourceClass}`
    : `no available nodes match the resource class ${resourceClass}`;
}

export function noneWithTraits({ traits }: Pick<Allocation, 'traits'>): string {
  return `no suitable nodes have the requested traits ${traits.join(', ')}`;
}

/** Why an active node can not be what the allocation stands for; none: it can. */
export function backfillFaults(node: Node, { resourceClass, traits, candidateNodes }: Allocation): string[] {
  return [
    ...(node.provisionState === 'active' ? [] : [`Node must be in the "active" state, but the current state is "${node.provisionState}"`]),
    ...(resourceClass === null || node.resourceClass === resourceClass
      ? []
      : [`Resource class ${node.resourceClass} does not match the requested resource class ${resourceClass}`]),
    ...(hasTraits(node, traits)
      ? []
      : [`List of traits ${node.traits.join(', ')} does not match the requested traits ${traits.join(', ')}`]),
    ...(candidateNodes.length === 0 || candidateNodes.includes(node.uuid)
      ? []
      : [`Candidate nodes must be empty or contain the target node, but got ${candidateNodes.join(', ')}`]),
  ];
}

/** Why the node keeps its allocation; undefined: it may lose it. Under maintenance it always may. */
export function keepsAllocation(node: Node, allocation: Pick<Allocation, 'uuid'>): string | undefined {
  if (node.maintenance) return undefined;
  const what = `Cannot remove allocation ${allocation.uuid} for node ${node.uuid}, because the node is`;
  if (!isUpdatable(node.provisionState, node.targetProvisionState))
    return `${what} in state ${node.provisionState} where updates are not allowed (and maintenance mode is off)`;
  return node.provisionState === 'active' ? `${what} active (and maintenance mode is off)` : undefined;
}
