// Wiring of the life cycle: its tasks in the engine, the timers beside it, and what of the config it reads. Has no rules of its own.

import { nodesAtWork } from './app-services.ts';
import type { Config } from './config/index.ts';
import type { Clock, Component, Log, Random } from './lib/index.ts';
import { createLifecycle, type Lifecycle, type LifecycleConfig, lifecycleTasks } from './lifecycle/index.ts';
import { createStateTimers, type Node, type Nodes, type Records } from './nodes/index.ts';
import type { AgentDesk, Gateway } from './power/index.ts';
import type { Store } from './store/index.ts';
import { createTaskEngine, type TaskDefinition, type TaskEngine } from './tasks/index.ts';

export interface LifecyclePartsOptions {
  readonly config: Config;
  readonly store: Store;
  readonly nodes: Nodes;
  readonly records: Pick<Records, 'vifs' | 'hardware'>;
  readonly gateway: Gateway;
  readonly desk: AgentDesk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** This appliance, among those that share the store. */
  readonly holder: string;
  /** Of rooms above the life cycle, for the one engine. */
  readonly moreTasks: readonly TaskDefinition[];
}

export interface LifecycleParts {
  readonly lifecycle: Lifecycle;
  readonly tasks: TaskEngine;
  /** In the order in which they start. */
  readonly parts: readonly Component[];
}

export function lifecycleParts(options: LifecyclePartsOptions): LifecycleParts {
  const { config, holder, moreTasks, ...common } = options;
  const own = lifecycleConfig(config);
  const rules = { config: own, observeOnly: observeOnly(config) };
  const definitions = [...lifecycleTasks({ ...common, ...rules }), ...moreTasks];
  const tasks = createTaskEngine({ ...common, definitions, holder, limits: { workers: config.tasks.workers } });
  const lifecycle = createLifecycle({ ...common, tasks, ...rules });
  const atWork = (uuids: readonly string[]) => nodesAtWork(options.store, uuids);
  const timers = createStateTimers({ ...common, atWork, onTimeout: (tx, node) => lifecycle.timedOut(tx, node) });
  return { lifecycle, tasks, parts: [tasks, timers] };
}

function lifecycleConfig({ lifecycle, server }: Config): LifecycleConfig {
  return {
    automatedClean: lifecycle.automated_clean,
    fastTrack: lifecycle.fast_track,
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

/** Why nothing may be written to a node's machine: the site says so. What a cluster says holds for the nodes that name it, or whose profile does. */
export function observeOnly({
  server,
  cluster,
  profile,
}: Pick<Config, 'server' | 'cluster' | 'profile'>): (node: Node) => string | undefined {
  const watched = new Set(cluster.filter((one) => one.observe_only).map((one) => one.name));
  return (node) => {
    if (server.observe_only) return 'this site is observe-only ([server] observe_only)';
    const named = node.extra.cluster ?? profile.find(({ name }) => name === node.extra.profile)?.cluster;
    if (typeof named === 'string' && watched.has(named)) return `the cluster ${named} is observe-only`;
    return undefined;
  };
}
