// Makes an installer of an ISO that lies in our own directory: recognised, kernel and initrd taken out, whole or not at all.

import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RackseedError, type Run } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { Installer } from '../seam.ts';
import type { CdInfo } from './cd-info-codec.ts';
import { type FreeBytes, flush, sizeOf, type Work, wantRoom, writeHashed } from './disk-files.ts';
import { InitrdFault, ranged, repacked } from './initrd.ts';
import { withIso } from './iso-files.ts';
import { type IsoTools, MODE_FILE } from './mode-files.ts';
import { KERNEL_PATH, recognise, unfit } from './recognise.ts';
import { draftOf, FILE_NAMES, INSTALLERS_MAX, type Shelf } from './shelf.ts';

export interface TakeOptions {
  readonly directory: string;
  readonly shelf: Shelf;
  readonly tools: Pick<IsoTools, 'addFile'>;
  readonly run: Run;
  readonly free: FreeBytes;
  /** UTC milliseconds. */
  readonly now: () => number;
}

export interface Arrived {
  /** Whose it is: names the draft, so that another try finds it. */
  readonly task: string;
  /** In our directory; it is moved. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** For messages: where it came from. */
  readonly where: string;
  /** Null: by what it is. */
  readonly name: string | null;
}

/** Kernel and initrd with room to spare. */
const TAKEN_OUT_BYTES = 1024 ** 3;
const SAMPLE_MODE_FILE = Buffer.from('mode = "http"\n');
const XORRISO_HINT = 'apt-get install xorriso';

/** Again with the same is the same installer. */
export async function takeInstaller(options: TakeOptions, arrived: Arrived, work: Work): Promise<Installer> {
  const { shelf, directory, free } = options;
  const known = (await shelf.list()).find(({ id }) => id === arrived.sha256);
  if (known !== undefined) {
    await rm(arrived.path, { force: true });
    await rm(draftOf(directory, arrived.task), { recursive: true, force: true });
    return known;
  }
  const draft = await emptyDraft(options, arrived);
  await wantRoom(directory, Math.min(arrived.bytes, TAKEN_OUT_BYTES), 'the kernel and the initrd of it', free);
  const { info, kernel, initrd } = await takeOut(arrived, draft, work);
  const name = await freeName(shelf, info, arrived);
  const carried = await carrierOf(options, arrived);
  await rename(arrived.path, join(draft, FILE_NAMES.iso));
  const { product, title, release, isoRelease } = info;
  const iso = { bytes: arrived.bytes, sha256: arrived.sha256 };
  const entry = { name, product, title, release, isoRelease, iso, kernel, initrd, ...carried, fault: null, addedAt: options.now() };
  return shelf.put(draft, entry);
}

async function emptyDraft({ directory }: TakeOptions, arrived: Arrived): Promise<string> {
  await unmade(directory, arrived);
  const draft = draftOf(directory, arrived.task);
  await mkdir(draft, { recursive: true });
  await flush(arrived.path);
  return draft;
}

/** Nothing of the installer, and the ISO where it was: a try that was cut off may have moved it into its draft already. */
export async function unmade(directory: string, { task, path }: Pick<Arrived, 'task' | 'path'>): Promise<void> {
  const draft = draftOf(directory, task);
  const moved = join(draft, FILE_NAMES.iso);
  if ((await sizeOf(path)) === undefined && (await sizeOf(moved)) !== undefined) await rename(moved, path);
  await rm(draft, { recursive: true, force: true });
}

type Taken = Readonly<Record<'kernel' | 'initrd', { readonly bytes: number; readonly sha256: string }>> & { readonly info: CdInfo };

function takeOut({ path, where }: Arrived, draft: string, work: Work): Promise<Taken> {
  return withIso(path, where, async (view) => {
    const { info, kernel, initrd, archives } = await recognise(view, where);
    const kernelBytes = ranged(kernel.readAt, 0, kernel.bytes);
    try {
      return {
        info,
        kernel: bare(await writeHashed(join(draft, FILE_NAMES.kernel), kernelBytes, { signal: work.signal })),
        initrd: bare(await writeHashed(join(draft, FILE_NAMES.initrd), repacked(initrd.readAt, archives, initrd.bytes), work)),
      };
    } catch (thrown) {
      if (!(thrown instanceof InitrdFault)) throw thrown;
      throw unfit(where, `its initrd: ${thrown.message}`, `Compare the ISO with its checksum. The kernel in it is /${KERNEL_PATH}.`);
    }
  });
}

function bare({ bytes, sha256 }: { readonly bytes: number; readonly sha256: string }): { readonly bytes: number; readonly sha256: string } {
  return { bytes, sha256 };
}

async function freeName(shelf: Shelf, { isoName, release, isoRelease }: CdInfo, { name, sha256 }: Arrived): Promise<string> {
  const all = await shelf.list();
  if (all.length >= INSTALLERS_MAX) {
    throw fail('install.upload_refused', {
      message: `there are ${all.length} installers already, and no more are kept`,
      hint: 'Remove some that are not needed: rackseed image remove NAME',
    });
  }
  const isTaken = (wanted: string): boolean => all.some((one) => one.name === wanted);
  const own = `${isoName}-${release}-${isoRelease}`;
  if (name === null) return isTaken(own) ? `${own}-${sha256.slice(0, 8)}` : own;
  if (!isTaken(name)) return name;
  throw fail('install.installer_name_taken', { message: `another installer is called ${name}`, hint: 'Give this one another name.' });
}

/** How the mode file can get into it. */
async function carrierOf({ tools, run }: TakeOptions, { path, bytes, sha256 }: Arrived): Promise<Pick<Installer, 'carrier' | 'problem'>> {
  try {
    await tools.addFile({ path, bytes, sha256 }, { name: MODE_FILE, content: SAMPLE_MODE_FILE });
    return { carrier: 'overlay', problem: null };
  } catch (thrown) {
    if (!(thrown instanceof RackseedError) || !['install.iso_overlay_failed', 'install.bad_iso'].includes(thrown.code)) throw thrown;
    const why = `a file can't be added to it as it is sent (${messageOf(thrown)})`;
    if (await hasXorriso(run)) return { carrier: 'remaster', problem: null };
    return { carrier: null, problem: `${why}, and xorriso, which can add it to a copy, is not there: ${XORRISO_HINT}` };
  }
}

async function hasXorriso(run: Run): Promise<boolean> {
  try {
    return (await run('xorriso', ['-version'])).code === 0;
  } catch {
    return false; // it is not installed
  }
}

/** A look that changes nothing, before anything is copied. Throws as the import would. */
export async function lookAtIso(path: string, where: string): Promise<CdInfo> {
  return withIso(path, where, async (view) => (await recognise(view, where)).info);
}
