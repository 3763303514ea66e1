// OpenStack's network_data.json as cloud-init's network configuration, version 1 and 2: addresses, bonds, VLANs, routes, name servers.
// Pure. Forms: nova's network_data schema (which Ironic's network_data follows); cloud-init "Networking config Version 1" and "Version 2".

import type { JsonObject, JsonValue } from '../nodes/index.ts';

export interface NetworkConfigs {
  readonly v1: JsonObject;
  readonly v2: JsonObject;
}

interface Link {
  readonly id: string;
  readonly type: string;
  readonly mac: string | null;
  readonly mtu: number | null;
  readonly name: string;
  readonly bondLinks: readonly string[];
  readonly bondMode: string | null;
  readonly bondMiimon: number | null;
  readonly bondHash: string | null;
  readonly vlanId: number | null;
  readonly vlanLink: string | null;
}

interface Network {
  readonly link: string;
  readonly type: string;
  readonly address: string | null;
  readonly routes: readonly { readonly to: string; readonly via: string }[];
  readonly dns: readonly string[];
}

/** A text is what is wrong with it. */
export function renderNetwork(data: JsonObject): NetworkConfigs | string {
  const links = objects(data.links).map(linkOf);
  const networks = objects(data.networks).map(networkOf);
  const problem = problemOf(links, networks);
  if (problem !== undefined) return problem;
  const dns = objects(data.services).flatMap((one) => (one.type === 'dns' ? (text(one.address) ?? []) : []));
  return { v1: versionOne(links, networks, dns), v2: versionTwo(links, networks, dns) };
}

function linkOf(link: JsonObject): Link {
  const id = text(link.id) ?? '';
  const type = text(link.type) ?? 'phy';
  const vlanId = number(link.vlan_id);
  const vlanLink = text(link.vlan_link);
  return {
    id,
    type: type === 'bond' || type === 'vlan' ? type : 'phy',
    mac: (text(link.ethernet_mac_address) ?? text(link.vlan_mac_address))?.toLowerCase() ?? null,
    mtu: number(link.mtu),
    name: nameOf(text(link.name) ?? id),
    bondLinks: Array.isArray(link.bond_links) ? link.bond_links.filter((one) => typeof one === 'string') : [],
    bondMode: text(link.bond_mode),
    bondMiimon: number(link.bond_miimon),
    bondHash: text(link.bond_xmit_hash_policy),
    vlanId,
    vlanLink,
  };
}

/** What the kernel takes as a name (IFNAMSIZ is 16). */
function nameOf(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9_.-]/g, '-').slice(0, 15);
}

function networkOf(network: JsonObject): Network {
  const address = text(network.ip_address);
  const mask = text(network.netmask);
  return {
    link: text(network.link) ?? '',
    type: text(network.type) ?? 'ipv4',
    address: address === null ? null : address.includes('/') || mask === null ? address : `${address}/${prefixOf(mask)}`,
    routes: objects(network.routes).flatMap((route) => {
      const via = text(route.gateway);
      const to = text(route.network);
      const routeMask = text(route.netmask);
      if (via === null || to === null) return [];
      return { to: to.includes('/') || routeMask === null ? to : `${to}/${prefixOf(routeMask)}`, via };
    }),
    dns: [
      ...(Array.isArray(network.dns_nameservers) ? network.dns_nameservers.filter((one) => typeof one === 'string') : []),
      ...objects(network.services).flatMap((one) => (one.type === 'dns' ? (text(one.address) ?? []) : [])),
    ],
  };
}

/** 255.255.255.0, ffff:ffff:: or a number already. */
function prefixOf(mask: string): number {
  if (/^\d+$/.test(mask)) return Number(mask);
  if (mask.includes('.')) return mask.split('.').reduce((bits, part) => bits + ones(Number(part)), 0);
  return mask.split(':').reduce((bits, part) => bits + ones(Number.parseInt(part === '' ? '0' : part, 16)), 0);
}

function ones(value: number): number {
  let count = 0;
  for (let rest = value; rest > 0; rest >>>= 1) count += rest & 1;
  return count;
}

function problemOf(links: readonly Link[], networks: readonly Network[]): string | undefined {
  const ids = new Set(links.map(({ id }) => id));
  if (links.some(({ id }) => id === '')) return 'network_data has a link without an id';
  if (ids.size !== links.length) return 'network_data has two links of one id';
  for (const { id, type, mac, bondLinks, vlanId, vlanLink } of links) {
    if (type === 'phy' && mac === null) return `the link ${id} of network_data has no ethernet_mac_address`;
    const lost = bondLinks.find((one) => !ids.has(one));
    if (type === 'bond' && bondLinks.length === 0) return `the bond ${id} of network_data has no bond_links`;
    if (lost !== undefined) return `the bond ${id} of network_data has the link ${lost}, which is not there`;
    if (type !== 'vlan') continue;
    if (vlanId === null || vlanId < 1 || vlanId > 4094) return `the VLAN ${id} of network_data has no vlan_id from 1 to 4094`;
    if (vlanLink === null || !ids.has(vlanLink))
      return `the VLAN ${id} of network_data is on the link ${vlanLink ?? ''}, which is not there`;
  }
  const stray = networks.find(({ link }) => !ids.has(link));
  return stray === undefined ? undefined : `a network of network_data is on the link ${stray.link}, which is not there`;
}

function versionTwo(links: readonly Link[], networks: readonly Network[], dns: readonly string[]): JsonObject {
  const names = new Map(links.map(({ id, name }) => [id, name]));
  const of = (id: string): JsonObject =>
    addressesTwo(
      networks.filter(({ link }) => link === id),
      dns,
    );
  const section = (type: string, more: (link: Link) => JsonObject): JsonObject =>
    Object.fromEntries(
      links.filter((link) => link.type === type).map((link) => [link.name, { ...more(link), ...mtuOf(link), ...of(link.id) }]),
    );
  const parts: Record<string, JsonObject> = {
    ethernets: section('phy', ({ mac, name }) => ({ match: { macaddress: mac ?? '' }, 'set-name': name })),
    bonds: section('bond', ({ bondLinks, bondMode, bondMiimon, bondHash, mac }) => ({
      interfaces: bondLinks.map((id) => names.get(id) ?? id),
      ...(mac === null ? {} : { macaddress: mac }),
      parameters: {
        mode: bondMode ?? 'active-backup',
        'mii-monitor-interval': bondMiimon ?? 100,
        ...(bondHash === null ? {} : { 'transmit-hash-policy': bondHash }),
      },
    })),
    vlans: section('vlan', ({ vlanId, vlanLink, mac }) => ({
      id: vlanId ?? 0,
      link: names.get(vlanLink ?? '') ?? '',
      ...(mac === null ? {} : { macaddress: mac }),
    })),
  };
  return { version: 2, ...Object.fromEntries(Object.entries(parts).filter(([, one]) => Object.keys(one).length > 0)) };
}

function mtuOf({ mtu }: Link): JsonObject {
  return mtu === null ? {} : { mtu };
}

function addressesTwo(networks: readonly Network[], dns: readonly string[]): JsonObject {
  const addresses = networks.flatMap(({ address, type }) => (isDynamic(type) || address === null ? [] : address));
  const routes = networks.flatMap((network) => network.routes.map(({ to, via }) => ({ to, via })));
  const servers = [...new Set([...networks.flatMap((network) => network.dns), ...(addresses.length > 0 ? dns : [])])];
  return {
    ...(networks.some(({ type }) => type === 'ipv4_dhcp') ? { dhcp4: true } : {}),
    ...(networks.some(({ type }) => type.startsWith('ipv6_dhcpv6')) ? { dhcp6: true } : {}),
    ...(networks.some(({ type }) => type === 'ipv6_slaac') ? { 'accept-ra': true } : {}),
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(routes.length > 0 ? { routes } : {}),
    ...(servers.length > 0 ? { nameservers: { addresses: servers } } : {}),
  };
}

function isDynamic(type: string): boolean {
  return type === 'ipv4_dhcp' || type === 'ipv6_slaac' || type.startsWith('ipv6_dhcpv6');
}

function versionOne(links: readonly Link[], networks: readonly Network[], dns: readonly string[]): JsonObject {
  const names = new Map(links.map(({ id, name }) => [id, name]));
  const config = links.map((link): JsonObject => {
    const subnets = networks.filter((network) => network.link === link.id).map((network) => subnetOne(network));
    const common = { name: link.name, ...mtuOf(link), ...(subnets.length === 0 ? {} : { subnets }) };
    const mac = link.mac === null ? {} : { mac_address: link.mac };
    if (link.type === 'bond') {
      return {
        type: 'bond',
        ...common,
        ...mac,
        bond_interfaces: link.bondLinks.map((id) => names.get(id) ?? id),
        params: {
          'bond-mode': link.bondMode ?? 'active-backup',
          'bond-miimon': link.bondMiimon ?? 100,
          ...(link.bondHash === null ? {} : { 'bond-xmit_hash_policy': link.bondHash }),
        },
      };
    }
    if (link.type === 'vlan')
      return { type: 'vlan', ...common, ...mac, vlan_link: names.get(link.vlanLink ?? '') ?? '', vlan_id: link.vlanId ?? 0 };
    return { type: 'physical', ...common, ...mac };
  });
  return { version: 1, config: [...config, ...(dns.length === 0 ? [] : [{ type: 'nameserver', address: [...dns] }])] };
}

function subnetOne({ type, address, routes, dns }: Network): JsonObject {
  const more = {
    ...(dns.length === 0 ? {} : { dns_nameservers: [...dns] }),
    ...(routes.length === 0 ? {} : { routes: routes.map(({ to, via }) => ({ destination: to, gateway: via })) }),
  };
  if (type === 'ipv4_dhcp') return { type: 'dhcp4', ...more };
  if (type === 'ipv6_slaac') return { type: 'ipv6_slaac', ...more };
  if (type === 'ipv6_dhcpv6-stateless') return { type: 'ipv6_dhcpv6-stateless', ...more };
  if (type.startsWith('ipv6_dhcpv6')) return { type: 'dhcp6', ...more };
  return { type: type === 'ipv6' ? 'static6' : 'static', ...(address === null ? {} : { address }), ...more };
}

function objects(value: JsonValue | undefined): JsonObject[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is JsonObject => typeof one === 'object' && one !== null && !Array.isArray(one));
}

function text(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function number(value: JsonValue | undefined): number | null {
  const found = typeof value === 'string' ? Number(value) : value;
  return typeof found === 'number' && Number.isInteger(found) ? found : null;
}
