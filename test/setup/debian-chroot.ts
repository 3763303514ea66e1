// Minimal Debian systems for tests, built once by mmdebstrap and kept outside the tree by the hash of their recipe.
// Knows how to run a program inside one without changing it; not what is tested there.

import { chown, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunResult, runProgram } from '../../src/lib/index.ts';
import { CACHE, cached } from '../support/cache.ts';

export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
export const SUITE = 'trixie';
const MINUTE = 60_000;

/** This machine's, mounted over empty ones: the network is the same inside. */
const NETWORK_FILES = ['/etc/resolv.conf', '/etc/hosts'];

/** Package documentation is left out, as in Debian's slim images. */
const SLIM = ['man', 'doc', 'locale'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`);

/** Runs to the end and throws, with what was said, on any exit code but 0. */
export async function mustRun(
  command: string,
  words: readonly string[],
  options: { timeoutMs?: number; cwd?: string } = {},
): Promise<string> {
  const result = await runProgram(command, words, { timeoutMs: 5 * MINUTE, ...options });
  if (result.code !== 0)
    throw new Error(`${command} ${words.join(' ')} ended with ${result.code}:\n${await maskRegistry(result.stderr + result.stdout)}`);
  return result.stdout;
}

/** A tar of Debian's minimal system and the packages given. */
export function debianTar(packages: readonly string[]): Promise<string> {
  const words = ['--variant=minbase', ...SLIM, `--include=${packages.join(',')}`, SUITE];
  return cached({ kind: 'chroots', name: `${SUITE}-${packages.join('+')}`, recipe: words, suffix: '.tar' }, async (target) => {
    await mustRun('mmdebstrap', ['--quiet', '--format=tar', ...words, target]);
  });
}

/** The same as a folder. It is shared between runs: see `runInside`, which cannot write to it. */
export async function debianFolder(packages: readonly string[]): Promise<string> {
  const tar = await debianTar(packages);
  return cached(
    { kind: 'chroots', name: `${SUITE}-${packages.join('+')}`, recipe: [tar, ...NETWORK_FILES], suffix: '' },
    async (target) => {
      await mkdir(target);
      await mustRun('tar', ['--extract', '--numeric-owner', '--file', tar, '--directory', target]);
      for (const file of NETWORK_FILES) await writeFile(target + file, '');
    },
  );
}

/** npm of a given version as a folder; its package holds everything it needs. */
export function npmFolder(version: string): Promise<string> {
  return cached({ kind: 'npm', name: version, recipe: [version], suffix: '' }, async (target) => {
    const scratch = await mkdtemp(join(tmpdir(), 'rackseed-npm-'));
    try {
      await mustRun('npm', ['pack', '--silent', '--pack-destination', scratch, `npm@${version}`]);
      await mkdir(target);
      await mustRun('tar', [
        '--extract',
        '--no-same-owner',
        '--strip-components=1',
        '--directory',
        target,
        '--file',
        join(scratch, `npm-${version}.tgz`),
      ]);
    } finally {
      await rm(scratch, { recursive: true });
    }
  });
}

/** What npm has downloaded for one user: verified by checksum at each use, so sharing it between runs makes nothing less clean. */
export async function npmCache(uid: number): Promise<string> {
  const folder = join(CACHE, 'npm-downloads', String(uid));
  await mkdir(folder, { recursive: true });
  await chown(folder, uid, uid);
  return folder;
}

export interface Inside {
  /** The system, mounted read-only. */
  readonly root: string;
  /** Folders of this machine and where they appear. They can be written to unless marked. */
  readonly mounts: readonly { readonly from: string; readonly to: string; readonly readOnly?: boolean }[];
  readonly uid: number;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly script: string;
  readonly timeoutMs?: number;
}

/** Runs a shell script inside the system in a mount namespace of its own, with this machine's network and nothing else of it. */
export function runInside(inside: Inside): Promise<RunResult> {
  const binds = [...inside.mounts, ...NETWORK_FILES.map((file) => ({ from: file, to: file, readOnly: true }))];
  const setUp = [
    'set -eu',
    `mount --bind ${quote(inside.root)} ${quote(inside.root)}`,
    `mount -o remount,bind,ro ${quote(inside.root)}`,
    `mount -t proc proc ${quote(`${inside.root}/proc`)}`,
    `mount --rbind /dev ${quote(`${inside.root}/dev`)}`,
    `mount -t tmpfs tmpfs ${quote(`${inside.root}/tmp`)}`,
    ...binds.flatMap(({ from, to, readOnly }) => [
      `mount --bind ${quote(from)} ${quote(inside.root + to)}`,
      ...(readOnly === true ? [`mount -o remount,bind,ro ${quote(inside.root + to)}`] : []),
    ]),
    `exec chroot ${quote(inside.root)} setpriv --reuid=${inside.uid} --regid=${inside.uid} --clear-groups /bin/sh -c ${quote(`cd ${quote(inside.cwd)}\n${inside.script}`)}`,
  ];
  const env = { PATH: SYSTEM_PATH, ...inside.env };
  return runProgram('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', setUp.join('\n')], {
    env,
    timeoutMs: inside.timeoutMs ?? 3 * MINUTE,
  });
}

/** Lets npm in another system reach the same registry as npm here: configuration, certificates and proxy, written into `home`. */
export async function carryNpmConfig(home: string, insideHome: string): Promise<Record<string, string>> {
  const config = await npmConfig();
  const certificates = [config.cafile, process.env.NODE_EXTRA_CA_CERTS].filter((file) => typeof file === 'string');
  const pem = await Promise.all(certificates.map((file) => readFile(file, 'utf8')));
  await writeFile(join(home, 'ca.pem'), pem.join('\n'));
  for (const [name, key] of Object.entries({ '.npmrc': 'userconfig', globalrc: 'globalconfig' })) {
    await cp(String(config[key]), join(home, name)).catch(() => writeFile(join(home, name), '')); // absent: there is nothing to carry
  }
  const carried = Object.entries(process.env).filter(([name]) => /^(?:https?_proxy|no_proxy|npm_config_registry)$/i.test(name));
  const ca: Record<string, string> =
    pem.length === 0 ? {} : { NODE_EXTRA_CA_CERTS: `${insideHome}/ca.pem`, npm_config_cafile: `${insideHome}/ca.pem` };
  return {
    ...Object.fromEntries(carried.map(([name, value]) => [name, value ?? ''])),
    ...ca,
    HOME: insideHome,
    npm_config_globalconfig: `${insideHome}/globalrc`,
  };
}

/** A registry may be private: its name stays out of test output. */
export async function maskRegistry(text: string): Promise<string> {
  const { registry } = await npmConfig();
  const host = typeof registry === 'string' ? URL.parse(registry)?.host : undefined;
  return host === undefined ? text : text.replaceAll(host, 'registry');
}

async function npmConfig(): Promise<Record<string, unknown>> {
  const { stdout } = await runProgram('npm', ['config', 'list', '--long', '--json']);
  return JSON.parse(stdout) as Record<string, unknown>; // npm's documented form: an object
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
