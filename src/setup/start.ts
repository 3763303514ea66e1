// What `npm start` runs: as root the appliance with one virtual mini-PC booting from it, otherwise the appliance alone.
// Only chooses the command and hands over the terminal; `rackseed lab up` and `rackseed serve` do the work.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { chooseStart } from './choose-start.ts';
import { packagesFor } from './debian-packages.ts';
import { missingOf } from './probe.ts';

/** A process ended by a signal is reported as 128 + its number, as shells do. */
const SIGNAL_EXIT_BASE = 128;
const root = join(import.meta.dirname, '../..');
const COMPILE_CACHE = join(root, 'node_modules/.cache/compile');

const choice = chooseStart({
  isRoot: process.getuid?.() === 0,
  missing: missingOf(packagesFor(['lab', 'images']), process.env.PATH ?? ''),
  words: process.argv.slice(2),
});
for (const line of choice.say) process.stderr.write(`rackseed: ${line}\n`);

// The files run as they are, types stripped at load; with their compiled form kept, loading them takes a third of the time.
const child = spawn(process.execPath, [join(root, 'src/main.ts'), ...choice.command], {
  stdio: 'inherit',
  env: { ...process.env, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? COMPILE_CACHE },
});
// A terminal's ^C reaches the child by itself; a supervisor's signal reaches only us. The child decides when it is done.
process.on('SIGINT', () => undefined);
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
child.once('error', (error) => {
  process.stderr.write(`rackseed: could not start: ${error.message}\n`);
  process.exitCode = 1;
});
child.once('close', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : SIGNAL_EXIT_BASE + constants.signals[signal];
});
