// Programs and files of the live system; the console. Each program must succeed.

import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

export function run(command: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    ...(input !== undefined && { input }),
  });
  if (error !== undefined || status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim().split('\n').slice(-3).join(' ')}`);
  return stdout;
}

/** A word that is nothing where there is no such file. */
export function word(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}

export function say(line: string): void {
  for (const console of (process.env.INSTALLER_CONSOLES ?? '/dev/console').split(' ')) appendFileSync(console, `installer: ${line}\n`);
}
