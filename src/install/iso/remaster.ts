// The other way to add a file to an ISO image, for one that can't have it while it is sent: a changed copy, made by xorriso. The volume
// keeps its UUID, because the boot loader of the image looks for it by that.

import { constants } from 'node:fs';
import { copyFile, rename, rm, writeFile } from 'node:fs/promises';
import { messageOf, type RackseedError, type Run, systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { openIso } from './iso.ts';
import type { AddedFile } from './overlay.ts';
import { openIsoFile, readsOf } from './sources.ts';

/** xorriso adds to the end of the copy; the copy itself is the slow part, and not its. */
const TIMEOUT_MS = 10 * 60_000;
const SAID_MAX = 500;

export interface Remaster {
  readonly isoPath: string;
  readonly bytes: number;
  readonly added: AddedFile;
  /** Appears when it is whole; what is made on the way stands beside it. */
  readonly outPath: string;
  readonly run: Run;
}

/** Throws install.bad_iso, install.remaster_failed. */
export async function remaster({ isoPath, bytes, added, outPath, run }: Remaster): Promise<void> {
  const uuid = await uuidOf(isoPath, bytes);
  const [copy, content] = [`${outPath}.part`, `${outPath}.added`];
  try {
    // Where the file system can, the copy shares the blocks of the original.
    await copyFile(isoPath, copy, constants.COPYFILE_FICLONE);
    await writeFile(content, added.content, { mode: 0o444 });
    const words = ['-abort_on', 'FATAL', '-return_with', 'SORRY', '32', '-boot_image', 'any', 'keep'];
    const same = uuid === undefined ? [] : ['-volume_date', 'uuid', uuid];
    const map = ['-dev', `stdio:${copy}`, '-overwrite', 'nondir', '-map', content, `/${added.name}`];
    const commit = ['-chmod', '0444', `/${added.name}`, '--', '-commit', '-end'];
    await runXorriso(run, [...words, ...same, ...map, ...commit]);
    await rename(copy, outPath);
  } finally {
    for (const path of [copy, content]) await rm(path, { force: true });
  }
}

async function uuidOf(path: string, bytes: number): Promise<string | undefined> {
  const source = await openIsoFile({ path, bytes });
  try {
    const { volumeUuid } = await openIso(readsOf(source), bytes, { name: path });
    return /^\d{16}$/.test(volumeUuid) && !/^0+$/.test(volumeUuid) ? volumeUuid : undefined;
  } finally {
    await source.close();
  }
}

async function runXorriso(run: Run, words: readonly string[]): Promise<void> {
  const { code, stderr } = await run('xorriso', words, { timeoutMs: TIMEOUT_MS }).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') throw failed('xorriso is not installed', 'Install it: apt install xorriso', thrown);
    throw failed(`xorriso: ${messageOf(thrown)}`, 'See whether there is room for a copy of the image, and try again.', thrown);
  });
  if (code !== 0)
    throw failed(`xorriso ended with ${code}: ${stderr.trim().slice(-SAID_MAX)}`, 'See whether there is room for a copy of the image.');
}

function failed(message: string, hint: string, cause?: unknown): RackseedError {
  return fail('install.remaster_failed', { message, hint, ...(cause === undefined ? {} : { cause }) });
}
