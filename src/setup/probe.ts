// Looks at this machine: which tools are there, is apt, are its lists fresh. Reads only.

import { accessSync, constants, existsSync, globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DebianPackage, Probe } from './debian-packages.ts';

/** An ordinary user's PATH on Debian lacks these, and tools such as dhclient live there. */
const SBIN_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
const APT_LISTS = '/var/lib/apt/lists/*_Packages*';

export function missingOf(packages: readonly DebianPackage[], path: string): DebianPackage[] {
  return packages.filter((row) => !isPresent(row.probe, path));
}

export function hasCommand(command: string, path: string): boolean {
  return [...path.split(':'), ...SBIN_FOLDERS].some((folder) => folder !== '' && isExecutable(join(folder, command)));
}

/** When apt last fetched package lists, in milliseconds since the epoch; undefined when there are none. */
export function newestList(): number | undefined {
  const times = globSync(APT_LISTS).map((file) => statSync(file).mtimeMs);
  return times.length === 0 ? undefined : Math.max(...times);
}

function isPresent(probe: Probe, path: string): boolean {
  if ('command' in probe) return hasCommand(probe.command, path);
  return probe.file.includes('*') ? globSync(probe.file).length > 0 : existsSync(probe.file);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    // Absent or not ours to run: both mean that the command is not there for us.
    return false;
  }
}
