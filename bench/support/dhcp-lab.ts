// Two namespaces joined by a cable, a DHCP server in one, perfdhcp in the other: it plays a relay with as many clients as it likes.
// Knows how each server is started with the same pool, and how perfdhcp is read; judges nothing.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ENTRY = join(import.meta.dirname, '../../src/main.ts');
const SERVER = '10.0.0.1';
const RELAY = '10.0.0.2';
/** 64,000 addresses: more than one measure can use up. */
const POOL = { first: '10.0.1.0', last: '10.0.250.255', network: '10.0.0.0/16', mask: '255.255.0.0' };
const LEASE_SECONDS = 3600;
const READY_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;
/** perfdhcp draws its clients from so many MACs: almost every exchange is a machine never seen. */
const CLIENTS = 60_000;
/** What still may come back after the last packet was sent. */
const LAST_WAIT_US = 500_000;
/**
 * It polls without pause. In two threads it takes 1.3 to 1.8 cores whatever the rate, and on a machine of two that is what is measured
 * then; in one thread, kept to one core, it leaves the rest to the server.
 */
const ONE_THREAD = ['-g', 'single'];
const ITS_CORE = String(availableParallelism() - 1);

export interface DhcpLab {
  readonly directory: string;
  start(who: ServerKind): Promise<RunningServer>;
  /** Offered exchanges a second for so long; what came of it. */
  offer(rate: number, seconds: number): Promise<Outcome>;
  remove(): Promise<void>;
}

export type ServerKind = 'ours' | 'dnsmasq' | 'kea' | 'keaThreads';

export interface RunningServer {
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

export interface Outcome {
  /** Less than what was asked for where perfdhcp itself can do no more. */
  readonly offeredPerSecond: number;
  readonly completedPerSecond: number;
  /** DISCOVERs and REQUESTs that no answer came to. */
  readonly drops: number;
  readonly sent: number;
}

interface Program {
  readonly words: readonly string[];
  readonly ready: RegExp;
}

export async function openDhcpLab(): Promise<DhcpLab> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-bench-dhcp-'));
  const [server, client] = [`rs-bench-s${process.pid}`, `rs-bench-c${process.pid}`];
  let made = 0;
  for (const name of [server, client]) await run('ip', ['netns', 'add', name]);
  await wire(server, client);
  return {
    directory,
    async start(who) {
      const place = join(directory, `${who}-${made++}`);
      await mkdir(place, { recursive: true });
      const started = await startServer(server, await PROGRAMS[who](place));
      await untilAnswering(client, started);
      return started;
    },
    offer: (rate, seconds) => offer(client, rate, seconds),
    async remove() {
      for (const name of [server, client]) await run('ip', ['netns', 'del', name]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function wire(server: string, client: string): Promise<void> {
  for (const name of [server, client]) await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  await run('ip', ['-n', server, 'link', 'add', 's0', 'type', 'veth', 'peer', 'name', 'c0', 'netns', client]);
  for (const [name, device, address] of [
    [server, 's0', SERVER],
    [client, 'c0', RELAY],
  ] as const) {
    await run('ip', ['-n', name, 'addr', 'add', `${address}/16`, 'dev', device]);
    await run('ip', ['-n', name, 'link', 'set', device, 'up']);
  }
}

const PROGRAMS: Readonly<Record<ServerKind, (place: string) => Promise<Program>>> = {
  ours,
  dnsmasq,
  kea: (place) => kea(place, false),
  keaThreads: (place) => kea(place, true),
};

/** The whole appliance as a person starts it; only the extra Node flags for a profile may come from outside. */
async function ours(place: string): Promise<Program> {
  const config = join(place, 'rackseed.toml');
  const lines = [
    '[server]',
    'listen = "127.0.0.1:6385"',
    'boot_listen = "127.0.0.1:6386"',
    `data_dir = "${join(place, 'data')}"`,
    '[tftp]',
    'enabled = false',
    '[dhcp]',
    'mode = "full"',
    'interfaces = ["s0"]',
    '[[dhcp.subnet]]',
    `subnet = "${POOL.network}"`,
    `ranges = ["${POOL.first}-${POOL.last}"]`,
    `lease_seconds = ${LEASE_SECONDS}`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  return { words: [process.execPath, ...process.execArgv, ENTRY, 'serve', '--config', config], ready: /rackseed is ready/ };
}

/** Its lease file is written for each lease, without fsync. No ping before an offer: its fastest. */
async function dnsmasq(place: string): Promise<Program> {
  const plain =
    '--keep-in-foreground --conf-file=/dev/null --user=root --port=0 --interface=s0 --bind-interfaces --log-facility=- --quiet-dhcp';
  const files = [`--dhcp-leasefile=${join(place, 'leases')}`, `--pid-file=${join(place, 'pid')}`];
  const dhcp = ['--no-ping', '--dhcp-authoritative', '--dhcp-lease-max=100000'];
  const range = `--dhcp-range=${POOL.first},${POOL.last},${POOL.mask},${LEASE_SECONDS}`;
  const words = ['dnsmasq', ...plain.split(' '), ...files, ...dhcp, range];
  return { words, ready: /dnsmasq-dhcp.*DHCP, IP range|DHCP, sockets bound/ };
}

/** memfile with its file on: written for each lease, without fsync. One thread is Kea 2.2's default. */
async function kea(place: string, hasThreads: boolean): Promise<Program> {
  const config = {
    Dhcp4: {
      'interfaces-config': { interfaces: ['s0'], 'dhcp-socket-type': 'udp' },
      'lease-database': { type: 'memfile', persist: true, name: join(place, 'leases.csv'), 'lfc-interval': 0 },
      'valid-lifetime': LEASE_SECONDS,
      subnet4: [{ id: 1, subnet: POOL.network, pools: [{ pool: `${POOL.first} - ${POOL.last}` }] }],
      'multi-threading': { 'enable-multi-threading': hasThreads },
      // DHCP4_STARTED is said at INFO, and by the root logger alone; the packets are logged by others.
      loggers: [
        { name: 'kea-dhcp4', severity: 'WARN', output_options: [{ output: 'stdout' }] },
        { name: 'kea-dhcp4.dhcp4', severity: 'INFO', output_options: [{ output: 'stdout' }] },
      ],
    },
  };
  const file = join(place, 'kea.json');
  await writeFile(file, JSON.stringify(config));
  const env = [`KEA_PIDFILE_DIR=${place}`, `KEA_LOCKFILE_DIR=${place}`];
  return { words: ['env', ...env, 'kea-dhcp4', '-c', file], ready: /DHCP4_STARTED/ };
}

async function startServer(namespace: string, { words, ready }: Program): Promise<RunningServer> {
  const child = spawn('ip', ['netns', 'exec', namespace, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const isReady = new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-4000);
      if (ready.test(said)) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', (code) => reject(new Error(`${words.join(' ')} ended with ${code}: ${said}`)));
  });
  const limit = AbortSignal.timeout(READY_LIMIT_MS);
  await Promise.race([isReady, once(limit, 'abort').then(() => Promise.reject(new Error(`${words[0]} was never ready: ${said}`)))]);
  return { child, stop: () => stop(child) };
}

/** Ours first listens for other DHCP servers; the peers answer at once. */
async function untilAnswering(namespace: string, server: RunningServer): Promise<void> {
  const giveUp = performance.now() + READY_LIMIT_MS;
  const few = ['-4', '-l', RELAY, '-r', '20', '-n', '5', '-R', '5', '-W', '200000', SERVER];
  while (figure((await perfdhcp(namespace, few)).split('Statistics for: REQUEST-ACK')[1] ?? '', 'received packets') === 0) {
    if (performance.now() < giveUp) continue;
    await server.stop();
    throw new Error('the server never answered');
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await Promise.race([ended, pause(STOP_LIMIT_MS).then(() => child.kill('SIGKILL'))]);
  await ended;
}

async function offer(namespace: string, rate: number, seconds: number): Promise<Outcome> {
  const load = ['-r', String(rate), '-p', String(seconds), '-R', String(CLIENTS), '-W', String(LAST_WAIT_US)];
  const words = ['-4', ...ONE_THREAD, '-l', RELAY, ...load, SERVER];
  const report = await perfdhcp(namespace, words);
  const [discover = '', request = ''] = report.split('Statistics for: REQUEST-ACK');
  const drops = figure(discover, 'drops') + figure(request, 'drops');
  const sent = figure(discover, 'sent packets') + figure(request, 'sent packets');
  const offeredPerSecond = figure(discover, 'sent packets') / seconds;
  return { completedPerSecond: figure(request, 'received packets') / seconds, offeredPerSecond, drops, sent };
}

/** It ends with 3 when something was lost, which is a result and no failure. */
async function perfdhcp(namespace: string, words: readonly string[]): Promise<string> {
  const child = spawn('ip', ['netns', 'exec', namespace, 'taskset', '-c', ITS_CORE, 'perfdhcp', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  await once(child, 'close');
  const code = child.exitCode;
  if (code !== 0 && code !== 3) throw new Error(`perfdhcp ended with ${code}: ${errors}${out}`);
  return out;
}

function figure(text: string, name: string): number {
  const found = new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1];
  if (found === undefined) throw new Error(`perfdhcp did not say its ${name}: ${text}`);
  return Number(found);
}
