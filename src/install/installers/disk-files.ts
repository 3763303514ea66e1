// Files of the disk, the way large ones are kept: hashed as they are read, flushed before they are believed, and room looked at before.

import { createHash } from 'node:crypto';
import { type FileHandle, open, rm, stat, statfs } from 'node:fs/promises';
import { systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { InstallerFile } from '../seam.ts';
import type { ReadAt } from './initrd-codec.ts';

const READ_BYTES = 1024 * 1024;
/** What stays free for the store and the logs. */
export const SPARE_BYTES = 512 * 1024 * 1024;
/** Eight uploads and an import that look so seldom stay well within what is spared. */
const LOOK_EVERY_BYTES = 16 * 1024 * 1024;

export interface Work {
  readonly signal: AbortSignal;
  /** Bytes done so far. */
  readonly onBytes?: (bytes: number) => void;
}

export async function hashFile(path: string, { signal, onBytes }: Work): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const handle = await open(path, 'r');
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.alloc(READ_BYTES);
    for (let bytes = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, bytes);
      if (bytesRead === 0) return { sha256: hash.digest('hex'), bytes };
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
      onBytes?.(bytes);
    }
  } finally {
    await handle.close();
  }
}

/** A new file, flushed to the disk when this resolves. */
export async function writeHashed(
  path: string,
  source: AsyncIterable<Buffer>,
  { signal, onBytes, beforeWrite }: Work & { readonly beforeWrite?: (bytes: number) => Promise<void> },
): Promise<InstallerFile> {
  await rm(path, { force: true });
  const handle = await open(path, 'wx', 0o644);
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of source) {
      signal.throwIfAborted();
      await beforeWrite?.(bytes);
      await handle.writeFile(chunk);
      hash.update(chunk);
      bytes += chunk.length;
      onBytes?.(bytes);
    }
    await handle.sync();
    return { path, bytes, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}

/** Whole, or not there. The directory's own entry is flushed by flushDirectory. */
export async function writeNew(path: string, text: string): Promise<void> {
  const handle = await open(path, 'w', 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A file or a directory: what was written to it, and which names are in it, survives a loss of power. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const stats = await stat(path);
    return stats.isFile() ? stats.size : undefined;
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

export function readAtOf(handle: FileHandle, path: string): ReadAt {
  return async (offset, length) => {
    const buffer = Buffer.alloc(length);
    for (let filled = 0; filled < length; ) {
      const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
      if (bytesRead === 0) throw new Error(`${path} ends at byte ${offset + filled}`);
      filled += bytesRead;
    }
    return buffer;
  };
}

interface Writer {
  write(bytes: Uint8Array, offset: number, length: number, at: number): Promise<{ readonly bytesWritten: number }>;
}

/** All of it: of a disk that is nearly full a call writes less than it was given, and says so only by its number. */
export async function writeAt(handle: Writer, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

export type FreeBytes = (directory: string) => Promise<number>;

export const freeBytes: FreeBytes = async (directory) => {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
};

/** Throws install.no_space, with the numbers. */
export async function wantRoom(directory: string, bytes: number, what: string, free: FreeBytes): Promise<void> {
  const available = await free(directory);
  if (available >= bytes + SPARE_BYTES) return;
  throw noSpace(
    `${what} takes ${mebibytes(bytes)} MiB, and ${directory} has ${mebibytes(available)} MiB free, of which ${mebibytes(SPARE_BYTES)} stay free`,
  );
}

export interface Growing {
  readonly directory: string;
  /** For messages. */
  readonly what: string;
  /** When it is whole; null: nobody knows. */
  readonly bytes: number | null;
  readonly free: FreeBytes;
}

/**
 * For a file that grows: called with its size so far before each write. There was room when it began; others fill the same disk, and the
 * store must not be the one that finds it full.
 */
export function roomFor({ directory, what, bytes, free }: Growing): (sizeSoFar: number) => Promise<void> {
  let lookAgainAt = 0;
  return async (sizeSoFar) => {
    if (sizeSoFar < lookAgainAt) return;
    lookAgainAt = sizeSoFar + LOOK_EVERY_BYTES;
    const rest = bytes === null ? LOOK_EVERY_BYTES : Math.max(0, bytes - sizeSoFar);
    await wantRoom(directory, rest, sizeSoFar === 0 ? what : `the rest of ${what}`, free);
  };
}

/** The disk itself may say it first: its own reserve, a quota, another that was faster. */
export function asNoSpace(thrown: unknown, directory: string, what: string): unknown {
  const isFull = ['ENOSPC', 'EDQUOT'].includes(systemCode(thrown) ?? '');
  return isFull ? noSpace(`${what}: the disk of ${directory} is full, or its quota is used up`, thrown) : thrown;
}

function noSpace(message: string, cause?: unknown): Error {
  return fail('install.no_space', {
    message,
    hint: 'Remove installers that are not needed (rackseed image remove), or give the data directory a larger disk; then try again.',
    ...(cause === undefined ? {} : { cause }),
  });
}

export function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
