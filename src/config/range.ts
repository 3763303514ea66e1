// A range of IPv4 addresses as written in the configuration: "10.0.0.100-10.0.0.200", or one address alone.

import { type Ipv4, ipv4ToNumber, numberToIpv4, parseIpv4, type Subnet } from '../lib/index.ts';

export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

/** First and last address, both inside; undefined when the text has another form or runs backwards. */
export function parseRange(text: string): AddressRange | undefined {
  const [from = '', to = from, ...more] = text.split('-').map((part) => part.trim());
  const first = parseIpv4(from);
  const last = parseIpv4(to);
  if (first === undefined || last === undefined || more.length > 0) return undefined;
  return ipv4ToNumber(first) <= ipv4ToNumber(last) ? { first: ipv4ToNumber(first), last: ipv4ToNumber(last) } : undefined;
}

export function rangeHas(range: AddressRange, address: Ipv4): boolean {
  const value = ipv4ToNumber(address);
  return value >= range.first && value <= range.last;
}

export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The addresses of a subnet that a host may have: neither its network nor its broadcast address. */
export function hostRange(subnet: Subnet): AddressRange {
  return { first: subnet.network + 1, last: subnet.network + 2 ** (32 - subnet.prefix) - 2 };
}

export function wholeRange(subnet: Subnet): AddressRange {
  return { first: subnet.network, last: subnet.network + 2 ** (32 - subnet.prefix) - 1 };
}

export function rangeText(range: AddressRange): string {
  return `${numberToIpv4(range.first)}-${numberToIpv4(range.last)}`;
}
