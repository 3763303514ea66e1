// The lab: an appliance and virtual machines on a private bridge. `rackseed lab` shows it to people; test/e2e drives it.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, messageOf, type Run } from '../lib/index.ts';
import { createBook } from './book.ts';
import { type LabConfig, renderLabConfig } from './config.ts';
import { fail } from './errors.ts';
import { type MachineSpec, portsOf, prepareMachine } from './machine.ts';
import { addTap, inside, joinNetwork, type LabNetwork, makeNetwork, networkExists, removeNetwork, removeTap } from './network.ts';
import { endProcess, isRunning, type LabProcess, startProcess } from './processes.ts';

/** What the lab needs of the appliance's API. */
export interface LabApi {
  ready(): Promise<boolean>;
  openEnrolment(): Promise<void>;
}

export interface LabOptions {
  readonly name: string;
  /** Holds the appliance's data, disks, logs and the state file. */
  readonly directory: string;
  readonly artefactsDir: string;
  /** The program and arguments that run our CLI, for example [node, src/main.ts]. */
  readonly rackseed: readonly [string, ...string[]];
  /** The command that runs forward(); the two ends are added. */
  readonly forwarder: readonly [string, ...string[]];
  /** Where people find the appliance on this machine; null for tests, which use the unix socket. */
  readonly hostPort: number | null;
  readonly run: Run;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  readonly isRoot: boolean;
  readonly say: (line: string) => void;
  readonly api: (connection: LabConnection) => LabApi;
  /** The appliance's config file, when it shall not be the usual one. */
  readonly config?: (lab: LabConfig) => string;
  /** Unless told otherwise, unknown machines may enrol. */
  readonly openEnrolment?: boolean;
}

export interface LabConnection {
  readonly url: string;
  readonly socketPath: string;
  readonly dataDir: string;
}

export interface LabStatus {
  readonly up: boolean;
  readonly processes: readonly { readonly role: string; readonly pid: number; readonly running: boolean }[];
  readonly machines: readonly MachineSpec[];
}

export interface Lab {
  readonly connection: LabConnection;
  readonly network: LabNetwork;
  /** `beforeAppliance` runs when the network stands and nothing is on it yet. */
  up(signal: AbortSignal, beforeAppliance?: () => Promise<void>): Promise<void>;
  /** Starts a further program inside the lab's (or another) namespace; its output goes to ROLE.log, and it ends with the lab. */
  exec(role: string, command: readonly [string, ...string[]], namespace?: string): Promise<void>;
  /** A namespace of its own with a cable (eth0) to the lab's bridge; it goes with the lab. Gives its name. */
  join(name: string, address: string): Promise<string>;
  stopAppliance(): Promise<void>;
  startAppliance(signal?: AbortSignal): Promise<void>;
  startMachine(spec: MachineSpec): Promise<{ readonly serialLog: string; readonly disk: string }>;
  /** As by pulling its plug. It may be started again; its disk goes on when it is named as `ownDisk`. */
  stopMachine(name: string): Promise<void>;
  status(): Promise<LabStatus>;
  /** Ends what it started, by pid, and removes the namespace; logs stay unless `purge`. */
  down(options?: { readonly purge?: boolean }): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 200;
const END_GRACE_MS = 15_000;
const MACHINE_GRACE_MS = 1000;
export const API_PORT = 6385;

export function createLab(options: LabOptions): Lab {
  const { directory, run, clock, say } = options;
  const network: LabNetwork = { namespace: `rackseed-${options.name}`, bridge: 'lab0', address: '10.77.0.1', prefix: 24 };
  const dataDir = join(directory, 'data');
  const connection: LabConnection = { url: `https://${network.address}:${API_PORT}`, socketPath: join(directory, 'api.sock'), dataDir };
  const stateFile = join(directory, 'lab.json');
  const book = createBook(stateFile, { network, namespaces: [], processes: [], machines: [] });
  /** For the CLI outside the namespace, where the appliance's own file names an address that leads elsewhere. */
  const connectionFile = join(directory, 'connection.json');

  async function start(role: string, command: readonly [string, ...string[]]): Promise<LabProcess> {
    const started = await startProcess({ role, command, logFile: join(directory, `${role}.log`), env: options.env });
    await book.change((state) => ({ ...state, processes: [...state.processes, started] }));
    return started;
  }

  async function stop(role: string, graceMs: number): Promise<void> {
    const found = (await book.look()).processes.find((one) => one.role === role);
    if (found === undefined)
      throw fail('lab.not_up', { message: `no ${role} runs in this lab`, hint: 'See what runs with: rackseed lab status' });
    await endProcess(found, clock, graceMs);
    await book.change((state) => ({ ...state, processes: state.processes.filter(({ pid }) => pid !== found.pid) }));
  }

  async function startAppliance(signal: AbortSignal): Promise<void> {
    const configFile = join(directory, 'rackseed.toml');
    const config = (options.config ?? renderLabConfig)({ network, dataDir, artefactsDir: options.artefactsDir, apiPort: API_PORT });
    await writeFile(configFile, config);
    const appliance = await start('appliance', inside(network, [...options.rackseed, 'serve', '--config', configFile]));
    await waitUntilReady(appliance, signal);
  }

  async function startForwarders(): Promise<void> {
    await start(
      'forward-in',
      inside(network, [...options.forwarder, `unix:${connection.socketPath}`, `tcp:${network.address}:${API_PORT}`]),
    );
    if (options.hostPort !== null) {
      await start('forward-out', [...options.forwarder, `tcp:127.0.0.1:${options.hostPort}`, `unix:${connection.socketPath}`]);
      await writeFile(connectionFile, `${JSON.stringify({ url: `https://127.0.0.1:${options.hostPort}`, dataDir })}\n`);
    }
  }

  async function waitUntilReady(appliance: LabProcess, signal: AbortSignal): Promise<void> {
    const api = options.api(connection);
    const end = clock.monotonic() + READY_TIMEOUT_MS;
    const log = join(directory, 'appliance.log');
    for (;;) {
      if (await api.ready()) return;
      if (!(await isRunning(appliance)))
        throw fail('lab.appliance_died', { message: `the appliance ended: ${await lastLines(log)}`, hint: `Its whole log is ${log}` });
      if (clock.monotonic() > end)
        throw fail('lab.timeout', {
          message: `the appliance was not ready after ${READY_TIMEOUT_MS / 1000} s: ${await lastLines(log)}`,
          hint: `Its whole log is ${log}`,
        });
      await clock.sleep(READY_POLL_MS, signal);
    }
  }

  async function down({ purge = false }: { readonly purge?: boolean } = {}): Promise<void> {
    const state = await book.look();
    for (const one of state.processes.toReversed())
      await endProcess(one, clock, one.role.startsWith('machine-') ? MACHINE_GRACE_MS : END_GRACE_MS);
    for (const namespace of [...state.namespaces, network.namespace]) await removeNetwork(run, namespace);
    await rm(stateFile, { force: true });
    await rm(connectionFile, { force: true });
    if (purge) await rm(directory, { recursive: true, force: true });
  }

  return {
    connection,
    network,
    down,

    async exec(role, command, namespace = network.namespace) {
      await start(role, inside({ namespace }, command));
    },

    async join(name, address) {
      const namespace = await joinNetwork(run, network, { name, address });
      await book.change((state) => ({ ...state, namespaces: [...state.namespaces, namespace] }));
      return namespace;
    },

    async stopAppliance() {
      await stop('appliance', END_GRACE_MS);
    },

    async startAppliance(signal = AbortSignal.timeout(READY_TIMEOUT_MS)) {
      await startAppliance(signal);
    },

    async up(signal, beforeAppliance) {
      await checkTools(run, options.isRoot);
      if (await networkExists(run, network.namespace)) {
        throw fail('lab.already_up', {
          message: `the namespace ${network.namespace} stands already`,
          hint: 'See it with: rackseed lab status. Take it down with: rackseed lab down',
        });
      }
      await mkdir(directory, { recursive: true });
      await rm(stateFile, { force: true });
      try {
        say(`network: namespace ${network.namespace}, bridge ${network.bridge}, ${network.address}/${network.prefix}`);
        await makeNetwork(run, network);
        await beforeAppliance?.();
        say('appliance: starting, with DHCP, TFTP and HTTP boot on that bridge only');
        await startForwarders();
        await startAppliance(signal);
        if (options.openEnrolment !== false) await options.api(connection).openEnrolment();
        say(`appliance: ready${options.openEnrolment === false ? '' : ', and enrolment is open'}`);
      } catch (thrown) {
        await down();
        throw thrown;
      }
    },

    async startMachine(spec) {
      const files = await prepareMachine(spec, directory);
      const where = { namespace: spec.namespace ?? network.namespace, bridge: spec.bridge ?? network.bridge };
      for (const { tap } of portsOf(spec)) await addTap(run, where, tap);
      await start(`machine-${spec.name}`, inside(where, ['qemu-system-x86_64', ...files.arguments]));
      await book.change((state) => ({ ...state, machines: [...state.machines, spec] }));
      say(`machine ${spec.name}: ${spec.firmware}, ${spec.mac}, boots from the network; its console: ${files.serialLog}`);
      return { serialLog: files.serialLog, disk: files.disk };
    },

    async stopMachine(name) {
      await stop(`machine-${name}`, MACHINE_GRACE_MS);
      const { machines } = await book.look();
      for (const spec of machines.filter((one) => one.name === name))
        for (const { tap } of portsOf(spec)) await removeTap(run, { namespace: spec.namespace ?? network.namespace }, tap);
      await book.change((state) => ({ ...state, machines: state.machines.filter((one) => one.name !== name) }));
    },

    async status() {
      const state = await book.look();
      const processes = await Promise.all(
        state.processes.map(async (one) => ({ role: one.role, pid: one.pid, running: await isRunning(one) })),
      );
      return { up: processes.some((one) => one.running), processes, machines: state.machines };
    },
  };
}

async function checkTools(run: Run, isRoot: boolean): Promise<void> {
  if (!isRoot)
    throw fail('lab.needs_root', {
      message: 'the lab makes a network namespace and a bridge, which only root may do',
      hint: 'Run it as root: sudo npm start',
    });
  for (const [tool, versionFlag, aptPackage] of [
    ['ip', '-V', 'iproute2'],
    ['qemu-system-x86_64', '--version', 'qemu-system-x86'],
  ] as const) {
    try {
      await run(tool, [versionFlag]);
    } catch (thrown) {
      throw fail('lab.tool_missing', {
        message: `${tool}: ${messageOf(thrown)}`,
        hint: `Install it: apt-get install ${aptPackage}`,
        cause: thrown,
      });
    }
  }
}

async function lastLines(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  return text.trim().split('\n').slice(-12).join(' | ') || '(it said nothing)';
}
