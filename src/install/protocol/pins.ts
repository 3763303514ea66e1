// Where a node keeps the host keys that its new system is known by: the same place that the reports of image deployments use, so that whoever
// signs in finds them.

import type { JsonObject, Nodes } from '../../nodes/index.ts';
import type { Tx } from '../../store/index.ts';
import { FIRST_BOOT } from '../first-boot-record.ts';

export interface Pinned {
  readonly at: number;
  readonly hostname: string;
  readonly from: string;
  readonly hostKeys: readonly string[];
}

const BY = { who: 'system', actor: 'installer' } as const;

export async function pinHostKeys(
  nodes: Pick<Nodes, 'get' | 'update'>,
  tx: Tx,
  nodeUuid: string,
  { at, hostname, from, hostKeys }: Pinned,
): Promise<void> {
  const node = await nodes.get(nodeUuid, tx);
  const record: JsonObject = { reported_at: at, hostname, from, ssh_host_keys: hostKeys };
  await nodes.update(tx, node, { driverInternalInfo: { ...node.driverInternalInfo, [FIRST_BOOT]: record } }, BY);
}

/** Those that a web hook told; empty: none. */
export function keysOfHook(hook: JsonObject | null): string[] {
  const keys = hook?.host_keys;
  return Array.isArray(keys) ? keys.filter((key): key is string => typeof key === 'string') : [];
}
