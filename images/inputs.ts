// Everything the artefacts are made from, hashed before anything slow is done.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programRoot, resource, systemCode } from '../src/lib/index.ts';
import { bundleAgent } from './bundle.ts';
import { digest, digestDirectory } from './key.ts';
import { LOADER_SOURCES } from './loaders.ts';
import { findNode, type NodeRuntime } from './node-runtime.ts';
import type { Architecture, MemberRecord, Resolution } from './types.ts';

export const RECIPE_DIRECTORY = resource('images/agent');
/** Below the program's root, in a bundle only. */
export const PREBUILT_AGENT = 'images/agent.js';

/** What the source tree gives: cheap to read, so it is read at every call. */
export interface SourceInputs {
  readonly recipe: string;
  readonly userland: string;
  readonly modules: string;
  readonly files: string;
  readonly node: NodeRuntime;
  readonly agentCode: string;
  readonly agentVersion: string;
}

export async function readInputs(architecture: Architecture): Promise<SourceInputs> {
  const text = (name: string): Promise<string> => readFile(join(RECIPE_DIRECTORY, name), 'utf8');
  const [recipe, userland, modules, files, node, project, agentCode] = await Promise.all([
    text('recipe.sh'),
    text('userland.list'),
    text('modules.list'),
    digestDirectory(join(RECIPE_DIRECTORY, 'files')),
    findNode(architecture),
    versionOf(resource('package.json')),
    readAgent(programRoot()),
  ]);
  const agentVersion = `${project}+${digest([agentCode]).slice(0, 8)}`;
  return { recipe, userland, modules, files, node, agentCode, agentVersion };
}

/** A bundle brings the agent ready-made, and neither its sources nor what bundles them. */
async function readAgent(root: string): Promise<string> {
  try {
    return await readFile(join(root, PREBUILT_AGENT), 'utf8');
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw thrown;
    return bundleAgent(join(root, 'src/agent/main.ts'));
  }
}

async function versionOf(path: string): Promise<string> {
  const { version } = JSON.parse(await readFile(path, 'utf8')) as { version: string }; // npm's own file
  return version;
}

export type MemberKeys = Readonly<Record<MemberRecord['name'], string>>;

/** Each member by what it alone is made from: a new agent leaves the other three as they are. */
export function memberKeys(inputs: SourceInputs, resolution: Resolution, architecture: Architecture): MemberKeys {
  const packages = digest(resolution.packages.flatMap((one) => [one.file, one.hash]));
  const { recipe } = inputs;
  return {
    base: digest([architecture, recipe, packages, inputs.userland, inputs.files]),
    modules: digest([architecture, recipe, packages, inputs.modules]),
    node: digest([architecture, recipe, inputs.node.version, inputs.node.identity]),
    agent: digest([architecture, recipe, inputs.agentCode, inputs.agentVersion]),
  };
}

export function artefactKey(keys: MemberKeys, resolution: Resolution): string {
  const packages = resolution.loaders.packages.flatMap((one) => [one.file, one.hash]);
  const sources = LOADER_SOURCES.flatMap((source) => [source.name, source.from]);
  return digest([keys.base, keys.modules, keys.node, keys.agent, digest(packages), digest(sources)]).slice(0, 32);
}
