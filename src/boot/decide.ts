// What to send to which machine: pure functions from what a client says of itself and what we know of it to an answer.
// Every answer and every silence carries its reason. Knows no sockets, no store, no clock.

import type { Mac } from '../lib/index.ts';

/** DHCP option 93 (RFC 4578 and the IANA registry of processor architecture types). */
const LOADERS: ReadonlyMap<number, { readonly firmware: string; readonly loader: string; readonly overHttp: boolean }> = new Map([
  [0, { firmware: 'BIOS', loader: 'undionly.kpxe', overHttp: false }],
  [6, { firmware: 'UEFI ia32', loader: 'snponly-i386.efi', overHttp: false }],
  [7, { firmware: 'UEFI x64', loader: 'snponly-x86_64.efi', overHttp: false }],
  // 9 is "EFI byte code" in the registry; much firmware sends it for x64, and RFC 4578 had the two swapped.
  [9, { firmware: 'UEFI x64', loader: 'snponly-x86_64.efi', overHttp: false }],
  [10, { firmware: 'UEFI arm', loader: 'snponly-arm32.efi', overHttp: false }],
  [11, { firmware: 'UEFI arm64', loader: 'snponly-arm64.efi', overHttp: false }],
  [15, { firmware: 'UEFI ia32 HTTP boot', loader: 'ipxe-i386.efi', overHttp: true }],
  [16, { firmware: 'UEFI x64 HTTP boot', loader: 'ipxe-x86_64.efi', overHttp: true }],
  [19, { firmware: 'UEFI arm64 HTTP boot', loader: 'ipxe-arm64.efi', overHttp: true }],
]);

/** What the firmware or loader said of itself, by DHCP. */
export interface ClientFacts {
  readonly mac: Mac;
  readonly architecture: number | null;
  readonly kind: 'pxe' | 'http' | 'ipxe' | 'other';
}

/** What we know about the machine. */
export interface KnownMachine {
  readonly uuid: string;
  readonly name: string | null;
  readonly provisionState: string;
  readonly ignored: boolean;
}

export interface Situation {
  readonly machine: KnownMachine | undefined;
  readonly enrolmentOpen: boolean;
  /** The site only watches: no machine is booted by us. */
  readonly observeOnly?: boolean;
}

/** What the machine is to run next. */
export type Program =
  | { readonly run: 'agent'; readonly reason: string }
  | { readonly run: 'own-disk'; readonly reason: string }
  | { readonly run: 'hold'; readonly reason: string };

/** What the DHCP answer names. */
export type Offer =
  | { readonly offer: 'loader'; readonly name: string; readonly overHttp: boolean; readonly reason: string }
  | { readonly offer: 'script'; readonly reason: string }
  | { readonly silent: string };

/** States in which our agent works on the machine, so that it must be booted whoever opened enrolment. */
const AGENT_STATES: ReadonlySet<string> = new Set(['inspecting', 'inspect wait', 'cleaning', 'clean wait']);
/** States in which the machine may start neither our programs nor its own disk. */
const HOLD_STATES: ReadonlySet<string> = new Set(['clean failed', 'clean hold', 'deploy hold', 'error']);

export function decideProgram({ machine, enrolmentOpen, observeOnly = false }: Situation): Program {
  if (observeOnly) return { run: 'own-disk', reason: 'this site is observe-only' };
  if (machine === undefined) {
    return enrolmentOpen
      ? { run: 'agent', reason: 'unknown machine, and enrolment is open' }
      : { run: 'own-disk', reason: 'unknown machine, and enrolment is closed' };
  }
  const who = machine.name ?? machine.uuid;
  if (machine.ignored) return { run: 'own-disk', reason: `${who} is ignored` };
  if (AGENT_STATES.has(machine.provisionState))
    return { run: 'agent', reason: `${who} is in "${machine.provisionState}", which the agent does` };
  if (HOLD_STATES.has(machine.provisionState))
    return { run: 'hold', reason: `${who} is in "${machine.provisionState}": it must not start its disk` };
  if (machine.provisionState === 'enroll' && enrolmentOpen)
    return { run: 'agent', reason: `${who} waits for a yes, and enrolment is open` };
  return { run: 'own-disk', reason: `${who} is in "${machine.provisionState}": nothing for us to do` };
}

export function decideOffer(client: ClientFacts, situation: Situation, loaders: ReadonlySet<string>): Offer {
  if (client.kind === 'other') return { silent: 'not a network boot' };
  const program = decideProgram(situation);
  if (program.run === 'own-disk') return { silent: `${program.reason}; its own disk` };
  if (client.kind === 'ipxe') return { offer: 'script', reason: `iPXE is running: ${program.run}, since ${program.reason}` };
  const known = client.architecture === null ? undefined : LOADERS.get(client.architecture);
  if (known === undefined) return { silent: `no boot loader for architecture ${client.architecture ?? '(not said)'} of option 93` };
  if (!loaders.has(known.loader)) return { silent: `the boot loader ${known.loader} for ${known.firmware} is not among our boot files` };
  return {
    offer: 'loader',
    name: known.loader,
    overHttp: known.overHttp,
    reason: `${known.firmware}: ${program.run}, since ${program.reason}`,
  };
}
