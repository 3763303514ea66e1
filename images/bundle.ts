// The agent as one JavaScript file, in memory.

import { assert } from '../src/lib/index.ts';

export async function bundleAgent(entry: string): Promise<string> {
  // Loaded only to build: its native part alone would take 10 MB of every process that can build.
  const { rolldown } = await import('rolldown');
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
