// [[cluster]] as a step has it, read once more: it comes as JSON. Pure.

import { fail } from '../errors.ts';
import type { StepLook } from '../seam.ts';

export interface ClusterSettings {
  readonly name: string;
  /** Networks of corosync's links, link 0 first. */
  readonly links: readonly string[];
  /** It ran before us: its API is named. */
  readonly isRunning: boolean;
}

/** Throws pipeline.impossible where there is none, or where we may only watch it. */
export function clusterOf({ node, cluster }: Pick<StepLook, 'node' | 'cluster'>): ClusterSettings {
  const name = cluster?.name;
  if (cluster === null || typeof name !== 'string') {
    throw fail('pipeline.impossible', {
      message: `the profile of ${node.name} names no cluster`,
      hint: 'Give it cluster = "NAME" of a [[cluster]], or the step when = { cluster = true }.',
    });
  }
  if (cluster.observe_only === true) {
    throw fail('pipeline.impossible', {
      message: `the cluster ${name} is only watched (observe_only = true): nothing joins it from here`,
      hint: 'Set observe_only = false in [[cluster]] to let nodes join.',
    });
  }
  const links = Array.isArray(cluster.links) ? cluster.links.filter((link) => typeof link === 'string') : [];
  return { name, links, isRunning: typeof cluster.api_url === 'string' };
}
