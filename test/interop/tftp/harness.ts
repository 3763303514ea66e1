// A TFTP server on a free loopback port with files made of noise, and the clients that fetch from it.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { silentLog, systemClock } from '../../../src/lib/index.ts';
import {
  createTftpServer,
  setSegmentSize,
  type TftpFile,
  type TftpNote,
  type TftpServer,
  type TftpServerOptions,
} from '../../../src/net/tftp/index.ts';

const run = promisify(execFile);
const CLIENT_TIMEOUT_MS = 120_000;

export interface Served {
  readonly server: TftpServer;
  readonly port: number;
  readonly notes: TftpNote[];
  /** Files opened and not closed. */
  readonly open: () => number;
}

/** Any name that is a number is a file of so many bytes. */
export async function serve(options: Partial<TftpServerOptions> = {}): Promise<Served> {
  const notes: TftpNote[] = [];
  let open = 0;
  const find = (name: string): Promise<TftpFile | { refuse: string }> => {
    if (!/^\d+$/.test(name)) return Promise.resolve({ refuse: 'no such file' });
    open += 1;
    const close = (): void => {
      open -= 1;
    };
    const bytes = noise(Number(name));
    const read = (offset: number, length: number): Promise<Uint8Array> => Promise.resolve(bytes.subarray(offset, offset + length));
    return Promise.resolve({ kind: 'file', size: bytes.length, read, close });
  };
  const server = createTftpServer({
    listen: { host: '127.0.0.1', port: 0 },
    find,
    clock: systemClock,
    log: silentLog,
    note: (note) => notes.push(note),
    setSegmentSize,
    ...options,
  });
  await server.start(AbortSignal.timeout(5000));
  onTestFinished(() => server.stop());
  return { server, port: server.address().port, notes, open: () => open };
}

/** The same bytes for the same size; no two blocks alike. */
export function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = 0x9e3779b9;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export type Fetch = (what: {
  readonly name: string;
  readonly port: number;
  readonly to: string;
}) => readonly [command: string, ...args: string[]];

const npmTftp = createRequire(import.meta.url).resolve('tftp');
// The library may end its process on a stray datagram: it lives in a child of its own.
const NPM_CLIENT =
  'const [lib, windowSize, port, name, to] = process.argv.slice(1); require(lib).createClient({ host: "127.0.0.1", port: Number(port), windowSize: Number(windowSize) }).get(name, to, (e) => { if (e) throw e; });';

export const CLIENTS: Readonly<Record<string, Fetch>> = {
  curl: ({ name, port, to }) => ['curl', '-sS', '--fail', '-o', to, `tftp://127.0.0.1:${port}/${name}`],
  'curl without options': ({ name, port, to }) => [
    'curl',
    '-sS',
    '--fail',
    '--tftp-no-options',
    '-o',
    to,
    `tftp://127.0.0.1:${port}/${name}`,
  ],
  'curl with blksize 1468': ({ name, port, to }) => [
    'curl',
    '-sS',
    '--fail',
    '--tftp-blksize',
    '1468',
    '-o',
    to,
    `tftp://127.0.0.1:${port}/${name}`,
  ],
  'curl with the largest blksize': ({ name, port, to }) => [
    'curl',
    '-sS',
    '--fail',
    '--tftp-blksize',
    '65464',
    '-o',
    to,
    `tftp://127.0.0.1:${port}/${name}`,
  ],
  'tftp-hpa': ({ name, port, to }) => ['tftp', '-m', 'binary', '127.0.0.1', String(port), '-c', 'get', name, to],
  atftp: ({ name, port, to }) => ['atftp', '--get', '--remote-file', name, '--local-file', to, '127.0.0.1', String(port)],
  'atftp with blksize, tsize and windowsize': ({ name, port, to }) => [
    'atftp',
    '--option',
    'blksize 1428',
    '--option',
    'tsize 0',
    '--option',
    'windowsize 16',
    '--get',
    '--remote-file',
    name,
    '--local-file',
    to,
    '127.0.0.1',
    String(port),
  ],
  'busybox tftp': ({ name, port, to }) => ['busybox', 'tftp', '-g', '-r', name, '-l', to, '127.0.0.1', String(port)],
  'busybox tftp with blksize': ({ name, port, to }) => [
    'busybox',
    'tftp',
    '-b',
    '1400',
    '-g',
    '-r',
    name,
    '-l',
    to,
    '127.0.0.1',
    String(port),
  ],
  'npm tftp': ({ name, port, to }) => [process.execPath, '--no-deprecation', '-e', NPM_CLIENT, npmTftp, '4', String(port), name, to],
  'npm tftp without windows': ({ name, port, to }) => [
    process.execPath,
    '--no-deprecation',
    '-e',
    NPM_CLIENT,
    npmTftp,
    '1',
    String(port),
    name,
    to,
  ],
};

/** The size of block that a client asks for, where it is not 512. */
export const BLOCK_OF: Readonly<Record<string, number>> = {
  'curl with blksize 1468': 1468,
  'curl with the largest blksize': 65_464,
  'atftp with blksize, tsize and windowsize': 1428,
  'busybox tftp with blksize': 1400,
  'npm tftp': 1468,
  'npm tftp without windows': 1468,
};

export const CLIENTS_ROLLING: Readonly<Record<string, Fetch>> = {
  'curl with blksize 8': ({ name, port, to }) => [
    'curl',
    '-sS',
    '--fail',
    '--tftp-blksize',
    '8',
    '-o',
    to,
    `tftp://127.0.0.1:${port}/${name}`,
  ],
  'atftp with windows of the smallest usual blocks': ({ name, port, to }) => [
    ...(['atftp', '--option', 'windowsize 16', '--get', '--remote-file', name, '--local-file', to, '127.0.0.1', String(port)] as const),
  ],
};

/** What the client wrote. */
export async function fetchWith(client: Fetch, port: number, name: string): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-tftp-'));
  try {
    const to = join(directory, 'got');
    const [command, ...args] = client({ name, port, to });
    await run(command, args, { timeout: CLIENT_TIMEOUT_MS, cwd: directory });
    return await readFile(to);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
