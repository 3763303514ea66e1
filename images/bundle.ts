// The agent as one JavaScript file, in memory.

import { rolldown } from 'rolldown';
import { assert } from '../src/lib/index.ts';

export async function bundleAgent(entry: string): Promise<string> {
  const build = await rolldown({ input: entry, platform: 'node', treeshake: true, logLevel: 'warn' });
  try {
    const { output } = await build.generate({ format: 'esm', minify: true, codeSplitting: false });
    const [first, ...more] = output;
    assert(more.length === 0, `the agent's bundle came out as ${output.length} files`);
    return first.code;
  } finally {
    await build.close();
  }
}
