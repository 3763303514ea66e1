// Wiring of the life cycle: its tasks for the engine, and what of the config it reads. Has no rules of its own.

import type { Config } from './config/index.ts';
import type { LifecycleConfig } from './lifecycle/index.ts';
import type { Node } from './nodes/index.ts';

export function lifecycleConfig({ lifecycle, server }: Config): LifecycleConfig {
  return {
    automatedClean: lifecycle.automated_clean,
    softPowerOffMs: lifecycle.soft_power_off_seconds * 1000,
    disallowedSteps: {
      clean: lifecycle.disallow_clean_steps,
      deploy: lifecycle.disallow_deploy_steps,
      service: lifecycle.disallow_service_steps,
    },
    maxDeploys: lifecycle.max_deploys,
    maxCleans: lifecycle.max_cleans,
    host: server.name,
  };
}

/** Why nothing may be written to a node's machine: the site says so. What a cluster says holds for the nodes that name it. */
export function observeOnly({ server, cluster }: Config): (node: Node) => string | undefined {
  const watched = new Set(cluster.filter((one) => one.observe_only).map((one) => one.name));
  return (node) => {
    if (server.observe_only) return 'this site is observe-only ([server] observe_only)';
    const named = node.extra.cluster;
    if (typeof named === 'string' && watched.has(named)) return `the cluster ${named} is observe-only`;
    return undefined;
  };
}
