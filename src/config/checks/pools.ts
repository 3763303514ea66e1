// Rules of the address pools of [[cluster]]: inside their network, and never an address that DHCP may give to somebody else.

import { type Ipv4, ipv4ToNumber, parseIpv4, parseSubnet } from '../../lib/index.ts';
import { type AddressRange, hostRange, parseRange, rangeHas, rangesOverlap, rangeText } from '../range.ts';
import type { Config } from '../schema.ts';
import type { Check, Notes } from './check.ts';

export const POOL_CHECKS: readonly Check[] = [
  { needs: ['/cluster/*/addresses'], run: poolsAreWhole },
  {
    needs: ['/cluster/*/addresses', '/dhcp/subnet/*/subnet', '/dhcp/subnet/*/ranges', '/dhcp/reservation/*/address'],
    run: poolsApartFromDhcp,
  },
  { needs: ['/cluster/*/addresses', '/cluster/*/dhcp_addresses'], run: oneWayOnly },
];

type PoolConfig = NonNullable<Config['cluster'][number]['addresses']>;

interface Pool {
  readonly pointer: string;
  readonly settings: PoolConfig;
  readonly range: AddressRange;
}

/** Those whose ends can be read in order; the schema has proved the form. */
function poolsOf({ cluster }: Config): readonly Pool[] {
  return cluster.flatMap(({ addresses }, index) => {
    const range = addresses === undefined ? undefined : parseRange(`${addresses.first}-${addresses.last}`);
    return addresses === undefined || range === undefined ? [] : [{ pointer: `/cluster/${index}/addresses`, settings: addresses, range }];
  });
}

function poolsAreWhole({ cluster }: Config, notes: Notes): void {
  for (const [index, { addresses: pool }] of cluster.entries()) {
    const net = pool === undefined ? undefined : parseSubnet(pool.network);
    if (pool === undefined || net === undefined) continue;
    const pointer = `/cluster/${index}/addresses`;
    const hosts = hostRange(net);
    for (const key of ['first', 'last', 'gateway'] as const) {
      const address = parseIpv4(pool[key]);
      if (address !== undefined && !rangeHas(hosts, address))
        notes.problem(`${pointer}/${key}`, `${address} is no host address of ${pool.network}`, { expected: `one of ${rangeText(hosts)}` });
    }
    if (parseRange(`${pool.first}-${pool.last}`) === undefined)
      notes.problem(`${pointer}/last`, `${pool.last} comes before ${pool.first}`, { expected: `${pool.first} or a later address` });
  }
}

/** The appliance gives an address of a pool for good: nobody may be lent it meanwhile. */
function poolsApartFromDhcp(config: Config, notes: Notes): void {
  for (const { pointer, range, settings } of poolsOf(config)) {
    const pool = `${settings.first}-${settings.last}`;
    for (const [index, subnet] of config.dhcp.subnet.entries())
      for (const [at, text] of subnet.ranges.entries()) {
        const lent = parseRange(text);
        if (lent !== undefined && rangesOverlap(lent, range))
          notes.problem(
            pointer,
            `${pool} overlaps the addresses ${JSON.stringify(text)} that ${notes.where(`/dhcp/subnet/${index}/ranges/${at}`)} lends`,
            {
              expected: 'addresses outside of all ranges of [[dhcp.subnet]]',
            },
          );
      }
    for (const [index, { address: text }] of config.dhcp.reservation.entries()) {
      const address = parseIpv4(text);
      if (address !== undefined && isIn(range, address))
        notes.problem(pointer, `${pool} holds ${address}, which ${notes.where(`/dhcp/reservation/${index}`)} keeps for a machine`, {
          expected: 'addresses that no [[dhcp.reservation]] names',
        });
    }
  }
}

function isIn({ first, last }: AddressRange, address: Ipv4): boolean {
  const value = ipv4ToNumber(address);
  return value >= first && value <= last;
}

function oneWayOnly({ cluster }: Config, notes: Notes): void {
  for (const [index, { addresses, dhcp_addresses: fromDhcp }] of cluster.entries())
    if (addresses !== undefined && fromDhcp)
      notes.warning(`/cluster/${index}/dhcp_addresses`, 'is not used: the addresses of the cluster are given');
}
