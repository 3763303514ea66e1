// The boot artefacts: the boot loaders, and the RAM system's kernel and initrd. Built from Debian and npm packages into a cache that is
// addressed by content; a call with nothing changed only looks. Knows nothing of the server that hands them out.

import { appendFile, copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunOptions, systemClock } from '../src/lib/index.ts';
import { buildPath, checkTools } from './host.ts';
import { artefactKey, memberKeys, RECIPE_DIRECTORY, readInputs } from './inputs.ts';
import { sha256OfFile } from './key.ts';
import { LOADER_PACKAGES, placeLoaders } from './loaders.ts';
import { withLock } from './lock.ts';
import { type BuildContext, type BuiltMembers, buildMembers, megabytes } from './members.ts';
import { knownResolution, newResolution, type ResolveContext } from './resolve.ts';
import { parsePackageList } from './sources.ts';
import { sweep } from './sweep.ts';
import { type Artefacts, agentNames, type EnsureOptions, MANIFEST_NAME, type Manifest } from './types.ts';

export { bundleAgent } from './bundle.ts';
export { BUILD_PACKAGES } from './host.ts';
export { PREBUILT_AGENT } from './inputs.ts';
export {
  ARCHITECTURES,
  ARTEFACT_NAMES,
  type Architecture,
  type Artefact,
  type Artefacts,
  agentNames,
  type EnsureOptions,
  MANIFEST_NAME,
  type Manifest,
} from './types.ts';

/** Builds what is not in the cache, and says where everything is. Safe to call from several processes at once. */
export async function ensureArtefacts(options: EnsureOptions): Promise<Artefacts> {
  const context = await resolveContext(options);
  const inputs = await readInputs(context.architecture);
  const at = (resolution: BuildContext['resolution']): Pick<BuildContext, 'keys' | 'resolution'> & { key: string } => {
    const keys = memberKeys(inputs, resolution, context.architecture);
    return { keys, resolution, key: artefactKey(keys, resolution) };
  };
  const find = async (): Promise<Artefacts | undefined> => {
    const known = options.refresh === true ? undefined : await knownResolution(context);
    return known === undefined ? undefined : readArtefacts(context, at(known).key);
  };
  const found = await find();
  if (found !== undefined) return found;
  await checkTools(context.options.env?.PATH ?? '');
  const { cacheDir, clock, log } = context;
  return withLock({ cacheDir, clock, log, signal: options.signal }, async () => {
    const meanwhile = await find();
    if (meanwhile !== undefined) return meanwhile;
    const known = options.refresh === true ? undefined : await knownResolution(context);
    const chosen = at(known ?? (await newResolution(context)));
    const ready = await readArtefacts(context, chosen.key);
    if (ready !== undefined) return ready;
    await sweep(cacheDir, clock.now());
    await mkdir(join(cacheDir, 'artefacts'), { recursive: true });
    const workDirectory = await mkdtemp(join(cacheDir, 'work-'));
    try {
      return await build({ ...context, inputs, ...chosen, workDirectory }, chosen.key);
    } finally {
      await rm(workDirectory, { recursive: true, force: true });
    }
  });
}

async function resolveContext(options: EnsureOptions): Promise<ResolveContext> {
  const architecture = options.architecture ?? 'amd64';
  const packageList = parsePackageList(await readFile(join(RECIPE_DIRECTORY, 'packages.list'), 'utf8'), architecture);
  // Programs get what they need of the environment and no more, in a language that we can read.
  const { PATH, HOME, http_proxy, https_proxy, no_proxy, NODE_EXTRA_CA_CERTS, SSL_CERT_FILE } = process.env;
  const reach = { http_proxy, https_proxy, no_proxy, NODE_EXTRA_CA_CERTS, SSL_CERT_FILE };
  const env = { PATH: buildPath(PATH), HOME, ...reach, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  const runOptions: RunOptions = { env, ...(options.signal === undefined ? {} : { signal: options.signal }) };
  // A folder of our own: chroots and others keep theirs beside it.
  return {
    ...options,
    cacheDir: join(options.cacheDir, 'images'),
    architecture,
    packageList,
    isFreeOnly: options.isFreeOnly === true,
    // Firmware of every kind starts from amd64's: iPXE for arm64 is among them.
    loaderPackages: architecture === 'amd64' ? LOADER_PACKAGES : [],
    options: runOptions,
    clock: options.clock ?? systemClock,
  };
}

async function build(context: BuildContext, key: string): Promise<Artefacts> {
  const staging = join(context.workDirectory, 'artefacts');
  await mkdir(join(staging, 'agent'), { recursive: true });
  const origins = context.loaderPackages.length === 0 ? new Map<string, string>() : await placeLoaders(context, staging);
  const members = await buildMembers(context);
  const names = agentNames(context.architecture);
  await copyFile(members.paths.kernel, join(staging, names.kernel));
  const initrd = join(staging, names.initrd);
  for (const name of ['base', 'modules', 'node', 'agent'] as const) await appendFile(initrd, await readFile(members.paths[name]));
  const manifest = await makeManifest(context, key, { staging, origins }, members);
  await writeFile(join(staging, MANIFEST_NAME), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const directory = directoryOf(context, key);
  await rm(directory, { recursive: true, force: true }); // a damaged one: a whole one would have been found
  await rename(staging, directory);
  const total = manifest.artefacts.filter((one) => one.name.startsWith('agent/')).reduce((sum, one) => sum + one.size, 0);
  const unpacked = manifest.members.reduce((sum, one) => sum + one.unpackedSize, 0);
  context.log(
    `RAM system ${manifest.agentVersion} for ${manifest.architecture}: ${megabytes(total)} with its kernel ${manifest.kernelVersion}, ${megabytes(unpacked)} unpacked`,
  );
  return artefactsOf(directory, manifest);
}

interface Placed {
  readonly staging: string;
  /** Of each loader that is there. */
  readonly origins: ReadonlyMap<string, string>;
}

async function makeManifest(context: BuildContext, key: string, placed: Placed, members: BuiltMembers): Promise<Manifest> {
  const { inputs, resolution } = context;
  const artefacts: Manifest['artefacts'][number][] = [];
  const made = `built here from Debian packages (${resolution.suites[0] ?? 'unknown suite'})`;
  const agent = Object.values(agentNames(context.architecture)).map((name) => [name, made] as const);
  for (const [name, origin] of [...placed.origins, ...agent]) {
    const path = join(placed.staging, name);
    artefacts.push({ name, size: (await stat(path)).size, sha256: await sha256OfFile(path), origin });
  }
  const names = ['base', 'modules', 'node', 'agent'] as const;
  const words = members.facts.modules.words;
  return {
    format: 1,
    key,
    architecture: context.architecture,
    artefacts,
    members: names.map((name) => {
      const { size, unpackedSize, seconds } = members.facts[name];
      return { name, size, unpackedSize, seconds };
    }),
    agentVersion: inputs.agentVersion,
    nodeVersion: inputs.node.version,
    kernelVersion: members.facts.kernel.words.kernel?.[0] ?? '',
    modules: Number(words.modules?.[0] ?? 0),
    firmware: {
      present: Number(words.firmware?.[0] ?? 0),
      absent: Number(words.firmware?.[1] ?? 0),
      without: words.bare ?? [],
      nonFree: resolution.nonFreeFirmware,
    },
    suites: resolution.suites,
    loaders: { suite: resolution.loaders.suite, packages: resolution.loaders.packages },
    packages: resolution.packages,
  };
}

/** The artefacts of a key, if they are there and whole. */
async function readArtefacts(context: ResolveContext, key: string): Promise<Artefacts | undefined> {
  const directory = directoryOf(context, key);
  try {
    const manifest = JSON.parse(await readFile(join(directory, MANIFEST_NAME), 'utf8')) as Manifest; // our own file, renamed into place whole
    for (const { name, size } of manifest.artefacts) if ((await stat(join(directory, name))).size !== size) return undefined;
    const now = new Date(context.clock.now());
    await utimes(directory, now, now); // the sweep goes by it
    return artefactsOf(directory, manifest);
  } catch {
    return undefined; // not made yet, or damaged: it will be made
  }
}

function artefactsOf(directory: string, manifest: Manifest): Artefacts {
  const files = manifest.artefacts.map((one) => ({ ...one, path: join(directory, one.name) }));
  return { key: manifest.key, directory, files, manifest };
}

function directoryOf(context: ResolveContext, key: string): string {
  return join(context.cacheDir, 'artefacts', key);
}
