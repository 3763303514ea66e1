// Wiring of what agents say, our own's and OpenStack's: the life cycle that waits for them, and who wants to know that they live. No rules.

import { bootOrders } from './app-install-desk.ts';
import type { Config } from './config/index.ts';
import {
  createInspect,
  createRamdisk,
  createRuleRunner,
  firstAtThisBoot,
  type Inspect,
  type InspectOptions,
  type Orders,
  type Ramdisk,
} from './inspect/index.ts';
import type { Clock, Log, Random } from './lib/index.ts';
import type { Lifecycle } from './lifecycle/index.ts';
import type { Nodes, Records } from './nodes/index.ts';
import type { Store } from './store/index.ts';

export interface InspectPartsOptions {
  readonly config: Config;
  readonly store: Store;
  readonly nodes: Nodes;
  readonly records: Pick<Records, 'rules'>;
  readonly lifecycle: Pick<Lifecycle, 'agentHeard' | 'agentProgress'>;
  readonly enrolment: { get(): Promise<{ readonly mode: 'open' | 'closed' }> };
  readonly orders: Orders;
  /** What follows from a report, in its transaction. */
  readonly onStored: NonNullable<InspectOptions['onStored']>;
  /** An agent runs on this node. */
  readonly onAlive: (uuid: string) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The firmware as the agent has just read it, for machines that run a system which was installed from here. */
function withBootOrder(options: InspectPartsOptions): InspectPartsOptions['onStored'] {
  const orders = bootOrders(options);
  return async (tx, node) => {
    const word = await options.onStored(tx, node);
    const inventory = await options.nodes.inventory(node.uuid, tx);
    await orders.seen(tx, await options.nodes.get(node.uuid, tx), firstAtThisBoot(inventory?.pluginData));
    return word;
  };
}

export function inspectParts(options: InspectPartsOptions): { readonly inspect: Inspect; readonly ramdisk: Ramdisk } {
  const { config, records, lifecycle, enrolment, onAlive, ...common } = options;
  options.orders.listen({
    ended: (uuid, word) => lifecycle.agentHeard(uuid, word),
    progress: (uuid, progress) => lifecycle.agentProgress(uuid, progress),
  });
  const ramdisk = createRamdisk({
    ...common,
    rules: records.rules,
    agentHeard: (uuid, word) => lifecycle.agentHeard(uuid, word),
    isEnrolmentOpen: async () => (await enrolment.get()).mode === 'open',
    callbacksMayBeElsewhere: config.lifecycle.agents_elsewhere,
    onAlive,
  });
  const inspect = createInspect({
    ...common,
    onStored: withBootOrder(options),
    onBeat: (uuid, isBusy) => ramdisk.beat(uuid, isBusy),
    rules: createRuleRunner({ ...common, rules: records.rules }),
    onInventory: (uuid, failure) =>
      lifecycle.agentHeard(uuid, failure === null ? { status: 'end' } : { status: 'error', message: failure }),
  });
  return { inspect, ramdisk };
}
