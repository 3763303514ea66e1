// What one more file in an ISO costs: the boot listener sends an image of 1 GiB as it is and with a file put in while it is read, to one
// machine and to four at once. Both by the same listener in the same process.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Bench } from './harness.ts';
import { cpuSeconds, type Program, startProgram } from './support/programs.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const CONTENT = 1024 * MIB;
const FOLDER = join(import.meta.dirname, '..', '.artefacts', 'bench-iso-overlay');
const LEAST_SECONDS = 2;
const CLIENTS = 4;

type Which = 'overlay' | 'plain';

let server: Program;
let base: string;
let bytes: Readonly<Record<Which, number>>;

/** Under the id of an installation, which has 22 characters. */
const urlOf = (which: Which): string => `${base}/${which.padEnd(22, '-')}/proxmox.iso`;

/** Megabytes a second, of downloads one after the other (each by so many at once) until it has lasted. */
async function throughput(which: Which, clients: number): Promise<number> {
  const url = urlOf(which);
  let [sent, seconds] = [0, 0];
  while (seconds < LEAST_SECONDS) {
    const begun = performance.now();
    const sizes = await Promise.all(Array.from({ length: clients }, () => download(url)));
    seconds += (performance.now() - begun) / 1000;
    for (const size of sizes) {
      if (size !== bytes[which]) throw new Error(`${url}: ${size} bytes came, not ${bytes[which]}`);
      sent += size;
    }
  }
  return sent / seconds / 1e6;
}

async function download(url: string): Promise<number> {
  const { stdout } = await run('curl', ['-sSf', '-o', '/dev/null', '-w', '%{size_download}', url]);
  return Number(stdout);
}

/** Megabytes that the server sends for a second of its CPU time. */
async function perCpuSecond(which: Which): Promise<number> {
  const pid = server.child.pid ?? 0;
  const before = await cpuSeconds(pid);
  const size = await download(urlOf(which));
  return size / 1e6 / ((await cpuSeconds(pid)) - before);
}

const casesOf = (which: Which) => ({
  '1 machine': () => throughput(which, 1),
  '4 machines at once': () => throughput(which, CLIENTS),
  'a second of CPU time': () => perCpuSecond(which),
});

export const bench: Bench = {
  name: 'iso-overlay',
  unit: 'MB/s',
  larger: true,
  note: 'loopback, the image warm in the page cache; client and server share the cores. Ours has the file put in, the peer is the file as it is.',
  async setup() {
    await rm(FOLDER, { recursive: true, force: true });
    const tree = join(FOLDER, 'tree');
    await mkdir(tree, { recursive: true });
    await fill(join(tree, 'pve-base.squashfs'), CONTENT);
    const iso = join(FOLDER, 'image.iso');
    await run('xorriso', ['-as', 'mkisofs', '-quiet', '-R', '-V', 'PVE', '-o', iso, tree], { timeout: 120_000 });
    await rm(tree, { recursive: true });
    server = await startProgram([process.execPath, join(import.meta.dirname, 'support', 'iso-server.ts'), iso]);
    const [, port, plain, overlay] = await server.saying(/port (\d+) bytes (\d+) (\d+)/);
    base = `http://127.0.0.1:${port}/boot/install`;
    bytes = { plain: Number(plain), overlay: Number(overlay) };
    await download(urlOf('plain'));
  },
  async teardown() {
    await server.stop();
    await rm(FOLDER, { recursive: true, force: true });
  },
  ours: casesOf('overlay'),
  peers: { 'the file alone': casesOf('plain') },
};

/** Written out, so that writing it back does not fall into the first round. */
async function fill(path: string, size: number): Promise<void> {
  const handle = await open(path, 'w');
  try {
    const block = randomBytes(4 * MIB);
    for (let written = 0; written < size; written += block.length) await handle.write(block, 0, Math.min(block.length, size - written));
    await handle.sync();
  } finally {
    await handle.close();
  }
}
