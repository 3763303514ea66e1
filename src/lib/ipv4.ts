// IPv4 addresses as text outside and unsigned 32-bit numbers inside.

export type Ipv4 = string & { readonly __brand: 'Ipv4' };

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const [DOT, ZERO] = [46, 48];
const DOTTED = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

export interface Subnet {
  readonly network: number;
  readonly prefix: number;
  readonly mask: number;
}

export function parseIpv4(text: string): Ipv4 | undefined {
  return DOTTED.test(text) ? (text as Ipv4) : undefined; // the pattern proved the form
}

/** Without split(): called a dozen times for each DHCP packet. */
export function ipv4ToNumber(address: Ipv4): number {
  let [value, octet] = [0, 0];
  for (let at = 0; at < address.length; at += 1) {
    const code = address.charCodeAt(at);
    if (code === DOT) {
      value = value * 256 + octet;
      octet = 0;
    } else octet = octet * 10 + code - ZERO;
  }
  return value * 256 + octet;
}

export function numberToIpv4(value: number): Ipv4 {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}` as Ipv4; // built in the form
}

export function parseSubnet(text: string): Subnet | undefined {
  const [address, bits] = text.split('/');
  const parsed = parseIpv4(address ?? '');
  if (parsed === undefined || bits === undefined || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return undefined;
  const prefix = Number(bits);
  const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  return { network: (ipv4ToNumber(parsed) & mask) >>> 0, prefix, mask };
}

export function subnetHas(subnet: Subnet, address: Ipv4): boolean {
  return (ipv4ToNumber(address) & subnet.mask) >>> 0 === subnet.network;
}

export function subnetBroadcast(subnet: Subnet): Ipv4 {
  return numberToIpv4((subnet.network | (~subnet.mask >>> 0)) >>> 0);
}
