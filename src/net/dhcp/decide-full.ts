// Full mode: packet + leases → what to answer, and why (RFC 2131 §4.3). No clock, no sockets, no store; the caller carries decisions out.

import type { Ipv4, Mac } from '../../lib/index.ts';
import { type Arrival, identityOf } from './client.ts';
import type { DhcpPacket } from './codec.ts';
import type { DhcpLease, LeaseTable } from './lease/lease-table.ts';
import { getOption, messageName } from './options.ts';
import { SHAPES } from './shapes.ts';
import {
  type ClientIdentity,
  type IndexedSubnet,
  isInPool,
  isKeptBack,
  isReservedForOther,
  isSet,
  reservationFor,
  subnetOf,
  subnetsAt,
} from './subnet.ts';

export type Decision =
  | { readonly kind: 'silent'; readonly reason: string; readonly otherServer?: Ipv4 }
  | {
      readonly kind: 'offer' | 'ack';
      readonly lease: DhcpLease;
      readonly subnet: IndexedSubnet;
      /** How long the client may keep it; an offer's own end comes sooner. */
      readonly leaseSeconds: number;
      readonly reason: string;
    }
  | { readonly kind: 'nak'; readonly reason: string }
  | { readonly kind: 'inform'; readonly subnet: IndexedSubnet; readonly reason: string }
  /** RELEASE and DECLINE: to be stored, never answered. */
  | { readonly kind: 'end'; readonly lease: DhcpLease; readonly reason: string };

export interface FullState {
  readonly table: LeaseTable;
  readonly subnets: readonly IndexedSubnet[];
  readonly arrival: Arrival;
  /** Every address of ours that a client may name as its server. */
  readonly serverIds: ReadonlySet<Ipv4>;
  /** Ports of nodes that the appliance knows. Reservations and former leases are looked up here. */
  readonly isKnown?: (mac: Mac) => boolean;
  readonly now: number;
  readonly offerMs: number;
  readonly declineMs: number;
}

interface Ask {
  readonly packet: DhcpPacket;
  readonly client: ClientIdentity;
  readonly state: FullState;
  /** Where the client is: its subnets on that wire. */
  readonly places: readonly IndexedSubnet[];
}

const MIN_LEASE_SECONDS = 60;
/** What a stranger gets where four fifths of the pool are taken: enough for a firmware to boot, and soon free again. */
const STRANGER_LEASE_SECONDS = 300;
const NEARLY_FULL = 0.8;
/** RFC 3527: the relay names the client's link when giaddr is only the way back. */
const LINK_SELECTION = 5;
const HOSTNAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/;

export function decideFull(packet: DhcpPacket, mac: Mac, state: FullState): Decision {
  const link = linkOf(packet, state.arrival);
  const ask: Ask = { packet, client: identityOf(packet, mac), state, places: subnetsAt(state.subnets, link) };
  const message = messageName(packet.options);
  if (message === undefined) return silent('no DHCP message type: BOOTP or unknown');
  if (message === 'release') return decideRelease(ask);
  if (message === 'decline') return decideDecline(ask);
  if (message === 'inform') return decideInform(ask);
  if (message === 'request' && isSet(packet.ciaddr)) return decideRenewal(ask);
  if (ask.places.length === 0) return silent(`no subnet is configured for ${link}`);
  if (message === 'discover') return decideDiscover(ask);
  if (message === 'request') return getOption(packet.options, 'serverId') === undefined ? decideInitReboot(ask) : decideSelecting(ask);
  return silent(`${message} is not for a server`);
}

function silent(reason: string): Decision {
  return { kind: 'silent', reason };
}

function linkOf(packet: DhcpPacket, arrival: Arrival): Ipv4 {
  if (!isSet(packet.giaddr)) return arrival.serverAddress;
  const named = getOption(packet.options, 'relayAgent')?.get(LINK_SELECTION);
  return named?.length === 4 ? SHAPES.ip.read(named) : packet.giaddr;
}

function decideDiscover(ask: Ask): Decision {
  const { table, now, offerMs } = ask.state;
  const chosen = chooseAddress(ask);
  if (chosen === undefined) return silent(noneFree(ask));
  if (table.at(chosen.address) === undefined && !table.makeRoom(now)) return silent('too many offers or leases at once: limit reached');
  const lease = leaseFor(ask, chosen.subnet, chosen.address, 'offered', now + offerMs);
  const leaseSeconds = leaseSecondsFor(ask, chosen.subnet);
  return { kind: 'offer', lease, subnet: chosen.subnet, leaseSeconds, reason: `${chosen.address}: ${chosen.why}` };
}

function noneFree(ask: Ask): string {
  const where = ask.places.map((place) => place.cidr).join(', ');
  if (ask.places.every((place) => place.pools.length === 0))
    return `nothing reserved for this machine in ${where}, which has no ranges to lend from`;
  return isStranger(ask)
    ? `no free address in ${where} for a machine that is not known: the last tenth is kept back`
    : `no free address in ${where}`;
}

interface Choice {
  readonly subnet: IndexedSubnet;
  readonly address: Ipv4;
  readonly why: string;
}

/** RFC 2131 §4.3.1's order: reserved, had now or before, asked for, any other. */
function chooseAddress(ask: Ask): Choice | undefined {
  const { client, places, state } = ask;
  for (const subnet of places) {
    const reserved = reservationFor(subnet, client)?.address;
    if (reserved !== undefined && state.table.isFreeFor(client, reserved, state.now))
      return { subnet, address: reserved, why: 'reserved for this machine' };
  }
  for (const lease of state.table.of(client.mac)) {
    const subnet = places.find((place) => mayHave(ask, place, lease.address));
    if (subnet !== undefined && lease.state !== 'declined') return { subnet, address: lease.address, why: 'had it before' };
  }
  const wanted = getOption(ask.packet.options, 'requestedAddress');
  if (wanted !== undefined) {
    const subnet = places.find((place) => mayHave(ask, place, wanted));
    if (subnet !== undefined) return { subnet, address: wanted, why: 'asked for it' };
  }
  for (const subnet of places) {
    const address = state.table.findFree(subnet, {
      now: state.now,
      isStranger: isStranger(ask),
      isOurs: (one) => state.serverIds.has(one),
    });
    if (address !== undefined) return { subnet, address, why: 'free' };
  }
  return undefined;
}

/** Is the address ours to give, and this client's to have, here and now? */
function mayHave(ask: Ask, subnet: IndexedSubnet, address: Ipv4): boolean {
  const { client, state } = ask;
  if (subnetOf([subnet], address) === undefined || isReservedForOther(subnet, address, client)) return false;
  if (state.serverIds.has(address) || !state.table.isFreeFor(client, address, state.now)) return false;
  if (reservationFor(subnet, client)?.address === address) return true;
  const keptBack = isKeptBack(subnet, address);
  return keptBack === false || (keptBack === true && (state.table.at(address)?.mac === client.mac || !isStranger(ask)));
}

/** Has it no reservation, no lease now or before, and no place among the nodes? */
function isStranger({ client, places, state }: Ask): boolean {
  if (state.isKnown?.(client.mac) === true || places.some((place) => reservationFor(place, client) !== undefined)) return false;
  return !state.table.knows(client.mac);
}

function decideSelecting(ask: Ask): Decision {
  const server = getOption(ask.packet.options, 'serverId');
  if (server !== undefined && !ask.state.serverIds.has(server)) {
    return { kind: 'silent', reason: `the client chose another server, ${server}`, otherServer: server };
  }
  const wanted = getOption(ask.packet.options, 'requestedAddress');
  if (wanted === undefined) return silent('REQUEST without the address it wants');
  return grantOrNak(ask, ask.places, wanted, 'selected our offer');
}

/** INIT-REBOOT (§4.3.2): NAK on the wrong network or for another's address; silence where we know nothing of the client. */
function decideInitReboot(ask: Ask): Decision {
  const wanted = getOption(ask.packet.options, 'requestedAddress');
  if (wanted === undefined) return silent('REQUEST names neither an address nor a server');
  if (subnetOf(ask.places, wanted) === undefined) return { kind: 'nak', reason: `${wanted} does not belong to this network` };
  const known = ask.state.table.of(ask.client.mac);
  if (known.length === 0) return silent(`no record of this client, which remembers ${wanted}`);
  if (!known.some((lease) => lease.address === wanted))
    return { kind: 'nak', reason: `${wanted} is not this client's: it had ${known[0]?.address}` };
  return grantOrNak(ask, ask.places, wanted, 'remembered its address');
}

/**
 * RENEWING (unicast) and REBINDING (broadcast) look alike here. A client without a record, on an address of our pool that nobody has, is
 * taken back: after a restored backup the network must go on. Addresses outside our pools may be another server's: silence.
 */
function decideRenewal(ask: Ask): Decision {
  const address = ask.packet.ciaddr;
  const server = getOption(ask.packet.options, 'serverId');
  if (server !== undefined && !ask.state.serverIds.has(server)) {
    return { kind: 'silent', reason: `the client renews with another server, ${server}`, otherServer: server };
  }
  const subnet = subnetOf(ask.state.subnets, address);
  if (subnet === undefined) return silent(`${address} is in none of our subnets`);
  const isOurs = isInPool(subnet, address) || ask.state.table.at(address) !== undefined || subnet.byAddress.has(address);
  if (!isOurs) return silent(`${address} is in none of our pools`);
  // Renewals come by unicast; one through a relay is a rebinding, and the relay tells where the machine is now.
  if (isSet(ask.packet.giaddr) && ask.places.length > 0 && !ask.places.includes(subnet))
    return { kind: 'nak', reason: `${address} does not belong to the network the machine is in now, ${ask.places[0]?.cidr}` };
  return grantOrNak(ask, [subnet], address, 'extended');
}

function grantOrNak(ask: Ask, places: readonly IndexedSubnet[], address: Ipv4, reason: string): Decision {
  const { table, now } = ask.state;
  const subnet = places.find((place) => mayHave(ask, place, address));
  if (subnet === undefined) return { kind: 'nak', reason: `${address} is not free for this client` };
  if (table.at(address) === undefined && !table.makeRoom(now)) return silent('too many offers or leases at once: limit reached');
  const leaseSeconds = leaseSecondsFor(ask, subnet);
  const lease = leaseFor(ask, subnet, address, 'bound', now + leaseSeconds * 1000);
  return { kind: 'ack', lease, subnet, leaseSeconds, reason: `${address}: ${reason}` };
}

/** The client may ask for less than we give, but not so little that it renews all the time. */
function leaseSecondsFor(ask: Ask, subnet: IndexedSubnet): number {
  const { table, now } = ask.state;
  const asked = getOption(ask.packet.options, 'leaseSeconds') ?? subnet.leaseSeconds;
  const given = Math.min(subnet.leaseSeconds, Math.max(asked, MIN_LEASE_SECONDS));
  const isShort = given > STRANGER_LEASE_SECONDS && table.fullness(subnet, now) >= NEARLY_FULL && isStranger(ask);
  return isShort ? STRANGER_LEASE_SECONDS : given;
}

function decideRelease(ask: Ask): Decision {
  const address = ask.packet.ciaddr;
  const lease = ask.state.table.at(address);
  if (lease?.mac !== ask.client.mac || lease.state !== 'bound') return silent(`RELEASE of ${address}, which this client does not hold`);
  // The record stays, ended: the machine finds its address again when it comes back.
  return { kind: 'end', lease: { ...lease, state: 'released', expiresAt: ask.state.now }, reason: `${address} released` };
}

/** Only the holder may decline, so that one machine can't talk the whole pool away. */
function decideDecline(ask: Ask): Decision {
  const { table, serverIds, now, declineMs } = ask.state;
  const server = getOption(ask.packet.options, 'serverId');
  if (server !== undefined && !serverIds.has(server))
    return { kind: 'silent', reason: `DECLINE is for another server, ${server}`, otherServer: server };
  const address = getOption(ask.packet.options, 'requestedAddress');
  const lease = address === undefined ? undefined : table.at(address);
  if (lease?.mac !== ask.client.mac || lease.state === 'declined')
    return silent(`DECLINE of ${address ?? 'nothing'}, which this client does not hold`);
  const declined = { ...lease, state: 'declined', startsAt: now, expiresAt: now + declineMs } as const;
  return {
    kind: 'end',
    lease: declined,
    reason: `${lease.address} is in use by somebody else, says the client: kept out of the pool for now`,
  };
}

function decideInform(ask: Ask): Decision {
  const address = ask.packet.ciaddr;
  if (!isSet(address)) return silent("INFORM without the client's address");
  const subnet = subnetOf(ask.state.subnets, address);
  if (subnet === undefined) return silent(`INFORM from ${address}, which is in none of our subnets`);
  return { kind: 'inform', subnet, reason: `told ${address} its options` };
}

function leaseFor(ask: Ask, subnet: IndexedSubnet, address: Ipv4, state: 'offered' | 'bound', expiresAt: number): DhcpLease {
  const name = getOption(ask.packet.options, 'hostName') ?? '';
  const hostname = HOSTNAME.test(name) ? name.toLowerCase() : null;
  const { mac, clientId, smbiosUuid } = ask.client;
  return { address, subnet: subnet.cidr, mac, clientId, smbiosUuid, hostname, state, startsAt: ask.state.now, expiresAt };
}
