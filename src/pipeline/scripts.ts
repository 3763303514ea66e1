// The operator's own programs, which run on the appliance as the appliance: found, looked at, run. Knows no steps.

import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Run, type RunResult, systemCode } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface FoundScript {
  readonly path: string;
  readonly sha256: string;
  /** Why it is not run; null: it can be. */
  readonly problem: { readonly reason: string; readonly hint: string } | null;
}

export interface ScriptOrder {
  readonly words: readonly string[];
  readonly input: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Scripts {
  /** Where they lie, for messages. */
  readonly directory: string;
  /** A name without directory; undefined: there is none. */
  find(name: string): Promise<FoundScript | undefined>;
  /** Resolves whatever its exit code is. */
  run(script: FoundScript, order: ScriptOrder): Promise<RunResult>;
}

export interface ScriptsParts {
  readonly directory: string;
  readonly run: Run;
  /** What they are found by: PATH. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const OTHERS_WRITE = 0o022;
const ANYBODY_RUNS = 0o111;

export function createScripts({ directory, run, env }: ScriptsParts): Scripts {
  return {
    directory,
    find: async (name) => {
      const path = join(directory, name);
      try {
        const { mode } = await stat(path);
        return {
          path,
          sha256: createHash('sha256')
            .update(await readFile(path))
            .digest('hex'),
          problem: problemOf(path, mode),
        };
      } catch (thrown) {
        if (systemCode(thrown) === 'ENOENT') return undefined;
        throw thrown;
      }
    },
    // Nothing of the appliance's own environment: secrets are given to it by that.
    run: ({ path }, { words, input, env: own, timeoutMs, signal }) =>
      run(path, words, { input, timeoutMs, signal, cwd: directory, env: { PATH: env.PATH, LC_ALL: 'C.UTF-8', ...own } }),
  };
}

function problemOf(path: string, mode: number): FoundScript['problem'] {
  if ((mode & OTHERS_WRITE) !== 0)
    return { reason: `${path} can be written by others than its owner`, hint: `Look at what is in it, then: chmod go-w ${path}` };
  return (mode & ANYBODY_RUNS) === 0 ? { reason: `${path} is not executable`, hint: `chmod +x ${path}` } : null;
}

export const NO_SCRIPTS: Scripts = {
  directory: '-',
  find: () => Promise.resolve(undefined),
  run: ({ path }) =>
    Promise.reject(fail('pipeline.impossible', { message: `${path} is not run: nothing is run here`, hint: 'Leave the step out.' })),
};
