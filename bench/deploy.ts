// A sparse image of 2 GiB onto a disk: ours as the agent does it, from a web server on loopback, with its checksum; the peer is
// `qemu-img convert` of the same image, from the same machine's page cache, straight to the same disk.

import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWriteImage } from '../src/agent/commands/image/write-image.ts';
import type { CommandContext } from '../src/agent/commands/types.ts';
import { openDownload } from '../src/agent/download.ts';
import { runProgram, systemClock, systemRandom } from '../src/lib/index.ts';
import type { Bench } from './harness.ts';
import { type FileServer, startFileServer } from './support/file-server.ts';
import { type ImageServer, startImageServer } from './support/image-server.ts';

const MIB = 2 ** 20;
const SIZE = 2048 * MIB;
/** A system of 640 MiB in pieces with holes between, as file systems lay it out. */
const PIECE = 16 * MIB;
const EVERY = 51 * MIB;
const SECONDS_PER_MS = 1e-3;

let directory = '';
let server: FileServer | undefined;
let appliance: ImageServer | undefined;
let disk = '';
let isLoop = false;
const sums = new Map<string, string>();

async function tool(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, args, { timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

async function setup(): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-bench-deploy-'));
  const raw = join(directory, 'image.raw');
  await writeFile(raw, '');
  await truncate(raw, SIZE);
  const handle = await open(raw, 'r+');
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  for (let at = 0; at + PIECE <= SIZE; at += EVERY) await handle.write(noise.update(Buffer.alloc(PIECE)), 0, PIECE, at);
  await handle.close();
  await tool('zstd', '-q', '-1', raw, '-o', `${raw}.zst`);
  await tool('qemu-img', 'convert', '-O', 'qcow2', raw, join(directory, 'image.qcow2'));
  for (const name of ['image.raw', 'image.raw.zst', 'image.qcow2']) sums.set(name, await sumOf(join(directory, name)));
  server = await startFileServer(directory);
  appliance = await startImageServer(directory, 'image.raw');
  await makeDisk();
}

/** A loop device writes zeroes fast, as a virtio disk or an NVMe does; where there is none, a plain file. */
async function makeDisk(): Promise<void> {
  const backing = join(directory, 'disk');
  await writeFile(backing, '');
  await truncate(backing, SIZE + 256 * MIB);
  try {
    disk = await tool('losetup', '-f', '--show', backing);
    isLoop = true;
  } catch {
    disk = backing; // no loop devices here: said in the note
  }
}

async function teardown(): Promise<void> {
  await server?.stop();
  await appliance?.stop();
  if (isLoop) await tool('losetup', '-d', disk);
  await rm(directory, { recursive: true, force: true });
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  const stream = createReadStream(path, { highWaterMark: MIB });
  stream.on('data', (chunk) => hash.update(chunk));
  await once(stream, 'end');
  return `sha256:${hash.digest('hex')}`;
}

/** Every measurement begins with an empty disk whose file has no blocks: else the second to come overwrites what the first allocated. */
async function emptyDisk(): Promise<void> {
  if (isLoop) await tool('blkdiscard', '-f', disk);
  await tool('sync', join(directory, 'disk'));
}

async function ours(name: string, isAppliance = false): Promise<number> {
  await emptyDisk();
  const size = isLoop ? Number(await tool('blockdev', '--getsize64', disk)) : (await stat(disk)).size;
  const ref = { serial: 'bench', wwn: null, size, byPath: null, expects: null, title: 'bench' };
  const begun = performance.now();
  await createWriteImage()(
    {
      disk: ref,
      url: (isAppliance ? appliance : server)?.url(name) ?? '',
      checksum: sums.get(name) ?? null,
      isAppliance,
      format: 'auto',
      compression: 'auto',
      grow: false,
    },
    contextFor(size),
  );
  return (performance.now() - begun) * SECONDS_PER_MS;
}

function contextFor(size: number): CommandContext {
  const model = { model: null, vendor: null, wwn: null, wwn_with_extension: null, wwn_vendor_extension: null, hctl: null, by_path: null };
  const found = { ...model, name: disk, size, serial: 'bench', rotational: false, transport: null, removable: false, read_only: false };
  const contents = { table: null, tableUuid: null, partitions: [], signatures: [], system: null, isBlank: false, unread: null };
  return {
    isResumed: false,
    signal: new AbortController().signal,
    run: runProgram,
    clock: systemClock,
    random: systemRandom,
    open: (url, options) =>
      openDownload(url, options, { appliance: new URL(appliance?.url('/') ?? ''), agent: undefined, token: () => undefined }),
    log: () => undefined,
    note: () => undefined,
    say: () => undefined,
    progress: () => undefined,
    resolve: (refs) =>
      Promise.resolve(
        refs.map((ref) => ({ ref, disk: found, path: disk, contents: { ...contents, name: disk, serial: 'bench', wwn: null, size } })),
      ),
    report: () => Promise.reject(new Error('nobody reports here')),
  };
}

/** `-t none`: past the page cache, and on the disk when it ends, as ours. */
async function convert(name: string, format: string): Promise<number> {
  await emptyDisk();
  const begun = performance.now();
  await tool('qemu-img', 'convert', '-n', '-t', 'none', '-f', format, '-O', 'raw', join(directory, name), disk);
  return (performance.now() - begun) * SECONDS_PER_MS;
}

export const bench: Bench = {
  name: 'deploy',
  unit: 's',
  larger: false,
  rounds: 3,
  setup,
  teardown,
  ours: {
    raw: () => ours('image.raw'),
    'raw-of-the-appliance': () => ours('image.raw', true),
    zstd: () => ours('image.raw.zst'),
    qcow2: () => ours('image.qcow2'),
  },
  // It unpacks no zstd: what it is measured with is the raw image that ours has packed.
  peers: {
    'qemu-img': {
      raw: () => convert('image.raw', 'raw'),
      'raw-of-the-appliance': () => convert('image.raw', 'raw'),
      zstd: () => convert('image.raw', 'raw'),
      qcow2: () => convert('image.qcow2', 'qcow2'),
    },
  },
  note: 'The disk is a loop device on a file (a plain file where there are none), not yet a virtio disk. qemu-img reads a local file and skips its holes without reading them; ours gets every byte of the file over HTTP and sums it up; of a raw image of the appliance it gets what is not zero, and sums up all of it.',
};
