// Who is asking: the facts a boot decision needs, read from a message. Pure; decides nothing.

import { type Ipv6, type Mac, macInIpv6, macOfBytes } from '../../lib/index.ts';
import type { Message6, Received6 } from './codec.ts';
import { getOption6, OPTIONS6 } from './options.ts';

export type BootClientKind6 = 'pxe' | 'http' | 'ipxe' | 'other';

export interface BootClient6 {
  readonly mac: Mac;
  /** As dmidecode prints it; null when the client identifies itself by something else. */
  readonly smbiosUuid: string | null;
  /** Option 61, the same numbers as DHCPv4's option 93. */
  readonly architecture: number | null;
  readonly kind: BootClientKind6;
  /** Our address as the client reaches it. */
  readonly serverAddress: Ipv6;
  readonly interfaceName: string | null;
}

/** A URL: firmware of network boot takes nothing else over IPv6 (RFC 5970 §3.1). */
export type BootOffer6 =
  | { readonly url: string; readonly parameters?: readonly string[]; readonly reason: string }
  | { readonly silent: string };

/** Whether there is nothing to boot for it, and it may be told so. */
export type TurnAway6 = (client: Omit<BootClient6, 'serverAddress'>) => Promise<{ readonly nothing: string } | { readonly silent: string }>;

export type DecideBoot6 = (client: BootClient6) => Promise<BootOffer6>;

const ETHERNET = 1;
const DUID_LLT = 1;
const DUID_LL = 3;
const DUID_UUID = 4;
const TURNED_ROUND = [
  [0, 4],
  [4, 6],
  [6, 8],
] as const;
const JUNK_UUID = /^[0-]+$|^[f-]+$/;

/**
 * The relay's word (RFC 6939) first, then the link-local address that it was sent from, which firmware makes from the MAC of the card it
 * boots from; the DUID last, since it may hold the MAC of another card of the machine (RFC 8415 §11.4).
 */
export function macOf6({ message, relays }: Received6, source: Ipv6 | undefined): Mac | undefined {
  const innermost = relays.at(-1);
  if (innermost !== undefined) {
    const linkLayer = getOption6(innermost.options, 'clientLinkLayer');
    if (linkLayer?.type === ETHERNET && linkLayer.address.length === 6) return macOfBytes(linkLayer.address);
  }
  const from = innermost?.peerAddress ?? source;
  const inAddress = from === undefined ? undefined : macInIpv6(from);
  return inAddress ?? macInDuid(getOption6(message.options, 'clientId'));
}

function macInDuid(duid: Uint8Array | undefined): Mac | undefined {
  if (duid === undefined) return undefined;
  const bytes = Buffer.from(duid);
  const start = bytes.readUInt16BE(0) === DUID_LLT ? 8 : 4;
  const isLinkLayer = [DUID_LLT, DUID_LL].includes(bytes.readUInt16BE(0)) && bytes.length === start + 6;
  return isLinkLayer && bytes.readUInt16BE(2) === ETHERNET ? macOfBytes(bytes.subarray(start)) : undefined;
}

/**
 * DUID-UUID (RFC 6355). Firmware and iPXE put the SMBIOS UUID there: iPXE in network order, EDK2 as it lies in memory, the first three groups
 * turned round (seen with OVMF 2022.11 and iPXE 1.21.1).
 */
export function smbiosUuidOf6(message: Message6): string | null {
  const duid = getOption6(message.options, 'clientId');
  if (duid === undefined || duid.length !== 18 || duid[0] !== 0 || duid[1] !== DUID_UUID) return null;
  const bytes = Buffer.from(duid.subarray(2));
  if (['pxe', 'http'].includes(kindOf6(message))) for (const [from, to] of TURNED_ROUND) bytes.subarray(from, to).reverse();
  const hex = bytes.toString('hex');
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return JUNK_UUID.test(uuid) ? null : uuid;
}

/** iPXE calls itself by its user class, whatever vendor class it carries beside. */
export function kindOf6(message: Message6): BootClientKind6 {
  if (getOption6(message.options, 'userClass')?.some((piece) => textOf(piece) === 'iPXE') === true) return 'ipxe';
  const names = getOption6(message.options, 'vendorClass')?.classes.map(textOf) ?? [];
  if (names.some((name) => name.startsWith('HTTPClient'))) return 'http';
  return names.some((name) => name.startsWith('PXEClient')) ? 'pxe' : 'other';
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Installed systems renew for ever and boot nothing: they get an address without a boot decision, unless they ask for a boot file. */
export function asksForBoot6(message: Message6): boolean {
  return kindOf6(message) !== 'other' || wants6(message, OPTIONS6.bootFileUrl.code);
}

export function wants6(message: Message6, code: number): boolean {
  return getOption6(message.options, 'optionRequest')?.includes(code) === true;
}

export function architectureOf6(message: Message6): number | null {
  return getOption6(message.options, 'clientArchitecture')?.[0] ?? null;
}
