// What every bundle holds: the code, the files that it reads beside itself, the agent ready-made, a package.json. Knows not where it will run.

import { chmod, cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleAgent, PREBUILT_AGENT } from '../../images/index.ts';
import { RESOURCES } from '../lib/index.ts';
import { bundleServer, ENTRIES } from './bundle-code.ts';
import { type Manifest, readManifest } from './bundle-licences.ts';

/** Returns the folders of all packages whose code is in it. */
export async function writeProgram(root: string, folder: string): Promise<readonly string[]> {
  const packages = await bundleServer(root, folder);
  for (const name of RESOURCES) if (name !== 'package.json') await carry(root, name, folder);
  await writeFile(join(folder, PREBUILT_AGENT), await bundleAgent(join(root, 'src/agent/main.ts')));
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifestOf(await readManifest(root)), undefined, 2)}\n`);
  for (const entry of Object.keys(ENTRIES)) await chmod(join(folder, `${entry}.mjs`), 0o755);
  return packages;
}

export async function carry(root: string, path: string, folder: string): Promise<void> {
  await cp(join(root, path), join(folder, path), { recursive: true });
}

/** What is still true of the bundle: it has no scripts and nothing to install. */
function manifestOf({ name, version, description, license, engines }: Manifest): Record<string, unknown> {
  return { name, version, description, license, private: true, type: 'module', bin: { rackseed: 'rackseed.mjs' }, engines };
}
