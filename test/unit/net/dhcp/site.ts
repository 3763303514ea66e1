// A small site for the decision tests: one subnet with a pool of ten, a second one behind a relay, a shared one beside the first.

import { parseSubnet } from '../../../../src/lib/index.ts';
import { type DhcpPacket, macOf } from '../../../../src/net/dhcp/codec.ts';
import { type Decision, decideFull, type FullState } from '../../../../src/net/dhcp/decide-full.ts';
import { type DhcpLease, LeaseTable } from '../../../../src/net/dhcp/lease/lease-table.ts';
import { type DhcpSubnet, indexSubnet } from '../../../../src/net/dhcp/subnet.ts';
import { CLIENT, ip } from './packets.ts';

export const SERVER = ip('10.0.0.1');
export const NOW = 1_000_000_000;

export function subnet(cidr: string, first: string, last: string, more: Partial<DhcpSubnet> = {}): DhcpSubnet {
  const parsed = parseSubnet(cidr);
  if (parsed === undefined) throw new Error(`${cidr} is no subnet`);
  return {
    cidr,
    subnet: parsed,
    pools: [{ first: ip(first), last: ip(last) }],
    reservations: [],
    leaseSeconds: 3600,
    routers: [SERVER],
    dnsServers: [SERVER],
    domainName: 'lab.example',
    ntpServers: [],
    options: new Map(),
    sharedNetwork: null,
    ...more,
  };
}

export const HOME = subnet('10.0.0.0/24', '10.0.0.100', '10.0.0.109');

export function lease(address: string, more: Partial<DhcpLease> = {}): DhcpLease {
  return {
    address: ip(address),
    subnet: HOME.cidr,
    mac: CLIENT,
    clientId: null,
    smbiosUuid: null,
    hostname: null,
    state: 'bound',
    startsAt: NOW - 1000,
    expiresAt: NOW + 3_600_000,
    ...more,
  };
}

export interface Site {
  readonly table: LeaseTable;
  decide(packet: DhcpPacket, now?: number): Decision;
}

export function site(options: { subnets?: DhcpSubnet[]; leases?: DhcpLease[]; maxLeases?: number; maxOffers?: number } = {}): Site {
  const table = new LeaseTable({ maxLeases: options.maxLeases ?? 1000, maxOffers: options.maxOffers ?? 100 }, options.leases);
  const state: Omit<FullState, 'now'> = {
    table,
    subnets: (options.subnets ?? [HOME]).map(indexSubnet),
    arrival: { interfaceName: 'eth0', serverAddress: SERVER },
    serverIds: new Set([SERVER]),
    offerMs: 30_000,
    declineMs: 600_000,
  };
  return {
    table,
    decide: (packet, now = NOW) => {
      const decision = decideFull(packet, macOf(packet) ?? CLIENT, { ...state, now });
      if (decision.kind === 'offer' || decision.kind === 'ack' || decision.kind === 'end') table.put(decision.lease);
      return decision;
    },
  };
}
