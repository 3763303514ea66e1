// What `npm test` runs: the stages in order, each timed, every one of them even after a failure, and one line of counts at the very end.
// `test.ts [lint|types|unit|integration|e2e]… [words for vitest]…`

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { messageOf, systemClock } from '../lib/index.ts';
import { isCiValue } from './decide.ts';
import { type Counts, countsOf, isLayer, parseWords, type Stage, type StageResult, summarise } from './stages.ts';

const ROOT = join(import.meta.dirname, '../..');
const ARTEFACTS = '.artefacts';
const INTERRUPTED_EXIT = 130;

/** npm puts node_modules/.bin first in PATH; run by hand, this does the same, so that `node` is the pinned one everywhere below. */
const ENVIRONMENT = { ...process.env, PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH ?? ''}` };

let isInterrupted = false;

async function runStage(stage: Stage, rest: readonly string[]): Promise<StageResult> {
  const started = systemClock.monotonic();
  if (!isLayer(stage)) {
    const exitCode = await run(['npm', 'run', '--silent', stage]);
    return { stage, exitCode, ms: systemClock.monotonic() - started };
  }
  const json = `${ARTEFACTS}/${stage}.json`;
  // A report of an earlier run must not be read as this one's.
  rmSync(join(ROOT, json), { force: true });
  const reporters = [
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${json}`,
    '--reporter=junit',
    `--outputFile.junit=${ARTEFACTS}/${stage}.junit.xml`,
  ];
  const exitCode = await run(['vitest', 'run', '--config', 'test/vitest.config.ts', '--project', stage, ...reporters, ...rest]);
  const counts = readCounts(join(ROOT, json));
  return { stage, exitCode, ms: systemClock.monotonic() - started, ...(counts === undefined ? {} : { counts }) };
}

function readCounts(file: string): Counts | undefined {
  try {
    return countsOf(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    process.stderr.write(`no report of this layer: ${messageOf(error)}\n`);
    return undefined;
  }
}

function run([command = '', ...words]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { cwd: ROOT, stdio: 'inherit', env: ENVIRONMENT });
    const stop = (signal: NodeJS.Signals): void => {
      isInterrupted = true;
      child.kill(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop);
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

async function main(words: readonly string[]): Promise<number> {
  const { stages, rest } = parseWords(words);
  mkdirSync(join(ROOT, ARTEFACTS), { recursive: true });
  const results: StageResult[] = [];
  for (const stage of stages) {
    process.stdout.write(`\n== ${stage}\n`);
    results.push(await runStage(stage, rest));
    if (isInterrupted) return INTERRUPTED_EXIT;
  }
  const verdict = summarise(results, isCiValue(process.env.CI));
  process.stdout.write(`\n== summary\n${verdict.lines.join('\n')}\n`);
  return verdict.exitCode;
}

process.exitCode = await main(process.argv.slice(2));
