// Installer ISOs with one more file, the mode file, in their root: put together as they are read, or as copies by xorriso where that can't be.
// Keeps the last few; the same installer and content give the same bytes.

import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { Installer, VirtualIso } from '../seam.ts';
import { createCopies } from './copies.ts';
import { type FreeBytes, hashFile, wantRoom } from './disk-files.ts';

export const MODE_FILE = 'auto-installer-mode.toml';
/** Of one machine each; a rack that is installed at once has more, and each is made anew in milliseconds. */
const OVERLAYS_MAX = 64;
/** Each as large as the ISO; further machines wait until one of these is not read any more. */
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
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
}

export interface ModeFiles {
  withModeFile(installer: Installer, content: Buffer): Promise<VirtualIso>;
  /** Copies of an earlier life: they are made again when they are wanted. */
  sweep(): Promise<void>;
}

export function createModeFiles({ directory, tools, free, clock }: ModeFilesOptions): ModeFiles {
  const folder = join(directory, COPIES);
  const copies = createCopies(COPIES_MAX, clock);
  const overlays = new Map<string, Promise<VirtualIso>>();

  const remaster = async (installer: Installer, content: Buffer, path: string): Promise<Pick<VirtualIso, 'bytes' | 'tag'>> => {
    await mkdir(folder, { recursive: true });
    await wantRoom(folder, installer.iso.bytes, `a copy of ${installer.name} with its mode file`, free);
    const draft = `${path}.new`;
    await rm(draft, { force: true });
    try {
      await tools.remaster(installer.iso, { name: MODE_FILE, content }, draft);
      const { sha256, bytes } = await hashFile(draft, { signal: new AbortController().signal });
      await rename(draft, path);
      return { bytes, tag: sha256 };
    } catch (thrown) {
      // As large as the ISO, and good for nothing: on a disk that was too small for it, what is left would be in everybody's way.
      await rm(draft, { force: true });
      throw thrown;
    }
  };

  const overlay = async (installer: Installer, content: Buffer, key: string): Promise<VirtualIso> => {
    const made = overlays.get(key) ?? tools.addFile(installer.iso, { name: MODE_FILE, content });
    // To the end of the row: the first ones are dropped first.
    overlays.delete(key);
    overlays.set(key, made);
    const oldest = overlays.keys().next();
    if (overlays.size > OVERLAYS_MAX && oldest.done !== true) overlays.delete(oldest.value);
    try {
      return await made;
    } catch (thrown) {
      overlays.delete(key);
      throw thrown;
    }
  };

  return {
    async withModeFile(installer, content) {
      if (installer.carrier === null) throw unusable(installer);
      const key = createHash('sha256').update(`${installer.id}\n`).update(content).digest('hex');
      if (installer.carrier === 'overlay') return overlay(installer, content, key);
      const path = join(folder, `${key}.iso`);
      return copies.of(key, path, () => remaster(installer, content, path));
    },
    async sweep() {
      const left = await readdir(folder).catch((thrown: unknown) => {
        if (systemCode(thrown) === 'ENOENT') return [];
        throw thrown;
      });
      for (const name of left) await rm(join(folder, name), { force: true });
    },
  };
}

export function unusable({ name, problem }: Installer): Error {
  return fail('install.no_installer', {
    message: `the installer ${name} can't be used: ${problem ?? 'its mode file can not be put into it'}`,
    hint: `Put that right, then: rackseed image verify ${name}. Or import another one: rackseed image add FILE`,
  });
}
