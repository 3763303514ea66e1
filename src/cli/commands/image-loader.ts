// rackseed image loader …: boot loaders that an operator brings: a signed iPXE, or one that trusts a certificate of their own.

import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { addOwnFile, checkLoader, LOADER_NAMES, OWN_FILES, removeOwnFile, sha256OfPath } from '../../boot/index.ts';
import { loadConfig } from '../../config/index.ts';
import { isoTime, messageOf } from '../../lib/index.ts';
import { type CliContext, defaultDataDir, type GlobalOptions } from '../context.ts';
import { fail } from '../errors.ts';
import { renderOne } from '../output.ts';

const HEAD_BYTES = 4096;

const HELP = `
A loader of your own takes the place of the built one of the same name, at once and for new requests only; "remove" gives
the built one back. Names:
${Object.entries(LOADER_NAMES)
  .map(([name, { use }]) => `  ${name.padEnd(20)}${use}`)
  .join('\n')}

Secure Boot with a signed iPXE: add the two files of its release as ipxe-shimx64.efi and ipxe.efi. Machines that refuse
an unsigned loader are then given that shim instead of Debian's, and run iPXE.
An iPXE that trusts a certificate of your own: images/ipxe/README.md has the recipe, from Debian's source package.
`;

export interface BootFilesPlaces {
  readonly built: string;
  readonly own: string;
}

export async function bootFilesPlaces(context: CliContext, path: string | undefined): Promise<BootFilesPlaces> {
  const { config } = await loadConfig({ path, env: context.env, defaults: { dataDir: defaultDataDir(context) } });
  return { built: config.server.artefacts_dir, own: join(config.server.data_dir, OWN_FILES) };
}

export function loaderCommand(image: Command, context: CliContext): void {
  const loader = image.command('loader').description('boot loaders of your own').addHelpText('after', HELP);

  loader
    .command('add')
    .description('check a boot loader and use it instead of the built one of that name')
    .argument('<file>', 'the boot loader')
    .requiredOption('--as <name>', 'the name that machines are given; see: rackseed image loader --help')
    .option('-c, --config <file>', 'rackseed.toml (RACKSEED_CONFIG)')
    .action(async (file: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly as: string; readonly config?: string }>();
      const { own } = await bootFilesPlaces(context, options.config);
      const path = resolve(file);
      const { head, size } = await readHead(path);
      const { kind, signed } = checkLoader(options.as, path, head, size);
      const sha256 = await sha256OfPath(path);
      const origin = `own: ${path}, added ${isoTime(context.clock.now())}`;
      await addOwnFile({ directory: own, clock: context.clock, random: context.random }, { name: options.as, path, size, sha256, origin });
      context.out(renderOne({ name: options.as, bytes: size, sha256, kind, signed, origin }, options.output));
      if (!signed && kind !== 'bios') context.err('It carries no signature: firmware with Secure Boot on refuses it.\n');
    });

  loader
    .command('remove')
    .description('stop using a boot loader of your own; the built one of that name is used again')
    .argument('<name>', 'its name, as in: rackseed image list')
    .option('-c, --config <file>', 'rackseed.toml (RACKSEED_CONFIG)')
    .action(async (name: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly config?: string }>();
      const { own } = await bootFilesPlaces(context, options.config);
      // Only names that could have been added: nothing else becomes part of a path.
      const known = Object.hasOwn(LOADER_NAMES, name);
      const removed = known && (await removeOwnFile({ directory: own, clock: context.clock, random: context.random }, name));
      if (!removed)
        throw fail('cli.no_own_loader', {
          message: `there is no boot loader of your own named ${JSON.stringify(name)} in ${own}`,
          hint: 'See what there is with: rackseed image list',
        });
      context.err(`${name} is removed.\n`);
    });
}

async function readHead(path: string): Promise<{ readonly head: Uint8Array; readonly size: number }> {
  const handle = await open(path, 'r').catch((thrown: unknown) => {
    throw fail('cli.bad_file', { message: `${path}: ${messageOf(thrown)}`, hint: 'Give the path of a boot loader.', cause: thrown });
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw fail('cli.bad_file', { message: `${path} is no file`, hint: 'Give the path of a boot loader.' });
    const { size } = stats;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return { head: buffer.subarray(0, bytesRead), size };
  } finally {
    await handle.close();
  }
}
