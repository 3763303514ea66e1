// Second part of the set-up, on the pinned Node: Debian packages for what is about to run. `main.ts start|test|bench`.
// Exit code 0 also when something had to be left out (it says what), except in CI, where a missing tool is an error.

import { createInterface } from 'node:readline/promises';
import { messageOf, programRoot } from '../lib/index.ts';
import { installPackages } from './apt.ts';
import { type DebianPackage, type NeedGroup, packagesFor } from './debian-packages.ts';
import { decideInstall, isCiValue, listReasons, names, sudoLine } from './decide.ts';
import { hasCommand, missingOf } from './probe.ts';

const NEEDS: Readonly<Record<string, readonly NeedGroup[]>> = {
  start: ['lab', 'images'],
  test: ['lab', 'images', 'test'],
  bench: ['test', 'bench'],
};
const USAGE_EXIT = 2;

const say = (line: string): void => void process.stderr.write(`rackseed: ${line}\n`);

/** Resolves with the packages that are still missing afterwards. */
async function setUp(groups: readonly NeedGroup[]): Promise<DebianPackage[]> {
  const path = process.env.PATH ?? '';
  const missing = missingOf(packagesFor(groups), path);
  const decision = decideInstall({
    missing,
    isRoot: process.getuid?.() === 0,
    hasApt: hasCommand('apt-get', path),
    isCi: isCiValue(process.env.CI),
    isAttended: process.stdin.isTTY && process.stderr.isTTY,
  });
  if (decision.do === 'nothing') return [];
  if (decision.do === 'leave-out') {
    leaveOut(missing, decision.reason, decision.next);
    return missing;
  }
  announce(decision.do === 'ask' ? 'these Debian packages are wanted:' : 'installing Debian packages:', missing);
  if (decision.do === 'ask' && !(await confirm('Install them now with apt-get? [Y/n] '))) {
    leaveOut(missing, 'you said no', sudoLine(missing));
    return missing;
  }
  const isDone = await installPackages(missing).catch((error: unknown) => {
    say(`apt-get could not be run: ${messageOf(error)}`);
    return false;
  });
  const stillMissing = missingOf(missing, path);
  if (stillMissing.length > 0)
    leaveOut(
      stillMissing,
      isDone ? 'apt-get installed them, but their files are not where they were expected' : 'apt-get failed, see above',
      sudoLine(stillMissing),
    );
  return stillMissing;
}

function announce(headline: string, packages: readonly DebianPackage[]): void {
  say(headline);
  for (const line of listReasons(packages)) process.stderr.write(`${line}\n`);
}

function leaveOut(packages: readonly DebianPackage[], reason: string, next: string): void {
  announce(`left out, because ${reason}:`, packages);
  say(`to have them: ${next}`);
}

async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = (await terminal.question(question)).trim().toLowerCase();
    return ['', 'y', 'yes'].includes(answer);
  } finally {
    terminal.close();
  }
}

async function main(purpose: string | undefined): Promise<void> {
  const groups = NEEDS[purpose ?? ''];
  if (groups === undefined) {
    process.stderr.write(`usage: main.ts ${Object.keys(NEEDS).join('|')}\n`);
    process.exitCode = USAGE_EXIT;
    return;
  }
  const missing = await setUp(groups);
  if (missing.length > 0 && isCiValue(process.env.CI)) {
    say(`in CI nothing is left out; still missing: ${names(missing).join(' ')}`);
    process.exitCode = 1;
  }
  if (purpose !== 'test') await bundle();
}

/** Tests do not wait for it. Whatever keeps us from making one, the sources run without it. */
async function bundle(): Promise<void> {
  try {
    const { buildServeBundle } = await import('./serve-bundle-build.ts');
    await buildServeBundle(programRoot());
  } catch (thrown) {
    say(`the appliance runs from its sources, which takes longer and more memory: no bundle could be made: ${messageOf(thrown)}`);
  }
}

await main(process.argv[2]);
