// How long `rackseed serve` takes from exec to the first 200 of /readyz, and what it occupies when idle: with a fresh data directory and
// with 10,000 nodes. The peer is the floor: a bare node:http server on the same Node, which does nothing at all.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { macOfBytes, silentLog, systemClock, systemRandom } from '../src/lib/index.ts';
import { createNodes } from '../src/nodes/index.ts';
import { loadStoreKeys, openStore } from '../src/store/index.ts';
import type { Bench } from './harness.ts';

const ENTRY = join(import.meta.dirname, '../src/main.ts');
const NODES = 10_000;
const NODES_PER_TRANSACTION = 500;
const READY_LIMIT_MS = 60_000;
const POLL_MS = 5;
/** Long enough for the garbage of the start to be collected, and for a memory that still grows to show. */
const IDLE_MS = 5000;
const BYTES_PER_KB_OF_PROC = 1024;
const BYTES_PER_MB = 1e6;

const READY_EMPTY = 'ready-empty';
const READY_FULL = 'ready-10000';
const IDLE_EMPTY = 'idle-empty';
const IDLE_FULL = 'idle-10000';

/** The least that answers 200, on the port given as argument. */
const FLOOR = "require('node:http').createServer((_, reply) => reply.end('ok')).listen(Number(process.argv[1]), '127.0.0.1')";

let work = '';

interface Started {
  readonly readyMs: number;
  readonly child: ChildProcess;
}

async function startServer(dataDir: string): Promise<Started> {
  const [port, bootPort] = [await freePort(), await freePort()];
  const config = join(work, `rackseed-${port}.toml`);
  const lines = [
    `[server]`,
    `listen = "127.0.0.1:${port}"`,
    `boot_listen = "127.0.0.1:${bootPort}"`,
    `data_dir = "${dataDir}"`,
    '[tftp]',
    'enabled = false',
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  return untilReady([ENTRY, 'serve', '--config', config], new URL(`https://127.0.0.1:${port}/readyz`));
}

async function startFloor(): Promise<Started> {
  const port = await freePort();
  return untilReady(['-e', FLOOR, String(port)], new URL(`http://127.0.0.1:${port}/`));
}

async function untilReady(words: readonly string[], url: URL): Promise<Started> {
  const started = performance.now();
  // With a compile cache, as `npm start`, the image and a re-exec for DHCP give it.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(work, 'compile') };
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'], env });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  while (!(await isOk(url))) {
    if (child.exitCode !== null || performance.now() - started > READY_LIMIT_MS) {
      await stop(child);
      throw new Error(`${words.join(' ')} was never ready; exit code ${child.exitCode}: ${said}`);
    }
    await pause(POLL_MS);
  }
  return { readyMs: performance.now() - started, child };
}

function isOk(url: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { rejectUnauthorized: false, agent: false } as const;
    const request = url.protocol === 'https:' ? getSecure(url, options) : getPlain(url, options);
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    // Not listening yet is what most attempts meet; a real failure shows as a start that is never ready.
    request.once('error', () => resolve(false));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await Promise.race([ended, pause(10_000).then(() => child.kill('SIGKILL'))]);
  await ended;
}

async function readyTime(start: () => Promise<Started>): Promise<number> {
  const { readyMs, child } = await start();
  await stop(child);
  return readyMs;
}

/** The whole process as the kernel counts it. */
async function idleMemory(start: () => Promise<Started>): Promise<number> {
  const { child } = await start();
  try {
    await pause(IDLE_MS);
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
    return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * BYTES_PER_KB_OF_PROC) / BYTES_PER_MB;
  } finally {
    await stop(child);
  }
}

const freshStart = async (): Promise<Started> => startServer(await mkdtemp(join(work, 'empty-')));
const fullStart = (): Promise<Started> => startServer(join(work, 'full'));

/** Through the same code that enrols nodes, so that rows, ports and events are what a real site has. */
async function seed(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const url = `sqlite:${join(dataDir, 'rackseed.sqlite')}`;
  const keys = await loadStoreKeys({ url, keyFile: join(dataDir, 'store.key'), random: systemRandom });
  const store = await openStore({ url, keys, clock: systemClock, random: systemRandom, log: silentLog });
  const nodes = createNodes({ store, clock: systemClock, random: systemRandom, log: silentLog });
  for (let first = 0; first < NODES; first += NODES_PER_TRANSACTION) {
    await store.transaction(async (tx) => {
      for (let index = first; index < first + NODES_PER_TRANSACTION; index++) {
        const address = macOfBytes(Uint8Array.of(0x02, 0, 0, 0, index >> 8, index & 0xff));
        await nodes.create(tx, { driver: 'manual', name: `node-${index}`, ports: [{ address }] }, { who: 'system' });
      }
    });
  }
  await store.close();
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

const floor = { ready: (): Promise<number> => readyTime(startFloor), idle: (): Promise<number> => idleMemory(startFloor) };

export const bench: Bench = {
  name: 'start',
  unit: 'ready: ms, idle: MB',
  larger: false,
  setup: async () => {
    work = await mkdtemp(join(tmpdir(), 'rackseed-bench-start-'));
    await seed(join(work, 'full'));
    // Fills the compile cache and the page cache: the first start after a boot of the machine is slower than what is reported.
    await readyTime(freshStart);
  },
  teardown: () => rm(work, { recursive: true, force: true }),
  ours: {
    [READY_EMPTY]: () => readyTime(freshStart),
    [READY_FULL]: () => readyTime(fullStart),
    [IDLE_EMPTY]: () => idleMemory(freshStart),
    [IDLE_FULL]: () => idleMemory(fullStart),
  },
  peers: {
    'bare node:http': { [READY_EMPTY]: floor.ready, [READY_FULL]: floor.ready, [IDLE_EMPTY]: floor.idle, [IDLE_FULL]: floor.idle },
  },
  promises: [
    { case: READY_EMPTY, limit: 1000 },
    { case: READY_FULL, limit: 2000 },
    { case: IDLE_EMPTY, limit: 120 },
    { case: IDLE_FULL, limit: 120 },
  ],
  note: 'the peer is no competitor but the floor: what Node itself takes to answer one request without TLS, store or API; compile cache and page cache are warm',
};
