// Installs Debian packages with apt-get: never asks, never takes recommended packages, waits for a lock that somebody else holds.

import { spawn } from 'node:child_process';
import { systemClock } from '../lib/index.ts';
import type { DebianPackage } from './debian-packages.ts';
import { areListsStale, names } from './decide.ts';
import { newestList } from './probe.ts';

const INSTALL = [
  'install',
  '--yes',
  '--no-install-recommends',
  // A configuration file that the owner of this machine has changed stays as it is.
  '-oDpkg::Options::=--force-confold',
  '-oDpkg::Use-Pty=0',
];
const WAIT_FOR_LOCK = '-oDPkg::Lock::Timeout=300';

/** True when apt-get ended well. Lists are fetched first when stale, and once more when a file of fresh-looking lists is gone from the mirror. */
export async function installPackages(packages: readonly DebianPackage[]): Promise<boolean> {
  const isStale = areListsStale(newestList(), systemClock.now());
  if (isStale && !(await aptGet(['update']))) return false;
  if (await aptGet([...INSTALL, ...names(packages)])) return true;
  return !isStale && (await aptGet(['update'])) && (await aptGet([...INSTALL, ...names(packages)]));
}

/** What apt-get says goes to stderr: stdout belongs to what was asked for. */
function aptGet(words: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('apt-get', [WAIT_FOR_LOCK, '-q', ...words], {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    child.once('error', reject);
    child.once('close', (code) => resolve(code === 0));
  });
}
