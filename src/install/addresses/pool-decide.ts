// Which address of a pool is next. Pure.

import { ipv4ToNumber, numberToIpv4, parseIpv4, parseSubnet, subnetBroadcast } from '../../lib/index.ts';

/** Of [[cluster]] addresses. */
export interface AddressPool {
  readonly network: string;
  readonly first: string;
  readonly last: string;
  readonly gateway: string;
  readonly dns?: string | undefined;
}

/** The lowest that nobody has; undefined: there is none left. */
export function nextFree(pool: AddressPool, taken: ReadonlySet<string>): string | undefined {
  const bounds = boundsOf(pool);
  if (bounds === undefined) return undefined;
  const never = neverGiven(pool);
  for (let value = bounds.first; value <= bounds.last; value += 1) {
    const address = numberToIpv4(value);
    if (!never.has(address) && !taken.has(address)) return address;
  }
  return undefined;
}

/** Whether the pool would give this one. */
export function poolHas(pool: AddressPool, address: string): boolean {
  const bounds = boundsOf(pool);
  const parsed = parseIpv4(address);
  if (bounds === undefined || parsed === undefined || neverGiven(pool).has(address)) return false;
  const value = ipv4ToNumber(parsed);
  return value >= bounds.first && value <= bounds.last;
}

export function prefixOf({ network }: AddressPool): number {
  return parseSubnet(network)?.prefix ?? 32;
}

function boundsOf(pool: AddressPool): { readonly first: number; readonly last: number } | undefined {
  const [first, last, net] = [parseIpv4(pool.first), parseIpv4(pool.last), parseSubnet(pool.network)];
  if (first === undefined || last === undefined || net === undefined) return undefined;
  const end = net.network + 2 ** (32 - net.prefix) - 1;
  return { first: Math.max(ipv4ToNumber(first), net.network), last: Math.min(ipv4ToNumber(last), end) };
}

function neverGiven(pool: AddressPool): ReadonlySet<string> {
  const net = parseSubnet(pool.network);
  const ends = net === undefined ? [] : [numberToIpv4(net.network), subnetBroadcast(net)];
  return new Set([...ends, pool.gateway, ...(pool.dns === undefined ? [] : [pool.dns])]);
}
