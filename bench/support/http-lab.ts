// Two HTTP servers on loopback with the same two files: ours and nginx with sendfile and one worker. curl and wrk load them. Knows how
// the load is made and how CPU time is counted; judges nothing.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { cpuSeconds, type Program, startProgram } from './programs.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const BIG = { name: 'image.iso', bytes: 1500 * MIB };
const SMALL = { name: 'initrd', bytes: 60 * MIB };
const CLIENTS = 32;
const LOAD_SECONDS = 5;
const LEAST_SECONDS = 3;
const OURS = join(import.meta.dirname, 'http-server.ts');
/** wrk's own summary rounds to three digits; these are the numbers. */
const LUA =
  'done = function(s) io.write("FIGURES ", s.bytes, " ", s.duration, " ", s.errors.connect + s.errors.read + s.errors.status, "\\n") end\n';

export type Who = 'ours' | 'nginx';
export type Load = 'one' | 'many';

export interface Figures {
  readonly megabytesPerSecond: number;
  /** Of the server alone. */
  readonly cpuSecondsPerGigabyte: number;
}

export interface HttpLab {
  measure(who: Who, load: Load): Promise<Figures>;
  remove(): Promise<void>;
}

export async function openHttpLab(directory: string): Promise<HttpLab> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  for (const file of [BIG, SMALL]) await fill(join(directory, file.name), file.bytes);
  const lua = join(directory, 'figures.lua');
  await writeFile(lua, LUA);
  const servers = { ours: await startOurs(directory), nginx: await startNginx(directory) };
  return {
    async measure(who, load) {
      const { program, base } = servers[who];
      const pid = program.child.pid ?? 0;
      const before = await cpuSeconds(pid);
      const { bytes, seconds } = load === 'one' ? await curl(`${base}/${BIG.name}`) : await wrk(`${base}/${SMALL.name}`, lua);
      const cpu = (await cpuSeconds(pid)) - before;
      return { megabytesPerSecond: bytes / seconds / 1e6, cpuSecondsPerGigabyte: (cpu * 1e9) / bytes };
    },
    async remove() {
      for (const { program } of Object.values(servers)) await program.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Written out, so that writing it back does not fall into the first round, and therefore in the page cache. */
async function fill(path: string, bytes: number): Promise<void> {
  const handle = await open(path, 'w');
  try {
    const block = randomBytes(4 * MIB);
    for (let written = 0; written < bytes; written += block.length) await handle.write(block, 0, Math.min(block.length, bytes - written));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

interface Server {
  readonly program: Program;
  readonly base: string;
}

async function startOurs(directory: string): Promise<Server> {
  const program = await startProgram([process.execPath, OURS, directory, BIG.name, SMALL.name]);
  const [, port] = await program.saying(/port (\d+)/);
  return { program, base: `http://127.0.0.1:${port}/boot/files` };
}

async function startNginx(directory: string): Promise<Server> {
  const port = await freePort();
  const program = await startNginxProgram(directory, `server { listen 127.0.0.1:${port}; root ${directory}; }`);
  return { program, base: `http://127.0.0.1:${port}` };
}

/** One worker with sendfile, nothing logged; `inner` is the server block. */
export async function startNginxProgram(directory: string, inner: string, before: readonly string[] = []): Promise<Program> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/nginx-${name};`);
  const lines = [
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    `worker_processes 1; daemon off; pid ${directory}/nginx.pid; error_log stderr notice;`,
    'events { worker_connections 4096; }',
    `http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; types { } default_type application/octet-stream;`,
    ...temporary,
    `${inner} }`,
  ];
  const config = join(directory, 'nginx.conf');
  await writeFile(config, `${lines.join('\n')}\n`);
  return startProgram([...before, 'nginx', '-c', config, '-p', directory, '-e', 'stderr'], /start worker process /);
}

interface Transfer {
  readonly bytes: number;
  readonly seconds: number;
}

/** One download after the other, until so much was measured that the scheduler's moods are in it. */
async function curl(url: string): Promise<Transfer> {
  let [bytes, seconds] = [0, 0];
  while (seconds < LEAST_SECONDS) {
    const once = await curlOnce(url);
    bytes += once.bytes;
    seconds += once.seconds;
  }
  return { bytes, seconds };
}

async function curlOnce(url: string): Promise<Transfer> {
  const { stdout } = await run('curl', ['-sSf', '-o', '/dev/null', '-w', '%{size_download} %{time_total}', url]);
  const [bytes = 0, seconds = 0] = stdout.split(' ').map(Number);
  if (bytes !== BIG.bytes) throw new Error(`${url}: ${bytes} bytes came, not ${BIG.bytes}`);
  return { bytes, seconds };
}

async function wrk(url: string, lua: string): Promise<Transfer> {
  const words = ['-t', '1', '-c', String(CLIENTS), '-d', `${LOAD_SECONDS}s`, '--timeout', '30s', '-s', lua, url];
  const { stdout } = await run('wrk', words);
  const [, bytes = 0, microseconds = 0, errors = 1] = /FIGURES (\d+) (\d+) (\d+)/.exec(stdout)?.map(Number) ?? [];
  if (errors > 0) throw new Error(`${url}: ${stdout}`);
  return { bytes, seconds: microseconds / 1e6 };
}
