// The composition root: the only place that builds the parts and wires them to each other. Has no rules of its own.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAccess } from './access/index.ts';
import {
  type ApiConfig,
  type ApiServices,
  createApi,
  createLogger,
  createTaskService,
  createTokenAuth,
  ensureAdminToken,
  ensureServerCertificate,
  type ServerCertificate,
  type Warning,
} from './api/index.ts';
import { accessSettings, firstSetupLink, tellNobodyCanSignIn } from './app-access.ts';
import { apiUrlAt, bootUrlOf } from './app-boot.ts';
import { createTaking, enrolParts } from './app-enrol.ts';
import { certificateNames, ensureDataDir, instanceId, keySource, writeConnection } from './app-files.ts';
import { inspectParts } from './app-inspect.ts';
import { imageFiles, installersOf } from './app-install.ts';
import { installServices } from './app-install-desk.ts';
import { lateInstalls } from './app-install-late.ts';
import { lifecycleParts } from './app-lifecycle.ts';
import { networkParts } from './app-network.ts';
import { dhcp6Part } from './app-network6.ts';
import { createOutboxPump } from './app-outbox.ts';
import { latePipelines, pipelineParts, pipelineWarnings } from './app-pipeline.ts';
import { powerParts } from './app-power.ts';
import { reservationParts } from './app-reservations.ts';
import { readiness } from './app-services.ts';
import { startWarnings } from './app-warnings.ts';
import {
  type BootLoop,
  compileScripts,
  createAttempts,
  createBoot,
  createEnrolment,
  type Installs,
  type LiveBootFiles,
  OWN_FILES,
  openBootFiles,
  type Scripts,
  type Site,
} from './boot/index.ts';
import { createCheckTasks, noteHealth } from './checks/index.ts';
import { createClusters } from './clusters/index.ts';
import { type Config, type LoadedConfig, parseListen } from './config/index.ts';
import { createIdentities, createOrders, type Inspect } from './inspect/index.ts';
import { type Clock, type Component, type Log, messageOf, type RackseedError, type Random, resource } from './lib/index.ts';
import type { DhcpSocket } from './net/dhcp/index.ts';
import { createNodes, createRecords, type Node } from './nodes/index.ts';
import type { Sightings } from './power/index.ts';
import { loadStoreKeys, openStore, type Store, type Tx } from './store/index.ts';

export interface AppOptions {
  readonly loaded: LoadedConfig;
  readonly dhcpSockets: readonly DhcpSocket[];
  /** What the start had to do without. */
  readonly warnings?: readonly RackseedError[];
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
}

export interface App extends Component {
  readonly log: Log;
  /** A new one-time link to the first administrator; undefined when somebody can sign in already. */
  setupLink(): Promise<string | undefined>;
}

/** Builds everything up to the point where nothing is heard or answered yet; start() opens the ports, in order. */
export async function createApp(options: AppOptions): Promise<App> {
  const { loaded, clock, random } = options;
  const { config } = loaded;
  const logger = createLogger({ level: config.server.log_level });
  await ensureDataDir(config.server.data_dir);
  const source = await keySource({ config, env: options.env, random });
  const keys = await loadStoreKeys(source);
  const store = await openStore({ url: source.url, keys, clock, random, log: logger.child({ part: 'store' }) });
  try {
    return await assemble(options, store, logger);
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

async function assemble(options: AppOptions, store: Store, logger: ReturnType<typeof createLogger>): Promise<App> {
  const { loaded, clock, random, version } = options;
  const { config } = loaded;
  const common = { store, clock, random, log: logger };
  const certificate = config.server.tls ? await ensureServerCertificate({ ...common, names: certificateNames(config) }) : null;
  const token = await ensureAdminToken({ dataDir: config.server.data_dir, random });
  const files = await liveFiles(config, clock, logger.child({ part: 'boot-files' }));
  const access = await createAccess({ ...common, ...accessSettings(config) });
  const nodes = createNodes(common);
  const holder = await instanceId(config.server.data_dir, random);
  const orders = createOrders({ ...common, nodes });
  const images = imageFiles(config);
  const [late, latePipes] = [lateInstalls(common), latePipelines()];
  const power = powerParts({ ...common, config, nodes, holder, desk: orders, images, installs: late.desk, pipelines: latePipes.desk });
  const { sightings, deploysBy, gateway } = power;
  const { registry } = gateway;
  const records = createRecords({ ...common, nodes });
  const [taking, testing] = [createTaking(), createCheckTasks()];
  const installing = installersOf({ ...common, config, holder });
  const moreTasks = [taking.definition, ...testing.definitions, ...installing.definitions];
  const workOptions = { ...common, config, nodes, records, gateway, holder, desk: orders, moreTasks };
  const { lifecycle, tasks, parts: work } = lifecycleParts(workOptions);
  installing.bind(tasks);
  const claims = reservationParts({ ...common, config, nodes, lifecycle, registry });
  const enrolment = createEnrolment({ store, clock, initial: config.enrol.mode });
  const enrolling = { ...common, config, nodes, tasks, lifecycle, registry, desk: orders, installs: late.desk, window: enrolment, taking };
  const { enrol, onStored: review } = enrolParts(enrolling);
  const onStored = withHealth({ ...common, nodes }, review);
  const onAlive = (uuid: string): void => sightings.machineSeen(uuid, 'alive');
  const { inspect, ramdisk } = inspectParts({ ...common, config, nodes, records, lifecycle, enrolment, onAlive, orders, onStored });
  const boot = bootPart({ ...common, config, enrolment, inspect, sightings, deploysBy, files, certificate, installs: late.boot });
  const dhcp6 = dhcp6Of(loaded, { ...common, config, boot, instanceId: holder });
  const network = networkParts({ ...common, config, sockets: options.dhcpSockets, dhcp6, boot, files, installs: late.boot });
  const pump = createOutboxPump({ outbox: store.outbox, clock, log: logger });
  const install = installServices({ ...common, config, env: options.env, nodes, certificate, lifecycle, installing, images, power, late });
  const pipe = pipelineParts({ ...workOptions, ...power, ...install.answers, env: options.env, lifecycle, registry, late: latePipes });
  const parts = [access, installing, ...power.parts, ...work, ...claims.parts, orders, late, ramdisk, enrol, pipe, pump, ...network.parts];
  const running = new Set<Component>();
  const told = [...startWarnings(loaded, certificate), ...(await pipelineWarnings(loaded)), ...(options.warnings ?? []).map(warningOf)];
  const services: ApiServices = {
    ...ofStore(store),
    auth: createTokenAuth(token, access.tokens),
    access,
    system: {
      status: () => Promise.resolve(statusOf(config, [...told, ...troubles([access, files]), ...[power, network.network].flatMap(say)])),
      readiness: () => readiness(store, parts, running),
    },
    nodes,
    hardware: registry,
    lifecycle,
    ...claims.services,
    power,
    ports: nodes.ports,
    records,
    tasks: createTaskService(store, tasks),
    enrolment: { ...enrolment, set: (mode, minutes, actor) => enrolment.set(mode, minutes ?? config.enrol.window_minutes, actor) },
    enrol,
    checks: testing.bind({ ...common, nodes, tasks, desk: orders, lifecycle, registry, sightings }),
    clusters: createClusters({ ...common, nodes }),
    inspect,
    identities: createIdentities({ ...common, nodes }),
    ramdisk,
    ...install,
    ...pipe.services,
    network: network.network,
  };
  const api = createApi({ ...common, services, config: apiConfig(config), tls: certificate, log: logger, version, processMetrics: true });
  const ready = readyOf({ config, access, certificate, log: logger, warnings: [...told, ...files.problems().map(warningOf)] });
  return { ...lifeOf({ parts: [...parts, api], running, store, log: logger, ready }), setupLink: () => firstSetupLink(access, config) };
}

function dhcp6Of(
  { origins }: LoadedConfig,
  parts: Omit<Parameters<typeof dhcp6Part>[0], 'isAsked'>,
): ReturnType<typeof dhcp6Part> | undefined {
  const isAsked = origins.get('dhcp6.mode')?.source !== 'default';
  return parts.config.dhcp6.mode === 'off' ? undefined : dhcp6Part({ ...parts, isAsked });
}

function ofStore(store: Store): Pick<ApiServices, 'transaction' | 'reasons' | 'events'> {
  return { transaction: (work) => store.transaction(work), reasons: store.reasons, events: store.events };
}

type OnStored = (tx: Tx, node: Node) => Promise<string | null>;

function withHealth(deps: Parameters<typeof noteHealth>[0], review: OnStored): OnStored {
  return async (tx, node) => {
    await noteHealth(deps, tx, node);
    return review(tx, node);
  };
}

interface ReadyParts {
  readonly config: Config;
  readonly access: Awaited<ReturnType<typeof createAccess>>;
  readonly certificate: ServerCertificate | null;
  readonly log: Log;
  readonly warnings: readonly Warning[];
}

/** Warnings are told at once; what it gives is done when everything runs. */
function readyOf({ config, access, certificate, log, warnings }: ReadyParts): () => Promise<void> {
  for (const { code, hint, message } of warnings) log.warn({ code, hint }, message);
  return () => tellNobodyCanSignIn(access, log).then(() => writeConnection(config, certificate, log));
}

function statusOf({ dhcp, server }: Config, warnings: readonly Warning[]): Awaited<ReturnType<ApiServices['system']['status']>> {
  return { dhcpMode: dhcp.mode, isObserveOnly: server.observe_only, warnings: [...warnings] };
}

function troubles(parts: readonly { problems(): readonly RackseedError[] }[]): Warning[] {
  return parts.flatMap((part) => part.problems()).map(warningOf);
}

function say(part: { warnings(): readonly Warning[] }): readonly Warning[] {
  return part.warnings();
}

interface BootPart {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly enrolment: ReturnType<typeof createEnrolment>;
  readonly inspect: Inspect;
  readonly sightings: Sightings;
  readonly deploysBy: (node: Node) => string;
  readonly files: LiveBootFiles;
  readonly certificate: ServerCertificate | null;
  readonly installs: Installs;
}

function bootPart(parts: BootPart): ReturnType<typeof createBoot> {
  const { config, store, clock, log, enrolment, inspect, files, certificate } = parts;
  const { hardwareOf, issueSecret } = inspect;
  return createBoot({
    enrolment,
    isObserveOnly: config.server.observe_only,
    config,
    findMachine: seeing(inspect, parts.sightings),
    hardwareOf,
    deploysBy: parts.deploysBy,
    issueSecret,
    files,
    scripts: readScripts(),
    attempts: createAttempts(clock),
    installs: parts.installs,
    reasons: store.reasons,
    onLoop: (loop) => tellLoop(loop, store, log),
    clock,
    log,
    site: siteOf(config, certificate),
  });
}

/** Whoever asks what to boot has just been started: who waits for that, a person or a chain of power drivers, learns it here. */
function seeing({ findMachine }: Pick<Inspect, 'findMachine'>, sightings: Sightings): Inspect['findMachine'] {
  return async (mac, smbiosUuid) => {
    const found = await findMachine(mac, smbiosUuid);
    if (found.is === 'known') sightings.machineSeen(found.node.uuid, 'boot');
    return found;
  };
}

function apiConfig({ server, auth }: Config): ApiConfig {
  const publicUrl = server.public_url === undefined ? {} : { publicUrl: server.public_url };
  return { listen: parseListen(server.listen), authMode: auth.mode, ...publicUrl };
}

function readScripts(): Scripts {
  return compileScripts((name) => readFileSync(join(resource('templates/ipxe'), `${name}.ipxe`), 'utf8'));
}

interface Life {
  readonly parts: readonly Component[];
  readonly running: Set<Component>;
  readonly store: Store;
  readonly log: Log;
  readonly ready: () => Promise<void>;
}

/** Parts start in order and stop in reverse; the store goes last. A start that fails takes down what stood already. */
function lifeOf({ parts, running, store, log, ready }: Life): Omit<App, 'setupLink'> {
  let stopping: Promise<void> | undefined;
  const stopAll = async (): Promise<void> => {
    for (const part of parts.toReversed()) {
      if (!running.delete(part)) continue;
      try {
        await part.stop();
      } catch (thrown) {
        log.error({ part: part.name, error: messageOf(thrown) }, 'a part did not stop well'); // the others must stop all the same
      }
    }
    await store.close();
  };
  const stop = (): Promise<void> => (stopping ??= stopAll());
  return {
    name: 'appliance',
    log,
    stop,
    async start(signal) {
      try {
        for (const part of parts) {
          await part.start(signal);
          running.add(part);
        }
        await ready();
      } catch (thrown) {
        await stop();
        throw thrown;
      }
    },
  };
}

function siteOf(config: Config, certificate: ServerCertificate | null): Site {
  return {
    bootUrl: bootUrlOf(config),
    apiUrl: (address: string) => apiUrlAt(config, address),
    fingerprint: certificate?.fingerprintSha256 ?? '',
    // Both: machines with a screen and machines with a serial line show what the agent does.
    console: ['tty0', 'ttyS0,115200'],
  };
}

function liveFiles({ server }: Config, clock: Clock, log: Log): Promise<LiveBootFiles> {
  return openBootFiles({ directory: server.artefacts_dir, ownDirectory: join(server.data_dir, OWN_FILES), clock, log });
}

function warningOf({ code, message, hint }: RackseedError): Warning {
  return { code, message, hint: hint ?? null };
}

function tellLoop({ nodeUuid, mac, message }: BootLoop, store: Store, log: Log): void {
  const event = { type: 'boot.loop', severity: 'warning', message, data: { mac }, ...(nodeUuid === null ? {} : { nodeUuid }) } as const;
  store
    .transaction((tx) => store.events.append(tx, event))
    .catch((thrown: unknown) => log.error({ mac, error: messageOf(thrown) }, 'could not store the event boot.loop'));
}
