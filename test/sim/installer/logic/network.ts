// The network of the installed system: static, whatever it came from. Writes no file.

import type { Answer, Network } from './answer.ts';
import type { Fqdn } from './answer-values.ts';
import { readCidr, readFqdn } from './answer-values.ts';
import { firstMatch, type Properties } from './machine.ts';
import { Refused } from './section.ts';

export interface Port {
  readonly name: string;
  readonly mac: string;
  readonly udev: Properties;
}

/** What DHCP gave to the live system. */
export interface Lease {
  readonly port: string;
  /** 10.0.0.11/24 */
  readonly cidr: string;
  readonly gateway: string | null;
  readonly dns: string | null;
  readonly hostName: string | null;
  readonly domain: string | null;
}

export interface Settings {
  readonly fqdn: Fqdn;
  /** Its name in the live system. */
  readonly management: Port;
  readonly cidr: string;
  readonly gateway: string;
  readonly dns: string;
  /** By name in the live system; empty: names are not pinned. */
  readonly pinned: ReadonlyMap<string, string>;
}

/** The lease is the one with the default route. Throws Refused. */
export function settle(answer: Answer, ports: readonly Port[], lease: Lease | null): Settings {
  const { fixed, pinning } = answer.network;
  const sorted = ports.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const chosen =
    fixed &&
    firstMatch(
      fixed.filter,
      sorted.map((port) => [port, port.udev] as const),
    );
  const management = chosen ?? sorted.find(({ name }) => name === lease?.port);
  if (management === undefined) throw new Refused('no port has a lease with a default route');
  const fqdn = nameOf(answer.global.fqdn, lease);
  const pinned = pinNames(sorted, pinning);
  if (fixed)
    return { fqdn, management, cidr: `${fixed.cidr.address}/${fixed.cidr.prefix}`, gateway: fixed.gateway, dns: fixed.dns, pinned };
  if (lease === null || lease.gateway === null || lease.dns === null) throw new Refused('the lease has no gateway or no name server');
  return { fqdn, management, cidr: lease.cidr, gateway: lease.gateway, dns: lease.dns, pinned };
}

function nameOf(fqdn: Answer['global']['fqdn'], lease: Lease | null): Fqdn {
  if ('host' in fqdn) return fqdn;
  if (lease?.hostName === null || lease?.hostName === undefined) throw new Refused('global.fqdn: DHCP gave no host name');
  const domain = lease.domain ?? fqdn.fallbackDomain;
  if (domain === null) throw new Refused('global.fqdn: DHCP gave no domain, and none is in the answer');
  return readFqdn(`${lease.hostName}.${domain}`);
}

function pinNames(ports: readonly Port[], pinning: Network['pinning']): ReadonlyMap<string, string> {
  if (pinning === null) return new Map();
  const given = new Set(pinning.values());
  let next = 0;
  const free = (): string => {
    while (given.has(`nic${next}`)) next += 1;
    next += 1;
    return `nic${next - 1}`;
  };
  return new Map(ports.map(({ name, mac }) => [name, pinning.get(mac.toLowerCase()) ?? free()]));
}

/** /etc/network/interfaces, as Proxmox VE has it: the address on a bridge over the port. */
export function renderInterfaces({ management, cidr, gateway, pinned }: Settings, ports: readonly Port[]): string {
  const nameOfPort = (name: string): string => pinned.get(name) ?? name;
  const family = readCidr(cidr).family === 6 ? 'inet6' : 'inet';
  const others = ports.filter(({ name }) => name !== management.name).map(({ name }) => `iface ${nameOfPort(name)} inet manual\n`);
  return `auto lo
iface lo inet loopback

iface ${nameOfPort(management.name)} inet manual

auto vmbr0
iface vmbr0 ${family} static
	address ${cidr}
	gateway ${gateway}
	bridge-ports ${nameOfPort(management.name)}
	bridge-stp off
	bridge-fd 0

${others.join('\n')}`;
}

export function renderHosts({ fqdn, cidr }: Settings): string {
  const name = `${fqdn.host}.${fqdn.domain}`;
  return `127.0.0.1 localhost.localdomain localhost\n${readCidr(cidr).address} ${name} ${fqdn.host}\n\n::1 ip6-localhost ip6-loopback\n`;
}

/** By path below the root. */
export function renderLinks({ pinned }: Settings, ports: readonly Port[]): Readonly<Record<string, string>> {
  const files = [...pinned].map(([name, pin]) => {
    const mac = ports.find((port) => port.name === name)?.mac ?? '';
    return [`usr/local/lib/systemd/network/50-pmx-${pin}.link`, `[Match]\nMACAddress=${mac}\nType=ether\n\n[Link]\nName=${pin}\n`] as const;
  });
  return Object.fromEntries(files);
}
