// Decisions into packets: which fields and options an answer has, and where it goes (RFC 2131 §4.1, §4.3.1; PXE 2.1). Pure.

import { type Ipv4, numberToIpv4, subnetBroadcast } from '../../lib/index.ts';
import { type BootClient, type BootOffer, classToEcho, clientIdOf } from './client.ts';
import { BROADCAST_FLAG, type DhcpPacket, NO_ADDRESS } from './codec.ts';
import type { DhcpLease } from './lease/lease-table.ts';
import { getOption, MESSAGE, type MessageName, OPTIONS, type OptionName, rawOption } from './options.ts';
import { type IndexedSubnet, isSet, reservationFor } from './subnet.ts';

export interface ReplyPlan {
  readonly request: DhcpPacket;
  readonly message: Extract<MessageName, 'offer' | 'ack' | 'nak'>;
  readonly serverId: Ipv4;
  /** null in proxy answers, NAKs and answers to INFORM. */
  readonly lease: DhcpLease | null;
  readonly subnet: IndexedSubnet | null;
  /** With a lease only. */
  readonly leaseSeconds: number | null;
  readonly client: BootClient;
  readonly boot: BootOffer | null;
}

export interface Destination {
  readonly address: Ipv4;
  readonly port: number;
}

export interface DhcpPorts {
  readonly server: number;
  readonly client: number;
  readonly boot: number;
}

export const STANDARD_PORTS: DhcpPorts = { server: 67, client: 68, boot: 4011 };
export const LIMITED_BROADCAST = numberToIpv4(0xffffffff);

const MAX_FILE = 127;
/** RFC 2131 §2: a client takes 576 bytes of IP; less the IP and UDP headers. Never above one Ethernet frame. */
const HEADERS = 28;
const MIN_MESSAGE = 576;
const MAX_MESSAGE = 1500;
/** PXE_DISCOVERY_CONTROL (6), bit 3: boot the file named here; no menu, no search for boot servers. PXE_END (255) closes, as PXE 2.1 has it. */
const BOOT_THIS_FILE = Uint8Array.of(6, 1, 8, 255);
/** iPXE waits seconds for a proxyDHCP offer unless it is told that none will come. */
const NO_PXEDHCP = 176;
const BIOS = 0;

/** Options in the order of their weight: what doesn't fit is left out from the end. */
export function buildReply(plan: ReplyPlan): DhcpPacket {
  const { request, message, lease, boot } = plan;
  const options = new Map([rawOption('messageType', MESSAGE[message]), rawOption('serverId', plan.serverId)]);
  if (message === 'nak') options.set(...rawOption('message', 'This address is not yours here: ask again'));
  const offer = boot !== null && 'boot' in boot ? boot.boot : null;
  if (message !== 'nak') addOptions(options, plan);
  echo(options, request, ['clientId', 'relayAgent']);
  const fileName = offer?.fileName ?? '';
  return {
    op: 2,
    htype: request.htype,
    hlen: request.hlen,
    hops: 0,
    xid: request.xid,
    secs: 0,
    chaddr: request.chaddr,
    flags: flagsOf(plan),
    ciaddr: message === 'ack' ? request.ciaddr : NO_ADDRESS,
    yiaddr: lease?.address ?? NO_ADDRESS,
    siaddr: offer?.nextServer ?? NO_ADDRESS,
    giaddr: request.giaddr,
    sname: '',
    // PXE 2.1 reads the header field; a name too long for it goes by option 67 alone.
    file: Buffer.byteLength(fileName, 'latin1') <= MAX_FILE ? fileName : '',
    options,
  };
}

/** A relay must broadcast a NAK: the client's address may be wrong where it is (RFC 2131 §4.3.2). */
function flagsOf({ request, message }: ReplyPlan): number {
  return message === 'nak' && isSet(request.giaddr) ? request.flags | BROADCAST_FLAG : request.flags;
}

function addOptions(options: Map<number, Uint8Array>, plan: ReplyPlan): void {
  if (plan.leaseSeconds !== null) for (const [code, value] of timesOf(plan.leaseSeconds)) options.set(code, value);
  addNetwork(options, plan);
  // Also without a boot file: a machine on its way to its own disk need not wait for a proxy either.
  if (plan.client.kind === 'ipxe' && plan.lease !== null) options.set(...rawOption('ipxe', new Map([[NO_PXEDHCP, Uint8Array.of(1)]])));
  if (plan.boot !== null && 'boot' in plan.boot) addBoot(options, plan, plan.boot.boot);
}

/** Nearly every answer has the same as the one before. */
let lastTimes: { readonly seconds: number; readonly options: readonly [code: number, bytes: Uint8Array][] } | undefined;

function timesOf(seconds: number): readonly [code: number, bytes: Uint8Array][] {
  if (lastTimes?.seconds === seconds) return lastTimes.options;
  const options = [
    rawOption('leaseSeconds', seconds),
    rawOption('renewalSeconds', Math.floor(seconds / 2)),
    rawOption('rebindingSeconds', Math.floor((seconds * 7) / 8)),
  ];
  lastTimes = { seconds, options };
  return options;
}

function addNetwork(options: Map<number, Uint8Array>, { request, subnet, client }: ReplyPlan): void {
  if (subnet === null) return;
  const wanted = getOption(request.options, 'parameterList');
  for (const [code, value] of optionsOf(subnet))
    if (code === OPTIONS.subnetMask.code || wanted === undefined || wanted.includes(code)) options.set(code, value);
  if (subnet.reservations.length === 0 || !wants(request, OPTIONS.hostName.code)) return;
  const hostName = reservationFor(subnet, { ...client, clientId: clientIdOf(request) })?.hostName;
  if (hostName !== undefined && !options.has(OPTIONS.hostName.code)) options.set(...rawOption('hostName', hostName));
}

/** What a subnet tells its clients never changes: put into bytes once, not for each answer. */
const OF_SUBNET = new WeakMap<IndexedSubnet, ReadonlyMap<number, Uint8Array>>();

function optionsOf(subnet: IndexedSubnet): ReadonlyMap<number, Uint8Array> {
  const known = OF_SUBNET.get(subnet);
  if (known !== undefined) return known;
  const made = new Map([rawOption('subnetMask', numberToIpv4(subnet.subnet.mask))]);
  if (subnet.routers.length > 0) made.set(...rawOption('routers', [...subnet.routers]));
  if (subnet.dnsServers.length > 0) made.set(...rawOption('dnsServers', [...subnet.dnsServers]));
  if (subnet.domainName !== null) made.set(...rawOption('domainName', subnet.domainName));
  made.set(...rawOption('broadcastAddress', subnetBroadcast(subnet.subnet)));
  if (subnet.ntpServers.length > 0) made.set(...rawOption('ntpServers', [...subnet.ntpServers]));
  for (const [code, value] of subnet.options) made.set(code, value);
  OF_SUBNET.set(subnet, made);
  return made;
}

function addBoot(options: Map<number, Uint8Array>, plan: ReplyPlan, boot: Extract<BootOffer, { boot: unknown }>['boot']): void {
  const { request, client } = plan;
  // Only HTTP boot needs its class back from a server that also gives the address. "PXEClient" there makes EDK2 take the answer for a BINL
  // offer: it ignores the file named in it, asks on port 4011 instead, and gives up with PXE-E16 (seen with OVMF 2022.11).
  const isProxy = plan.lease === null;
  const echoed = isProxy || client.kind === 'http' ? classToEcho(request) : undefined;
  if (echoed !== undefined) options.set(...echoed);
  if (wants(request, OPTIONS.bootFileName.code) || boot.fileName.length > MAX_FILE)
    options.set(...rawOption('bootFileName', boot.fileName));
  if (wants(request, OPTIONS.tftpServerName.code)) options.set(...rawOption('tftpServerName', boot.nextServer));
  // BIOS ROMs look for a menu in a proxy's answer unless told otherwise. UEFI must not see option 43: without it EDK2 asks on 4011.
  if (isProxy && client.kind === 'pxe' && (client.architecture ?? BIOS) === BIOS) {
    options.set(OPTIONS.vendorOptions.code, BOOT_THIS_FILE);
  }
  echo(options, request, ['clientUuid']);
  for (const [code, value] of boot.extra ?? []) options.set(code, value);
}

/** As they came: RFC 6842 for the client id, RFC 3046 for the relay's option, PXE 2.1 for the UUID. */
function echo(options: Map<number, Uint8Array>, request: DhcpPacket, names: readonly OptionName[]): void {
  for (const name of names) {
    const raw = request.options.get(OPTIONS[name].code);
    if (raw !== undefined) options.set(OPTIONS[name].code, raw);
  }
}

function wants(request: DhcpPacket, code: number): boolean {
  return getOption(request.options, 'parameterList')?.includes(code) ?? true;
}

/** How long an answer the client can take, as UDP payload. */
export function maxReplyLength(request: DhcpPacket): number {
  const named = getOption(request.options, 'maxMessageSize') ?? MIN_MESSAGE;
  return Math.min(Math.max(named, MIN_MESSAGE), MAX_MESSAGE) - HEADERS;
}

/**
 * RFC 2131 §4.1. A client without an address can't be asked by ARP, and a plain UDP socket can't write its MAC: it is answered by
 * broadcast, whatever its flag says (§4.1 allows it), and the flag goes back as it came.
 */
export function destinationOf(plan: ReplyPlan, ports: DhcpPorts): Destination {
  const { request, message } = plan;
  if (isSet(request.giaddr)) return { address: request.giaddr, port: ports.server };
  if (message !== 'nak' && isSet(request.ciaddr)) return { address: request.ciaddr, port: ports.client };
  return { address: LIMITED_BROADCAST, port: ports.client };
}
