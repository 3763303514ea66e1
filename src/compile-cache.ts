// Where Node keeps what it has compiled, so that every start after the first is quicker (108 ms instead of 390 for --version): in a
// directory that only we may write, for what lies there is run. Node's own choice is a known name in the common temporary directory.

import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

const OTHERS_MAY = 0o077;

/** Made if need be. Undefined where none can be had: then every start compiles anew, and works all the same. */
export function compileCacheDirectory(env: NodeJS.ProcessEnv, home: string): string | undefined {
  const directory = join(env.RACKSEED_CACHE_DIR ?? join(env.XDG_CACHE_HOME ?? join(home, '.cache'), 'rackseed'), 'compile');
  try {
    // One by one: Node's own recursive way never ends below /proc, and a home that is not there is not ours to make.
    for (const path of [dirname(dirname(directory)), dirname(directory), directory]) {
      if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
    }
    const { uid, mode } = lstatSync(directory);
    return uid === process.getuid?.() && (mode & OTHERS_MAY) === 0 ? directory : undefined;
  } catch {
    return undefined; // no home, one that is read-only, or another start that made the directory at the same moment
  }
}
