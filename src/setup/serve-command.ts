// `rackseed serve` as it was typed, and as it runs: a process of the same number, with a small young generation, an allocator that gives
// back what is free, a compile cache from the first file on, and from the bundle where there is one. Pure.

/** V8's young generation grows to 48 MB and more in a flood of packets or requests and is not given back. */
const FLAGS = ['--max-semi-space-size=4'];
/**
 * glibc's: one arena instead of one for each of Node's eight threads, and whatever is large is the kernel's again when it is free. Without
 * them 60 to 90 MB stay behind after a burst of work, with them 25 to 50 (Nov 2026).
 */
const ALLOCATOR = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' } as const;

export interface Typed {
  readonly execPath: string;
  readonly execArgv: readonly string[];
  /** The file that was started, and its words. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Command {
  readonly file: string;
  /** With the program's own name in front, as the kernel has it. */
  readonly args: readonly string[];
  readonly env: Record<string, string>;
}

/** Undefined when it runs that way already. */
export function serveCommand(typed: Typed, compileCache: string | undefined, bundle: () => string | undefined): Command | undefined {
  const { execPath, execArgv, words, env } = typed;
  if (FLAGS.every((flag) => execArgv.includes(flag))) return undefined;
  const known = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  const cache = compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache };
  return {
    file: execPath,
    args: [execPath, ...FLAGS, ...execArgv, bundle() ?? words[0] ?? '', ...words.slice(1)],
    env: { ...ALLOCATOR, ...cache, ...Object.fromEntries(known) },
  };
}
