// rackseed image …: the boot files: loaders, and the agent's kernel and RAM system, built from Debian packages; loaders of one's own.

import type { Command } from 'commander';
import type { Artefacts } from '../../../images/index.ts';
import { installFiles, loadBootFiles, loadOwnFiles } from '../../boot/index.ts';
import { RackseedError } from '../../lib/index.ts';
import { type CliContext, cacheDirectory, type GlobalOptions } from '../context.ts';
import { renderList } from '../output.ts';
import { bootFilesPlaces, loaderCommand } from './image-loader.ts';

const COLUMNS = [
  { title: 'NAME', value: (file: { name: string }) => file.name },
  { title: 'BYTES', value: (file: { size: number }) => file.size },
  { title: 'SHA-256', value: (file: { sha256: string }) => file.sha256 },
  { title: 'ORIGIN', value: (file: { origin?: string }) => file.origin ?? '' },
];

export function imageCommand(program: Command, context: CliContext): void {
  const image = program.command('image').description('the boot files: boot loaders, and the RAM system of the agent');

  image
    .command('build')
    .description('build what is missing or outdated from Debian packages, and put it where the appliance looks (server.artefacts_dir)')
    .option('-c, --config <file>', 'rackseed.toml (RACKSEED_CONFIG)')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly config?: string }>();
      const { built: directory } = await bootFilesPlaces(context, options.config);
      const built = await buildArtefacts(context);
      const { artefacts: _files, ...more } = built.manifest;
      await installFiles({ directory, clock: context.clock, random: context.random }, built.files, more);
      context.out(renderList([...(await loadBootFiles(directory)).values()], COLUMNS, options.output));
      context.err(`They are in ${directory}. A running appliance takes them at once; what it is sending now ends as it began.\n`);
    });

  image
    .command('list')
    .description('the boot files that the appliance has, with where they are from')
    .option('-c, --config <file>', 'rackseed.toml (RACKSEED_CONFIG)')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly config?: string }>();
      const places = await bootFilesPlaces(context, options.config);
      const own = await loadOwnFiles(places.own);
      const built = await builtFiles(places.built, own.size > 0, context);
      context.out(renderList([...new Map([...built, ...own]).values()], COLUMNS, options.output));
    });

  loaderCommand(image, context);
}

/** Without built files the own ones are still worth a list; then a word says what is missing. */
async function builtFiles(directory: string, hasOwn: boolean, context: CliContext): ReturnType<typeof loadBootFiles> {
  try {
    return await loadBootFiles(directory);
  } catch (thrown) {
    if (!hasOwn || !(thrown instanceof RackseedError)) throw thrown;
    context.err(`${thrown.message}\n${thrown.hint ?? ''}\n`);
    return new Map();
  }
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
