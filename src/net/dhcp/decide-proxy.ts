// Proxy mode: beside another DHCP server we tell network-boot clients what to boot, and never give an address (PXE 2.1 §2.2). Pure.

import type { BootClient } from './client.ts';
import type { DhcpPacket } from './codec.ts';
import { messageName } from './options.ts';

export type ProxyDecision =
  | { readonly kind: 'silent'; readonly reason: string }
  | { readonly kind: 'offer' | 'ack'; readonly reason: string };

/** `isBootPort`: the packet came to port 4011, where firmware asks the server whose proxy offer it took. */
export function decideProxy(packet: DhcpPacket, client: BootClient, isBootPort: boolean): ProxyDecision {
  const message = messageName(packet.options);
  if (message === undefined) return { kind: 'silent', reason: 'no DHCP message type: BOOTP or unknown' };
  if (client.kind === 'other') return { kind: 'silent', reason: 'proxy mode answers network-boot clients only' };
  if (isBootPort) {
    if (message === 'request') return { kind: 'ack', reason: 'asked on the boot port' };
    return { kind: 'silent', reason: `${message} has no place on the boot port` };
  }
  if (message === 'discover') return { kind: 'offer', reason: 'looks for a boot server' };
  return { kind: 'silent', reason: `${message} is for the server that gives the addresses` };
}
