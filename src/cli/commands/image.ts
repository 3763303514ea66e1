// rackseed image …: the boot files (iPXE, the agent's kernel and RAM system), built from Debian packages.

import { cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { Artefacts } from '../../../images/index.ts';
import { loadBootFiles } from '../../boot/index.ts';
import { loadConfig } from '../../config/index.ts';
import { systemCode } from '../../lib/index.ts';
import { type CliContext, cacheDirectory, defaultDataDir, type GlobalOptions } from '../context.ts';
import { renderList } from '../output.ts';

const COLUMNS = [
  { title: 'NAME', value: (file: { name: string }) => file.name },
  { title: 'BYTES', value: (file: { size: number }) => file.size },
  { title: 'SHA-256', value: (file: { sha256: string }) => file.sha256 },
];

export function imageCommand(program: Command, context: CliContext): void {
  const image = program.command('image').description('the boot files: iPXE, and the RAM system of the agent');

  image
    .command('build')
    .description('build what is missing or outdated from Debian packages, and put it where the appliance looks (server.artefacts_dir)')
    .option('-c, --config <file>', 'rackseed.toml (RACKSEED_CONFIG)')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly config?: string }>();
      const directory = await artefactsDirectory(context, options.config);
      const built = await buildArtefacts(context);
      await installArtefacts(built.directory, directory);
      context.out(renderList([...(await loadBootFiles(directory)).values()], COLUMNS, options.output));
      context.err(`They are in ${directory}. A running appliance takes them at its next start.\n`);
    });

  image
    .command('list')
    .description('the boot files that the appliance has')
    .option('-c, --config <file>', 'rackseed.toml (RACKSEED_CONFIG)')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly config?: string }>();
      const files = await loadBootFiles(await artefactsDirectory(context, options.config));
      context.out(renderList([...files.values()], COLUMNS, options.output));
    });
}

/** The builder is loaded only when it is asked to build. */
export async function buildArtefacts(context: CliContext): Promise<Artefacts> {
  const { ensureArtefacts } = await import('../../../images/index.ts');
  return ensureArtefacts({
    cacheDir: cacheDirectory(context),
    run: context.run,
    signal: context.signal,
    log: (line) => context.err(`${line}\n`),
  });
}

async function artefactsDirectory(context: CliContext, path: string | undefined): Promise<string> {
  const { config } = await loadConfig({ path, env: context.env, defaults: { dataDir: defaultDataDir(context) } });
  return config.server.artefacts_dir;
}

/** Beside and renamed: an appliance that reads the old files keeps them, and nobody sees half of the new ones. */
async function installArtefacts(from: string, to: string): Promise<void> {
  const [next, old] = [`${to}.next`, `${to}.old`];
  await rm(next, { recursive: true, force: true });
  await rm(old, { recursive: true, force: true });
  // Before the first start this makes the data directory, which holds secrets later.
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  await cp(from, next, { recursive: true });
  if (await isThere(to)) await rename(to, old);
  await rename(next, to);
  await rm(old, { recursive: true, force: true });
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
