// What tests make once and keep outside the tree, by the hash of its recipe: systems, images, downloads.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'rackseed');
const MAX_AGE_MS = 30 * 24 * 3600_000;

export interface Wanted {
  /** The folder in the cache. */
  readonly kind: string;
  readonly name: string;
  /** All that it is made of. */
  readonly recipe: readonly string[];
  readonly suffix: string;
}

/** Builds beside the target and renames, so that two test files may want the same thing at the same time. */
export async function cached({ kind, name, recipe, suffix }: Wanted, build: (target: string) => Promise<void>): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 16);
  const target = join(CACHE, kind, `${name}-${hash}${suffix}`);
  await mkdir(dirname(target), { recursive: true });
  await dropOld(dirname(target));
  if (!(await exists(target))) {
    const scratch = await mkdtemp(`${target}.part-`);
    const part = join(scratch, `made${suffix}`);
    try {
      await build(part);
      await rename(part, target).catch(async (error: unknown) => {
        if (!(await exists(target))) throw error; // somebody else was faster with the same thing
      });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
  const now = new Date();
  await utimes(target, now, now);
  return target;
}

/** What nobody has used for a month is an old recipe, or a build that was cut off. */
async function dropOld(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const age = await stat(path)
      .then(({ mtimeMs }) => Date.now() - mtimeMs)
      .catch(() => 0); // gone already: another run cleans up too
    if (age > MAX_AGE_MS) await rm(path, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path)
    .then(() => true)
    .catch(() => false);
}
