// All calls that we make. What is not here is not asked.

import { ACCESS_CALLS } from './table-access.ts';
import { CEPH_CALLS } from './table-ceph.ts';
import { CLUSTER_CALLS } from './table-cluster.ts';
import { DISKS_CALLS } from './table-disks.ts';
import { FABRICS_CALLS } from './table-fabrics.ts';
import { HA_CALLS } from './table-ha.ts';
import { JOBS_CALLS } from './table-jobs.ts';
import { NETWORK_CALLS } from './table-network.ts';
import { NODE_CALLS } from './table-node.ts';
import { NOTIFICATIONS_CALLS } from './table-notifications.ts';
import { SDN_CALLS } from './table-sdn.ts';
import { STORAGE_CALLS } from './table-storage.ts';
import type { PveCheck, PveTable } from './table-types.ts';

export const PVE_CALLS: PveTable = {
  ...ACCESS_CALLS,
  ...CEPH_CALLS,
  ...CLUSTER_CALLS,
  ...DISKS_CALLS,
  ...FABRICS_CALLS,
  ...HA_CALLS,
  ...JOBS_CALLS,
  ...NETWORK_CALLS,
  ...NODE_CALLS,
  ...NOTIFICATIONS_CALLS,
  ...SDN_CALLS,
  ...STORAGE_CALLS,
};

/** The privileges that stand anywhere in a check. */
export function privilegesIn(check: PveCheck): readonly string[] {
  return [...new Set(check.flatMap((part) => (Array.isArray(part) ? privilegesIn(part) : []).concat(isPrivilege(part) ? [part] : [])))];
}

function isPrivilege(part: unknown): part is string {
  return typeof part === 'string' && /^[A-Z][A-Za-z]+\.[A-Z][A-Za-z.]+$/.test(part);
}
