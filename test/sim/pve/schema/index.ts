// All methods whose parameters the stand-in knows, and what of them is not in each release.

import { ACCESS_METHODS } from './access.ts';
import { CEPH_METHODS } from './ceph.ts';
import { CLUSTER_METHODS } from './cluster.ts';
import { DISKS_METHODS } from './disks.ts';
import { HA_METHODS } from './ha.ts';
import { METRICS_METHODS } from './metrics.ts';
import { NODE_METHODS } from './node.ts';
import { NOTIFICATIONS_METHODS } from './notifications.ts';
import { SDN_METHODS } from './sdn.ts';
import { STORAGE_METHODS } from './storage.ts';
import type { ApiMethod } from './types.ts';

export type { ApiMethod, ApiParameter, PermissionCheck } from './types.ts';

export type Release = '8.4' | '9.1';

const ALL: readonly ApiMethod[] = [
  ...ACCESS_METHODS,
  ...CEPH_METHODS,
  ...CLUSTER_METHODS,
  ...DISKS_METHODS,
  ...HA_METHODS,
  ...METRICS_METHODS,
  ...NODE_METHODS,
  ...NOTIFICATIONS_METHODS,
  ...SDN_METHODS,
  ...STORAGE_METHODS,
];

/** Rules of the HA stack and its disarming came with 9. */
const SINCE_9 = /^\/cluster\/ha\/(rules|status\/(dis)?arm-ha)/;

export function methodsOf(release: Release): readonly ApiMethod[] {
  if (release === '9.1') return ALL;
  return ALL.filter(({ path }) => !SINCE_9.test(path)).map((method) => {
    const { 'token-coefficient': _, ...parameters } = method.parameters;
    return { ...method, parameters };
  });
}

export interface Found {
  readonly method: ApiMethod;
  /** What stands in its path for {node} and the like. */
  readonly inPath: Readonly<Record<string, string>>;
}

/** Fixed words go before placeholders, as PVE::RESTHandler looks. */
export function findMethod(methods: readonly ApiMethod[], verb: string, path: string): Found | undefined {
  const given = path.split('/');
  let best: (Found & { readonly rank: number }) | undefined;
  for (const method of methods) {
    const inPath = method.method === verb ? match(method.path.split('/'), given) : undefined;
    if (inPath === undefined) continue;
    const rank = Object.keys(inPath).length;
    if (best === undefined || rank < best.rank) best = { method, inPath, rank };
  }
  return best;
}

function match(words: readonly string[], given: readonly string[]): Record<string, string> | undefined {
  if (words.length !== given.length) return undefined;
  const inPath: Record<string, string> = {};
  for (const [at, word] of words.entries()) {
    const name = /^\{(.+)\}$/.exec(word)?.[1];
    const value = given[at] ?? '';
    if (name === undefined ? word !== value : value === '') return undefined;
    if (name !== undefined) inPath[name] = decodeURIComponent(value);
  }
  return inPath;
}
