// Makes the members of the RAM system that are not in the cache yet. Each is kept under the hash of what it is made from.

import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run, RunOptions } from '../src/lib/index.ts';
import { type MemberKeys, RECIPE_DIRECTORY, type SourceInputs } from './inputs.ts';
import { type Archive, openArchive, type ResolveContext } from './resolve.ts';
import { runStep } from './step.ts';
import type { MemberRecord, Resolution } from './types.ts';

const STEP_TIMEOUT_MS = 30 * 60_000;

/** What a member's making said of itself; kept beside it. */
export interface MemberFacts {
  readonly size: number;
  readonly unpackedSize: number;
  readonly seconds: number;
  readonly words: Readonly<Record<string, readonly string[]>>;
}

export interface BuildContext extends ResolveContext {
  readonly inputs: SourceInputs;
  readonly resolution: Resolution;
  readonly keys: MemberKeys;
  /** Empty, removed by the caller at the end. */
  readonly workDirectory: string;
}

export interface BuiltMembers {
  readonly paths: Readonly<Record<MemberRecord['name'] | 'kernel', string>>;
  readonly facts: Readonly<Record<MemberRecord['name'] | 'kernel', MemberFacts>>;
}

type Part = MemberRecord['name'] | 'kernel';

export async function buildMembers(context: BuildContext): Promise<BuiltMembers> {
  const { inputs, workDirectory } = context;
  let root: Promise<string> | undefined;
  const unpacked = (): Promise<string> => (root ??= unpackPackages(context));
  const agentFile = join(workDirectory, 'agent.mjs');
  await writeFile(agentFile, inputs.agentCode);
  // One after the other: the compressor already uses both cores of a small machine.
  const base = await member(context, 'base', async (out) => ['base', await unpacked(), out]);
  const modules = await member(context, 'modules', async (out) => ['modules', await unpacked(), out]);
  const kernel = await member(context, 'kernel', async (out) => ['kernel', await unpacked(), out]);
  const node = await member(context, 'node', async (out) => ['node', await inputs.node.binary(context), out]);
  const agent = await member(context, 'agent', async (out) => ['agent', agentFile, inputs.agentVersion, out]);
  return {
    paths: { base: base.path, modules: modules.path, kernel: kernel.path, node: node.path, agent: agent.path },
    facts: { base: base.facts, modules: modules.facts, kernel: kernel.facts, node: node.facts, agent: agent.facts },
  };
}

async function member(
  context: BuildContext,
  part: Part,
  args: (out: string) => Promise<readonly string[]>,
): Promise<{ path: string; facts: MemberFacts }> {
  // The kernel image comes from the packages, as the modules do, and must be theirs.
  const key = context.keys[part === 'kernel' ? 'modules' : part];
  const path = join(context.cacheDir, 'members', `${part}-${key.slice(0, 32)}`);
  const kept = await readFacts(path);
  if (kept !== undefined) {
    const now = new Date(context.clock.now());
    for (const file of [path, `${path}.json`]) await utimes(file, now, now); // the sweep goes by it
    return { path, facts: kept };
  }
  const begun = context.clock.monotonic();
  const fresh = join(context.workDirectory, `${part}.out`);
  const words = parseWords(await recipe(context, await args(fresh)));
  const seconds = Math.round((context.clock.monotonic() - begun) / 100) / 10;
  const facts: MemberFacts = { size: (await stat(fresh)).size, unpackedSize: Number(words.unpacked?.[0] ?? 0), seconds, words };
  await mkdir(join(context.cacheDir, 'members'), { recursive: true });
  // The facts first: a member without them would be made again, facts without a member are not looked at.
  await writeFile(join(context.workDirectory, `${part}.json`), JSON.stringify(facts));
  await rename(join(context.workDirectory, `${part}.json`), `${path}.json`);
  await rename(fresh, path);
  const unpacked = facts.unpackedSize === 0 ? '' : ` (${megabytes(facts.unpackedSize)} unpacked)`;
  context.log([`made ${part}: ${megabytes(facts.size)}${unpacked} in ${seconds} s`, ...remarks(words)].join('; '));
  return { path, facts };
}

function remarks({ absent, bare, unstripped }: MemberFacts['words']): readonly string[] {
  return [
    ...(absent === undefined ? [] : [`not in this kernel: ${absent.join(', ')}`]),
    ...(bare === undefined ? [] : [`drivers without any of their firmware: ${bare.join(', ')}`]),
    ...(unstripped === undefined ? [] : [`Node is not stripped, as this machine has no ${unstripped.join(' ')} (binutils)`]),
  ];
}

async function unpackPackages(context: BuildContext): Promise<string> {
  const { log, resolution, workDirectory } = context;
  const begun = context.clock.monotonic();
  const archive: Archive = await openArchive(context, resolution);
  const debs = join(workDirectory, 'debs');
  log(`downloading ${resolution.packages.length} Debian packages`);
  await archive.apt.download(
    archive.names,
    resolution.packages.map((one) => one.file),
    debs,
  );
  const root = join(workDirectory, 'root');
  await recipe(context, ['unpack', debs, root]);
  log(`unpacked them in ${((context.clock.monotonic() - begun) / 1000).toFixed(1)} s`);
  return root;
}

export function recipe(
  context: { readonly run: Run; readonly options: RunOptions; readonly architecture: string; readonly workDirectory: string },
  args: readonly string[],
): Promise<string> {
  const env = { ...context.options.env, ARCH: context.architecture, TMP: join(context.workDirectory, 'tmp') };
  return runStep(
    context.run,
    {
      command: join(RECIPE_DIRECTORY, 'recipe.sh'),
      args,
      what: `recipe step ${args[0] ?? ''}`,
      code: 'images.build_failed',
      hint: 'the lines above say what was missing; images/agent/ holds the recipe and its lists',
    },
    { ...context.options, env, timeoutMs: STEP_TIMEOUT_MS },
  );
}

/** `word value…` lines of the recipe's output. */
export function parseWords(output: string): Readonly<Record<string, readonly string[]>> {
  const words: Record<string, string[]> = {};
  for (const line of output.split('\n')) {
    const [word, ...values] = line.trim().split(' ');
    if (word !== undefined && word !== '') words[word] = [...(words[word] ?? []), ...values];
  }
  return words;
}

async function readFacts(path: string): Promise<MemberFacts | undefined> {
  try {
    const facts = JSON.parse(await readFile(`${path}.json`, 'utf8')) as MemberFacts; // our own file, renamed into place whole
    if ((await stat(path)).size === facts.size) return facts;
    await rm(path);
    return undefined;
  } catch {
    return undefined; // not made yet
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(bytes < 1_000_000 ? 3 : 1)} MB`;
}
