// What an image is packed with, by its first bytes, and the stream that unpacks it: Node's own for zstd and gzip, a program of the RAM
// system for xz and bzip2. Knows neither where the bytes come from nor where they go.

import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { fail } from '../../errors.ts';

export const PACKINGS = ['none', 'zstd', 'xz', 'gz', 'bzip2'] as const;
export type Packing = (typeof PACKINGS)[number];

/** Of what comes out; larger pieces are fewer turns of the loop. */
const CHUNK = 1024 * 1024;
/** So much is unpacked ahead while what came before is being written: with less, one waits for the other. */
const AHEAD = 4 * CHUNK;
const OPTIONS = { chunkSize: CHUNK, highWaterMark: AHEAD } as const;

const MAGIC: readonly (readonly [packing: Packing, hex: string])[] = [
  ['zstd', '28b52ffd'],
  ['gz', '1f8b'],
  ['xz', 'fd377a585a00'],
  ['bzip2', '425a68'],
];

export function packingOf(head: Buffer): Packing {
  return MAGIC.find(([, hex]) => head.subarray(0, hex.length / 2).toString('hex') === hex)?.[0] ?? 'none';
}

/** The first that is there. */
const PROGRAMS = {
  xz: [
    ['xz', '-dcq'],
    ['busybox', 'xzcat'],
  ],
  bzip2: [
    ['bzip2', '-dcq'],
    ['busybox', 'bzcat'],
  ],
} as const;

/** Undefined: nothing to unpack. */
export async function createInflater(packing: Packing): Promise<Duplex | undefined> {
  switch (packing) {
    case 'none':
      return undefined;
    case 'zstd':
      return createZstdDecompress(OPTIONS);
    case 'gz':
      return createGunzip(OPTIONS);
    case 'xz':
    case 'bzip2':
      return firstProgram(packing);
  }
}

async function firstProgram(packing: 'xz' | 'bzip2'): Promise<Duplex> {
  for (const [command, ...args] of PROGRAMS[packing]) {
    const child = await started(command, args);
    if (child !== undefined) return throughProgram(child, command);
  }
  throw fail('agent.image_failed', { message: `there is no program for ${packing} in this RAM system`, hint: 'Pack the image with zstd.' });
}

type Child = ReturnType<typeof spawnPiped>;

function spawnPiped(command: string, args: readonly string[]) {
  return spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
}

function started(command: string, args: readonly string[]): Promise<Child | undefined> {
  return new Promise((resolve) => {
    const child = spawnPiped(command, args);
    child.once('spawn', () => resolve(child));
    child.once('error', () => resolve(undefined)); // not there: the next one is tried
  });
}

/** Ends with an error where the program does: what it gave until then is not all. */
function throughProgram(child: Child, name: string): Duplex {
  const ended = new Promise<number | null>((resolve) => void child.once('close', resolve));
  async function* output(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) yield chunk;
      const code = await ended;
      if (code !== 0) throw fail('agent.image_failed', { message: `${name} could not unpack the image: it is damaged or cut off` });
    } finally {
      child.kill('SIGKILL');
    }
  }
  return Duplex.from({ writable: child.stdin, readable: output() });
}
