// The real appliance as a child process, and the real command line against it: as a person meets them. Each site has a directory of
// its own; whatever still runs on it is ended, and the directory removed, by remove().

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { type Client, type Connection, createClient, readLocal } from '../../src/cli/index.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const COMPILE_CACHE = new URL('../../node_modules/.cache/compile', import.meta.url).pathname;
const READY = 'rackseed is ready';
/** Below where the kernel takes ports for outgoing connections, so that a free one stays free until it is used. */
const [FIRST_PORT, LAST_PORT] = [10_240, 32_000];
/** On a machine that does nothing else a start takes half a second. */
const READY_LIMIT_MS = 60_000;

export interface Site {
  readonly directory: string;
  readonly configPath: string;
  readonly dataDir: string;
  readonly apiPort: number;
  readonly bootPort: number;
  /** What was started on it and may still run. */
  readonly running: Set<ChildProcess>;
  /** Writes the config anew: [server] as given, then `more`. */
  configure(more?: string): Promise<void>;
  remove(): Promise<void>;
}

export async function makeSite(more = ''): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-site-'));
  const [apiPort, bootPort] = [await freePort(), await freePort()];
  const site: Site = {
    directory,
    configPath: join(directory, 'rackseed.toml'),
    dataDir: join(directory, 'data'),
    apiPort,
    bootPort,
    running: new Set(),
    configure: (text = '') => writeFile(site.configPath, `${serverSection(site)}${text}`),
    async remove() {
      await Promise.all([...site.running].map((child) => ended(child, 'SIGKILL')));
      await rm(directory, { recursive: true, force: true });
    },
  };
  await site.configure(more);
  return site;
}

/** A site for one test. */
export async function temporarySite(more = ''): Promise<Site> {
  const site = await makeSite(more);
  onTestFinished(() => site.remove());
  return site;
}

function serverSection({ apiPort, bootPort, dataDir }: Pick<Site, 'apiPort' | 'bootPort' | 'dataDir'>): string {
  return `[server]\nlisten = "127.0.0.1:${apiPort}"\nboot_listen = "127.0.0.1:${bootPort}"\ndata_dir = "${dataDir}"\n`;
}

export async function freePort(): Promise<number> {
  const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
  return isFree ? port : freePort();
}

export interface RunOptions {
  /** Words before the command: a namespace to enter, rights to drop. They must end by becoming the command (exec). */
  readonly before?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** The next line of standard output that holds the text, also one that came already. Rejects when the process ends without it. */
  line(text: string): Promise<string>;
  /** Resolves with the exit code (128 + number for a signal is the shell's business: it is null here) once all output has been read. */
  readonly end: Promise<Ended>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `rackseed WORDS…`. It is ended with its site, at the latest. */
export function run(
  site: Pick<Site, 'running' | 'directory'>,
  words: readonly string[],
  { before = [], env = {} }: RunOptions = {},
): Running {
  const [command = process.execPath, ...args] = [...before, process.execPath, MAIN, ...words];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...plainEnvironment(site.directory), ...env } });
  site.running.add(child);
  const lines: string[] = [];
  const stderr: string[] = [];
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    tell();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.push(text));
  const outputs = { stdout: () => lines.map((line) => `${line}\n`).join(''), stderr: () => stderr.join('') };
  const end = once(child, 'close').then((): Ended => {
    site.running.delete(child);
    tell();
    return { code: child.exitCode, signal: child.signalCode, stdout: outputs.stdout(), stderr: outputs.stderr() };
  });
  const line = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find((one) => one.includes(text));
        if (found === undefined && site.running.has(child)) return;
        listeners.delete(look);
        if (found === undefined)
          reject(new Error(`rackseed ${words.join(' ')} ended without ${JSON.stringify(text)}: ${outputs.stderr()}`));
        else resolve(found);
      };
      listeners.add(look);
      look();
    });
  return { child, pid: child.pid ?? 0, ...outputs, line, end };
}

/** Nothing of ours that happens to be set where the tests run. */
function plainEnvironment(home: string): Record<string, string> {
  const kept = ['PATH', 'TMPDIR'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  // One cache of compiled code for all, as `npm start` has it: the first start of a new home takes three times as long.
  const compiled = process.env.NODE_COMPILE_CACHE ?? COMPILE_CACHE;
  return { ...Object.fromEntries(kept), NODE_COMPILE_CACHE: compiled, HOME: home, LANG: 'C.UTF-8' };
}

/** Runs the command line to its end. It finds the site's appliance unless told otherwise. */
export function cli(site: Site, words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return run(site, words, { ...options, env: { RACKSEED_SERVER_DATA_DIR: site.dataDir, ...options.env } }).end;
}

/** Runs `rackseed serve` to its end: for configurations that are refused. One that starts all the same is stopped, and the test sees exit code 0. */
export function serveToEnd(site: Site, options: RunOptions = {}): Promise<Ended> {
  const running = run(site, ['serve', '--config', site.configPath], options);
  running.line(READY).then(
    () => running.child.kill('SIGTERM'),
    () => undefined, // ended without: as expected
  );
  return running.end;
}

export interface Appliance extends Running {
  readonly site: Site;
  /** As the CLI reaches it. */
  readonly client: Client;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<Ended>;
  kill9(): Promise<Ended>;
}

/** Starts the appliance and waits until it is ready: its word in the log, its connection file, and GET /readyz. */
export async function startAppliance(
  site: Site,
  options: RunOptions & { readonly root?: (pid: number) => string } = {},
): Promise<Appliance> {
  const running = run(site, ['serve', '--config', site.configPath], options);
  const timer = setTimeout(() => running.child.kill('SIGKILL'), READY_LIMIT_MS);
  await running.line(READY).finally(() => clearTimeout(timer));
  // In a mount namespace of its own the data directory is seen by others only below /proc/PID/root.
  const connection = await readLocal(join(options.root?.(running.pid) ?? '/', site.dataDir));
  if (connection === undefined) throw new Error(`${site.dataDir} holds no connection file although the appliance is ready`);
  const client = createClient(connection);
  await client.get('/readyz');
  const end = async (signal: NodeJS.Signals): Promise<Ended> => {
    await client.close();
    await ended(running.child, signal);
    return running.end;
  };
  return { ...running, site, client, stop: () => end('SIGTERM'), kill9: () => end('SIGKILL') };
}

/** With a connection of its own; as the administrator unless a token is given (or undefined, for nobody). */
export async function withClient<T>(
  site: Pick<Site, 'dataDir'>,
  work: (client: Client) => Promise<T>,
  ...token: readonly [token?: Connection['token']]
): Promise<T> {
  const local = await readLocal(site.dataDir);
  if (local === undefined) throw new Error(`no connection file in ${site.dataDir}`);
  const client = createClient(token.length === 0 ? local : { ...local, token: token[0] });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/**
 * A namespace that lives as long as the site: `script` makes it, says "held" and waits for the end of its standard input. Gives the words
 * to enter it with, and the process that holds it.
 */
export async function holdNamespace(
  site: Site,
  kind: '--net' | '--mount',
  script: string,
): Promise<{ readonly before: string[]; readonly pid: number }> {
  const isRoot = process.getuid?.() === 0;
  const words = [kind, ...(isRoot ? [] : ['--map-root-user']), 'sh', '-e', '-c', script];
  const child = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'inherit'] });
  site.running.add(child);
  const [said] = (await Promise.race([once(child.stdout, 'data'), once(child, 'close')])) as [unknown]; // both give an array
  if (String(said).trim() !== 'held' || child.pid === undefined) throw new Error(`no namespace: unshare ${words.join(' ')}`);
  return {
    before: ['nsenter', '--target', String(child.pid), kind, ...(isRoot ? [] : ['--user', '--preserve-credentials'])],
    pid: child.pid,
  };
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
}
