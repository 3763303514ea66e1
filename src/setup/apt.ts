// Installs Debian packages with apt-get: never asks, never takes recommended packages, waits for a lock that somebody else holds, and
// starts no service: what is wanted of a server package is its program, not a server on this machine's network.

import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { systemClock, systemCode } from '../lib/index.ts';
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
const POLICY = '/usr/sbin/policy-rc.d';
const DENY_ALL = '#!/bin/sh\n# Written by rackseed while it installs packages; it may be deleted.\nexit 101\n';
const WAIT_FOR_LOCK = '-oDPkg::Lock::Timeout=300';

/** True when apt-get ended well. Lists are fetched first when stale, and once more when a file of fresh-looking lists is gone from the mirror. */
export async function installPackages(packages: readonly DebianPackage[]): Promise<boolean> {
  const isStale = areListsStale(newestList(), systemClock.now());
  if (isStale && !(await aptGet(['update']))) return false;
  const install = (): Promise<boolean> => withoutServices(POLICY, () => aptGet([...INSTALL, ...names(packages)]));
  if (await install()) return true;
  return !isStale && (await aptGet(['update'])) && (await install());
}

/**
 * Debian's own switch: while this file says 101, package scripts start and restart nothing (invoke-rc.d(8)). One that somebody else made is
 * left as it is; one of ours that a killed run left behind is taken over, and goes.
 */
export async function withoutServices(policy: string, work: () => Promise<boolean>): Promise<boolean> {
  if (!(await isOurs(policy))) return work();
  await writeFile(policy, DENY_ALL, { mode: 0o755 });
  try {
    return await work();
  } finally {
    await rm(policy, { force: true });
  }
}

async function isOurs(policy: string): Promise<boolean> {
  try {
    return (await readFile(policy, 'utf8')) === DENY_ALL;
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return true;
    throw thrown;
  }
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
