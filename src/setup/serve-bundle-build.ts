// Makes the bundle that `rackseed serve` runs in a checkout, below node_modules, whose packages it uses. One for each state of the sources:
// an appliance that runs reads parts of its own on demand.

import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../lib/index.ts';
import { writeProgram } from './bundle-parts.ts';
import { serveBundleOf, serveEntryOf } from './serve-bundle.ts';

/** Nothing to do when it is there. The earlier ones go, but for those that a process runs. */
export async function buildServeBundle(root: string): Promise<void> {
  const target = serveBundleOf(root);
  if (target === undefined || serveEntryOf(root) !== undefined) return;
  await mkdir(dirname(target), { recursive: true });
  const draft = await mkdtemp(`${target}.part-`);
  try {
    await writeProgram(root, draft);
    await symlink(join('..', '..', '..'), join(draft, 'node_modules'));
    await chmod(draft, 0o755); // mkdtemp's is for us alone
    await rename(draft, target).catch((thrown: unknown) => {
      if (systemCode(thrown) !== 'ENOTEMPTY') throw thrown; // somebody else made it meanwhile
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  await sweep(target);
}

async function sweep(kept: string): Promise<void> {
  const folder = dirname(kept);
  const old = (await readdir(folder)).filter((name) => /^serve-[0-9a-f]+$/.test(name) && name !== basename(kept));
  if (old.length === 0) return;
  const running = await commandLines();
  for (const name of old)
    if (!running.some((line) => line.includes(join(folder, name)))) await rm(join(folder, name), { recursive: true, force: true });
}

/** Of all processes that we may see; one that ends meanwhile has none. */
async function commandLines(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return Promise.all(pids.map((pid) => readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '')));
}
