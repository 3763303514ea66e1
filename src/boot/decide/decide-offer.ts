// What the answer by DHCP names: nothing, a boot loader for the firmware, or the script for an iPXE that runs already. Pure.
// Which machine keeps coming back without anything of ours ever running is told by its standing (attempts.ts).

import type { Mac } from '../../lib/index.ts';
import { decideProgram, type Program, type Situation } from './decide.ts';
import { needsLoader, type OwnDisk } from './own-disk-decide.ts';

/** What the firmware or loader said of itself, by DHCP. */
export interface ClientFacts {
  readonly mac: Mac;
  readonly architecture: number | null;
  readonly kind: 'pxe' | 'http' | 'ipxe' | 'other';
}

interface Platform {
  readonly firmware: string;
  /** In the order of being wished for: the one with the firmware's own driver first. */
  readonly ipxe: readonly [string, ...string[]];
  /** First parts of signed chains, for firmware with Secure Boot, in the order of being wished for. */
  readonly shim: readonly [string, ...string[]] | null;
  readonly overHttp: boolean;
}

/** The signed iPXE's own shim is there only when an operator has brought it: then it was brought to be used. */
const X64_SHIMS = ['ipxe-shimx64.efi', 'shim-x86_64.efi'] as const;

/** DHCP option 93 (RFC 4578 §2.1 and IANA's registry "Processor Architecture Types"). */
const PLATFORMS: ReadonlyMap<number, Platform> = new Map([
  [0, { firmware: 'BIOS', ipxe: ['undionly.kpxe'], shim: null, overHttp: false }],
  [6, { firmware: 'UEFI ia32', ipxe: ['snponly-i386.efi', 'ipxe-i386.efi'], shim: null, overHttp: false }],
  [7, { firmware: 'UEFI x64', ipxe: ['snponly-x86_64.efi', 'ipxe-x86_64.efi'], shim: X64_SHIMS, overHttp: false }],
  // 9 is "EFI byte code" in the registry; much firmware sends it for x64, and RFC 4578 had the two swapped.
  [9, { firmware: 'UEFI x64', ipxe: ['snponly-x86_64.efi', 'ipxe-x86_64.efi'], shim: X64_SHIMS, overHttp: false }],
  [10, { firmware: 'UEFI arm', ipxe: ['snponly-arm32.efi', 'ipxe-arm32.efi'], shim: null, overHttp: false }],
  [11, { firmware: 'UEFI arm64', ipxe: ['snponly-arm64.efi', 'ipxe-arm64.efi'], shim: ['shim-arm64.efi'], overHttp: false }],
  [15, { firmware: 'UEFI ia32 HTTP boot', ipxe: ['ipxe-i386.efi'], shim: null, overHttp: true }],
  [16, { firmware: 'UEFI x64 HTTP boot', ipxe: ['ipxe-x86_64.efi'], shim: X64_SHIMS, overHttp: true }],
  [18, { firmware: 'UEFI arm HTTP boot', ipxe: ['ipxe-arm32.efi'], shim: null, overHttp: true }],
  [19, { firmware: 'UEFI arm64 HTTP boot', ipxe: ['ipxe-arm64.efi'], shim: ['shim-arm64.efi'], overHttp: true }],
]);

/** How a machine stands with its boot attempts. */
export interface Standing {
  /** Loaders it took within the last minute, this one too, since anything of ours last spoke on it. */
  readonly unheard: number;
  /** The same within the time in which a refused loader is remembered. */
  readonly unheardLately: number;
  /** It has run the signed chain before. */
  readonly ranShim: boolean;
}

export const FIRST_ATTEMPT: Standing = { unheard: 1, unheardLately: 1, ranShim: false };

/** The same loader so often within a minute is a loop. */
export const LOOP_AT = 3;

export interface LoaderWish {
  readonly loaders: { has(name: string): boolean };
  readonly uefiLoader: 'auto' | 'ipxe' | 'shim';
  readonly standing: Standing;
  readonly ownDisk: OwnDisk;
  /** Nobody else could have something to boot for it, so that it need not wait for another answer. */
  readonly mayTurnAway: boolean;
}

export type Offer =
  /** Go on, there is nothing to wait for. */
  | { readonly offer: 'nothing'; readonly overHttp: boolean; readonly reason: string; readonly loop?: undefined }
  | { readonly offer: 'loader'; readonly name: string; readonly overHttp: boolean; readonly reason: string; readonly loop?: string }
  | { readonly offer: 'script'; readonly reason: string; readonly loop?: string }
  | { readonly silent: string; readonly loop?: string };

export function decideOffer(client: ClientFacts, situation: Situation, wish: LoaderWish): Offer {
  if (client.kind === 'other') return { silent: 'not a network boot' };
  const program = decideProgram(situation);
  if (program.run === 'own-disk' && !mayHelpToDisk(program, wish.ownDisk)) return leaveAlone(client, program, wish);
  const goal = program.run === 'own-disk' ? `own disk by ${wish.ownDisk.way} (${wish.ownDisk.by})` : program.run;
  if (client.kind === 'ipxe') return { offer: 'script', reason: `iPXE is running: ${goal}, since ${program.reason}` };
  const platform = client.architecture === null ? undefined : PLATFORMS.get(client.architecture);
  if (platform === undefined) return { silent: `no boot loader for architecture ${client.architecture ?? '(not said)'} of option 93` };
  return decideLoader(platform, `${goal}, since ${program.reason}`, wish, situation);
}

/** Machines that are to be left alone, and those that nobody knows, are never given a loader on their way to their own disk. */
function mayHelpToDisk(program: Program, ownDisk: OwnDisk): boolean {
  return program.hands !== 'off' && needsLoader(ownDisk);
}

/**
 * An address without a boot file makes EDK2 ask for a minute at each of its network entries (measured: 60 s at each, 9 minutes on a
 * machine with two ports). A boot file that is not there ends the wait at once. iPXE waits for nobody.
 */
function leaveAlone({ kind }: ClientFacts, { reason }: Program, { mayTurnAway, ownDisk }: LoaderWish): Offer {
  if (!mayTurnAway || ownDisk.way === 'silent' || kind === 'ipxe') return { silent: `${reason}; its own disk` };
  return { offer: 'nothing', overHttp: kind === 'http', reason: `${reason}; its own disk, and told so at once` };
}

function decideLoader(platform: Platform, goal: string, wish: LoaderWish, { machine }: Situation): Offer {
  const { standing } = wish;
  if (standing.unheard > LOOP_AT) {
    const loop = `${standing.unheard} boot loaders within a minute, and none ever spoke`;
    return { silent: `${loop}: no answer until it rests for a minute`, loop };
  }
  // An iPXE that does not say what it is chain-loads itself for ever: it knows a script when it gets one. Other firmware shows an error.
  if (standing.unheard === LOOP_AT) {
    const loop = `took ${LOOP_AT - 1} boot loaders within a minute, and none ever spoke`;
    return { offer: 'script', reason: `${loop}: the script, in case that it is an iPXE that does not say so`, loop };
  }
  const chosen = chooseLoader(platform, wish, machine?.secureBoot === true);
  if (!wish.loaders.has(chosen.name))
    return { silent: `the boot loader ${chosen.name} for ${platform.firmware} is not among our boot files` };
  const because = chosen.because === null ? '' : ` (${chosen.because})`;
  return { offer: 'loader', name: chosen.name, overHttp: platform.overHttp, reason: `${platform.firmware}${because}: ${goal}` };
}

interface Chosen {
  readonly name: string;
  readonly because: string | null;
}

function chooseLoader({ ipxe, shim }: Platform, wish: LoaderWish, secureBoot: boolean): Chosen {
  const { loaders, standing, uefiLoader } = wish;
  const unsigned = { name: ipxe.find((name) => loaders.has(name)) ?? ipxe[0], because: null };
  if (shim === null || uefiLoader === 'ipxe') return unsigned;
  const name = shim.find((one) => loaders.has(one)) ?? shim.at(-1) ?? shim[0];
  if (uefiLoader === 'shim') return { name, because: 'boot.uefi_loader is "shim"' };
  if (!loaders.has(name)) return unsigned;
  if (secureBoot) return { name, because: 'it has Secure Boot on' };
  if (standing.ranShim) return { name, because: 'it ran the signed chain before' };
  if (standing.unheardLately > 1) return { name, because: 'iPXE never spoke on it: its firmware may refuse what is not signed' };
  return unsigned;
}
