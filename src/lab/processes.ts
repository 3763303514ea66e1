// The lab's processes: started apart from us, remembered by pid and start time, so that only what we started is ever ended.

import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { type Clock, systemCode } from '../lib/index.ts';

export interface LabProcess {
  readonly role: string;
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: a pid that was given to another program since has another one. */
  readonly startTime: string;
}

export interface StartRequest {
  readonly role: string;
  readonly command: readonly [string, ...string[]];
  readonly logFile: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A process of its own session that outlives us; its output goes to the log file. */
export async function startProcess({ role, command, logFile, env }: StartRequest): Promise<LabProcess> {
  const log = await open(logFile, 'a');
  try {
    const [program, ...args] = command;
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log.fd, log.fd], env });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('spawn', () => resolve(child.pid ?? 0));
    });
    child.unref();
    return { role, pid, startTime: (await startTimeOf(pid)) ?? '' };
  } finally {
    await log.close();
  }
}

export async function isRunning({ pid, startTime }: LabProcess): Promise<boolean> {
  const now = await startTimeOf(pid);
  return now !== undefined && now === startTime;
}

const POLL_MS = 50;

/** Asks it to end, waits, then makes it. */
export async function endProcess(process_: LabProcess, clock: Clock, graceMs: number): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGTERM', graceMs],
    ['SIGKILL', 5000],
  ] as const) {
    if (!(await isRunning(process_))) return;
    sendSignal(process_.pid, signal);
    const end = clock.monotonic() + waitMs;
    while (clock.monotonic() < end && (await isRunning(process_))) await clock.sleep(POLL_MS);
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if (systemCode(thrown) !== 'ESRCH') throw thrown; // it ended between the look and the signal
  }
}

/** Undefined when there is no such process, or only its remains (a zombie). */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT' || systemCode(thrown) === 'ESRCH') return undefined;
    throw thrown;
  }
}
