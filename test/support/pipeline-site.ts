// A whole appliance as far as pipelines need it: store, nodes, task engine, life cycle, the deploy driver and the desk, with steps that the
// test writes and no machines. May be opened again over the same store, as after the end of a process.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Clock, silentLog, systemRandom } from '../../src/lib/index.ts';
import { createLifecycle, type Lifecycle, lifecycleTasks } from '../../src/lifecycle/index.ts';
import { createNodes, createRecords, type Node, type NodeInput, type Nodes, type ProvisionState } from '../../src/nodes/index.ts';
import {
  createKeeper,
  createPipelineDesk,
  createPipelineFiles,
  createPipelines,
  createRunBook,
  createRegistry as createSteps,
  type Hands,
  type Keeper,
  lookOf,
  markJoined,
  markMoved,
  type PipelineStep,
  type Pipelines,
  pipelineOf,
  type RunBook,
} from '../../src/pipeline/index.ts';
import { createDrivers } from '../../src/power/drivers.ts';
import { createGateway } from '../../src/power/gateway.ts';
import { NO_DESK, NO_PIPELINE_DESK, type PipelineDesk, type Registry, RUN_PIPELINE } from '../../src/power/index.ts';
import { createMemory } from '../../src/power/memory.ts';
import { createRegistry } from '../../src/power/registry.ts';
import type { Store } from '../../src/store/index.ts';
import { createTaskEngine, type TaskEngine } from '../../src/tasks/index.ts';
import type { FakeClock } from './fake-clock.ts';
import { stepWorld } from './pipeline.ts';
import { openTestStore } from './store.ts';

const OLGA = { who: 'user', actor: 'olga' } as const;
const MINUTE = 60_000;
const FOREVER = new AbortController().signal;

export interface PipelineSite {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly tasks: TaskEngine;
  readonly lifecycle: Lifecycle;
  readonly registry: Registry;
  readonly book: RunBook;
  readonly pipelines: Pipelines;
  readonly desk: PipelineDesk;
  readonly keeper: Keeper;
  /** Installed, with host keys and an address, and its profile is pve. */
  active(name: string, input?: Partial<NodeInput>): Promise<Node>;
  /** Resolves when the node is in one of these states and nobody holds it. Turn the clock meanwhile. */
  reaches(name: string, ...states: readonly ProvisionState[]): Promise<Node>;
  stop(): Promise<void>;
}

export interface PipelineSiteOptions {
  readonly clock: FakeClock;
  readonly url: string;
  /** Of the pipelines' own files. */
  readonly directory: string;
  readonly steps: readonly PipelineStep[];
  /** By name, as TOML. */
  readonly files: Readonly<Record<string, string>>;
  /** What everything here has of the store, unless told the store itself. */
  readonly through?: (store: Store) => Store;
  readonly workers?: number;
  readonly driftHours?: number;
  /** Longer for tests that turn the clock by days. */
  readonly pollMs?: number;
}

export const PROFILES = {
  profile: [{ name: 'pve', pipeline: 'three', cluster: 'home' }],
  cluster: [{ name: 'home', links: [] }],
  install: { domain: 'home.arpa' },
};

export async function openPipelineSite(options: PipelineSiteOptions): Promise<PipelineSite> {
  const { clock, directory } = options;
  await mkdir(directory, { recursive: true });
  for (const [name, text] of Object.entries(options.files)) await writeFile(join(directory, `${name}.toml`), text);
  const opened = await openTestStore({ url: options.url, clock });
  const store = options.through?.(opened) ?? opened;
  const common = { store, clock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  let desk = NO_PIPELINE_DESK;
  const late: PipelineDesk = { drive: (order) => desk.drive(order), deployed: (uuid, deployment) => desk.deployed(uuid, deployment) };
  const registry = createRegistry(createDrivers({ clock, random: systemRandom, memory: createMemory({ store, clock }), pipelines: late }));
  const gateway = createGateway({ ...common, registry, nodes, limits: { workers: 64, callTimeoutMs: 30_000, powerTimeoutMs: MINUTE } });
  const config = {
    automatedClean: true,
    fastTrack: true,
    softPowerOffMs: 600_000,
    disallowedSteps: { clean: [], deploy: [], service: [] },
    maxDeploys: 250,
    maxCleans: 50,
    host: 'rack-1',
  };
  const records = createRecords({ ...common, nodes });
  const rules = { config, desk: NO_DESK, observeOnly: () => undefined };
  const tasks = createTaskEngine({
    ...common,
    definitions: lifecycleTasks({ ...common, nodes, records, gateway, ...rules }),
    holder: 'rack-1',
    limits: { workers: options.workers ?? 16, pollMs: options.pollMs ?? 1000, drainMs: 100, leaseTtlMs: 48 * 60 * MINUTE },
  });
  const lifecycle = createLifecycle({ ...common, nodes, records, tasks, gateway, ...rules });
  const parts = pipelineParts(options, { ...common, nodes, lifecycle, registry });
  ({ desk } = parts);
  await gateway.start(FOREVER);
  await tasks.start(FOREVER);
  let stopped: Promise<void> | undefined;
  const stopAll = async (): Promise<void> => {
    await Promise.allSettled([tasks.stop(), gateway.stop()]); // a store that is dead makes both fail
    await opened.close();
  };
  const stop = (): Promise<void> => (stopped ??= stopAll());
  onTestFinished(async () => {
    await clock.until(stop());
  });
  return {
    store,
    nodes,
    tasks,
    lifecycle,
    registry,
    ...parts,
    stop,
    active: (name, input) => activeNode(nodes, opened, clock, { name, ...input }),
    reaches: async (name, ...states) => {
      for (;;) {
        const node = await nodes.get(name);
        const held = await lifecycle.holders([node.uuid]);
        if (states.includes(node.provisionState) && held.size === 0) return node;
        await clock.sleep(500);
      }
    },
  };
}

interface Below {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: typeof systemRandom;
  readonly log: typeof silentLog;
  readonly nodes: Nodes;
  readonly lifecycle: Lifecycle;
  readonly registry: Registry;
}

function pipelineParts(options: PipelineSiteOptions, below: Below): Pick<PipelineSite, 'book' | 'pipelines' | 'desk' | 'keeper'> {
  const { lifecycle, registry } = below;
  const steps = createSteps(options.steps);
  const files = createPipelineFiles({ own: options.directory, shipped: '/nowhere' }, steps);
  const book = createRunBook(below);
  // Of the whole configuration only this is read.
  const config = PROFILES as unknown as Parameters<typeof lookOf>[0]['config'];
  const looking = { ...below, config };
  const common = {
    ...below,
    book,
    files,
    steps,
    look: (uuid: string) => lookOf(looking, uuid),
    open: () => Promise.resolve(noHands()),
    pipelineOf: (node: { readonly extra?: unknown }) => pipelineOf(config, node),
  };
  const desk = createPipelineDesk({
    ...common,
    observed: async (uuid) => ((await below.nodes.get(uuid)).observeOnly ? 'node pve1 is observe-only' : undefined),
    joins: (tx, uuid, cluster, isMember) => markJoined(looking, tx, uuid, { cluster, isMember }),
    moved: (tx, uuid, address) => markMoved(looking, tx, uuid, address),
    wake: (uuid) => lifecycle.agentHeard(uuid, { status: 'end' }),
  });
  const canRun = (node: Node): boolean => (registry.driverOf(node, 'deploy').steps ?? []).some(({ step }) => step === RUN_PIPELINE);
  const pipelines = createPipelines({ ...common, lifecycle, canRun });
  const keeper = createKeeper({
    ...common,
    holder: 'rack-1',
    driftHours: options.driftHours ?? 0,
    begin: (node, pipeline) => pipelines.run(node, pipeline, { who: 'user', actor: 'pipeline' }),
    verify: (node) => pipelines.verify(node),
  });
  return { book, pipelines, desk, keeper };
}

async function activeNode(nodes: Nodes, store: Store, clock: Clock, input: Partial<NodeInput>): Promise<Node> {
  const fields = { driver: 'fake-hardware', interfaces: { deploy: 'proxmox' }, extra: { profile: 'pve' }, ...input };
  const made = await store.transaction((tx) => nodes.create(tx, fields, OLGA));
  const first_boot = { reported_at: clock.now(), from: '10.0.0.11', ssh_host_keys: ['ssh-ed25519 AAAA'] };
  const set = { provision_state: 'active', driver_internal_info: JSON.stringify({ first_boot }), power_state: 'power on' } as const;
  await store.db.updateTable('nodes').set(set).where('uuid', '=', made.uuid).execute();
  return nodes.get(made.uuid);
}

/** These steps keep their worlds themselves. */
function noHands(): Hands {
  const none = (): never => {
    throw new Error('these steps have no machine');
  };
  return {
    shell: stepWorld().machine,
    shellAt: () => Promise.resolve().then(none),
    sees: () => undefined,
    memberShell: () => Promise.resolve().then(none),
    pve: () => Promise.resolve().then(none),
    secret: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
}
