// Reads from a disk as fast as it goes, in order or here and there; never writes. Past the page cache where the kernel lets us.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Clock, messageOf, type Random } from '../../lib/index.ts';
import { alignedBuffers } from '../writing/aligned.ts';

export interface Reading {
  readonly path: string;
  readonly size: number;
  readonly how: 'sequential' | 'random';
  readonly milliseconds: number;
  readonly signal: AbortSignal;
}

export interface ReadFigures {
  readonly bytes: number;
  readonly reads: number;
  readonly milliseconds: number;
  readonly faults: readonly string[];
}

const BLOCK = { sequential: 1024 * 1024, random: 4096 } as const;
const FAULTS_MAX = 16;
/** So many are under way at once: one at a time measures the way to an NVMe disk, not the disk. */
const DEPTH = { sequential: 2, random: 8 } as const;

export async function readDisk(parts: { readonly clock: Clock; readonly random: Random }, reading: Reading): Promise<ReadFigures> {
  const { clock } = parts;
  const file = await openDirect(reading.path);
  const begun = clock.monotonic();
  const figures = { bytes: 0, reads: 0, faults: [] as string[] };
  let next = 0;
  const block = BLOCK[reading.how];
  const blocks = Math.floor(reading.size / block);
  const worker = async (buffer: Buffer): Promise<void> => {
    while (blocks > 0 && clock.monotonic() - begun < reading.milliseconds && figures.faults.length < FAULTS_MAX) {
      reading.signal.throwIfAborted();
      const at = (reading.how === 'random' ? Math.floor(parts.random.float() * blocks) : next++ % blocks) * block;
      try {
        const { bytesRead } = await file.read(buffer, 0, block, at);
        figures.bytes += bytesRead;
      } catch (error) {
        figures.faults.push(`${reading.path}: byte ${at} could not be read: ${messageOf(error)}`);
      }
      figures.reads += 1;
    }
  };
  try {
    await Promise.all(alignedBuffers(DEPTH[reading.how], block).map(worker));
  } finally {
    await file.close();
  }
  return { ...figures, milliseconds: clock.monotonic() - begun };
}

async function openDirect(path: string): Promise<FileHandle> {
  // tmpfs and some drivers know no direct reads.
  return open(path, constants.O_RDONLY | constants.O_DIRECT).catch(() => open(path, constants.O_RDONLY));
}
