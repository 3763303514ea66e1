// Rules between subnets, ranges and reservations, so that no address can be given twice or to the wrong network.

import { type Ipv4, ipv4ToNumber, numberToIpv4, parseIpv4, parseMac, parseSubnet, type Subnet } from '../../lib/index.ts';
import { type AddressRange, hostRange, parseRange, rangeHas, rangesOverlap, rangeText, wholeRange } from '../range.ts';
import type { Config } from '../schema.ts';
import type { Check, Notes } from './check.ts';

export const DHCP_CHECKS: readonly Check[] = [
  { needs: ['/dhcp/mode', '/dhcp/interfaces', '/dhcp/subnet'], run: modeFits },
  { needs: ['/dhcp/interfaces'], run: interfacesOnce },
  { needs: ['/dhcp/subnet/*/shared_network'], run: sharedByTwo },
  { needs: ['/dhcp/subnet/*/subnet'], run: subnetsApart },
  { needs: ['/dhcp/subnet/*/subnet', '/dhcp/subnet/*/ranges', '/dhcp/subnet/*/router'], run: rangesInside },
  { needs: ['/dhcp/reservation/*/mac', '/dhcp/reservation/*/uuid', '/dhcp/reservation/*/client_id'], run: machinesNamedOnce },
  { needs: ['/dhcp/subnet/*/subnet', '/dhcp/subnet/*/router', '/dhcp/reservation/*/address'], run: reservedAddresses },
];

type SubnetConfig = Config['dhcp']['subnet'][number];

function modeFits({ dhcp }: Config, notes: Notes): void {
  if (dhcp.mode === 'full' && dhcp.subnet.length === 0)
    notes.problem('/dhcp/mode', '"full" gives addresses and needs at least one [[dhcp.subnet]]; or set mode = "proxy"', {
      expected: 'a [[dhcp.subnet]] table',
    });
  if (dhcp.mode === 'proxy' && dhcp.subnet.length > 0) notes.warning('/dhcp/subnet', 'is not used: mode = "proxy" gives no addresses');
  if (dhcp.mode !== 'off' && dhcp.interfaces.length === 0)
    notes.warning('/dhcp/interfaces', 'is empty: DHCP is answered on all interfaces. Name the one of the provisioning network');
}

function interfacesOnce({ dhcp }: Config, notes: Notes): void {
  for (const [index, name] of dhcp.interfaces.entries())
    if (dhcp.interfaces.indexOf(name) < index) notes.problem(`/dhcp/interfaces/${index}`, `${JSON.stringify(name)} is listed twice`);
}

/** A name that only one subnet bears shares nothing: most likely a slip of the pen. */
function sharedByTwo({ dhcp }: Config, notes: Notes): void {
  const names = dhcp.subnet.map((one) => one.shared_network);
  for (const [index, name] of names.entries())
    if (name !== undefined && names.filter((other) => other === name).length === 1)
      notes.warning(
        `/dhcp/subnet/${index}/shared_network`,
        `${JSON.stringify(name)} is the name of this subnet alone: it shares its wire with none`,
      );
}

/** With its pointer; the schema has proved the form. */
function parsed({ dhcp }: Config): { pointer: string; settings: SubnetConfig; net: Subnet }[] {
  return dhcp.subnet.flatMap((settings, index) => {
    const net = parseSubnet(settings.subnet);
    return net === undefined ? [] : [{ pointer: `/dhcp/subnet/${index}`, settings, net }];
  });
}

function subnetsApart(config: Config, notes: Notes): void {
  const subnets = parsed(config);
  for (const [index, { pointer, settings, net }] of subnets.entries()) {
    const straight = `${numberToIpv4(net.network)}/${net.prefix}`;
    if (settings.subnet !== straight)
      notes.problem(
        `${pointer}/subnet`,
        `${JSON.stringify(settings.subnet)} is an address in a network. Did you mean ${JSON.stringify(straight)}?`,
        {
          expected: straight,
          nearest: straight,
        },
      );
    const other = subnets.slice(0, index).find((earlier) => rangesOverlap(wholeRange(earlier.net), wholeRange(net)));
    if (other !== undefined)
      notes.problem(`${pointer}/subnet`, `${JSON.stringify(settings.subnet)} overlaps ${notes.where(other.pointer)}`);
  }
}

function rangesInside(config: Config, notes: Notes): void {
  for (const subnet of parsed(config)) {
    const hosts = hostRange(subnet.net);
    const router = subnet.settings.router === undefined ? undefined : parseIpv4(subnet.settings.router);
    if (router !== undefined && !rangeHas(hosts, router))
      notes.problem(`${subnet.pointer}/router`, `${router} is no host address of ${subnet.settings.subnet}`, {
        expected: `one of ${rangeText(hosts)}`,
      });
    const seen: AddressRange[] = [];
    for (const [index, text] of subnet.settings.ranges.entries()) {
      const range = parseRange(text);
      if (range === undefined) continue;
      checkRange({ pointer: `${subnet.pointer}/ranges/${index}`, text, range, hosts, router, seen, subnet: subnet.settings.subnet }, notes);
      seen.push(range);
    }
  }
}

interface RangePlace {
  readonly pointer: string;
  readonly text: string;
  readonly range: AddressRange;
  readonly hosts: AddressRange;
  readonly router: Ipv4 | undefined;
  readonly seen: readonly AddressRange[];
  readonly subnet: string;
}

function checkRange({ pointer, text, range, hosts, router, seen, subnet }: RangePlace, notes: Notes): void {
  const name = JSON.stringify(text);
  if (range.first < hosts.first || range.last > hosts.last)
    notes.problem(pointer, `${name} goes beyond the host addresses of ${subnet}`, { expected: `addresses within ${rangeText(hosts)}` });
  if (router !== undefined && rangeHas(range, router))
    notes.problem(pointer, `${name} contains the router ${router}, which would be given to a machine`);
  const overlapped = seen.find((earlier) => rangesOverlap(earlier, range));
  if (overlapped !== undefined) notes.problem(pointer, `${name} overlaps the range ${rangeText(overlapped)} of the same subnet`);
}

function machinesNamedOnce({ dhcp }: Config, notes: Notes): void {
  const seen = new Map<string, string>();
  for (const [index, { mac, uuid, client_id: clientId }] of dhcp.reservation.entries()) {
    const pointer = `/dhcp/reservation/${index}`;
    const names = [
      ...(mac === undefined ? [] : [{ key: 'mac', value: parseMac(mac) ?? mac }]),
      ...(uuid === undefined ? [] : [{ key: 'uuid', value: uuid.toLowerCase() }]),
      ...(clientId === undefined ? [] : [{ key: 'client_id', value: clientId.toLowerCase() }]),
    ];
    if (names.length !== 1)
      notes.problem(
        pointer,
        `expected exactly one of mac, uuid, client_id, got ${names.length === 0 ? 'none' : names.map(({ key }) => key).join(' and ')}`,
        {
          expected: 'exactly one of mac, uuid, client_id',
        },
      );
    for (const { key, value } of names) {
      const earlier = seen.get(`${key} ${value}`);
      if (earlier !== undefined) notes.problem(`${pointer}/${key}`, `${value} is already named by ${notes.where(earlier)}`);
      else seen.set(`${key} ${value}`, pointer);
    }
  }
}

function reservedAddresses(config: Config, notes: Notes): void {
  const subnets = parsed(config);
  const seen = new Map<number, string>();
  for (const [index, reservation] of config.dhcp.reservation.entries()) {
    const address = parseIpv4(reservation.address);
    if (address === undefined) continue;
    const pointer = `/dhcp/reservation/${index}`;
    const home = subnets.find(({ net }) => rangeHas(hostRange(net), address));
    if (home === undefined)
      notes.problem(`${pointer}/address`, `${address} is no host address of any [[dhcp.subnet]]`, { expected: expectedHome(subnets) });
    if (home?.settings.router === address) notes.problem(`${pointer}/address`, `${address} is the router of ${home.settings.subnet}`);
    const earlier = seen.get(ipv4ToNumber(address));
    if (earlier !== undefined) notes.problem(`${pointer}/address`, `${address} is already given by ${notes.where(earlier)}`);
    else seen.set(ipv4ToNumber(address), pointer);
  }
}

function expectedHome(subnets: readonly { settings: SubnetConfig }[]): string {
  return subnets.length === 0
    ? 'a [[dhcp.subnet]] that holds it'
    : `an address in ${subnets.map(({ settings }) => settings.subnet).join(' or ')}`;
}
