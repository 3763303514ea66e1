// The entry of `npm run bench -- <name>`: finds the bench by name, runs it, prints one line of JSON last.
// A bench is a file of this folder that exports `const bench: Bench`; nothing else has to know of it.

import { readdir } from 'node:fs/promises';
import { type Bench, runBench } from './harness.ts';

const NOT_BENCHES = new Set(['harness.ts', 'run.ts']);
const USAGE_EXIT = 2;
const INTERRUPTED_EXIT = 130;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function listBenches(): Promise<string[]> {
  const files = await readdir(import.meta.dirname);
  return files
    .filter((file) => file.endsWith('.ts') && !NOT_BENCHES.has(file))
    .map((file) => file.slice(0, -'.ts'.length))
    .toSorted();
}

async function load(name: string): Promise<Bench> {
  const module: unknown = await import(`./${name}.ts`);
  if (!isBenchModule(module)) throw new Error(`bench/${name}.ts does not export "bench"`);
  return module.bench;
}

function isBenchModule(module: unknown): module is { bench: Bench } {
  return typeof module === 'object' && module !== null && 'bench' in module && typeof module.bench === 'object';
}

async function main(names: readonly string[]): Promise<void> {
  const known = await listBenches();
  const unknown = names.filter((name) => !known.includes(name));
  if (names.length === 0 || unknown.length > 0) {
    if (unknown.length > 0) process.stderr.write(`no bench is called ${unknown.join(', ')}\n`);
    process.stderr.write(`usage: npm run bench -- <name>…\nbenches: ${known.join(', ')}\n`);
    process.exitCode = USAGE_EXIT;
    return;
  }
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort(new Error('interrupted')));
  try {
    for (const name of names) await runBench(await load(name), print, interrupt.signal);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    process.exitCode = INTERRUPTED_EXIT;
  }
}

await main(process.argv.slice(2));
