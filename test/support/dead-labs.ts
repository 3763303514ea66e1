// Labs of test runs that were interrupted or killed: virtual machines, namespaces and directories that nobody is left to take down. Each lab
// says whose it is before it is made; only those whose test process is gone are touched.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeNetwork } from '../../src/lab/network.ts';
import { endProcess, isRunning, type LabProcess, startTimeOf } from '../../src/lab/processes.ts';
import { type Clock, type Run, runProgram, systemClock, systemCode } from '../../src/lib/index.ts';

interface Owner extends LabProcess {
  /** The lab's: its namespaces begin with rackseed-NAME. */
  readonly lab: string;
  /** The test run that the process belongs to. */
  readonly run: number;
  /** Where the lab writes down what it started. */
  readonly stateFile: string;
}

export interface SweepOptions {
  readonly directory?: string;
  readonly run?: Run;
  readonly clock?: Clock;
}

const OWNER_FILE = 'owner.json';
const OURS = /^rackseed-/;
const GRACE_MS = 5000;

/** Says that the lab in this directory is ours. `lab`: its name; `stateFile`: of the directory. */
export async function ownLab(directory: string, { lab, stateFile }: Pick<Owner, 'lab' | 'stateFile'>): Promise<void> {
  const startTime = (await startTimeOf(process.pid)) ?? '';
  const owner: Owner = { role: 'test', pid: process.pid, startTime, lab, run: process.ppid, stateFile };
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, OWNER_FILE), JSON.stringify(owner));
}

/** Takes down the labs of dead processes; gives their names. */
export async function sweepDeadLabs({ directory = tmpdir(), run = runProgram, clock = systemClock }: SweepOptions = {}): Promise<string[]> {
  const swept: string[] = [];
  for (const { place, owner } of await ownedLabs(directory)) {
    if (await isRunning(owner)) continue;
    await takeDown(owner, place, run, clock);
    await rm(place, { recursive: true, force: true });
    swept.push(owner.lab);
  }
  return swept;
}

/** Ends the processes of this run that have labs, which their labs outlive. */
export async function endOwners(
  runPid: number,
  graceMs: number,
  { directory = tmpdir(), clock = systemClock }: SweepOptions = {},
): Promise<void> {
  const ours = (await ownedLabs(directory)).filter(({ owner }) => owner.run === runPid);
  await Promise.all(ours.map(({ owner }) => endProcess(owner, clock, graceMs)));
}

async function ownedLabs(directory: string): Promise<{ readonly place: string; readonly owner: Owner }[]> {
  const places = (await readdir(directory)).filter((name) => OURS.test(name)).map((name) => join(directory, name));
  const owners = await Promise.all(places.map((place) => readJson<Owner>(join(place, OWNER_FILE))));
  return places.flatMap((place, index) => {
    const owner = owners[index];
    return owner === undefined ? [] : [{ place, owner }];
  });
}

async function takeDown({ lab, stateFile }: Owner, place: string, run: Run, clock: Clock): Promise<void> {
  const state = await readJson<{ readonly processes?: readonly LabProcess[] }>(join(place, stateFile));
  for (const one of (state?.processes ?? []).toReversed()) await endProcess(one, clock, GRACE_MS);
  for (const namespace of await namespacesOf(lab, run)) {
    // Started, and its owner cut off before it was written down: nobody else is in there.
    const { stdout } = await run('ip', ['netns', 'pids', namespace]);
    for (const pid of stdout
      .split('\n')
      .filter((line) => line !== '')
      .map(Number))
      await endProcess({ role: namespace, pid, startTime: (await startTimeOf(pid)) ?? '' }, clock, GRACE_MS);
    await removeNetwork(run, namespace);
  }
}

async function namespacesOf(lab: string, run: Run): Promise<string[]> {
  const { stdout } = await run('ip', ['netns', 'list']);
  const names = stdout.split('\n').flatMap((line) => line.split(' ')[0] ?? []);
  return names.filter((name) => name === `rackseed-${lab}` || name.startsWith(`rackseed-${lab}-`));
}

/** Undefined when it is not there, or its writer was cut off in the middle. */
async function readJson<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T; // the tests alone write it, and the lab
  } catch (thrown) {
    if (thrown instanceof SyntaxError || ['ENOENT', 'ENOTDIR'].includes(systemCode(thrown) ?? '')) return undefined;
    throw thrown;
  }
}
