// Debian's `baremetal` command line for tests: one process that takes command after command.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Debian's own Python: one that stands earlier in PATH has none of Debian's packages. */
export const PYTHON = '/usr/bin/python3';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Baremetal {
  run(words: readonly string[]): Promise<Said>;
  close(): Promise<void>;
}

/** The environment of an OpenStack client: how it finds the API and proves who it is. */
export type ClientEnv = Readonly<Record<string, string>>;

export function noAuth(url: string): ClientEnv {
  return { OS_AUTH_TYPE: 'none', OS_ENDPOINT: url };
}

export function httpBasic(url: string, user: string, password: string): ClientEnv {
  return { OS_AUTH_TYPE: 'http_basic', OS_ENDPOINT: url, OS_USERNAME: user, OS_PASSWORD: password };
}

export function startBaremetal(env: ClientEnv): Baremetal {
  const child = spawn(PYTHON, [join(import.meta.dirname, 'baremetal.py')], { env: { ...clean(), ...env } });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  return {
    async run(words) {
      child.stdin.write(`${JSON.stringify(words)}\n`);
      const answer = await answers.next();
      if (answer.done === true) throw new Error(`the client ended at \`baremetal ${words.join(' ')}\`: ${said}`);
      return JSON.parse(answer.value) as Said; // baremetal.py writes just that
    },
    close: () => closed(child),
  };
}

export function clean(): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LANG: 'C.UTF-8', HOME: '/nonexistent' };
}

async function closed(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'close');
  child.stdin.end();
  await ended;
}
