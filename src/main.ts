#!/usr/bin/env node
// The CLI's entry: the only place that reads argv and the environment, and that ends the process.

import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileCacheDirectory } from './compile-cache.ts';

// Our own directory unless the environment names one. Given to the processes that we start: with the cache there from the first file
// on, Node need not load its TypeScript parser (80 ms, 18 MB).
const compileCache = process.env.NODE_COMPILE_CACHE ?? compileCacheDirectory(process.env, homedir());
if (process.argv[2] === 'serve') await becomeServer();
if (compileCache !== undefined) enableCompileCache(compileCache);
const env = compileCache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: compileCache };

const [{ askAt, defaultDataDir, runCli }, { resource, runProgram, systemClock, systemCode, systemRandom }] = await Promise.all([
  import('./cli/index.ts'),
  import('./lib/index.ts'),
]);

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort(new Error(signal)));

// `rackseed event watch | head`: whoever read our output has enough. Nothing is wrong, and nobody is left to tell.
process.stdout.on('error', (error) => {
  if (systemCode(error) !== 'EPIPE') throw error;
  process.exit(0);
});

const packageText = readFileSync(resource('package.json'), 'utf8');

const isRoot = process.getuid?.() === 0;
const version = versionOf(JSON.parse(packageText));
const common = { env, clock: systemClock, random: systemRandom, dataDir: defaultDataDir({ isRoot, home: homedir() }) };

process.exitCode = await runCli(process.argv.slice(2), {
  ...common,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  isTerminal: process.stdout.isTTY,
  ask: askAt(process.stdin, process.stdout, interrupted.signal),
  isRoot,
  home: homedir(),
  run: runProgram,
  signal: interrupted.signal,
  self: [process.execPath, process.argv[1] ?? fileURLToPath(import.meta.url)],
  version,
  // Loaded only when asked for: most commands only talk to an appliance.
  appliance: {
    serve: async (configPath, signal) => {
      const { serve } = await import('./serve.ts');
      const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
      const say = process.stderr.isTTY ? (line: string) => process.stderr.write(`${line}\n`) : undefined;
      const execve = process.execve?.bind(process) ?? noExecve;
      await serve({ ...common, configPath, pid: process.pid, command, execve, version, say }, signal);
    },
    rotateStoreKey: async (configPath) => {
      const { rotateKey } = await import('./serve.ts');
      await rotateKey({ ...common, configPath });
    },
  },
});

/** Before anything is loaded that is of no use to it: decision record 0013. */
async function becomeServer(): Promise<void> {
  const { serveCommand, serveEntryOf } = await import('./setup/index.ts');
  const { execPath, execArgv, argv, env: typedEnv } = process;
  const typed = { execPath, execArgv, words: argv.slice(1), env: typedEnv };
  const command = serveCommand(typed, compileCache, () => serveEntryOf(join(import.meta.dirname, '..')));
  if (command === undefined) return;
  try {
    process.execve?.(command.file, command.args, command.env);
  } catch {
    // It runs as it is: slower to start and larger after a burst, which is all that was to be gained.
  }
}

function noExecve(): never {
  throw new Error('this Node has no process.execve');
}

function versionOf(manifest: unknown): string {
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';
}
