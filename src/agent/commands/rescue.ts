// The commands rescue and unrescue: an SSH server in memory for one person, with a host key of its own, and its end. Who came and went is
// noted for the appliance.

import { createHash } from 'node:crypto';
import { messageOf } from '../../lib/index.ts';
import { isPasswordHash, keyFault, mountedDisks, parseLog, reachable, shadowText } from './rescue-decide.ts';
import { type RescueMachine, rescueMachine } from './rescue-server.ts';
import { type CommandContext, type CommandHandlers, CommandRefused } from './types.ts';

/** Somebody who guesses passwords shall not fill the appliance's log. */
const FAILURES_PER_MINUTE = 5;
const MINUTE_MS = 60_000;
const END_MS = 3_000;
const LOOK_MS = 100;
const UNMOUNT_MS = 60_000;

type Rescue = Pick<Required<CommandHandlers>, 'rescue' | 'unrescue'>;

export function createRescue(machine: RescueMachine = rescueMachine): Rescue {
  // How often it was opened or closed by order: an end after that is none to be noted.
  let orders = 0;
  return {
    async rescue({ passwordHash, keys }, context) {
      checkAccess(passwordHash, keys);
      // Of an order before this one, or of an agent before this one: its keys are not these.
      orders += 1;
      await closeSessions(machine, context);
      const hostKey = await machine.makeHostKey(context.run);
      await machine.writeAccess(shadowText(passwordHash), keys);
      const server = await machine.start({ allowsPasswords: passwordHash !== null, onLine: noteLines(context) });
      const order = orders;
      void server.ended.then((said) => {
        if (order === orders) context.note('rescue', `the SSH server has ended: ${said.slice(0, 300)}`);
      });
      const addresses = reachable(machine.addresses());
      const fingerprint = `SHA256:${createHash('sha256')
        .update(Buffer.from(hostKey.split(' ')[1] ?? '', 'base64'))
        .digest('base64')
        .replace(/=+$/, '')}`;
      context.say(`Rescue: ssh root@${addresses[0] ?? '?'} (host key ${fingerprint})`);
      const message = `ssh root@${addresses[0] ?? 'an address that it does not have yet'}; host key ${fingerprint}`;
      return { message, result: { addresses: [...addresses], hostKeys: [hostKey] } };
    },
    async unrescue(_args, context) {
      orders += 1;
      const closed = await closeSessions(machine, context);
      await machine.removeAccess();
      const stuck = await unmountAll(machine, context);
      const message = closed ? 'the rescue shell is closed' : 'no rescue shell was open';
      return { message: stuck.length === 0 ? message : `${message}; still mounted: ${stuck.join(', ')}`.slice(0, 1000), result: {} };
    },
  };
}

function checkAccess(passwordHash: string | null, keys: readonly string[]): void {
  if (passwordHash === null && keys.length === 0)
    throw new CommandRefused('a rescue shell needs a password or a key: neither was given, and nobody could come in');
  if (passwordHash !== null && !isPasswordHash(passwordHash))
    throw new CommandRefused('the password is no hash of crypt(3) that is still thought safe: SHA-256, SHA-512, yescrypt or bcrypt');
  for (const [index, key] of keys.entries()) {
    const fault = keyFault(key);
    if (fault !== null) throw new CommandRefused(`key ${index + 1} is no public key of SSH: ${fault}`);
  }
}

/** Openings and ends of sessions always, failures a few a minute and then their number. */
function noteLines({ note, clock }: CommandContext): (line: string) => void {
  let minute = Number.NEGATIVE_INFINITY;
  let failures = 0;
  return (line) => {
    const said = parseLog(line);
    if (said === null) return;
    if (said.isFailure) {
      const now = clock.monotonic();
      if (now - minute > MINUTE_MS) {
        if (failures > FAILURES_PER_MINUTE) note('rescue', `and ${failures - FAILURES_PER_MINUTE} more tries in the minute before`);
        minute = now;
        failures = 0;
      }
      failures += 1;
      if (failures > FAILURES_PER_MINUTE) return;
    }
    note('rescue', said.text);
  };
}

/** Whether there were any. First a word, then by force. */
async function closeSessions(machine: RescueMachine, { clock, signal }: CommandContext): Promise<boolean> {
  const before = await machine.processes();
  if (before.length === 0) return false;
  for (const one of before) machine.signal(one, 'SIGTERM');
  const begun = clock.monotonic();
  while (clock.monotonic() - begun < END_MS) {
    if ((await machine.processes()).length === 0) return true;
    await clock.sleep(LOOK_MS, signal);
  }
  for (const one of await machine.processes()) machine.signal(one, 'SIGKILL');
  return true;
}

/** What the person mounted: the machine is about to restart, and file systems of its disks must be whole. What could not be is named. */
async function unmountAll(machine: RescueMachine, { run, log }: CommandContext): Promise<readonly string[]> {
  const stuck: string[] = [];
  for (const point of mountedDisks(await machine.mounts())) {
    // -r: read-only where somebody is still in it, which writes what is due just as well.
    const { code, stderr } = await run('umount', ['-r', point], { timeoutMs: UNMOUNT_MS }).catch((error: unknown) => ({
      code: null,
      stderr: messageOf(error),
    }));
    if (code === 0) continue;
    log(`umount ${point}: ${stderr.trim()}`, 'err');
    stuck.push(point);
  }
  return stuck;
}
