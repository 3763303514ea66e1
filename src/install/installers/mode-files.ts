// Installer ISOs with one more file, the mode file, in their root: put together as they are read, or as copies by xorriso where that can't be.
// Keeps the last few; the same installer and content give the same bytes.

import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { Installer, VirtualIso } from '../seam.ts';
import { type FreeBytes, hashFile, readAtOf, wantRoom } from './disk-files.ts';

export const MODE_FILE = 'auto-installer-mode.toml';
/** Of one machine each; a rack that is installed at once has more, and each is made anew in milliseconds. */
const OVERLAYS_MAX = 64;
/** Each as large as the ISO. */
const COPIES_MAX = 3;
export const COPIES = 'tmp';

export interface NewIsoFile {
  readonly name: string;
  readonly content: Buffer;
}

export interface IsoTools {
  /** Throws install.iso_overlay_failed. */
  addFile(iso: { readonly path: string; readonly bytes: number; readonly sha256: string }, file: NewIsoFile): Promise<VirtualIso>;
  /** Throws install.remaster_failed. */
  remaster(iso: { readonly path: string; readonly bytes: number }, file: NewIsoFile, outPath: string): Promise<void>;
}

export interface ModeFilesOptions {
  /** Of the installers. */
  readonly directory: string;
  readonly tools: IsoTools;
  readonly free: FreeBytes;
}

export interface ModeFiles {
  withModeFile(installer: Installer, content: Buffer): Promise<VirtualIso>;
  /** Copies of an earlier life: they are made again when they are wanted. */
  sweep(): Promise<void>;
}

export function createModeFiles({ directory, tools, free }: ModeFilesOptions): ModeFiles {
  const copies = join(directory, COPIES);
  const known = new Map<string, { readonly made: Promise<VirtualIso>; readonly carrier: Installer['carrier'] }>();
  /** By path: how many read it just now. */
  const readers = new Map<string, number>();

  const make = async (installer: Installer, content: Buffer, key: string): Promise<VirtualIso> => {
    const file = { name: MODE_FILE, content };
    if (installer.carrier === 'overlay') return tools.addFile(installer.iso, file);
    await mkdir(copies, { recursive: true });
    await dropCopies(COPIES_MAX - 1);
    await wantRoom(copies, installer.iso.bytes, `a copy of ${installer.name} with its mode file`, free);
    const path = join(copies, `${key}.iso`);
    const draft = `${path}.new`;
    await rm(draft, { force: true });
    try {
      await tools.remaster(installer.iso, file, draft);
      const { sha256, bytes } = await hashFile(draft, { signal: new AbortController().signal });
      await rename(draft, path);
      return { bytes, tag: sha256, open: () => openCopy(path, readers) };
    } catch (thrown) {
      // As large as the ISO, and good for nothing: on a disk that was too small for it, what is left would be in everybody's way.
      await rm(draft, { force: true });
      throw thrown;
    }
  };

  /** The ones that were wanted longest ago, unless they are being read. */
  const dropCopies = async (kept: number): Promise<void> => {
    const names = [...known].filter(([, one]) => one.carrier === 'remaster').map(([key]) => key);
    for (const key of names.slice(0, Math.max(0, names.length - kept - 1))) {
      const path = join(copies, `${key}.iso`);
      if ((readers.get(path) ?? 0) > 0) continue;
      known.delete(key);
      await rm(path, { force: true });
    }
  };

  return {
    async withModeFile(installer, content) {
      if (installer.carrier === null) throw unusable(installer);
      const key = createHash('sha256').update(`${installer.id}\n`).update(content).digest('hex');
      const before = known.get(key);
      const made = before?.made ?? make(installer, content, key);
      // To the end of the row: the first ones are dropped first.
      known.delete(key);
      known.set(key, { made, carrier: installer.carrier });
      dropOverlays(known);
      try {
        return await made;
      } catch (thrown) {
        known.delete(key);
        throw thrown;
      }
    },
    async sweep() {
      const left = await readdir(copies).catch((thrown: unknown) => {
        if (systemCode(thrown) === 'ENOENT') return [];
        throw thrown;
      });
      for (const name of left) await rm(join(copies, name), { force: true });
    },
  };
}

function dropOverlays(known: Map<string, { readonly carrier: Installer['carrier'] }>): void {
  const overlays = [...known].filter(([, one]) => one.carrier === 'overlay').map(([key]) => key);
  for (const key of overlays.slice(0, Math.max(0, overlays.length - OVERLAYS_MAX))) known.delete(key);
}

async function openCopy(path: string, readers: Map<string, number>): ReturnType<VirtualIso['open']> {
  const handle = await open(path, 'r');
  const readAt = readAtOf(handle, path);
  readers.set(path, (readers.get(path) ?? 0) + 1);
  let isOpen = true;
  return {
    read: async (into, position) => {
      (await readAt(position, into.length)).copy(into);
    },
    close: async () => {
      if (isOpen) readers.set(path, (readers.get(path) ?? 1) - 1);
      isOpen = false;
      await handle.close();
    },
  };
}

export function unusable({ name, problem }: Installer): Error {
  return fail('install.no_installer', {
    message: `the installer ${name} can't be used: ${problem ?? 'its mode file can not be put into it'}`,
    hint: `Put that right, then: rackseed image verify ${name}. Or import another one: rackseed image add FILE`,
  });
}
