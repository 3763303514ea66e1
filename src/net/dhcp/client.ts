// Who is asking: the facts a boot decision needs, read from a packet. Pure; decides nothing.

import type { Ipv4, Mac } from '../../lib/index.ts';
import { type DhcpPacket, macOf } from './codec.ts';
import { getOption, messageName, OPTIONS, rawOption } from './options.ts';
import { type ClientIdentity, isSet } from './subnet.ts';

export type BootClientKind = 'pxe' | 'http' | 'ipxe' | 'other';

export interface BootClient {
  readonly mac: Mac;
  /** As dmidecode prints it; null when not sent, or all zeros or ones (firmware that has none). */
  readonly smbiosUuid: string | null;
  /** Option 93: 0 BIOS, 6 UEFI ia32, 7 and 9 UEFI x64, 11 arm64, 16 UEFI x64 HTTP … */
  readonly architecture: number | null;
  readonly kind: BootClientKind;
  /** Our address as the client reaches it. */
  readonly serverAddress: Ipv4;
  readonly interfaceName: string | null;
  readonly giaddr: Ipv4 | null;
  /** The client's own number for this exchange, and whether it has chosen a server in it: they tell one boot attempt from the next. */
  readonly transaction: number;
  readonly isRequest: boolean;
}

export type BootOffer =
  | {
      readonly boot: { readonly fileName: string; readonly nextServer: Ipv4; readonly extra?: ReadonlyMap<number, Uint8Array> };
      readonly reason: string;
    }
  /** No boot options; in proxy mode no answer at all. */
  | { readonly silent: string };

export type DecideBoot = (client: BootClient) => Promise<BootOffer>;

/** Where a packet came in. */
export interface Arrival {
  readonly interfaceName: string | null;
  /** Our own IPv4 address on that interface. */
  readonly serverAddress: Ipv4;
}

const JUNK_UUID = /^[0-]+$|^[f-]+$/;
const IPXE = 'iPXE';

export function bootClientOf(packet: DhcpPacket, arrival: Arrival): BootClient | undefined {
  const mac = macOf(packet);
  if (mac === undefined) return undefined;
  return {
    mac,
    smbiosUuid: smbiosUuidOf(packet),
    architecture: getOption(packet.options, 'clientArchitecture')?.[0] ?? null,
    kind: kindOf(packet),
    serverAddress: arrival.serverAddress,
    interfaceName: arrival.interfaceName,
    giaddr: isSet(packet.giaddr) ? packet.giaddr : null,
    transaction: packet.xid,
    isRequest: messageName(packet.options) === 'request',
  };
}

/** iPXE calls itself PXEClient too: it is known by its user class (77), or by its own encapsulated options (175). */
function kindOf(packet: DhcpPacket): BootClientKind {
  const isIpxe = getOption(packet.options, 'userClass')?.includes(IPXE) === true || packet.options.has(OPTIONS.ipxe.code);
  if (isIpxe) return 'ipxe';
  const vendorClass = getOption(packet.options, 'vendorClass') ?? '';
  if (vendorClass.startsWith('PXEClient')) return 'pxe';
  return vendorClass.startsWith('HTTPClient') ? 'http' : 'other';
}

function smbiosUuidOf(packet: DhcpPacket): string | null {
  const raw = packet.options.get(OPTIONS.clientUuid.code);
  // Some ROMs send the 16 bytes without the type byte, or an empty option: no UUID is better than no boot.
  if (raw === undefined || raw.length !== 17 || raw[0] !== 0) return null;
  const uuid = getOption(packet.options, 'clientUuid')?.uuid;
  return uuid === undefined || JUNK_UUID.test(uuid) ? null : uuid;
}

export function identityOf(packet: DhcpPacket, mac: Mac): ClientIdentity {
  return { mac, clientId: clientIdOf(packet), smbiosUuid: smbiosUuidOf(packet) };
}

/** Hex of the whole option 61. */
export function clientIdOf(packet: DhcpPacket): string | null {
  const raw = packet.options.get(OPTIONS.clientId.code);
  return raw === undefined ? null : Buffer.from(raw).toString('hex');
}

/** Installed systems renew for ever and boot nothing: they get an address without a boot decision, unless they ask for a boot file. */
export function asksForBoot(packet: DhcpPacket, client: BootClient): boolean {
  if (client.kind !== 'other' || client.architecture !== null) return true;
  return getOption(packet.options, 'parameterList')?.includes(OPTIONS.bootFileName.code) === true;
}

/** The class the firmware looks for in an answer before it believes it (PXE 2.1, UEFI HTTP Boot). */
export function classToEcho(packet: DhcpPacket): [code: number, bytes: Uint8Array] | undefined {
  const vendorClass = getOption(packet.options, 'vendorClass') ?? '';
  const known = ['PXEClient', 'HTTPClient'].find((name) => vendorClass.startsWith(name));
  return known === undefined ? undefined : rawOption('vendorClass', known);
}
