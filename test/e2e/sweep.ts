// Around the end-to-end tests: what dead runs left behind goes first, and what an interrupt cuts off here goes after us.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { sweepDeadLabs } from '../support/dead-labs.ts';

const AFTERWARDS = join(import.meta.dirname, 'sweep-afterwards.ts');
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export async function setup(): Promise<void> {
  const labs = await sweepDeadLabs();
  if (labs.length > 0) process.stdout.write(`taken down, of test runs that ended before it: ${labs.join(', ')}\n`);
  for (const signal of SIGNALS) process.once(signal, sweepAfterwards);
}

/** The runner ends us within the second, which is too short for it. */
function sweepAfterwards(): void {
  spawn(process.execPath, [AFTERWARDS, String(process.pid)], { detached: true, stdio: 'inherit' }).unref();
}
