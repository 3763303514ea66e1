// ssh: shuts down and restarts through SSH to the running system. It can not start a machine that is off.

import { Type } from 'typebox';
import type { Secret } from '../lib/index.ts';
import { FIRST_BOOT } from './agent-steps/first-boot-decide.ts';
import { fail } from './errors.ts';
import { infoRefusal, numberIn, textIn } from './info.ts';
import type { Memory } from './memory.ts';
import type { Call, Driver, PowerReading, PowerTarget, Target } from './seam.ts';
import { type AskSsh, fingerprintOfLine, type SshEnd } from './ssh-session.ts';
import type { ToldOff } from './told.ts';

export interface ApplianceKey {
  /** In OpenSSH's or PEM form. */
  privateKey(): Promise<Secret>;
  /** A line for authorized_keys. */
  publicLine(): Promise<string>;
}

export interface SshParts {
  readonly memory: Memory;
  readonly toldOff: ToldOff;
  readonly key: ApplianceKey;
  readonly ask: AskSsh;
}

export const SSH_INFO = Type.Object({
  ssh_address: Type.String({
    description: 'IP address or host name of the running system. Required.',
    pattern: '^[A-Za-z0-9_.:%-]{1,255}$',
  }),
  ssh_port: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: 65_535 }), Type.String({ pattern: '^[0-9]{1,5}$' })], {
      description: 'TCP port; 22 unless told. Optional.',
    }),
  ),
  ssh_username: Type.Optional(
    Type.String({
      description: 'User; root unless told. Others need sudo without a password. Optional.',
      pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$',
    }),
  ),
  ssh_host_key: Type.Optional(
    Type.String({
      description: 'Fingerprint of its host key, as "ssh-keygen -l" shows it: SHA256:…. Unless told, the first one seen is kept. Optional.',
      pattern: '^SHA256:[A-Za-z0-9+/]{43}$',
    }),
  ),
  ssh_private_key: Type.Optional(
    Type.String({ description: "Private key; the appliance's own unless told. Optional.", maxLength: 16_384 }),
  ),
  ssh_password: Type.Optional(Type.String({ description: 'Password instead of a key. Needs ssh_host_key. Optional.', maxLength: 1024 })),
});

/** Fixed: nothing of a node goes into them. */
const COMMANDS = {
  off: 'systemctl poweroff || shutdown -P now',
  reboot: 'systemctl reboot || shutdown -r now',
} as const;
const TARGETS: readonly PowerTarget[] = ['power off', 'rebooting', 'soft rebooting', 'soft power off'];
/** An operating system answers at once, or is not there. */
const LOOK_MS = 5000;
const TELL_MS = 15_000;
const NAME = 'ssh';

export function sshDriver(parts: SshParts): Driver {
  return {
    interface: 'power',
    name: NAME,
    title: 'through SSH to the running system',
    info: SSH_INFO,
    refusal: ({ driverInfo }) => {
      const wrong = infoRefusal(SSH_INFO, driverInfo);
      if (wrong !== null) return wrong;
      // A password is given away to whoever answers; a key is not.
      return driverInfo.ssh_password !== undefined && driverInfo.ssh_host_key === undefined
        ? 'driver_info lacks ssh_host_key, which ssh_password needs'
        : null;
    },
    queueKey: ({ driverInfo }) => `ssh ${textIn(driverInfo, 'ssh_address') ?? ''}:${numberIn(driverInfo, 'ssh_port', 22)}`,
    power: {
      targets: TARGETS,
      state: (target, call) => state(parts, target, call),
      set: (target, wanted, call) => tell(parts, target, wanted, call),
    },
  };
}

async function state(parts: SshParts, target: Target, call: Call): Promise<PowerReading> {
  const { toldOff } = parts;
  const end = await connect(parts, target, call, undefined);
  switch (end.is) {
    case 'done':
    case 'denied':
      return 'power on';
    case 'refused':
      // Something has that address. Was it told to go off, it is still on its way down.
      return (await toldOff.read(target.uuid)) ? 'power on' : null;
    case 'silent':
      return (await toldOff.read(target.uuid)) ? 'power off' : null;
    default:
      throw notTrusted(target, end.hostKey);
  }
}

async function tell(parts: SshParts, target: Target, wanted: PowerTarget, call: Call): Promise<void> {
  const isOff = wanted === 'power off' || wanted === 'soft power off';
  const command = isOff ? COMMANDS.off : COMMANDS.reboot;
  const isRoot = (textIn(target.driverInfo, 'ssh_username') ?? 'root') === 'root';
  const end = await connect(parts, target, call, isRoot ? command : `sudo -n sh -c '${command}'`);
  const title = `${target.name ?? target.uuid} at ${textIn(target.driverInfo, 'ssh_address') ?? ''}`;
  if (end.is === 'other-key') throw notTrusted(target, end.hostKey);
  if (end.is === 'denied') {
    throw fail('power.refused', {
      message: `node ${title} did not let us in through SSH`,
      hint: `Put this line into ~/.ssh/authorized_keys of that user: ${await parts.key.publicLine()}`,
    });
  }
  if (end.is !== 'done') {
    throw fail('power.unreachable', {
      message: `node ${title} does not answer SSH: ${end.said.slice(0, 200)}`,
      hint: 'Look at ssh_address, and whether its system runs.',
    });
  }
  if (end.code !== null && end.code !== 0) {
    throw fail('power.refused', {
      message: `node ${title} refused to ${isOff ? 'shut down' : 'restart'} (exit code ${end.code}): ${end.said.trim().slice(0, 200)}`,
      hint: isRoot ? 'Look at its journal.' : 'Let that user run sudo without a password.',
    });
  }
  if (isOff) await parts.toldOff.mark(target.uuid);
  else await parts.toldOff.forget(target.uuid);
}

async function connect({ memory, key, ask }: SshParts, target: Target, call: Call, command: string | undefined): Promise<SshEnd> {
  call.signal.throwIfAborted();
  const { driverInfo, uuid } = target;
  const kept = (await memory.read(NAME, uuid)).hostKey;
  const told = toldKeys(target);
  const hostKey = textIn(driverInfo, 'ssh_host_key') ?? (told.length > 0 ? told : typeof kept === 'string' ? kept : undefined);
  const password = textIn(driverInfo, 'ssh_password');
  const own = textIn(driverInfo, 'ssh_private_key');
  const end = await ask({
    host: textIn(driverInfo, 'ssh_address') ?? '',
    port: numberIn(driverInfo, 'ssh_port', 22),
    username: textIn(driverInfo, 'ssh_username') ?? 'root',
    privateKey: own ?? (password === undefined ? (await key.privateKey()).reveal() : undefined),
    password,
    hostKey,
    command,
    timeoutMs: command === undefined ? LOOK_MS : TELL_MS,
    signal: call.signal,
  });
  // Only who let us in is the machine; anybody has a host key.
  if (end.is === 'done' && hostKey === undefined) await memory.write(NAME, uuid, { hostKey: end.hostKey });
  return end;
}

/** By its installer or its first boot: they hold before whatever was seen of the system that it had before. */
function toldKeys({ internalInfo }: Target): string[] {
  const record = internalInfo[FIRST_BOOT];
  const lines = typeof record === 'object' && record !== null && 'ssh_host_keys' in record ? record.ssh_host_keys : undefined;
  return Array.isArray(lines) ? lines.flatMap((line) => (typeof line === 'string' ? (fingerprintOfLine(line) ?? []) : [])) : [];
}

function notTrusted({ name, uuid }: Target, hostKey: string): Error {
  return fail('power.not_trusted', {
    message: `who answers SSH for node ${name ?? uuid} has another host key than it had: ${hostKey}`,
    hint: 'If the machine was installed anew, write that fingerprint into driver_info/ssh_host_key; else somebody else has its address.',
    detail: { hostKey },
  });
}
