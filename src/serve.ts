// `rackseed serve`: from a config to a running appliance, and from a signal to a clean end.

import { createApp } from './app.ts';
import { keySource, localUrl } from './app-files.ts';
import { busyShares, collectGarbage, giveBackMemory, heapBytes } from './app-memory.ts';
import { openDhcpSockets } from './app-sockets.ts';
import { type Config, loadConfig } from './config/index.ts';
import { type Clock, type Random, silentLog } from './lib/index.ts';
import { loadStoreKeys, openStore, rotateStoreKey } from './store/index.ts';

export interface ServeOptions {
  readonly configPath: string | undefined;
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly pid: number;
  /** The command line of this process: to come back to from the launcher of the DHCP sockets. */
  readonly command: readonly string[];
  readonly execve: (file: string, args: readonly string[], env: Record<string, string>) => unknown;
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
  /** Given when a person watches. */
  readonly say: ((line: string) => void) | undefined;
}

/** For a person at the terminal, after the log lines of the start. */
export function welcome(config: Config, setupLink?: string): string[] {
  const answered = [
    ...(config.dhcp.mode === 'off' ? [] : [`DHCP: ${config.dhcp.mode}`]),
    ...(config.dhcp6.mode === 'off' ? [] : [`DHCPv6: ${config.dhcp6.mode}`]),
  ].join(', ');
  const dhcp =
    answered === ''
      ? 'DHCP is off, so no machine is answered: rackseed config init > rackseed.toml makes a config to go on from'
      : answered;
  return [
    '',
    `Rackseed is up at ${localUrl(config)}   (API token: ${config.server.data_dir}/admin.token)`,
    ...(setupLink === undefined ? [] : [`Nobody can sign in yet: ${setupLink} makes the first administrator, once and within a day`]),
    dhcp,
    'In another terminal: npx rackseed node list, npx rackseed enrol open, npx rackseed event watch. Ctrl-C ends it.',
    '',
  ];
}

const START_LIMIT_MS = 60_000;

/** Resolves when it has ended after the signal. */
export async function serve(options: ServeOptions, signal: AbortSignal): Promise<void> {
  const { env, clock, random, version } = options;
  const loaded = await loadConfig({ path: options.configPath, env: settingsOf(env), defaults: { dataDir: options.dataDir } });
  const { sockets: dhcpSockets, warnings } = await openDhcpSockets(loaded.config, options);
  const app = await createApp({ loaded, dhcpSockets, warnings, env, clock, random, version });
  try {
    await app.start(AbortSignal.any([signal, AbortSignal.timeout(START_LIMIT_MS)]));
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    return; // asked to stop while it was starting, which it did
  }
  // Only where a person watches: a log is kept and passed on, and whoever reads it could be first.
  if (options.say !== undefined) for (const line of welcome(loaded.config, await app.setupLink())) options.say(line);
  // It never fails, and nothing waits for it.
  void giveBackMemory({ clock, log: app.log, signal, collect: collectGarbage, heapBytes, busyShare: busyShares() });
  await aborted(signal);
  app.log.info({}, 'stopping');
  await app.stop();
}

/** With the appliance stopped: its store admits one process. */
export async function rotateKey(options: Pick<ServeOptions, 'configPath' | 'dataDir' | 'env' | 'clock' | 'random'>): Promise<void> {
  const { env, clock, random } = options;
  const { config } = await loadConfig({ path: options.configPath, env: settingsOf(env), defaults: { dataDir: options.dataDir } });
  const source = await keySource({ config, env, random });
  const store = await openStore({ url: source.url, keys: await loadStoreKeys(source), clock, random, log: silentLog });
  try {
    await rotateStoreKey(store, { keyFile: source.keyFile, clock, random });
  } finally {
    await store.close();
  }
}

/** Not settings, though they begin like them: the launcher's word to us. */
function settingsOf(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { RACKSEED_LISTEN_ERROR: _, ...settings } = env;
  return settings;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
