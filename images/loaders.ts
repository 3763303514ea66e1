// The boot loaders and the Debian packages that they come from, and how they get beside the RAM system. Signed files stay as they are.

import { copyFile, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../src/lib/index.ts';
import { fail } from './errors.ts';
import { sha256OfFile } from './key.ts';
import { openLoaderArchive, type ResolveContext } from './resolve.ts';
import { runStep } from './step.ts';
import { ARTEFACT_NAMES, type DebianPackage, type Resolution } from './types.ts';

export interface LoaderSource {
  readonly name: string;
  readonly package: string;
  readonly from: string;
  /** Not in every release's package: left out where it is not. */
  readonly optional?: true;
}

/**
 * Debian has no iPXE for UEFI ia32 and arm32, and for arm64 only the one with all drivers. shim and its MokManager are signed by
 * Microsoft (2011 and 2023) and by Debian, GRUB by Debian; `grubnetx64-installer` differs only in the prefix that it looks below.
 */
export const LOADER_SOURCES: readonly LoaderSource[] = [
  { name: ARTEFACT_NAMES.biosLoader, package: 'ipxe', from: 'usr/lib/ipxe/undionly.kpxe' },
  { name: ARTEFACT_NAMES.uefiLoader, package: 'ipxe', from: 'usr/lib/ipxe/snponly.efi' },
  { name: ARTEFACT_NAMES.uefiLoaderAllDrivers, package: 'ipxe', from: 'usr/lib/ipxe/ipxe.efi' },
  { name: ARTEFACT_NAMES.arm64Loader, package: 'ipxe', from: 'usr/lib/ipxe/ipxe-arm64.efi', optional: true },
  { name: ARTEFACT_NAMES.shim, package: 'shim-signed', from: 'usr/lib/shim/shimx64.efi.signed' },
  { name: ARTEFACT_NAMES.mokManager, package: 'shim-helpers-amd64-signed', from: 'usr/lib/shim/mmx64.efi.signed' },
  { name: ARTEFACT_NAMES.grub, package: 'grub-efi-amd64-signed', from: 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed' },
];

export const LOADER_PACKAGES: readonly string[] = [...new Set(LOADER_SOURCES.map((source) => source.package))];

export interface LoaderContext extends ResolveContext {
  readonly resolution: Resolution;
  readonly workDirectory: string;
}

/** Copies the loaders into `staging`; gives each one's name with where it came from. */
export async function placeLoaders(context: LoaderContext, staging: string): Promise<ReadonlyMap<string, string>> {
  const { resolution, workDirectory, log } = context;
  const { suite, packages } = resolution.loaders;
  const debs = join(workDirectory, 'loaders');
  const archive = await openLoaderArchive(context, resolution);
  await archive.downloadAlone(LOADER_PACKAGES, debs);
  const root = join(workDirectory, 'loaders-root');
  await mkdir(root);
  for (const one of packages) await unpack(context, debs, one, root);
  const origins = new Map<string, string>();
  for (const source of LOADER_SOURCES) {
    if (!(await copied(join(root, source.from), join(staging, source.name), source))) continue;
    origins.set(source.name, `${packages.find((one) => one.file.startsWith(`${source.package}_`))?.file ?? source.package} (${suite})`);
  }
  log(`boot loaders from ${suite}: ${packages.map((one) => one.file).join(', ')}`);
  return origins;
}

async function unpack(context: LoaderContext, debs: string, { file, hash }: DebianPackage, root: string): Promise<void> {
  const path = join(debs, file);
  const found = await sha256OfFile(path).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') return 'absent';
    throw thrown;
  });
  if (hash !== `SHA256:${found}`)
    throw fail('images.download_failed', {
      message: `${file}: apt gave another file than the one resolved (${hash}; now ${found})`,
      hint: 'The archive has a newer version: try again with --refresh.',
    });
  const step = { command: 'dpkg-deb', args: ['-x', path, root], what: `unpacking ${file}`, code: 'images.build_failed' } as const;
  await runStep(context.run, { ...step, hint: 'try again with --refresh' }, context.options);
}

async function copied(from: string, to: string, source: LoaderSource): Promise<boolean> {
  try {
    await stat(from);
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT' && source.optional === true) return false;
    throw fail('images.build_failed', {
      message: `${source.package} has no ${source.from}`,
      hint: 'The package has changed: images/loaders.ts names its files.',
      cause: thrown,
    });
  }
  await copyFile(from, to);
  return true;
}
