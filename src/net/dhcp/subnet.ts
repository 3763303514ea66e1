// What the site gave us to hand out: subnets, pools, reservations. Pure; picks the subnets a client may live in.

import { type Ipv4, ipv4ToNumber, type Mac, numberToIpv4, type Subnet, subnetHas } from '../../lib/index.ts';
import { NO_ADDRESS } from './codec.ts';
import type { RawOptions } from './options.ts';

export interface AddressRange {
  readonly first: Ipv4;
  readonly last: Ipv4;
}

/** One machine's own address. The first of MAC, UUID, client id that matches decides. */
export interface Reservation {
  readonly address: Ipv4;
  readonly mac?: Mac;
  readonly smbiosUuid?: string;
  /** Hex of the whole option 61. */
  readonly clientId?: string;
  readonly hostName?: string;
}

export interface DhcpSubnet {
  /** As in the config, 10.0.0.0/24: the lease's `subnet`. */
  readonly cidr: string;
  readonly subnet: Subnet;
  readonly pools: readonly AddressRange[];
  readonly reservations: readonly Reservation[];
  readonly leaseSeconds: number;
  readonly routers: readonly Ipv4[];
  readonly dnsServers: readonly Ipv4[];
  readonly domainName: string | null;
  readonly ntpServers: readonly Ipv4[];
  /** Further options, raw, for clients that ask for them (option 55) or never said what they want. */
  readonly options: RawOptions;
  /** Subnets of one name lie on one wire: a client may get an address from any of them. */
  readonly sharedNetwork: string | null;
}

/** With its reservations by what they are looked up by: there may be thousands, and a search for a free address asks for each one. */
export interface IndexedSubnet extends DhcpSubnet {
  readonly byMac: ReadonlyMap<string, Reservation>;
  readonly byUuid: ReadonlyMap<string, Reservation>;
  readonly byClientId: ReadonlyMap<string, Reservation>;
  readonly byAddress: ReadonlyMap<Ipv4, Reservation>;
  /** The pools as numbers; their addresses are numbered through. */
  readonly ranges: readonly NumberRange[];
  readonly total: number;
  /** Strangers get the addresses below this number. */
  readonly keptBackFrom: number;
}

interface NumberRange {
  readonly first: number;
  readonly size: number;
}

/** Of each pool the last tenth is for machines that are known, so that strangers, or one that makes up many, can't take it all. */
const KEPT_BACK_SHARE = 0.1;
/** A pool smaller than this is too small to keep anything back. */
const MIN_POOL_TO_KEEP_BACK = 10;

export function indexSubnet(subnet: DhcpSubnet): IndexedSubnet {
  const by = (key: (one: Reservation) => string | undefined): ReadonlyMap<string, Reservation> =>
    new Map(subnet.reservations.flatMap((one) => (key(one) === undefined ? [] : [[key(one) ?? '', one] as const])));
  const ranges = subnet.pools.map(({ first, last }) => rangeOf(ipv4ToNumber(first), ipv4ToNumber(last)));
  const total = ranges.reduce((sum, range) => sum + range.size, 0);
  return {
    ...subnet,
    ranges,
    total,
    keptBackFrom: total < MIN_POOL_TO_KEEP_BACK ? total : total - Math.max(1, Math.floor(total * KEPT_BACK_SHARE)),
    byMac: by((one) => one.mac),
    byUuid: by((one) => one.smbiosUuid?.toLowerCase()),
    byClientId: by((one) => one.clientId?.toLowerCase()),
    byAddress: new Map(subnet.reservations.map((one) => [one.address, one])),
  };
}

export interface ClientIdentity {
  readonly mac: Mac;
  readonly clientId: string | null;
  readonly smbiosUuid: string | null;
}

/** The subnets at the place the packet came from: the relay's link, or the interface we heard it on. */
export function subnetsAt(subnets: readonly IndexedSubnet[], link: Ipv4): readonly IndexedSubnet[] {
  const home = subnets.find((candidate) => subnetHas(candidate.subnet, link));
  if (home === undefined) return [];
  if (home.sharedNetwork === null) return [home];
  return [home, ...subnets.filter((other) => other !== home && other.sharedNetwork === home.sharedNetwork)];
}

export function subnetOf(subnets: readonly IndexedSubnet[], address: Ipv4): IndexedSubnet | undefined {
  return subnets.find((candidate) => subnetHas(candidate.subnet, address));
}

export function isInPool(subnet: IndexedSubnet, address: Ipv4): boolean {
  return indexOf(subnet, address) !== undefined;
}

/** undefined when it is in no pool. */
export function isKeptBack(subnet: IndexedSubnet, address: Ipv4): boolean | undefined {
  const index = indexOf(subnet, address);
  return index === undefined ? undefined : index >= subnet.keptBackFrom;
}

function rangeOf(first: number, last: number): NumberRange {
  return { first, size: Math.max(0, last - first + 1) };
}

function indexOf(subnet: IndexedSubnet, address: Ipv4): number | undefined {
  const value = ipv4ToNumber(address);
  let before = 0;
  for (const { first, size } of subnet.ranges) {
    if (value >= first && value < first + size) return before + value - first;
    before += size;
  }
  return undefined;
}

export function addressAt(subnet: IndexedSubnet, index: number): Ipv4 {
  let left = index;
  for (const { first, size } of subnet.ranges) {
    if (left < size) return numberToIpv4(first + left);
    left -= size;
  }
  throw new RangeError(`no address number ${index} in the pools of ${subnet.cidr}`);
}

export function reservationFor(subnet: IndexedSubnet, client: ClientIdentity): Reservation | undefined {
  return subnet.byMac.get(client.mac) ?? subnet.byUuid.get(client.smbiosUuid ?? '') ?? subnet.byClientId.get(client.clientId ?? '');
}

export function isReservedForOther(subnet: IndexedSubnet, address: Ipv4, client: ClientIdentity): boolean {
  return subnet.byAddress.has(address) && reservationFor(subnet, client)?.address !== address;
}

export function isSet(address: Ipv4): boolean {
  return address !== NO_ADDRESS;
}
