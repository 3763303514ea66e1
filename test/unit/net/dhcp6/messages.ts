// Messages for the DHCPv6 tests: a client, a small site, and a builder.

import { type Ipv6, parseIpv6, parsePrefix6 } from '../../../../src/lib/index.ts';
import { AddressTable } from '../../../../src/net/dhcp6/addresses.ts';
import type { Message6 } from '../../../../src/net/dhcp6/codec.ts';
import { type Decision6, decide6, type Situation6, type Subnet6 } from '../../../../src/net/dhcp6/decide.ts';
import { getOption6, getOptions6, MESSAGE6, type MessageName6, option6 } from '../../../../src/net/dhcp6/options.ts';
import type { Option6 } from '../../../../src/net/dhcp6/shapes.ts';

export const NOW = 1_000_000_000;
export const CLIENT_DUID = Buffer.from('00030001525400000001', 'hex');
export const SERVER_DUID = Buffer.from(`0004${'5e'.repeat(16)}`, 'hex');
export const OTHER_DUID = Buffer.from('000300010a0000000001', 'hex');
export const IAID = 0x01020304;

export function ip6(text: string): Ipv6 {
  const parsed = parseIpv6(text);
  if (parsed === undefined) throw new Error(`${text} is no IPv6 address`);
  return parsed;
}

export function subnet6(name: string, change: Partial<Subnet6> = {}): Subnet6 {
  const prefix = parsePrefix6(name);
  if (prefix === undefined) throw new Error(`${name} is no prefix`);
  return { name, prefix, validSeconds: 3600, dnsServers: [ip6('fd00:77::53')], domainSearch: ['lab.example'], ...change };
}

export const HOME6 = subnet6('fd00:77::/64');

export interface Sketch6 {
  readonly duid?: Uint8Array | null;
  readonly server?: Uint8Array;
  /** Associations by their claimed addresses; null: none at all. */
  readonly claims?: readonly string[] | null;
  readonly iaid?: number;
  readonly options?: readonly Option6[];
}

export function message6(
  name: MessageName6,
  { duid = CLIENT_DUID, server, claims = [], iaid = IAID, options = [] }: Sketch6 = {},
): Message6 {
  const inner = (claims ?? []).map((text) =>
    option6('iaAddress', { address: ip6(text), preferredSeconds: 0, validSeconds: 0, options: [] }),
  );
  return {
    type: MESSAGE6[name],
    transactionId: 0xabcdef,
    options: [
      ...(duid === null ? [] : [option6('clientId', duid)]),
      ...(server === undefined ? [] : [option6('serverId', server)]),
      ...(claims === null ? [] : [option6('iaNa', { iaid, renewSeconds: 0, rebindSeconds: 0, options: inner })]),
      ...options,
    ],
  };
}

export interface Site6 {
  readonly table: AddressTable;
  /** Carries out what it decides, as the server does. */
  decide(message: Message6, change?: Partial<Situation6>): Decision6;
}

export function site6(base: Partial<Situation6> = {}): Site6 {
  const table = base.table ?? new AddressTable(100);
  const situation: Situation6 = {
    mode: 'full',
    serverDuid: SERVER_DUID,
    secret: Buffer.from('secret'),
    subnet: HOME6,
    isUnicast: false,
    table,
    now: NOW,
    declineMs: 86_400_000,
    ...base,
  };
  return {
    table,
    decide(message, change = {}) {
      const decision = decide6(message, { ...situation, ...change });
      for (const one of decision.kind === 'silent' ? [] : decision.changes) {
        if (one.change === 'hold') table.hold(one.address, one.key, one.until);
        else if (one.change === 'release') table.release(one.address, one.key);
        else table.decline(one.address, one.until);
      }
      return decision;
    },
  };
}

/** The addresses that an answer gives, without those it ends. */
export function given(decision: Decision6): string[] {
  if (decision.kind === 'silent') return [];
  return decision.associations.flatMap(({ addresses }) => addresses.filter((one) => one.validSeconds > 0).map((one) => one.address));
}

/** The same, read from a message on the wire. */
export function addressesIn(message: Message6): string[] {
  return getOptions6(message.options, 'iaNa').flatMap((ia) => getOptions6(ia.options, 'iaAddress').map((one) => one.address));
}

export function statusIn(message: Message6): number | undefined {
  return getOption6(message.options, 'statusCode')?.code;
}
