// rackseed image …: the boot files: loaders, and the agent's kernel and RAM system, built from Debian packages; loaders of one's own; and
// installers.

import { type Command, Option } from 'commander';
import type { Architecture, Artefacts } from '../../../images/index.ts';
import { type BootFile, installFiles, loadBootFiles, loadOwnFiles } from '../../boot/index.ts';
import { RackseedError } from '../../lib/index.ts';
import { asRecord, type CliContext, cacheDirectory, type GlobalOptions } from '../context.ts';
import { renderList } from '../output.ts';
import { installerCommands, listedInstallers } from './image-installer.ts';
import { bootFilesPlaces, loaderCommand } from './image-loader.ts';
import { selftestCommand } from './image-selftest.ts';

type Listed = Pick<BootFile, 'name' | 'size' | 'sha256' | 'origin'>;

const COLUMNS = [
  { title: 'NAME', value: (file: Listed) => file.name },
  { title: 'BYTES', value: (file: Listed) => file.size },
  { title: 'SHA-256', value: (file: Listed) => file.sha256 },
  { title: 'ORIGIN', value: (file: Listed) => file.origin ?? '' },
];

const BUILD_HELP = `
Needs no root. Packages come from the Debian mirror that this machine's apt uses, their signatures are checked; Node for
another processor comes from npm, by the hash in package-lock.json.
--arch arm64 makes the RAM system alone; the loaders, those for arm64 too, come with amd64.
`;

export function imageCommand(program: Command, context: CliContext): void {
  const image = program.command('image').description('what machines are given: boot loaders, the RAM system of the agent, installers');

  image
    .command('build')
    .description('build what is missing or outdated from Debian packages, and put it where the appliance looks (server.artefacts_dir)')
    .addOption(new Option('--arch <name>', 'the processor of the RAM system').choices(['amd64', 'arm64']).default('amd64'))
    .option('--free-only', "leave out the firmware of network cards and controllers that is in Debian's non-free-firmware")
    .option('-c, --config <file>', 'rackseed.toml (RACKSEED_CONFIG)')
    .addHelpText('after', BUILD_HELP)
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & BuildOptions>();
      const { built: directory } = await bootFilesPlaces(context, options.config);
      const built = await buildArtefacts(context, options);
      await install(context, directory, built);
      context.out(renderList([...(await loadBootFiles(directory)).values()], COLUMNS, options.output));
      context.err(`They are in ${directory}. A running appliance takes them at once; what it is sending now ends as it began.\n`);
    });

  image
    .command('list')
    .description('the boot files and installers that the appliance has, with where they are from')
    .option('-c, --config <file>', 'rackseed.toml (RACKSEED_CONFIG)')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly config?: string }>();
      const places = await bootFilesPlaces(context, options.config);
      const own = await loadOwnFiles(places.own);
      const installers = (await listedInstallers(context, options)).map(installerRow);
      const built = await builtFiles(places.built, own.size > 0 || installers.length > 0, context);
      context.out(renderList([...new Map([...built, ...own]).values(), ...installers], COLUMNS, options.output));
    });

  installerCommands(image, context);
  selftestCommand(image, context);
  loaderCommand(image, context);
}

function installerRow({ name, title, release, isoRelease, iso, problem, carrier }: Readonly<Record<string, unknown>>): Listed {
  const { bytes, sha256 } = asRecord(iso);
  const use = typeof problem === 'string' ? `can't be used: ${problem}` : `mode file by ${String(carrier)}`;
  const origin = `installer of ${String(title)} ${String(release)}-${String(isoRelease)}, ${use}`;
  return { name: String(name), size: Number(bytes), sha256: String(sha256), origin };
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

/** The files of the other processor stay: a build makes only its own. */
async function install(context: CliContext, directory: string, { files, manifest }: Artefacts): Promise<void> {
  const { artefacts: _, ...more } = manifest;
  const names = new Set(files.map((file) => file.name));
  const isOther = (name: string): boolean => (manifest.architecture === 'arm64' ? true : name.endsWith('-arm64'));
  const before = [...(await builtFiles(directory, true, { ...context, err: () => undefined })).values()];
  const others = before
    .filter((file) => !names.has(file.name) && isOther(file.name))
    .map((file) => ({ ...file, origin: file.origin ?? 'an earlier build' }));
  await installFiles({ directory, clock: context.clock, random: context.random }, [...files, ...others], more);
}

interface BuildOptions {
  readonly arch?: Architecture;
  readonly freeOnly?: true;
  readonly config?: string;
}

/** The builder is loaded only when it is asked to build. */
export async function buildArtefacts(context: CliContext, { arch, freeOnly }: BuildOptions = {}): Promise<Artefacts> {
  const { ensureArtefacts } = await import('../../../images/index.ts');
  return ensureArtefacts({
    architecture: arch ?? 'amd64',
    isFreeOnly: freeOnly === true,
    cacheDir: cacheDirectory(context),
    run: context.run,
    signal: context.signal,
    log: (line) => context.err(`${line}\n`),
  });
}
