// Decides which Debian packages a build uses, and remembers it: the same versions until they are old or a refresh is asked for.

import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, messageOf, type Run, type RunOptions } from '../src/lib/index.ts';
import { type Apt, openApt } from './apt.ts';
import { fail } from './errors.ts';
import { hostCodename } from './host.ts';
import { digest } from './key.ts';
import {
  type AptSource,
  FIRMWARE_COMPONENT,
  INDEX_TARGET_FORMAT,
  mainMirror,
  type PackageList,
  parseIndexTargets,
  withFirmware,
  withoutFirmware,
} from './sources.ts';
import { runStep } from './step.ts';
import type { Architecture, DebianPackage, Resolution } from './types.ts';

const MAX_AGE_MS = 14 * 24 * 3600_000;
/**
 * Bookworm's iPXE is from 2019 and lacks HTTPS and VLANs, and its GRUB 2.06 cannot fetch over HTTP from a port; from this suite on they
 * are 1.21.1 and 2.12. One suite for all, so that shim's revocation level (SBAT) and GRUB's belong together.
 */
const LOADER_SUITE = 'trixie';

export interface ResolveContext {
  readonly cacheDir: string;
  readonly architecture: Architecture;
  readonly packageList: PackageList;
  readonly isFreeOnly: boolean;
  /** Packages whose files are taken as they are, without what they depend on. */
  readonly loaderPackages: readonly string[];
  readonly run: Run;
  readonly options: RunOptions;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

export interface Archive {
  readonly apt: Apt;
  readonly names: readonly string[];
}

/** What an earlier build resolved from the same list, if it is still young enough. */
export async function knownResolution(context: ResolveContext): Promise<Resolution | undefined> {
  const known = await readResolution(context);
  return known !== undefined && context.clock.now() - known.resolvedAt < MAX_AGE_MS ? known : undefined;
}

/** Asks the archive; when it cannot be reached, what was known before serves on, and the log says so. */
export async function newResolution(context: ResolveContext): Promise<Resolution> {
  try {
    const resolution = await ask(context);
    await save(context, resolution);
    return resolution;
  } catch (error) {
    const known = await readResolution(context);
    if (known === undefined) throw error;
    context.log(`keeping the packages resolved on ${new Date(known.resolvedAt).toISOString().slice(0, 10)}: ${messageOf(error)}`);
    return known;
  }
}

async function ask(context: ResolveContext): Promise<Resolution> {
  const { log, packageList, clock } = context;
  const { apt, sources } = await openNewest(context, await hostSources(context));
  const optional = await apt.known(packageList.optional);
  const packages = await apt.resolve([...packageList.required, ...optional]);
  await apt.clean();
  const nonFreeFirmware = sources.some((source) => source.component === FIRMWARE_COMPONENT);
  if (!nonFreeFirmware)
    log(
      `without ${FIRMWARE_COMPONENT}: cards that need a firmware file from there may not work in the RAM system; the build names their drivers`,
    );
  const loaders =
    context.loaderPackages.length === 0
      ? { suite: await hostCodename(), note: null, packages: [] }
      : await resolveLoaders(context, sources);
  return { resolvedAt: clock.now(), suites: sources.map(componentOf), nonFreeFirmware, packages, loaders };
}

/** Debian's own installer takes firmware from non-free-firmware; so do we, from the mirror that the host uses, whatever the host has on. */
async function openNewest(context: ResolveContext, host: readonly AptSource[]): Promise<{ apt: Apt; sources: readonly AptSource[] }> {
  const open = async (sources: readonly AptSource[]): Promise<{ apt: Apt; sources: readonly AptSource[] }> => {
    context.log(`reading Debian's package lists for ${context.architecture}: ${sources.map(componentOf).join(', ')}`);
    const apt = await openApt({ ...context, directory: aptDirectory(context, 'host'), sources });
    await apt.update();
    return { apt, sources };
  };
  if (context.isFreeOnly) return open(withoutFirmware(host));
  const more = withFirmware(host);
  try {
    return await open(more);
  } catch (error) {
    if (more.length === host.length) throw error;
    const reason = messageOf(error).split('\n')[0] ?? '';
    context.log(`the mirror gives no ${FIRMWARE_COMPONENT} (${reason}): going on without`);
    return open(host);
  }
}

function componentOf(source: AptSource): string {
  return `${source.suite}/${source.component}`;
}

async function resolveLoaders(context: ResolveContext, sources: readonly AptSource[]): Promise<Resolution['loaders']> {
  const codename = await hostCodename();
  const fromHost = async (note: string | null): Promise<Resolution['loaders']> => {
    const apt = await openApt({ ...context, directory: aptDirectory(context, 'host'), sources });
    return { suite: codename, note, packages: await newestOf(apt, context.loaderPackages) };
  };
  const uri = mainMirror(sources, codename);
  // bookworm is the only release with our packages and old loaders; what is newer than trixie has newer ones of its own.
  if (codename !== 'bookworm' || uri === undefined) return fromHost(null);
  try {
    const newer = await openLoaderSuite(context, uri);
    await newer.update();
    return { suite: LOADER_SUITE, note: null, packages: await newestOf(newer, context.loaderPackages) };
  } catch (error) {
    const note = `${LOADER_SUITE}'s boot loaders could not be had (${messageOf(error).split('\n')[0] ?? ''}): using ${codename}'s, with iPXE from 2019`;
    context.log(note);
    return fromHost(note);
  }
}

/** The apt (with lists already read) that knows a resolution's packages, for downloading them. */
export async function openArchive(context: ResolveContext, { suites }: Resolution): Promise<Archive> {
  const sources = withFirmware(await hostSources(context)).filter((source) => suites.includes(componentOf(source)));
  const apt = await openApt({ ...context, directory: aptDirectory(context, 'host'), sources });
  const names = [...context.packageList.required, ...(await apt.known(context.packageList.optional))];
  return { apt, names };
}

/** The same for the loaders, which may come from another suite. */
export async function openLoaderArchive(context: ResolveContext, { loaders }: Resolution): Promise<Apt> {
  const sources = await hostSources(context);
  const codename = await hostCodename();
  const uri = mainMirror(sources, codename);
  return loaders.suite === LOADER_SUITE && uri !== undefined && codename !== LOADER_SUITE
    ? openLoaderSuite(context, uri)
    : openApt({ ...context, directory: aptDirectory(context, 'host'), sources });
}

function openLoaderSuite(context: ResolveContext, uri: string): Promise<Apt> {
  const sources = [{ uri, suite: LOADER_SUITE, component: 'main' }];
  return openApt({ ...context, directory: aptDirectory(context, LOADER_SUITE), sources });
}

async function newestOf(apt: Apt, names: readonly string[]): Promise<readonly DebianPackage[]> {
  const found: DebianPackage[] = [];
  for (const name of names) {
    const one = await apt.newest(name);
    if (one === undefined)
      throw fail('images.resolve_failed', { message: `apt knows no package ${name}`, hint: 'check the apt sources of this machine' });
    found.push(one);
  }
  return found;
}

async function hostSources(context: ResolveContext): Promise<readonly AptSource[]> {
  const codename = await hostCodename();
  const args = ['indextargets', '--no-release-info', '--format', INDEX_TARGET_FORMAT];
  const step = {
    command: 'apt-get',
    args,
    what: "reading this machine's apt sources",
    code: 'images.no_sources',
    hint: 'check /etc/apt',
  } as const;
  const sources = parseIndexTargets(await runStep(context.run, step, context.options), codename);
  if (sources.some((source) => source.suite === codename && source.component === 'main')) return sources;
  throw fail('images.no_sources', {
    message: `this machine's apt sources have no Debian archive with ${codename} main`,
    hint: `add "deb http://deb.debian.org/debian ${codename} main" (or your mirror, its path ending in /debian) to /etc/apt/sources.list`,
  });
}

function aptDirectory(context: ResolveContext, name: string): string {
  return join(context.cacheDir, 'apt', `${name}-${context.architecture}`);
}

function resolutionPath(context: ResolveContext): string {
  const { packageList, loaderPackages, isFreeOnly } = context;
  const list = digest([...packageList.required, '', ...packageList.optional, '', ...loaderPackages, isFreeOnly ? 'free' : '']);
  return join(context.cacheDir, `packages-${context.architecture}-${list.slice(0, 16)}.json`);
}

async function readResolution(context: ResolveContext): Promise<Resolution | undefined> {
  try {
    return JSON.parse(await readFile(resolutionPath(context), 'utf8')) as Resolution; // written by save(), whole or not at all
  } catch {
    return undefined; // none yet: it will be made
  }
}

async function save(context: ResolveContext, resolution: Resolution): Promise<void> {
  const path = resolutionPath(context);
  await writeFile(`${path}.${process.pid}`, `${JSON.stringify(resolution, undefined, 1)}\n`);
  await rename(`${path}.${process.pid}`, path);
}
