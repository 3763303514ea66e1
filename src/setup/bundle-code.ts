// The server's and the command line's code as a few files. What is imported on demand becomes a file of its own and is read on demand.
// Knows nothing of the other files of a build.

import { relative, resolve } from 'node:path';
import { rolldown } from 'rolldown';

/** File names of the bundle, without ending, and what they begin with. */
export const ENTRIES = {
  rackseed: 'src/main.ts',
  healthcheck: 'src/setup/healthcheck.ts',
  // A thread is started from a file of its own.
  'bcrypt-thread': 'src/access/bcrypt-thread.ts',
} as const;

/**
 * Imported by name when the program runs: a native part; what only builds from sources; drivers that their packages can do without. ssh2
 * asks for cpu-features and for native ciphers, and goes on with Node's own when it has neither.
 */
export const EXTERNAL = ['better-sqlite3', 'rolldown', 'pg-native', 'supports-color', 'cpu-features', 'sshcrypto.node'] as const;

const PACKAGE_FOLDER = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/;

/** Writes the files and returns the folders of all packages whose code is in them. */
export async function bundleServer(root: string, target: string): Promise<readonly string[]> {
  const build = await rolldown({
    cwd: root,
    input: ENTRIES,
    platform: 'node',
    external: [...EXTERNAL],
    // By its bare name: as a path it would point outside of the bundle.
    plugins: [
      { name: 'native-ciphers', resolveId: (id) => (id.endsWith('/sshcrypto.node') ? { id: 'sshcrypto.node', external: true } : null) },
    ],
    logLevel: 'warn',
    onLog(_level, log) {
      throw new Error(`the bundler warns: ${log.message}`); // a file that it could not find would be missing at run time
    },
  });
  try {
    const { output } = await build.write({
      dir: target,
      format: 'esm',
      entryFileNames: '[name].mjs',
      chunkFileNames: 'chunks/[name].mjs',
      // Names and lines stay, so that a stack trace says something; the map says the rest (--enable-source-maps) without holding the sources.
      minify: false,
      sourcemap: true,
      sourcemapExcludeSources: true,
      // The same wherever it was built.
      sourcemapPathTransform: (source, map) => relative(root, resolve(map, '..', source)),
    });
    const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
    return [...new Set(modules.flatMap((id) => PACKAGE_FOLDER.exec(id)?.[0] ?? []))];
  } finally {
    await build.close();
  }
}
