// What the build needs of the machine it runs on: a few programs, and an apt that knows a Debian archive.

import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from './errors.ts';

/** Program → Debian package. dpkg-deb, tar and apt-get are on every Debian. */
export const BUILD_TOOLS = {
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  cpio: 'cpio',
  depmod: 'kmod',
  modinfo: 'kmod',
  modprobe: 'kmod',
  readelf: 'binutils',
  strip: 'binutils',
  xz: 'xz-utils',
  zstd: 'zstd',
} as const satisfies Record<string, string>;

export const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** For the set-up: `apt-get install` these, and ensureArtefacts has what it needs. */
export const BUILD_PACKAGES: readonly string[] = [...new Set([...Object.values(BUILD_TOOLS), 'debian-archive-keyring'])].sort();

/** Ordinary users of Debian have no sbin in their PATH, where kmod's programs are. */
export function buildPath(path: string | undefined): string {
  return `${path ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
}

export async function checkTools(path: string): Promise<void> {
  const missing = new Set<string>();
  for (const [tool, debianPackage] of Object.entries(BUILD_TOOLS)) {
    if (!(await isOnPath(tool, path))) missing.add(debianPackage);
  }
  if (!(await isReadable(DEBIAN_KEYRING))) missing.add('debian-archive-keyring');
  if (missing.size === 0) return;
  throw fail('images.tools_missing', {
    message: `to build the RAM system this machine lacks: ${[...missing].sort().join(', ')}`,
    hint: `apt-get install -y --no-install-recommends ${[...missing].sort().join(' ')}`,
  });
}

/** `VERSION_CODENAME` of os-release: bookworm, trixie. */
export async function hostCodename(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8');
  const name = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(text)?.[1];
  if (name !== undefined && /^ID="?debian"?$/m.test(text)) return name;
  throw fail('images.no_sources', {
    message: 'this machine is not a Debian release (/etc/os-release), so its apt cannot give the RAM system its packages',
    hint: 'build the boot artefacts on Debian 12 or 13 (a container will do) and copy the cache directory here',
  });
}

async function isOnPath(tool: string, path: string): Promise<boolean> {
  for (const directory of path.split(':')) {
    if (directory !== '' && (await isExecutable(join(directory, tool)))) return true;
  }
  return false;
}

function isExecutable(path: string): Promise<boolean> {
  return can(path, constants.X_OK);
}

function isReadable(path: string): Promise<boolean> {
  return can(path, constants.R_OK);
}

async function can(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return true;
  } catch {
    return false; // absent or not allowed: both mean that it cannot be used
  }
}
