// A whole life cycle in one process: store, nodes, task engine, gateway and fake machines, with a clock that the test turns.

import { onTestFinished } from 'vitest';
import { type Clock, silentLog, systemRandom } from '../../../src/lib/index.ts';
import {
  createLifecycle,
  type Lifecycle,
  type LifecycleConfig,
  lifecycleTasks,
  type ProvisionRequest,
} from '../../../src/lifecycle/index.ts';
import {
  createNodes,
  createRecords,
  type Node,
  type NodeInput,
  type Nodes,
  type ProvisionState,
  type Records,
} from '../../../src/nodes/index.ts';
import { createDrivers } from '../../../src/power/drivers.ts';
import { createGateway } from '../../../src/power/gateway.ts';
import { type AgentDesk, type Driver, type Gateway, NO_DESK } from '../../../src/power/index.ts';
import { createMemory } from '../../../src/power/memory.ts';
import { createRegistry } from '../../../src/power/registry.ts';
import type { Store } from '../../../src/store/index.ts';
import { createTaskEngine, type TaskDefinition, type TaskEngine } from '../../../src/tasks/index.ts';
import { openTestStore } from '../../support/store.ts';
import { memoryUrl } from '../tasks/harness.ts';

export const OLGA = { who: 'user', actor: 'olga' } as const;

export const CONFIG: LifecycleConfig = {
  automatedClean: true,
  fastTrack: true,
  softPowerOffMs: 600_000,
  disallowedSteps: { clean: ['vendor.send_raw'], deploy: [], service: [] },
  maxDeploys: 250,
  maxCleans: 50,
  host: 'rack-1',
};

export interface World {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly records: Records;
  readonly tasks: TaskEngine;
  readonly gateway: Gateway;
  readonly desk: AgentDesk;
  readonly life: Lifecycle;
  readonly config: LifecycleConfig;
  readonly observeOnly: (node: Node) => string | undefined;
  enrol(name: string, input?: Partial<NodeInput>): Promise<Node>;
  /** Asks for a verb and waits until the node has come to rest, or waits or holds. */
  ask(name: string, verb: ProvisionRequest['verb'], more?: Omit<ProvisionRequest, 'verb'>): Promise<Node>;
  provision(name: string, verb: ProvisionRequest['verb'], more?: Omit<ProvisionRequest, 'verb'>): Promise<void>;
  /** Resolves when the node is in one of these states and nobody holds it. */
  reaches(name: string, ...states: readonly ProvisionState[]): Promise<Node>;
  /** Puts the node there around every rule, as only a test may. */
  put(node: Node, state: ProvisionState, target?: ProvisionState | null): Promise<Node>;
}

export interface WorldOptions {
  /** Nobody runs our agent unless it is given. */
  readonly desk?: AgentDesk;
  readonly config?: Partial<LifecycleConfig>;
  readonly clock: Clock;
  readonly url?: string;
  /** In the place of the fake driver of the same interface and name. */
  readonly drivers?: (fake: readonly Driver[]) => readonly Driver[];
  readonly observeOnly?: (node: Node) => string | undefined;
  readonly workers?: number;
  /** Longer for tests that turn the clock by hours: each look and each renewed lease is one more stop on the way. */
  readonly engine?: { readonly pollMs: number; readonly leaseTtlMs: number };
  /** Of rooms above the life cycle. */
  readonly moreTasks?: readonly TaskDefinition[];
  /** Nothing works: what is asked for stays in the queue. */
  readonly isStill?: boolean;
}

export async function openWorld(options: WorldOptions): Promise<World> {
  const { clock } = options;
  const store = await openTestStore({ url: options.url ?? (await memoryUrl()), clock });
  const common = { store, clock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  const { desk = NO_DESK } = options;
  const drivers = createDrivers({ desk, clock, random: systemRandom, memory: createMemory({ store, clock }) });
  const registry = createRegistry(options.drivers?.(drivers) ?? drivers);
  const limits = { workers: 64, callTimeoutMs: 30_000, powerTimeoutMs: 60_000 };
  const gateway = createGateway({ ...common, registry, nodes, limits });
  const config = { ...CONFIG, ...options.config };
  const records = createRecords({ ...common, nodes });
  const { observeOnly = () => undefined } = options;
  const definitions = [...lifecycleTasks({ ...common, nodes, records, gateway, config, desk, observeOnly }), ...(options.moreTasks ?? [])];
  const tasks = createTaskEngine({
    ...common,
    definitions,
    holder: 'rack-1',
    limits: { workers: options.workers ?? 16, pollMs: 50, drainMs: 100, ...options.engine },
  });
  const life = createLifecycle({
    ...common,
    nodes,
    records,
    tasks,
    gateway,
    desk,
    config,
    observeOnly,
  });
  await gateway.start(new AbortController().signal);
  if (options.isStill !== true) await tasks.start(new AbortController().signal);
  onTestFinished(async () => {
    await tasks.stop();
    await gateway.stop();
  });
  const provision: World['provision'] = async (name, verb, more) => life.provision(await nodes.get(name), { verb, ...more }, OLGA);
  const reaches: World['reaches'] = async (name, ...states) => {
    for (const end = performance.now() + 30_000; ; await clock.sleep(5)) {
      const node = await nodes.get(name);
      const held = await life.holders([node.uuid]);
      if (states.includes(node.provisionState) && held.size === 0) return node;
      if (performance.now() > end)
        throw new Error(`${name} is ${node.provisionState}, not ${states.join(' or ')}: ${node.lastError ?? ''}`);
    }
  };
  return {
    store,
    nodes,
    records,
    tasks,
    gateway,
    desk,
    life,
    config,
    observeOnly,
    enrol: (name, input = {}) => store.transaction((tx) => nodes.create(tx, { driver: 'fake-hardware', name, ...input }, OLGA)),
    provision,
    reaches,
    ask: async (name, verb, more) => {
      await provision(name, verb, more);
      return reaches(name, ...RESTING);
    },
    put: async (node, state, target = null) => {
      const set = { provision_state: state, target_provision_state: target, provision_updated_at: clock.now() };
      await store.db.updateTable('nodes').set(set).where('uuid', '=', node.uuid).execute();
      return nodes.get(node.uuid);
    },
  };
}

const RESTING: readonly ProvisionState[] = [
  'enroll',
  'manageable',
  'available',
  'active',
  'error',
  'rescue',
  'clean wait',
  'clean hold',
  'wait call-back',
  'deploy hold',
  'service wait',
  'service hold',
  'inspect wait',
  'rescue wait',
  'inspect failed',
  'clean failed',
  'deploy failed',
  'service failed',
  'rescue failed',
  'unrescue failed',
  'adopt failed',
];

/** A fake interface that does as the test says. */
export function instead(
  which: Driver['interface'],
  more: (fake: Driver) => Partial<Driver>,
): (drivers: readonly Driver[]) => readonly Driver[] {
  return (drivers) =>
    drivers.map((driver) => (driver.interface === which && driver.name === 'fake' ? { ...driver, ...more(driver) } : driver));
}
