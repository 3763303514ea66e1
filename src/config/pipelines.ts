// Whether the pipelines that profiles name are there as files. Beside the checks, as those look at no files.

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadedConfig } from './load.ts';
import type { Problem } from './problem.ts';

/** `directories`: the operator's, and what comes along. */
export async function pipelineProblems({ config, path, origins }: LoadedConfig, directories: readonly string[]): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const [index, { name, pipeline }] of config.profile.entries()) {
    if (pipeline === undefined || (await isThere(directories, pipeline))) continue;
    const key = `profile[${index}].pipeline`;
    const line = origins.get(key)?.line;
    const place = { ...(path === undefined ? {} : { file: path }), ...(line === undefined ? {} : { line }) };
    const message = `there is no pipeline ${JSON.stringify(pipeline)} for profile ${name}: no ${pipeline}.toml in ${directories.join(' or ')}`;
    problems.push({ ...place, key, message });
  }
  return problems;
}

async function isThere(directories: readonly string[], name: string): Promise<boolean> {
  const found = await Promise.all(
    directories.map((directory) =>
      access(join(directory, `${name}.toml`)).then(
        () => true,
        () => false, // as good as not there: whoever reads it says why
      ),
    ),
  );
  return found.includes(true);
}
