// May a discovered machine become a node that is known already? A person says that they are one; here is what speaks against it. Pure.

import { isTransient, type Node, nodeTitle } from '../nodes/index.ts';
import { DISCOVERED_DRIVER } from './discovered.ts';

export interface Merge {
  readonly from: Node;
  readonly into: Node;
  /** Somebody said yes to the discovered machine, and it is being taken in. */
  readonly isApproved: boolean;
  /** What was heard of the node itself since the other machine was discovered, in words. */
  readonly heard: readonly string[];
}

export interface Refusal {
  readonly message: string;
  readonly hint: string;
}

export function mergeRefusal({ from, into, isApproved, heard }: Merge): Refusal | undefined {
  const [one, other] = [nodeTitle(from), nodeTitle(into)];
  if (from.uuid === into.uuid) return { message: `${one} and ${other} are the same node`, hint: 'Name the discovered machine first.' };
  const isDiscovered = from.provisionState === 'enroll' && from.driver === DISCOVERED_DRIVER && !from.protected && !from.ignored;
  if (!isDiscovered)
    return {
      message: `${one} is no machine that was merely discovered, and is not given away`,
      hint: 'Name the discovered machine first, then the node that it is.',
    };
  if (isApproved) return { message: `${one} was approved and is being taken in`, hint: `Reject it first: rackseed node reject ${one}` };
  if (isTransient(into.provisionState))
    return { message: `${other} is in "${into.provisionState}": something is being done to it`, hint: 'Wait until that has ended.' };
  if (heard.length > 0)
    return {
      message: `${other} is another machine that works: since ${one} was discovered, ${heard.join(', and ')}`,
      hint: 'Two machines are not one. If the old one is really gone, remove the discovered node, boot its machine again and merge then.',
    };
  return undefined;
}
