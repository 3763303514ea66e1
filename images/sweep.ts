// Keeps the cache small: old artefacts and members that nothing used lately, and what a killed build left behind.

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../src/lib/index.ts';

const DAY_MS = 24 * 3600_000;
const KEPT_ARTEFACTS = 4;
const KEPT_MEMBERS = 20;

/** Called while the build lock is held. A server may still hand out from a directory of yesterday: only older ones go. */
export async function sweep(cacheDir: string, now: number): Promise<void> {
  await sweepDirectory(join(cacheDir, 'artefacts'), now, KEPT_ARTEFACTS);
  await sweepDirectory(join(cacheDir, 'members'), now, KEPT_MEMBERS);
  for (const name of await names(cacheDir)) {
    // The lock is ours, so whoever made it is gone.
    if (name.startsWith('work-')) await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}

async function sweepDirectory(directory: string, now: number, kept: number): Promise<void> {
  const entries = await Promise.all(
    (await names(directory)).map(async (name) => ({ name, usedAt: (await stat(join(directory, name))).mtimeMs })),
  );
  entries.sort((a, b) => b.usedAt - a.usedAt);
  for (const { name, usedAt } of entries.slice(kept)) {
    if (now - usedAt > DAY_MS) await rm(join(directory, name), { recursive: true, force: true });
  }
}

async function names(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []; // nothing was built yet
    throw error;
  }
}
