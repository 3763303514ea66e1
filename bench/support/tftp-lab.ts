// Four TFTP servers on the loopback of a namespace with the same files, and clients that fetch from one of them at a time. Knows how each
// server is started and how the load is made; judges nothing.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Program, startProgram } from './programs.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const BLOCK = 1468;
const WINDOW = 16;
/** A fast server is asked again until so much was measured: a quarter of a second tells more of the scheduler than of the server. */
const LEAST_SECONDS = 1;
const HOST = '127.0.0.1';
const OURS = join(import.meta.dirname, 'tftp-server.ts');
/** The more clients, the smaller the file: a round of a slow server still ends within a few seconds. */
export const TFTP_LOADS = { '1 client': [1, 64], '8 clients': [8, 16], '64 clients': [64, 4] } as const;
export type TftpLoad = keyof typeof TFTP_LOADS;

export const TFTP_SERVERS = ['ours', 'atftpd', 'tftpd-hpa', 'dnsmasq'] as const;
export type TftpServerKind = (typeof TFTP_SERVERS)[number];

/** One client as shell words; it writes to $1. The same one for every server. */
export const TFTP_CLIENTS = {
  'asks for a window': (port: number, name: string) =>
    `atftp --option "blksize ${BLOCK}" --option "windowsize ${WINDOW}" --get --remote-file ${name} --local-file "$1" ${HOST} ${port}`,
  'asks for no window': (port: number, name: string) => `curl -sSf --tftp-blksize ${BLOCK} -o "$1" tftp://${HOST}:${port}/${name}`,
} as const;
export type TftpClientKind = keyof typeof TFTP_CLIENTS;

export interface TftpLab {
  /** Megabytes a second of all clients together, from the start of the first to the end of the last; again and again for a second. */
  measure(who: TftpServerKind, client: TftpClientKind, load: TftpLoad): Promise<number>;
  remove(): Promise<void>;
}

export async function openTftpLab(): Promise<TftpLab> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-bench-tftp-'));
  const namespace = `rs-bench-t${process.pid}`;
  const inside = ['ip', 'netns', 'exec', namespace];
  const files = join(directory, 'files');
  await mkdir(files);
  for (const [, mib] of Object.values(TFTP_LOADS)) await writeFile(join(files, `${mib}MiB`), randomBytes(mib * MIB));
  const programs: Program[] = [];
  const remove = async (): Promise<void> => {
    for (const program of programs) await program.stop();
    await run('ip', ['netns', 'del', namespace]);
    await rm(directory, { recursive: true, force: true });
  };
  await run('ip', ['netns', 'add', namespace]);
  try {
    await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    // in.tftpd asks the resolver for addresses of configured families only, and loopback's own does not count as one.
    await run('ip', ['-n', namespace, 'addr', 'add', '10.99.0.1/24', 'dev', 'lo']);
    const ports = await startServers({ directory, files, inside, programs });
    return {
      async measure(who, client, load) {
        const [clients, mib] = TFTP_LOADS[load];
        let [bytes, seconds] = [0, 0];
        while (seconds < LEAST_SECONDS) {
          seconds += await fetchAll(inside, TFTP_CLIENTS[client](ports[who], `${mib}MiB`), clients);
          bytes += clients * mib * MIB;
        }
        return bytes / seconds / 1e6;
      },
      remove,
    };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}

interface Place {
  readonly directory: string;
  readonly files: string;
  readonly inside: readonly string[];
  readonly programs: Program[];
}

async function startServers(place: Place): Promise<Record<TftpServerKind, number>> {
  const { directory, files, inside, programs } = place;
  const start = async (words: readonly string[], ready?: RegExp): Promise<Program> => {
    const program = await startProgram([...inside, ...words], ready);
    programs.push(program);
    return program;
  };
  const ours = await start([process.execPath, ...process.execArgv, OURS, files, ...(await readdir(files))]);
  const port = Number((await ours.saying(/port (\d+)/))[1]);
  const ports = { ours: port, atftpd: 6901, 'tftpd-hpa': 6902, dnsmasq: 69 };
  const atftpd = await unpackAtftpd(directory);
  await start(words(`${atftpd} --daemon --no-fork --user root.root --bind-address ${HOST} --port 6901 --maxthread 1000 ${files}`));
  await start(words(`in.tftpd --foreground --address ${HOST}:6902 --user root --secure ${files}`));
  const bare = 'dnsmasq --keep-in-foreground --conf-file=/dev/null --log-facility=- --user=root --port=0';
  const tftp = `--listen-address=${HOST} --bind-interfaces --enable-tftp --tftp-root=${files} --tftp-max=1000`;
  await start(words(`${bare} ${tftp} --pid-file=${directory}/dnsmasq.pid`), /TFTP root is/);
  for (const who of TFTP_SERVERS) await prove(place, ports[who]);
  return ports;
}

const words = (line: string): string[] => line.split(' ');

/** Before anything is measured each server gives the right bytes to each client; a client that asks too early asks again. */
async function prove({ directory, files, inside }: Place, port: number): Promise<void> {
  const [, mib] = TFTP_LOADS['64 clients'];
  const got = join(directory, 'got');
  for (const client of Object.values(TFTP_CLIENTS)) {
    await run(inside[0] ?? '', [...inside.slice(1), 'sh', '-c', client(port, `${mib}MiB`), 'sh', got], { timeout: 30_000 });
    if (!(await readFile(got)).equals(await readFile(join(files, `${mib}MiB`)))) throw new Error(`port ${port} gave other bytes`);
  }
}

/** Debian's atftpd and tftpd-hpa exclude each other: this one is unpacked beside the installed one. */
async function unpackAtftpd(directory: string): Promise<string> {
  const place = join(directory, 'atftpd');
  await mkdir(place);
  await run('apt-get', ['download', '-o', 'APT::Sandbox::User=root', 'atftpd'], { cwd: place });
  const [archive = ''] = await readdir(place);
  await run('dpkg-deb', ['-x', join(place, archive), place]);
  return join(place, 'usr/sbin/atftpd');
}

/** All at once, out of one shell that sums up their failures; the bytes are thrown away, so that no disk is measured. */
async function fetchAll(inside: readonly string[], client: string, clients: number): Promise<number> {
  const script = `one() { ${client} >/dev/null; }
    pids=; failed=0; begin=$(date +%s.%N)
    for i in $(seq ${clients}); do one /dev/null & pids="$pids $!"; done
    for pid in $pids; do wait $pid || failed=$((failed + 1)); done
    echo $begin $(date +%s.%N) $failed`;
  const { stdout, stderr } = await run(inside[0] ?? '', [...inside.slice(1), 'bash', '-c', script], { timeout: 120_000 });
  const [begin = 0, end = 0, failed = 1] = stdout.trim().split(' ').map(Number);
  if (failed > 0) throw new Error(`${failed} of ${clients} clients failed: ${stderr.slice(0, 500)}`);
  return end - begin;
}

/** Every load with one kind of client, as the cases of a bench. */
export function tftpCases(lab: () => TftpLab, who: TftpServerKind, client: TftpClientKind): Record<TftpLoad, () => Promise<number>> {
  return {
    '1 client': () => lab().measure(who, client, '1 client'),
    '8 clients': () => lab().measure(who, client, '8 clients'),
    '64 clients': () => lab().measure(who, client, '64 clients'),
  };
}
