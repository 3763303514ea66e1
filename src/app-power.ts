// Wiring of power: drivers, the gateway to the machines, and the reading of their states. Has no rules of its own.

import type { Config } from './config/index.ts';
import type { Clock, Component, Log, Random } from './lib/index.ts';
import type { Nodes } from './nodes/index.ts';
import {
  createDrivers,
  createGateway,
  createMemory,
  createPowerSync,
  createRegistry,
  forgetGoneNodes,
  type Gateway,
} from './power/index.ts';
import type { Store } from './store/index.ts';

export interface PowerPartsOptions {
  readonly config: Pick<Config, 'power'>;
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** This appliance, among those that share the store. */
  readonly holder: string;
}

export interface PowerParts {
  readonly gateway: Gateway;
  /** For /metrics. */
  readonly counters: () => Readonly<Record<string, number>>;
  /** In the order in which they start: before whoever asks machines, so that they stop after them. */
  readonly parts: readonly Component[];
}

export function powerParts(options: PowerPartsOptions): PowerParts {
  const { store, nodes, clock, random, log } = options;
  const { power } = options.config;
  const registry = createRegistry(createDrivers({ clock, random, memory: createMemory({ store, clock }) }));
  const limits = {
    workers: power.workers,
    callTimeoutMs: power.call_timeout_seconds * 1000,
    powerTimeoutMs: power.timeout_seconds * 1000,
  };
  const gateway = createGateway({ registry, nodes, clock, random, log, limits });
  const sync = createPowerSync({
    store,
    nodes,
    gateway,
    clock,
    log,
    holder: options.holder,
    intervalMs: power.sync_seconds * 1000,
    workers: power.workers,
    recoveryMs: power.recovery_seconds * 1000,
    maxFailures: power.sync_failures,
  });
  const memory: Component = { name: 'power-memory', start: () => forgetGoneNodes(store), stop: () => Promise.resolve() };
  const counters = () => {
    const synced = Object.entries(sync.counters()).map(([name, count]) => [`sync_${name}`, count] as const);
    return { ...gateway.counters(), ...Object.fromEntries(synced) };
  };
  return { gateway, counters, parts: [memory, gateway, sync] };
}
