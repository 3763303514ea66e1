// What of network boot wants a person's hand, in words. Knows no sockets: it is told what each interface has.

import type { Warning } from './api/index.ts';
import type { Config } from './config/index.ts';
import { type Ipv4, parseSubnet, subnetHas } from './lib/index.ts';

interface Interface {
  readonly name: string;
  readonly address: Ipv4 | null;
}

export interface InterfaceWords extends Interface {
  readonly reason: string;
  /** The next step when a person should do something, else null. */
  readonly hint: string | null;
}

export function interfaceWarnings(config: Config, interfaces: readonly InterfaceWords[]): Warning[] {
  return [
    ...interfaces.flatMap(({ name, reason, hint }) =>
      hint === null ? [] : [{ code: 'dhcp.interface', message: `${name}: ${reason}`, hint }],
    ),
    ...subnetWarnings(config, interfaces),
  ];
}

/** The commonest slip of a first start: an interface, and a subnet that it has no address in. Its machines would ask in vain. */
export function subnetWarnings({ dhcp }: Config, interfaces: readonly Interface[]): Warning[] {
  return dhcp.mode === 'full' ? interfaces.flatMap((one) => withoutSubnet(dhcp, one)) : [];
}

function withoutSubnet(dhcp: Config['dhcp'], { name, address }: Interface): Warning[] {
  if (address === null) return [];
  const served = dhcp.subnet.map((one) => one.subnet);
  if (served.some((text) => hasAddress(text, address))) return [];
  return [
    {
      code: 'dhcp.no_subnet',
      message: `${name}: its address ${address} is in no [[dhcp.subnet]] (${served.join(', ')}): machines on it get none from here`,
      hint: `Give ${name} an address in one of them, or add a [[dhcp.subnet]] that holds ${address}. Behind a relay only, it may stay so.`,
    },
  ];
}

function hasAddress(text: string, address: Ipv4): boolean {
  const subnet = parseSubnet(text);
  return subnet !== undefined && subnetHas(subnet, address);
}
