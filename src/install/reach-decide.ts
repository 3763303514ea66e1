// Which addresses the appliance fetches nothing from on somebody's word: those that lead to itself, to its own link, or to what a cloud
// tells its machines. Networks of homes and racks (RFC 1918, fc00::/7) are where ISOs lie, and stay open. Pure.

import { type Ipv4, ipv4ToNumber, ipv6ToBytes, numberToIpv4, parseIpv4, parseIpv6 } from '../lib/index.ts';

type Range = readonly [network: string, bits: number, what: string];

const V4: readonly Range[] = [
  ['0.0.0.0', 8, 'means this very machine'],
  ['127.0.0.0', 8, 'is the appliance itself (loopback)'],
  ['169.254.0.0', 16, 'is link-local, where clouds keep what their machines are told (metadata)'],
  // Metadata of Alibaba Cloud, Oracle Cloud and Azure, outside of link-local addresses.
  ['100.100.100.200', 32, 'is where a cloud keeps what its machines are told (metadata)'],
  ['192.0.0.192', 32, 'is where a cloud keeps what its machines are told (metadata)'],
  ['168.63.129.16', 32, 'is where a cloud keeps what its machines are told (metadata)'],
  ['224.0.0.0', 4, 'is of many machines (multicast)'],
  ['255.255.255.255', 32, 'is of all machines (broadcast)'],
];

/** Why nothing is fetched from there; undefined: it may be. What is no address is not one to be reached. */
export function closedWhy(address: string): string | undefined {
  const bare = address.replace(/^\[|\]$/g, '');
  const v4 = parseIpv4(bare);
  if (v4 !== undefined) return closed4(v4);
  const v6 = parseIpv6(bare);
  return v6 === undefined ? 'is no address' : closed6(ipv6ToBytes(v6));
}

function closed4(address: Ipv4): string | undefined {
  const number = ipv4ToNumber(address);
  return V4.find(([network, bits]) => {
    const base = parseIpv4(network);
    const size = 2 ** (32 - bits);
    return base !== undefined && Math.floor(number / size) === Math.floor(ipv4ToNumber(base) / size);
  })?.[2];
}

function closed6(bytes: Uint8Array): string | undefined {
  const [first = 0, second = 0] = bytes;
  if (first === 0xff) return 'is of many machines (multicast)';
  if (first === 0xfe && (second & 0xc0) === 0x80) return 'is link-local';
  if (Buffer.from(bytes).toString('hex') === 'fd000ec2000000000000000000000254')
    return 'is where a cloud keeps what its machines are told (metadata)';
  const inner = embedded(bytes);
  return inner === undefined ? undefined : closed4(inner);
}

/** An IPv4 address in another's clothes: mapped and compatible (RFC 4291 §2.5.5; :: and ::1 are among these), NAT64 (RFC 6052), 6to4. */
function embedded(bytes: Uint8Array): Ipv4 | undefined {
  const view = Buffer.from(bytes);
  const begin = view.toString('hex', 0, 12);
  if (view.toString('hex', 0, 2) === '2002') return numberToIpv4(view.readUInt32BE(2));
  if (begin === '0064ff9b0000000000000000' || begin === '00000000000000000000ffff') return numberToIpv4(view.readUInt32BE(12));
  if (begin !== '000000000000000000000000') return undefined;
  return view.readUInt32BE(12) === 1 ? numberToIpv4(0x7f_00_00_01) : numberToIpv4(view.readUInt32BE(12));
}
