// `npm run build [-- --out dist]`: the program as one folder that runs without the repository and without npm.
// `dist/node_modules/node-linux-*/bin/node dist/rackseed.mjs`, or with any Node of the same major version.

import { chmod, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf, programRoot, systemClock, systemCode } from '../lib/index.ts';
import { thirdPartyLicences } from './bundle-licences.ts';
import { carry, writeProgram } from './bundle-parts.ts';

const ROOT = programRoot();

/** Of better-sqlite3 what runs: the rest are SQLite's sources and binaries for other systems (28 of 30 MB). */
const SQLITE = ['package.json', 'LICENSE', 'lib', `prebuilds/linux-${process.arch}.node`];
/** Of Node what runs, unchanged: the RAM system's Node is made from it too. */
const NODE = ['package.json', 'LICENSE', 'bin/node'];
const CARRIED = { 'better-sqlite3': SQLITE, [`node-linux-${process.arch}`]: NODE } as const;

/** Beside the target first, so that what stands there is never half of one build and half of another. */
async function build(target: string): Promise<void> {
  await refuseStrange(target);
  await mkdir(dirname(target), { recursive: true });
  const draft = await mkdtemp(`${target}.part-`);
  try {
    await fill(draft);
    await chmod(draft, 0o755); // mkdtemp's is for us alone
    await rm(target, { recursive: true, force: true });
    await rename(draft, target);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function fill(folder: string): Promise<void> {
  const packages = await writeProgram(ROOT, folder);
  for (const [name, parts] of Object.entries(CARRIED))
    for (const part of parts) await carry(ROOT, join('node_modules', name, part), folder);
  await carry(ROOT, 'LICENSE', folder);
  await writeFile(join(folder, 'LICENSES-third-party.txt'), await thirdPartyLicences(packages));
}

/** The target is replaced as a whole: only an earlier build may be. */
async function refuseStrange(target: string): Promise<void> {
  if (await isThere(join(target, 'rackseed.mjs'))) return;
  if (await isThere(target)) throw new Error(`${target} is there and is no earlier build; move it away or name another folder with --out`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

const { values } = parseArgs({ options: { out: { type: 'string', default: join(ROOT, 'dist') } } });
const target = resolve(values.out);
const begun = systemClock.monotonic();
try {
  await build(target);
  process.stdout.write(`${target}: ready in ${((systemClock.monotonic() - begun) / 1000).toFixed(1)} s\n`);
} catch (thrown) {
  process.stderr.write(`rackseed: no bundle: ${messageOf(thrown)}\n`);
  process.exitCode = 1;
}
