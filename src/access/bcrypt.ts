// bcrypt on a thread of its own: at cost 12 a check takes some 250 ms of pure computing, which would stop DHCP and everything else.
// The thread is started when it is first needed and ended when it has been idle for a while.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Clock, programRoot } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface Bcrypt {
  isRight(password: string, hash: string): Promise<boolean>;
  stop(): Promise<void>;
}

interface Question {
  readonly resolve: (isRight: boolean) => void;
  readonly reject: (error: Error) => void;
}

/** At a quarter of a second each the last one waits 8 s. */
const WAITING = 32;
const IDLE_MS = 60_000;
const MEMORY_MB = 32;

export function createBcrypt(clock: Pick<Clock, 'sleep'>): Bcrypt {
  let worker: Worker | undefined;
  let idle: AbortController | undefined;
  const questions = new Map<number, Question>();
  let lastId = 0;

  function settle(id: number, act: (question: Question) => void): void {
    const question = questions.get(id);
    questions.delete(id);
    if (question !== undefined) act(question);
    if (questions.size === 0) rest();
  }

  function rest(): void {
    idle = new AbortController();
    clock.sleep(IDLE_MS, idle.signal).then(
      () => stop(),
      () => undefined, // asked again in time
    );
  }

  function start(): Worker {
    const started = new Worker(threadFile(), { resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB }, execArgv: [] });
    started.unref(); // whoever waits for an answer holds the process by its request
    started.on('message', ({ id, isRight }: { id: number; isRight: boolean }) => settle(id, ({ resolve }) => resolve(isRight)));
    started.on('error', (error: unknown) => lose(started, error instanceof Error ? error : new Error(String(error))));
    started.on('exit', (code) => lose(started, new Error(`the bcrypt thread ended with ${code}`)));
    return started;
  }

  /** What it was asked fails; the next question starts another. */
  function lose(lost: Worker, error: Error): void {
    if (worker !== lost) return;
    worker = undefined;
    for (const id of questions.keys()) settle(id, ({ reject }) => reject(error));
  }

  async function stop(): Promise<void> {
    idle?.abort();
    const ending = worker;
    worker = undefined;
    for (const { reject } of questions.values()) reject(new Error('the appliance is stopping'));
    questions.clear();
    await ending?.terminate();
  }

  return {
    stop,
    isRight: async (password, hash) => {
      if (questions.size >= WAITING)
        throw fail('access.busy', { message: 'many passwords are being checked', hint: 'Try again in a few seconds.' });
      idle?.abort();
      worker ??= start();
      const asked = worker;
      lastId += 1;
      const id = lastId;
      return new Promise((resolve, reject) => {
        questions.set(id, { resolve, reject });
        asked.postMessage({ id, password, hash });
      });
    },
  };
}

/** In a bundle it is a file of its own beside the program. */
function threadFile(): string {
  const root = programRoot();
  const bundled = join(root, 'bcrypt-thread.mjs');
  return existsSync(bundled) ? bundled : join(root, 'src/access/bcrypt-thread.ts');
}
