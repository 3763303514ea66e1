// What this machine's system says of its interfaces and neighbours, read where Linux shows it. Decides nothing.

import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { type Ipv4, type Mac, parseIpv4, parseMac, type Subnet, systemCode } from '../../../lib/index.ts';
import { chooseAddress } from '../sockets.ts';

export type Link = 'up' | 'down' | 'missing';

export interface WatchHost {
  linkOf(interfaceName: string): Promise<Link>;
  /** Ours there, and the card's own MAC; undefined without an IPv4 address. `current` stays while it is still there. */
  identityOf(interfaceName: string, current: Ipv4 | null): { readonly address: Ipv4; readonly mac: Mac } | undefined;
  /** The MAC behind an address on that wire, as far as the kernel knows it. */
  neighbour(interfaceName: string, address: Ipv4): Promise<Mac | null>;
}

/** IP address, HW type, Flags, HW address, Mask, Device: 0x2 = the address was resolved. */
const ARP_LINE = /^(\S+)\s+0x1\s+0x(\w+)\s+(\S+)\s+\S+\s+(\S+)$/;
const RESOLVED = 2;

export function createWatchHost(subnets: readonly Subnet[]): WatchHost {
  return {
    linkOf,
    identityOf: (interfaceName, current) => {
      const list = networkInterfaces()[interfaceName] ?? [];
      const address = chooseAddress(list, subnets, current);
      const mac = parseMac(list[0]?.mac ?? '');
      return address === undefined || mac === undefined ? undefined : { address, mac };
    },
    neighbour: async (interfaceName, address) => neighbourIn(await readFile('/proc/net/arp', 'utf8'), interfaceName, address),
  };
}

/** The kernel answers 1 with a link, 0 without, and EINVAL for an interface that is switched off. */
async function linkOf(interfaceName: string): Promise<Link> {
  try {
    return (await readFile(`/sys/class/net/${interfaceName}/carrier`, 'utf8')).trim() === '0' ? 'down' : 'up';
  } catch (thrown) {
    if (systemCode(thrown) === 'EINVAL') return 'down';
    // A container may hide /sys; then the sockets tell soon enough.
    return networkInterfaces()[interfaceName] === undefined ? 'missing' : 'up';
  }
}

export function neighbourIn(table: string, interfaceName: string, address: Ipv4): Mac | null {
  for (const line of table.split('\n')) {
    const [, ip, flags = '0', mac = '', device] = ARP_LINE.exec(line.trim()) ?? [];
    if (device === interfaceName && parseIpv4(ip ?? '') === address && (Number.parseInt(flags, 16) & RESOLVED) !== 0)
      return parseMac(mac) ?? null;
  }
  return null;
}
