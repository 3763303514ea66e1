// Network ports, from what sysfs says of each. Pure.

import { INVENTORY_LIMITS, type Interface } from '../../inspect/inventory.ts';
import { parseMac } from '../../lib/index.ts';

/** One /sys/class/net/NAME: file contents, null where a file is absent or cannot be read. */
export interface PortFiles {
  readonly name: string;
  /** Whether it has a device behind it: not loopback, bridges, tunnels. */
  readonly isPhysical: boolean;
  readonly address: string | null;
  /** ARPHRD: 1 is Ethernet. */
  readonly type: string | null;
  readonly carrier: string | null;
  readonly speed: string | null;
  readonly vendor: string | null;
  readonly product: string | null;
  readonly driver: string | null;
}

export interface PortAddress {
  readonly name: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly address: string;
}

const ETHERNET = '1';
const NO_ADDRESS = new Set(['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff']);

export function interfacesOf(ports: readonly PortFiles[], addresses: readonly PortAddress[]): Interface[] {
  return ports
    .flatMap((port) =>
      interfaceOf(
        port,
        addresses.filter((one) => one.name === port.name),
      ),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, INVENTORY_LIMITS.interfaces);
}

function interfaceOf(port: PortFiles, addresses: readonly PortAddress[]): Interface[] {
  const mac = parseMac(port.address ?? '');
  if (!port.isPhysical || port.type?.trim() !== ETHERNET || mac === undefined || NO_ADDRESS.has(mac)) return [];
  const speed = Number(port.speed?.trim() ?? '');
  const address = (family: PortAddress['family']): string | null => pick(addresses.filter((one) => one.family === family));
  return [
    {
      name: port.name.slice(0, INVENTORY_LIMITS.textLength),
      mac_address: mac,
      ipv4_address: address('IPv4'),
      ipv6_address: address('IPv6'),
      has_carrier: port.carrier?.trim() === '1',
      vendor: hex(port.vendor),
      product: hex(port.product),
      // -1 and 4294967295: the driver does not know, or there is no link.
      speed_mbps: speed > 0 && speed < 0xffff_ffff ? speed : null,
      driver: port.driver,
    },
  ];
}

/** Whether some port has an address to ask that URL from: of the family of its host, and for IPv6 a routable one. */
export function canReach({ hostname }: URL, ports: readonly Interface[]): boolean {
  const isIpv6 = hostname.startsWith('[');
  return ports.some((port) => (isIpv6 ? port.ipv6_address !== null && isRoutable(port.ipv6_address) : port.ipv4_address !== null));
}

function isRoutable(address: string): boolean {
  return !address.toLowerCase().startsWith('fe80:');
}

/** A routable address before a link-local one. */
function pick(addresses: readonly PortAddress[]): string | null {
  const routable = addresses.find((one) => isRoutable(one.address));
  return (routable ?? addresses[0])?.address ?? null;
}

/** `0x8086` in PCI's and virtio's files, `0bda` in USB's. */
function hex(text: string | null): string | null {
  const digits = /^(?:0x)?([0-9a-f]{1,8})$/.exec(text?.trim().toLowerCase() ?? '')?.[1];
  return digits === undefined ? null : `0x${digits}`;
}
