// Wiring of pipelines: the desk at which the deploy driver has them run, what begins by itself, and what people ask for. Has no rules of its own.

import { join } from 'node:path';
import type { Warning } from './api/index.ts';
import { observeOnly } from './app-lifecycle.ts';
import { type Config, formatProblem, type LoadedConfig, pipelineProblems, resolveSecret } from './config/index.ts';
import type { RootPasswords } from './install/index.ts';
import { type Clock, type Component, type Log, messageOf, type Random, resource, runProgram, type Secret } from './lib/index.ts';
import type { Lifecycle } from './lifecycle/index.ts';
import { type Node, type Nodes, nodeTitle } from './nodes/index.ts';
import {
  createKeeper,
  createPipelineDesk,
  createPipelineFiles,
  createPipelines,
  createPost,
  createRegistry,
  createRoster,
  createRunBook,
  createScripts,
  lookOf,
  markJoined,
  markMoved,
  openHands,
  type PipelineStep,
  type Pipelines,
  type Place,
  type Post,
  type PveOrder,
  pipelineOf,
  type Roster,
  type Scripts,
  STEPS,
  type StepLook,
} from './pipeline/index.ts';
import { NO_PIPELINE_DESK, type PipelineDesk, type Registry, RUN_PIPELINE } from './power/index.ts';
import { ensureToken, memberFingerprint, type OpenedShell, openPve, openShell, type Pve, pveByShell } from './proxmox/index.ts';
import type { Store } from './store/index.ts';

/** What drivers ask before those who answer are made: they need the life cycle, which needs the drivers. */
export interface LatePipelines {
  readonly desk: PipelineDesk;
  /** Before anything starts. Unless it is called nothing runs, and whoever asks is told so. */
  bind(desk: PipelineDesk): void;
}

export function latePipelines(): LatePipelines {
  let now = NO_PIPELINE_DESK;
  return {
    desk: {
      drive: (order) => now.drive(order),
      deployed: (nodeUuid, deployment) => now.deployed(nodeUuid, deployment),
    },
    bind: (desk) => {
      now = desk;
    },
  };
}

export interface PipelinePartsOptions {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly holder: string;
  readonly lifecycle: Lifecycle;
  readonly registry: Pick<Registry, 'driverOf'>;
  readonly late: LatePipelines;
  readonly rootPasswords: Pick<RootPasswords, 'of'>;
  /** The appliance's own SSH key. */
  readonly privateKey: () => Promise<Secret>;
  /** Those of this program unless told, and how shells are opened: for tests. */
  readonly steps?: readonly PipelineStep[];
  readonly openShell?: (place: Place) => Promise<OpenedShell>;
}

/** Running, it begins what is due. */
export interface PipelineParts extends Component {
  readonly services: { readonly pipelines: Pipelines; readonly roster: Roster };
}

export function pipelineParts(options: PipelinePartsOptions): PipelineParts {
  const { config, store, nodes, clock, random, lifecycle, registry, late } = options;
  const log = options.log.child({ part: 'pipeline' });
  const steps = createRegistry(options.steps ?? STEPS);
  const files = createPipelineFiles(pipelineDirectories(config), steps);
  const book = createRunBook({ store, clock, random, keepRuns: config.pipeline.keep_runs });
  const looking = { store, nodes, clock, config };
  const ways = waysOf(options, log);
  const common = {
    store,
    nodes,
    book,
    files,
    steps,
    clock,
    log,
    look: (nodeUuid: string) => lookOf(looking, nodeUuid),
    open: (look: StepLook, signal: AbortSignal) => openHands(ways, look, signal),
    pipelineOf: (node: { readonly extra?: unknown }) => pipelineOf(config, node),
  };
  late.bind(
    createPipelineDesk({
      ...common,
      observed: async (nodeUuid) => observedReason(config, await nodes.get(nodeUuid)),
      joins: (tx, nodeUuid, cluster, isMember) => markJoined(looking, tx, nodeUuid, { cluster, isMember }),
      moved: (tx, nodeUuid, address) => markMoved(looking, tx, nodeUuid, address),
      wake: (nodeUuid) => lifecycle.agentHeard(nodeUuid, { status: 'end' }),
    }),
  );
  const pipelines = createPipelines({
    ...common,
    lifecycle,
    canRun: (node) => (registry.driverOf(node, 'deploy').steps ?? []).some(({ step }) => step === RUN_PIPELINE),
  });
  const keeper = createKeeper({
    ...common,
    holder: options.holder,
    driftHours: config.pipeline.drift_hours,
    begin: (node, pipeline) => pipelines.run(node, pipeline, { who: 'user', actor: 'pipeline' }),
    verify: (node) => pipelines.verify(node),
  });
  return { ...keeper, services: { pipelines, roster: createRoster({ store, nodes, domain: config.install.domain }) } };
}

/** As the life cycle refuses verbs. */
function observedReason(config: Config, node: Node): string | undefined {
  return observeOnly(config)(node) ?? (node.observeOnly ? `node ${nodeTitle(node)} is observe-only` : undefined);
}

/** The operator's own first. */
function pipelineDirectories({ server }: Pick<Config, 'server'>): { readonly own: string; readonly shipped: string } {
  return { own: join(server.data_dir, 'pipelines'), shipped: join(resource('answer-files'), 'pipelines') };
}

/** What is wrong with the pipelines that profiles name: the machines go on without them. */
export async function pipelineWarnings(loaded: LoadedConfig): Promise<Warning[]> {
  const directories = pipelineDirectories(loaded.config);
  const missing = await pipelineProblems(loaded, [directories.own, directories.shipped]);
  const hint = 'rackseed pipeline list says what there is.';
  const lost = missing.map((one) => ({ code: 'pipeline.unknown', message: formatProblem(one), hint }));
  const files = createPipelineFiles(directories, createRegistry(STEPS));
  try {
    const named = new Set(loaded.config.profile.map(({ pipeline }) => pipeline));
    const unsound = (await files.list()).filter(({ name, faults }) => named.has(name) && faults.length > 0);
    return [...lost, ...unsound.map(({ name, path, faults }) => badFile(name, path, faults[0]))];
  } catch (thrown) {
    return [...lost, { code: 'pipeline.bad_file', message: messageOf(thrown), hint }];
  }
}

function badFile(
  name: string,
  path: string,
  first: { readonly line: number | null; readonly key: string; readonly message: string } | undefined,
): Warning {
  const where = first?.line === null || first === undefined ? path : `${path}:${first.line}`;
  const message = `${where}: the pipeline ${name} can not be run: ${first?.key ?? ''} ${first?.message ?? ''}`;
  return { code: 'pipeline.bad_file', message, hint: 'Correct the file: it is read anew for each run.' };
}

interface Ways {
  readonly openShell: (place: Place) => Promise<OpenedShell>;
  readonly secret: (
    look: { readonly node: { readonly uuid: string }; readonly cluster: unknown },
    name: string,
  ) => Promise<Secret | undefined>;
  readonly post: Post;
  readonly scripts: Scripts;
  readonly openPve: (order: PveOrder) => Promise<Pve & { close(): Promise<void> }>;
}

function waysOf(options: PipelinePartsOptions, log: Log): Ways {
  const { clock, random, privateKey } = options;
  return {
    openShell:
      options.openShell ??
      (({ address, hostKeys, signal }) => openShell({ address, hostKeys, signal, key: privateKey, clock, random, log })),
    secret: (look, name) => secretOf(options, look, name),
    post: createPost((url, init) => fetch(url, init)),
    scripts: createScripts({ directory: join(options.config.server.data_dir, 'scripts'), run: runProgram, env: options.env }),
    openPve: (order) => pveOf(options, log, order),
  };
}

const TOKEN_PREFIX = 'pve-token/';

/** By the appliance's own token, which is made where there is none; for looking none is made. A member's token is its cluster's; one who is none has his own, which ends with his joining. */
async function pveOf({ store, clock }: PipelinePartsOptions, log: Log, order: PveOrder): Promise<Pve & { close(): Promise<void> }> {
  const { shell, name, cluster, nodeUuid, how, signal } = order;
  if (how === 'look') return { ...pveByShell(shell), close: () => Promise.resolve() };
  const key = `${TOKEN_PREFIX}${cluster === null ? `node/${nodeUuid}` : `cluster/${cluster}`}`;
  const vault = {
    read: () => store.vault.get(key),
    write: (token: Secret) => store.transaction((tx) => store.vault.put(tx, key, token)),
  };
  const fingerprint = await memberFingerprint(shell, name);
  // A member that has just joined has no certificate yet: as root on it, then.
  if (fingerprint === undefined) return { ...pveByShell(shell), close: () => Promise.resolve() };
  const credentials = await oneByOne(key, () => ensureToken(shell, { vault }));
  const pve = openPve({ address: shell.address, fingerprint, credentials, clock, log, signal });
  return { ...pve, close: () => Promise.resolve(pve.close()) };
}

const making = new Map<string, Promise<unknown>>();

/** Two that make the same token would take it from each other. */
async function oneByOne<T>(key: string, make: () => Promise<T>): Promise<T> {
  const before = making.get(key) ?? Promise.resolve();
  const made = before.then(make, make);
  making.set(key, made);
  try {
    return await made;
  } finally {
    if (making.get(key) === made) making.delete(key);
  }
}

async function secretOf(
  { config, env, rootPasswords }: PipelinePartsOptions,
  { node, cluster }: Parameters<Ways['secret']>[0],
  name: string,
): Promise<Secret | undefined> {
  if (name === 'root_password') return (await rootPasswords.of(node.uuid)).clear;
  const ofCluster = config.cluster.find((one) => isNamed(cluster, one.name));
  const own = config.pipeline.secret.find((one) => one.name === name)?.value;
  const ref = name === 'cluster_root_password' ? ofCluster?.root_password : own;
  return ref === undefined ? undefined : resolveSecret(ref, { env });
}

function isNamed(cluster: unknown, name: string): boolean {
  return typeof cluster === 'object' && cluster !== null && 'name' in cluster && cluster.name === name;
}
