// Which node is it that reports these ports and this firmware identity? Pure; the answer always has its reason.
// A MAC known to us decides. A UUID decides only where no MAC does, and only when the MACs do not speak against it.

import type { FoundNode, Node } from '../nodes/index.ts';

export type Identified =
  | { readonly is: 'new'; readonly reason: string }
  | { readonly is: 'known'; readonly node: Node; readonly reason: string }
  /** `nodes`: those that each have a part of its identity. */
  | { readonly is: 'unclear'; readonly nodes: readonly Node[]; readonly reason: string };

export interface Reported {
  /** Nodes that have one of the reported MACs. */
  readonly byMac: readonly FoundNode[];
  /** Nodes with the reported SMBIOS UUID. */
  readonly byUuid: readonly Node[];
  readonly smbiosUuid: string | null;
}

export function identify({ byMac, byUuid, smbiosUuid }: Reported): Identified {
  const [first, ...others] = byMac;
  if (first !== undefined && others.length > 0) {
    const names = byMac.map(({ node, ports }) => `${titleOf(node)} (${ports.map((port) => port.address).join(', ')})`).join(' and ');
    return { is: 'unclear', nodes: byMac.map(({ node }) => node), reason: `its ports belong to several nodes: ${names}` };
  }
  if (first !== undefined) {
    const { node, ports } = first;
    const known = node.smbiosUuid;
    // A USB adapter goes from machine to machine: a MAC seen under another UUID does not identify.
    if (known !== null && smbiosUuid !== null && known !== smbiosUuid) {
      return {
        is: 'unclear',
        nodes: [node, ...byUuid],
        reason: `port ${ports[0]?.address ?? ''} belongs to ${titleOf(node)}, whose SMBIOS UUID is ${known}, not ${smbiosUuid}`,
      };
    }
    return { is: 'known', node, reason: `port ${ports[0]?.address ?? ''} is ${titleOf(node)}` };
  }
  const [same, ...more] = byUuid;
  if (same === undefined) return { is: 'new', reason: 'no node has one of its ports or its SMBIOS UUID' };
  if (more.length > 0) return { is: 'unclear', nodes: byUuid, reason: `several nodes have the SMBIOS UUID ${smbiosUuid ?? ''}` };
  return { is: 'known', node: same, reason: `SMBIOS UUID ${smbiosUuid ?? ''} is ${titleOf(same)}; its ports are new` };
}

function titleOf(node: Node): string {
  return node.name ?? node.uuid;
}
