// Is an address in use by somebody? What the kernel's neighbour table and an ICMP answer say of it. Pure.

import { type Ipv4, type Mac, parseIpv4, parseMac } from '../../../lib/index.ts';

export type Finding =
  | { readonly kind: 'free' }
  /** `mac` is null where it is not on our wire: behind a relay, or the appliance itself. */
  | { readonly kind: 'in-use'; readonly mac: Mac | null }
  /** The kernel remembers a machine there from before, and it did not answer: it may be gone. */
  | { readonly kind: 'doubtful'; readonly mac: Mac }
  | { readonly kind: 'unchecked'; readonly why: string };

/** ATF_COM of <net/if_arp.h>: the address was resolved, now or at some time before. */
const COMPLETE = 2;

/** The complete entry of /proc/net/arp for the address. Columns: address, hardware type, flags, MAC, mask, device. */
export function macInArpTable(table: string, address: Ipv4): Mac | undefined {
  for (const line of table.split('\n')) {
    const [entry = '', , flags = '', mac = ''] = line.trim().split(/\s+/);
    if (parseIpv4(entry) === address && (Number(flags) & COMPLETE) !== 0) return parseMac(mac);
  }
  return undefined;
}

export interface Traces {
  /** What the kernel knew before it was made to ask. */
  readonly before: Mac | undefined;
  readonly after: Mac | undefined;
  /** ICMP "port unreachable" came back: somebody lives there. */
  readonly isRefused: boolean;
}

export function judgeTraces({ before, after, isRefused }: Traces): Finding {
  if (isRefused) return { kind: 'in-use', mac: after ?? null };
  if (after === undefined) return { kind: 'free' };
  // An old entry stays "complete" for minutes, and for some 8 s more once a packet makes the kernel ask again (5 s delay, three asks a second).
  return after === before ? { kind: 'doubtful', mac: after } : { kind: 'in-use', mac: after };
}

/** In words, when the client must not have it; undefined when it may. */
export function conflictFor(client: Mac, finding: Finding): string | undefined {
  if (finding.kind === 'in-use' && finding.mac !== client) return `is in use by ${finding.mac ?? 'a machine that answers there'}`;
  if (finding.kind === 'doubtful' && finding.mac !== client) return `was used by ${finding.mac} not long ago, which may still be there`;
  return undefined;
}
