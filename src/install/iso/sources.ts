// The bytes of an ISO as the rest of this folder wants them: a file of the disk, with or without patches over it. No patched byte is ever
// written anywhere: it is put in while it is read.

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { messageOf, type RackseedError } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { IsoSource, VirtualIso } from '../seam.ts';
import type { ReadAt } from './tree.ts';
import type { Patch } from './volume-codec.ts';

export interface IsoFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Bytes of the file, and what is over and behind them. */
export interface Overlay {
  /** By offset, none over another; those from `behind` on are new, with zeros between them. */
  readonly patches: readonly Patch[];
  /** Where the file ends. */
  readonly behind: number;
  readonly bytes: number;
}

/** The open handle keeps the bytes that the name meant now, also when the file is replaced meanwhile. */
export async function openIsoFile({ path, bytes }: Pick<IsoFile, 'path' | 'bytes'>): Promise<IsoSource> {
  const handle = await open(path, 'r').catch((thrown: unknown) => {
    throw gone(messageOf(thrown), thrown);
  });
  const found = await handle.stat();
  if (found.size === bytes) return { read: (into, position) => readFully(handle, path, into, position), close: () => handle.close() };
  await handle.close();
  throw gone(`${path} has ${found.size} bytes where ${bytes} were promised`);
}

function gone(message: string, cause?: unknown): RackseedError {
  return fail('install.bad_iso', { message, hint: 'Import the ISO again: rackseed image add', ...(cause === undefined ? {} : { cause }) });
}

export function virtualIso(file: IsoFile, overlay: Overlay): VirtualIso {
  return {
    bytes: overlay.bytes,
    tag: tagOf(file, overlay),
    async open() {
      const source = await openIsoFile(file);
      return { read: (into, position) => readOverlay(source, overlay, into, position), close: () => source.close() };
    },
  };
}

/** For readers by offset. Never more at once than its readers allow. */
export function readsOf(source: IsoSource): ReadAt {
  return async (offset, length) => {
    const into = Buffer.allocUnsafe(length);
    await source.read(into, offset);
    return into;
  };
}

/** The file's bytes go straight into the buffer that is sent; nearly no read meets a patch. */
export async function readOverlay(source: IsoSource, { patches, behind, bytes }: Overlay, into: Buffer, position: number): Promise<void> {
  const end = position + into.length;
  if (position < 0 || end > bytes) throw new RangeError(`bytes ${position} to ${end} of an image of ${bytes}`);
  const fromFile = Math.max(0, Math.min(end, behind) - position);
  if (fromFile > 0) await source.read(fromFile === into.length ? into : into.subarray(0, fromFile), position);
  if (fromFile < into.length) into.fill(0, fromFile);
  for (let index = firstEndingAfter(patches, position); index < patches.length; index += 1) {
    const patch = patches[index];
    if (patch === undefined || patch.offset >= end) return;
    const from = Math.max(0, position - patch.offset);
    patch.bytes.copy(into, patch.offset + from - position, from);
  }
}

function firstEndingAfter(patches: readonly Patch[], position: number): number {
  let [low, high] = [0, patches.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const patch = patches[middle];
    if (patch !== undefined && patch.offset + patch.bytes.length <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Of all that the bytes come from. */
function tagOf({ sha256 }: IsoFile, { patches, bytes }: Overlay): string {
  const hash = createHash('sha256').update(`${sha256}\n${bytes}\n`);
  for (const patch of patches) hash.update(`${patch.offset} ${patch.bytes.length}\n`).update(patch.bytes);
  return hash.digest('hex');
}

async function readFully(handle: FileHandle, path: string, into: Buffer, position: number): Promise<void> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await handle.read(into, filled, into.length - filled, position + filled);
    if (bytesRead === 0) throw new Error(`${path} ends at byte ${position + filled}, while it is read`);
    filled += bytesRead;
  }
}
