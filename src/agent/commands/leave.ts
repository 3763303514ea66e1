// The commands by which the machine goes away: reboot, power_off, boot_disk. The appliance hears first that it will.

import { readFile, writeFile } from 'node:fs/promises';
import { messageOf } from '../../lib/index.ts';
import { type CommandContext, type CommandHandlers, CommandRefused } from './types.ts';

const SYNC_MS = 60_000;
const PROGRAM_MS = 30_000;
const GONE_MS = 20_000;
const SYSRQ = '/proc/sysrq-trigger';

export function createLeaving(): Pick<Required<CommandHandlers>, 'reboot' | 'power_off' | 'boot_disk'> {
  return {
    reboot: async (_args, context) => ({ message: 'it restarts now', result: {}, leave: () => leave('reboot', context) }),
    power_off: async (_args, context) => ({ message: 'it switches itself off now', result: {}, leave: () => leave('poweroff', context) }),
    boot_disk: async ({ disk, how }, context) => {
      if (how === 'kexec') throw new CommandRefused('this agent starts no kernel of a disk by itself (kexec): order it to reboot');
      // What is on it is started, not overwritten.
      const [found] = await context.resolve([{ ...disk, expects: null }]);
      if (found?.contents.isBlank === true) throw new CommandRefused(`${disk.title} is blank: there is nothing to start`);
      return { message: `it restarts now, to start ${disk.title}`, result: {}, leave: () => leave('reboot', context) };
    },
  };
}

/** Nothing is mounted; what was written to disks is on its way at most. A disk that hangs must not keep the machine from restarting. */
async function leave(program: 'reboot' | 'poweroff', { run, clock, signal, say }: CommandContext): Promise<void> {
  const step = async (what: string, work: Promise<unknown>): Promise<void> => {
    await work.catch((error: unknown) => say(`${what}: ${messageOf(error)}`));
  };
  await step('sync', run('sync', [], { timeoutMs: SYNC_MS, signal }));
  // -f: there is no init that would be asked; -n: sync was tried.
  await step(program, run(program, ['-f', '-n'], { timeoutMs: PROGRAM_MS, signal }));
  await clock.sleep(GONE_MS, signal);
  // Linux, Documentation/admin-guide/sysrq.rst: b restarts, o switches off, without asking any driver.
  await step(SYSRQ, writeFile(SYSRQ, program === 'reboot' ? 'b' : 'o'));
  await clock.sleep(GONE_MS, signal);
  const uptime = (await readFile('/proc/uptime', 'utf8')).split(' ')[0];
  throw new Error(`the machine still runs (for ${uptime} s now): switch it by hand`);
}
