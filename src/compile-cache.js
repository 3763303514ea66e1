// Where Node keeps what it has compiled, so that every start after the first is quicker (108 ms instead of 390 for --version). JavaScript,
// because it is read before there is a cache: Node would load its whole TypeScript parser for it (80 ms, 18 MB).

import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { dirname, join } from 'node:path';

const OTHERS_MAY = 0o077;

/**
 * In a directory that only we may write, for what lies there is run: Node's own choice is a known name in the common temporary directory.
 * Without such a directory every start compiles anew, and works all the same.
 * @param {Readonly<Record<string, string | undefined>>} env
 * @param {string} home
 */
export function cacheCompiledCode(env, home) {
  if (getCompileCacheDir() !== undefined) return; // by NODE_COMPILE_CACHE, or by the entry before us
  const directory = join(env.RACKSEED_CACHE_DIR ?? join(env.XDG_CACHE_HOME ?? join(home, '.cache'), 'rackseed'), 'compile');
  try {
    // One by one: Node's own recursive way never ends below /proc, and a home that is not there is not ours to make.
    for (const path of [dirname(dirname(directory)), dirname(directory), directory]) {
      if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
    }
    const { uid, mode } = lstatSync(directory);
    if (uid === process.getuid?.() && (mode & OTHERS_MAY) === 0) enableCompileCache(directory);
  } catch {
    // no home, one that is read-only, or another start that made the directory at the same moment
  }
}
