// Wiring of power: drivers, the gateway to the machines, and the reading of their states. Has no rules of its own.

import type { Warning } from './api/index.ts';
import type { Config } from './config/index.ts';
import { type Clock, type Component, type Log, messageOf, RackseedError, type Random, type Secret } from './lib/index.ts';
import type { Node, Nodes } from './nodes/index.ts';
import {
  type AgentDesk,
  type ApplianceImages,
  askSsh,
  createApplianceKey,
  createDrivers,
  createGateway,
  createMemory,
  createPowerSync,
  createRegistry,
  createSightings,
  createSignIn,
  forgetGoneNodes,
  type Gateway,
  type InstallDesk,
  manualOf,
  type People,
  type PipelineDesk,
  type Registry,
  type Sightings,
  type SignIn,
} from './power/index.ts';
import type { Store } from './store/index.ts';

export interface PowerPartsOptions {
  readonly config: Pick<Config, 'power' | 'lifecycle'>;
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** This appliance, among those that share the store. */
  readonly holder: string;
  readonly desk: AgentDesk;
  /** Files of the appliance that machines may be given. */
  readonly images: ApplianceImages;
  /** Who has machines installed by installers. */
  readonly installs: InstallDesk;
  /** Who runs what follows an installation. */
  readonly pipelines: PipelineDesk;
}

export interface PowerParts {
  readonly gateway: Gateway;
  /** Tell it of every machine that is seen to boot or to live. */
  readonly sightings: Sightings;
  /** Which deploy interface a node has, also where it is its driver's default. */
  readonly deploysBy: (node: Node) => string;
  /** A person says that what was asked of them is done. Throws power.nothing_asked. */
  readonly confirm: (nodeUuid: string) => void;
  /** For /metrics. */
  readonly counters: () => Readonly<Record<string, number>>;
  /** BMCs that are left alone, and why. */
  readonly warnings: () => readonly Warning[];
  /** To new systems, as root with the appliance's key. */
  readonly signIn: SignIn;
  /** The line of it for authorized_keys. */
  readonly publicKey: () => Promise<string>;
  readonly privateKey: () => Promise<Secret>;
  /** In the order in which they start: before whoever asks machines, so that they stop after them. */
  readonly parts: readonly Component[];
}

export function powerParts(options: PowerPartsOptions): PowerParts {
  const { store, nodes, clock, random, log } = options;
  const { power } = options.config;
  const sightings = createSightings(clock);
  const sshKey = createApplianceKey(store);
  const drivers = createDrivers({
    clock,
    random,
    memory: createMemory({ store, clock }),
    people: peopleOf(store, log),
    sightings,
    desk: options.desk,
    images: options.images,
    installs: options.installs,
    pipelines: options.pipelines,
    cleaning: options.config.lifecycle.clean,
    sshKey,
  });
  const registry = createRegistry(drivers);
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
  const confirm = (nodeUuid: string): void => manualOf(drivers)?.confirm(nodeUuid);
  const deploysBy = (node: Node): string => deployInterface(registry, node);
  const signIn = createSignIn({ key: sshKey, ask: askSsh });
  const parts = [memory, gateway, sync];
  return {
    gateway,
    sightings,
    deploysBy,
    confirm,
    counters,
    warnings: () => leftAlone(gateway),
    signIn,
    publicKey: () => sshKey.publicLine(),
    privateKey: () => sshKey.privateKey(),
    parts,
  };
}

/** A node of a driver that is no more boots as it says itself. */
function deployInterface(registry: Registry, node: Node): string {
  try {
    return registry.driverOf(node, 'deploy').name;
  } catch (error) {
    if (!(error instanceof RackseedError)) throw error;
    return node.interfaces.deploy ?? '';
  }
}

/** They read the event log: on the command line, in the web, through web hooks. */
function peopleOf(store: Store, log: Log): People {
  const note: People['note'] = ({ uuid }, decision, reason) =>
    store.reasons.note({ subject: `node:${uuid}`, area: 'power', decision, reason });
  return {
    note,
    ask: async (target, wanted, what) => {
      const event = { type: 'power.press', severity: 'warning', nodeUuid: target.uuid, message: what, data: { wanted } } as const;
      await store.transaction((tx) => store.events.append(tx, event));
      note(target, 'a person is asked', what);
    },
    settle: async (target, end, why) => {
      note(target, `what a person was asked is ${end}`, why);
      const message = `${target.name ?? target.uuid}: what a person was asked is ${end}: ${why}`;
      const event = { type: `power.press_${end}`, nodeUuid: target.uuid, message, data: { why } };
      try {
        await store.transaction((tx) => store.events.append(tx, event));
      } catch (thrown) {
        log.error({ node: target.uuid, error: messageOf(thrown) }, `could not store the event ${event.type}`); // the machine is there all the same
      }
    },
  };
}

/** A dead switch takes hundreds along: so many are named. */
const NAMED = 20;

function leftAlone(gateway: Gateway): Warning[] {
  const open = gateway.queues().filter(({ breaker }) => breaker.state !== 'closed');
  const named = open.slice(0, NAMED).map(({ key, breaker }) => ({
    code: 'power.not_asked',
    message: `${key} is left alone for a while: ${breaker.failures} calls in a row failed, the last one: ${breaker.reason}`,
    hint: 'Look at its network, its address and its password.',
  }));
  if (open.length <= NAMED) return named;
  const more = `${open.length - NAMED} more BMCs are left alone because they failed several times in a row`;
  return [...named, { code: 'power.not_asked', message: more, hint: 'Look at the network to the BMCs.' }];
}
