// Loads configuration from a text, as if it stood in rackseed.toml. Touches no disk.

import { expect } from 'vitest';
import { formatProblem, type LoadedConfig, loadConfig, type Problem, problemsOf } from '../../../src/config/index.ts';

export const DATA_DIR = '/var/lib/rackseed';

export function load(text: string | Uint8Array, env: Record<string, string> = {}): Promise<LoadedConfig> {
  const readFile = (): Promise<Uint8Array> => Promise.resolve(Buffer.from(text));
  return loadConfig({ path: 'rackseed.toml', env, defaults: { dataDir: DATA_DIR }, readFile });
}

/** The problems that loading it reports; none when it loads. */
export async function problemsIn(text: string | Uint8Array, env: Record<string, string> = {}): Promise<readonly Problem[]> {
  try {
    await load(text, env);
    return [];
  } catch (thrown) {
    const problems = problemsOf(thrown);
    if (problems.length === 0) throw thrown;
    return problems;
  }
}

export async function linesOf(text: string | Uint8Array, env: Record<string, string> = {}): Promise<string[]> {
  return (await problemsIn(text, env)).map(formatProblem);
}

/** expect.stringContaining, of a type that lint can follow. */
export function containing(text: string): unknown {
  return expect.stringContaining(text);
}

/** A hint is there and says something. */
export const SOME_WORDS: unknown = expect.stringMatching(/.{10}/);
