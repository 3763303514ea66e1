// Starts the programs that a bench measures, waits until each is ready, ends them, and reads what CPU time they took.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';

const READY_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;
/** What Linux counts CPU time in, on every platform that we run on (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;
const TAIL = 4000;

export interface Program {
  readonly child: ChildProcess;
  /** What it said last, both streams. */
  said(): string;
  /** Resolves with the match once the program has said this. */
  saying(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves once it has ended by itself and well. */
  readonly end: Promise<void>;
  stop(): Promise<void>;
}

/** `ready` is waited for; without it the program is up as soon as it runs. */
export async function startProgram(words: readonly string[], ready?: RegExp): Promise<Program> {
  const [command = '', ...args] = words;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const listeners = new Set<() => void>();
  const hear = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-TAIL);
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const saying = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(new Error(`${command} was never ready: ${said}`)), READY_LIMIT_MS);
      const onExit = (code: number | null): void => settle(new Error(`${words.join(' ')} ended with ${code}: ${said}`));
      const look = (): void => {
        const found = pattern.exec(said);
        if (found !== null) settle(found);
      };
      const settle = (result: RegExpExecArray | Error): void => {
        clearTimeout(timer);
        listeners.delete(look);
        child.off('exit', onExit);
        if (result instanceof Error) reject(result);
        else resolve(result);
      };
      listeners.add(look);
      child.once('exit', onExit);
      look();
    });
  const end = once(child, 'exit').then(([code]) => {
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${said}`);
  });
  end.catch(() => undefined); // heard by those who wait for it
  await once(child, 'spawn');
  if (ready !== undefined) await saying(ready);
  return { child, said: () => said, saying, end, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await ended;
  clearTimeout(timer);
}

/** User and system time of a process and its children that live, with all threads. */
export async function cpuSeconds(pid: number): Promise<number> {
  const pids = [pid, ...(await childrenOf(pid))];
  const ticks = await Promise.all(pids.map(ticksOf));
  return ticks.reduce((sum, one) => sum + one, 0) / TICKS_PER_SECOND;
}

/** A process, its children, theirs, and so on. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const below = await Promise.all((await childrenOf(pid)).map(descendantsOf));
  return [pid, ...below.flat()];
}

async function childrenOf(pid: number): Promise<number[]> {
  const lists = await Promise.all(
    (await readdir(`/proc/${pid}/task`)).map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')),
  );
  return lists.join(' ').trim().split(/\s+/).filter(Boolean).map(Number);
}

/** proc(5): utime and stime are the 14th and 15th field; the 2nd may hold spaces and ends with the last parenthesis. */
async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [utime = '', stime = ''] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return Number(utime) + Number(stime);
}
