// Wiring of unattended installations: the record of them, what installers and new systems say, and the desk at which the deploy driver asks.
// Has no rules of its own.

import { readdirSync } from 'node:fs';
import { createRateLimiter, type ServerCertificate } from './api/index.ts';
import { type AnswerServices, answersOf } from './app-answers.ts';
import { apiUrlAt } from './app-boot.ts';
import { deploymentsOf } from './app-install.ts';
import { installsOf } from './app-install-boot.ts';
import type { LateInstalls } from './app-install-late.ts';
import type { Config } from './config/index.ts';
import { cleanSerial, cleanSmbiosUuid } from './inspect/index.ts';
import {
  answerRules,
  type BootOrders,
  createAnswering,
  createBootOrders,
  createInstallDesk,
  createInstallProtocol,
  type DeskParts,
  type ImageFiles,
  type InstallerStore,
  type Installers,
  type InstallProtocol,
  installBook,
  installerDirectory,
} from './install/index.ts';
import type { Clock, Log, Random } from './lib/index.ts';
import { installedOn, type Lifecycle } from './lifecycle/index.ts';
import type { Nodes } from './nodes/index.ts';
import type { Store } from './store/index.ts';

export interface InstallDeskOptions {
  readonly config: Config;
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly certificate: ServerCertificate | null;
  readonly lifecycle: Pick<Lifecycle, 'agentHeard'>;
  readonly installers: Installers;
  readonly answers: Pick<AnswerServices, 'drafts' | 'addresses' | 'rootPasswords'>;
  readonly power: { readonly publicKey: () => Promise<string>; readonly signIn: DeskParts['signIn'] };
  readonly late: LateInstalls;
  readonly apiUrl: (serverAddress: string) => string;
}

export interface InstallServicesOptions extends Omit<InstallDeskOptions, 'answers' | 'power' | 'installers' | 'apiUrl'> {
  readonly env: NodeJS.ProcessEnv;
  readonly installing: { readonly installers: InstallerStore };
  readonly images: ImageFiles;
  readonly power: InstallDeskOptions['power'];
}

/** All that the API has of installations. */
export function installServices({ installing, env, images, ...options }: InstallServicesOptions) {
  const { installers } = installing;
  const fingerprint = options.certificate?.fingerprintSha256 ?? null;
  const answers = answersOf({ ...options, env, installers, fingerprint, ownKey: options.power.publicKey });
  const install = installDeskPart({ ...options, installers, answers, apiUrl: (address) => apiUrlAt(options.config, address) });
  const deployments = deploymentsOf({ ...options, images, certificate: options.certificate?.cert ?? null });
  return { installers, answers, install, deployments };
}

/** Failures of strangers that are written down, of each address: some by mistake, then one in five seconds. */
const NOTED = { burst: 20, perSecond: 0.2, maxAddresses: 4096 } as const;
const MINUTE = 60_000;
const ID = /^[0-9a-f]{64}$/;

export function installDeskPart(options: InstallDeskOptions): InstallProtocol {
  const { config, store, nodes, clock, random, log, lifecycle, installers, answers, power, late } = options;
  const common = { store, nodes, clock, random, log, certificate: options.certificate?.cert ?? null };
  const book = installBook({
    ...common,
    vigil: late.vigil,
    onMove: (uuid, what) => lifecycle.agentHeard(uuid, { status: what === 'look' ? 'end' : 'start' }),
  });
  const parts: DeskParts = {
    ...common,
    config,
    book,
    installers,
    hasInstaller: () => hasInstaller(config),
    rules: answerRules,
    ...answers,
    applianceKey: power.publicKey,
    signIn: power.signIn,
    fingerprint: options.certificate?.fingerprintSha256 ?? null,
  };
  const answering = createAnswering(parts);
  const limiter = createRateLimiter(NOTED, clock);
  const protocol = createInstallProtocol({
    ...common,
    book,
    render: (wanted) => answering.render(wanted),
    productOf: async (installer) => (await answering.targetOf(installer)).product,
    bootOrderOf: bootOrderIn(config),
    served: (tx, { nodeUuid, plan }) => installedOn(tx, nodeUuid, plan.disks, clock.now()),
    cleanUuid: cleanSmbiosUuid,
    cleanSerial,
    stallMs: config.install.stall_minutes * MINUTE,
    mayNote: (address) => limiter.take(address) === undefined,
  });
  const expectAnswer = (uuid: string, base: string): void => void protocol.expect(uuid, base);
  const orders = bootOrders(options);
  late.bind({
    desk: createInstallDesk(parts, answering),
    boot: installsOf({ config, book, installers, apiUrl: options.apiUrl, expectAnswer, started: (uuid) => orders.started(uuid), log }),
  });
  return protocol;
}

function bootOrderIn({ profile }: Pick<Config, 'profile'>): Parameters<typeof createBootOrders>[0]['bootOrderOf'] {
  return (wanted) => profile.find(({ name }) => name === wanted)?.boot_order ?? 'leave';
}

/** Who compares how machines start with what their profiles ask for. */
export function bootOrders({ config, ...parts }: Pick<InstallDeskOptions, 'config' | 'store' | 'nodes' | 'clock' | 'log'>): BootOrders {
  return createBootOrders({ ...parts, bootOrderOf: bootOrderIn(config) });
}

/** What is whole has the name of its digest. */
function hasInstaller({ server }: Config): boolean {
  try {
    return readdirSync(installerDirectory(server.data_dir)).some((name) => ID.test(name));
  } catch {
    return false; // no such directory: nothing was imported
  }
}
