// IPv6 addresses: text in the one spelling of RFC 5952 outside, 16 bytes inside. Pure; knows no zones but to cut them off.

import { isIPv6 } from 'node:net';
import { type Mac, macOfBytes } from './mac.ts';

export type Ipv6 = string & { readonly __brand: 'Ipv6' };

export interface Prefix6 {
  /** The network's 16 bytes: host bits are zero. */
  readonly network: Uint8Array;
  readonly length: number;
}

const GROUPS = 8;
const BITS = 128;

/** The zone (%eth0) is cut off: it names an interface of one machine, not an address. */
export function parseIpv6(text: string): Ipv6 | undefined {
  const [plain = ''] = text.split('%');
  return isIPv6(plain) ? bytesToIpv6(bytesOf(plain)) : undefined;
}

export function ipv6ToBytes(address: Ipv6): Uint8Array {
  return bytesOf(address);
}

/** RFC 5952 §4: lower case, no leading zeros, the longest run of two or more zero groups as "::", the first of equals. */
export function bytesToIpv6(bytes: Uint8Array): Ipv6 {
  if (bytes.length !== 16) throw new RangeError(`an IPv6 address has 16 bytes, not ${bytes.length}`);
  const groups = Array.from({ length: GROUPS }, (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0));
  const { start, length } = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':') as Ipv6; // built in the form
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}` as Ipv6; // built in the form
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let run = 0;
  for (const [index, group] of groups.entries()) {
    run = group === 0 ? run + 1 : 0;
    if (run > best.length) best = { start: index - run + 1, length: run };
  }
  return best;
}

/** Only for text that isIPv6() has accepted. */
function bytesOf(text: string): Uint8Array {
  const [head = '', tail] = text.split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: GROUPS - left.length - right.length }, () => 0);
  return Uint8Array.from([...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]));
}

/** Two groups for a dotted quad at the end (RFC 4291 §2.2.3). */
function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

/** "fd00:77::/64"; undefined too when bits beyond the prefix are set: that is an address, not a network. */
export function parsePrefix6(text: string): Prefix6 | undefined {
  const [address = '', bits = '', ...more] = text.split('/');
  const parsed = address.includes('%') ? undefined : parseIpv6(address);
  if (parsed === undefined || more.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > BITS) return undefined;
  const length = Number(bits);
  const network = bytesOf(parsed);
  const isNetwork = network.every((byte, index) => (byte & ~maskOf(length, index) & 0xff) === 0);
  return isNetwork ? { network, length } : undefined;
}

export function prefix6Has(prefix: Prefix6, address: Ipv6): boolean {
  return bytesOf(address).every((byte, index) => (byte & maskOf(prefix.length, index)) === prefix.network[index]);
}

/** The bits of the byte at `index` that belong to a prefix of that length. */
function maskOf(length: number, index: number): number {
  const bits = Math.min(8, Math.max(0, length - 8 * index));
  return (0xff << (8 - bits)) & 0xff;
}

export function isLinkLocal6(address: Ipv6): boolean {
  const [first = 0, second = 0] = bytesOf(address);
  return first === 0xfe && (second & 0xc0) === 0x80;
}

/** The MAC inside a modified EUI-64 interface identifier (RFC 4291, appendix A); undefined for any other address. */
export function macInIpv6(address: Ipv6): Mac | undefined {
  const id = bytesOf(address).subarray(8);
  if (id[3] !== 0xff || id[4] !== 0xfe) return undefined;
  return macOfBytes(Uint8Array.of((id[0] ?? 0) ^ 2, id[1] ?? 0, id[2] ?? 0, id[5] ?? 0, id[6] ?? 0, id[7] ?? 0));
}

/** As a URL writes it: IPv6 in brackets (RFC 3986 §3.2.2), anything else as it is. */
export function hostInUrl(host: string): string {
  return isIPv6(host.split('%')[0] ?? '') ? `[${host}]` : host;
}

/** "::ffff:10.0.0.1", as a socket for both families names an IPv4 peer, → "10.0.0.1"; anything else as it is. */
export function withoutMapping(address: string): string {
  return /^::ffff:(\d+(?:\.\d+){3})$/i.exec(address)?.[1] ?? address;
}
