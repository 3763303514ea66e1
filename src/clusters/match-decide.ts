// Which of our nodes a member is, if any, and whether it may be taken. Pure; every answer carries its reason.

import { createHash } from 'node:crypto';
import { identify } from '../inspect/index.ts';
import { type FoundNode, type Node, nameRefusal, nodeTitle } from '../nodes/index.ts';
import type { MemberPlan, SeenMember } from './model.ts';

export interface Link {
  readonly nodeUuid: string;
  readonly cluster: string;
  readonly member: string;
}

/** What we know of whoever could be the member. */
export interface Candidates {
  readonly byMac: readonly FoundNode[];
  readonly byUuid: readonly Node[];
  /** The node that has the member's name; null: none. */
  readonly byName: Node | null;
  /** Of the nodes above, and of the cluster. */
  readonly links: readonly Link[];
  /** Nodes that somebody approved and that are being taken in. */
  readonly approved: ReadonlySet<string>;
}

/** From where a node goes to `active` without anything being done to its machine. */
const TAKEN_FROM: ReadonlySet<string> = new Set(['enroll', 'manageable', 'available', 'adopt failed']);

export function planMember(cluster: string, member: SeenMember, known: Candidates): MemberPlan {
  const plan = (action: MemberPlan['action'], reason: string, node?: Node): MemberPlan => ({
    member,
    action,
    nodeUuid: node?.uuid ?? null,
    reason,
  });
  if (member.macs.length === 0 && member.smbiosUuid === null)
    return plan('skip', `${member.problem ?? 'no network card is known'}: nothing to recognise the machine by`);
  const found = identify({ byMac: known.byMac, byUuid: known.byUuid, smbiosUuid: member.smbiosUuid });
  if (found.is === 'unclear') return plan('conflict', found.reason);
  if (found.is === 'known' && found.maybe.length > 0)
    return plan(
      'conflict',
      `${found.reason}, but it may be ${found.maybe.map(({ node, reason }) => `${nodeTitle(node)} (${reason})`).join(' or ')}`,
      found.node,
    );
  const linked = known.links.find((link) => link.cluster === cluster && link.member === member.name);
  if (found.is === 'new') {
    if (linked !== undefined)
      return plan(
        'conflict',
        `member ${member.name} is node ${linked.nodeUuid} to us, which has none of its network cards: were they all replaced?`,
      );
    if (known.byName !== null)
      return plan('conflict', `a node is called ${member.name} already, and has other network cards`, known.byName);
    const refusal = nameRefusal(member.name);
    return refusal === undefined ? plan('create', found.reason) : plan('conflict', `no node can have this name: ${refusal}`);
  }
  const { node } = found;
  const refusal = takeRefusal(cluster, member, node, known, linked);
  if (refusal !== undefined) return plan('conflict', `${found.reason}, but ${refusal}`, node);
  const isMember = known.links.some((link) => link.nodeUuid === node.uuid && link.cluster === cluster);
  if (isMember) return plan('update', `${found.reason}, a member already`, node);
  return plan('take', node.provisionState === 'active' ? found.reason : `${found.reason}, now in "${node.provisionState}"`, node);
}

function takeRefusal(cluster: string, { name }: SeenMember, node: Node, known: Candidates, linked: Link | undefined): string | undefined {
  const own = known.links.find((link) => link.nodeUuid === node.uuid);
  if (own !== undefined && own.cluster !== cluster) return `it is a member of the cluster ${own.cluster}`;
  if (linked !== undefined && linked.nodeUuid !== node.uuid) return `member ${name} is another node to us: ${linked.nodeUuid}`;
  if (node.name === null && known.byName !== null) return `another node is called ${name}: ${known.byName.uuid}`;
  if (node.provisionState === 'active') return undefined;
  if (node.ignored) return 'it is ignored';
  if (known.approved.has(node.uuid)) return 'somebody approved it, and it is being taken in: its disks may be about to be erased';
  if (node.instanceUuid !== null) return `it is reserved for the instance ${node.instanceUuid}`;
  if (!TAKEN_FROM.has(node.provisionState)) return `it is in "${node.provisionState}"`;
  return undefined;
}

/** Two members that are one node are neither. */
export function withoutDoubles(plans: readonly MemberPlan[]): readonly MemberPlan[] {
  return plans.map((plan) => {
    const others = plans.filter((other) => other !== plan && isSameMachine(plan, other)).map(({ member }) => member.name);
    if (others.length === 0 || plan.action === 'skip') return plan;
    return { ...plan, action: 'conflict', reason: `it has a network card, UUID or node in common with ${others.join(' and ')}` };
  });
}

function isSameMachine(one: MemberPlan, other: MemberPlan): boolean {
  if (one.nodeUuid !== null && one.nodeUuid === other.nodeUuid) return true;
  if (one.member.smbiosUuid !== null && one.member.smbiosUuid === other.member.smbiosUuid) return true;
  return one.member.macs.some((mac) => other.member.macs.includes(mac));
}

/** What a yes is bound to: everything that decides which machine is which. */
export function hashOf(cluster: string, plans: readonly MemberPlan[]): string {
  const told = plans.map(({ member, action, nodeUuid }) => [member.name, member.macs, member.smbiosUuid, action, nodeUuid]);
  return createHash('sha256')
    .update(JSON.stringify([cluster, told]))
    .digest('hex');
}
