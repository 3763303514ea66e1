// From what a pipeline says of a node's network to its /etc/network/interfaces, and what of that the running system does not have. Pure.

import { type Interfaces, isSameNetwork, type Link, membersOf, optionOf, type Stanza } from './interfaces-codec.ts';

export interface Common {
  readonly mtu: number;
  /** CIDR, {host} in place of the last number. */
  readonly addresses: readonly string[];
}

export interface Plan {
  readonly bonds: readonly (Common & {
    readonly name: string;
    /** Names or MAC addresses. */
    readonly ports: readonly string[];
    readonly mode: string;
    readonly hash: string;
    readonly primary: string;
  })[];
  readonly bridges: readonly (Common & {
    readonly name: string;
    readonly ports: readonly string[];
    readonly vlan_aware: boolean;
    readonly vids: string;
  })[];
  readonly vlans: readonly (Common & { readonly parent: string; readonly tag: number })[];
  readonly ports: readonly (Common & { readonly port: string })[];
  readonly management: {
    readonly interface: string;
    /** "keep", or CIDR with {host}. */
    readonly address: string;
    readonly gateway: string;
  };
}

export interface Facts {
  readonly links: readonly Link[];
  readonly gateway: string | null;
  readonly file: Interfaces;
  /** Where the node is managed now. */
  readonly address: string;
}

export type Wanted =
  | {
      readonly is: 'wanted';
      readonly file: Interfaces;
      readonly ours: readonly Stanza[];
      readonly address: string;
      readonly words: readonly string[];
    }
  | { readonly is: 'refused'; readonly reason: string; readonly hint: string };

const SOURCE = 'source /etc/network/interfaces.d/*';

export function wantedNetwork(plan: Plan, facts: Facts): Wanted {
  const unknown = portsOf(plan).find((port) => resolve(port, facts, plan) === undefined);
  if (unknown !== undefined)
    return refused(
      `the machine has no network port ${unknown}`,
      `It has ${facts.links
        .filter(({ isPhysical }) => isPhysical)
        .map(({ name, mac }) => `${name} (${mac})`)
        .join(', ')}.`,
    );
  const management = managementOf(plan, facts);
  if (management === undefined)
    return refused(
      `its address ${facts.address} or the gateway is not set on the machine as it is`,
      'Give management.address and management.gateway in full.',
    );
  const ours = stanzasOf(plan, facts, management);
  if (!ours.some(({ name }) => name === plan.management.interface))
    return refused(
      `management.interface ${plan.management.interface} is none of those that the step makes`,
      'Name it among bridges, bonds, vlans or ports.',
    );
  const doubled = doubleOf(ours.flatMap((stanza) => (stanza.name.includes('.') ? [] : membersOf(stanza))));
  if (doubled !== undefined) return refused(`${doubled} is to be in two bridges or bonds`, 'A port is in one of them.');
  const names = new Set(ours.map(({ name }) => name));
  const used = new Set(ours.flatMap((stanza) => (stanza.name.includes('.') ? [] : membersOf(stanza))));
  const addresses = new Set(ours.flatMap((stanza) => optionOf(stanza, 'address')?.split('/')[0] ?? []));
  const isOurs = (stanza: Stanza): boolean =>
    names.has(stanza.name) ||
    stanza.name === 'lo' ||
    used.has(stanza.name) ||
    membersOf(stanza).some((member) => used.has(member)) ||
    addresses.has(optionOf(stanza, 'address')?.split('/')[0] ?? '');
  const kept = facts.file.stanzas.filter((stanza) => !isOurs(stanza));
  const gone = [
    ...new Set(
      facts.file.stanzas
        .filter((stanza) => isOurs(stanza) && !names.has(stanza.name) && stanza.name !== 'lo' && !used.has(stanza.name))
        .map(({ name }) => name),
    ),
  ];
  const loopback: Stanza = { name: 'lo', family: 'inet', method: 'loopback', options: [] };
  const isPort = (name: string): boolean => facts.links.some((link) => link.name === name && link.isPhysical);
  const file: Interfaces = {
    // A port without an address comes up with the bridge or bond that it is in.
    auto: [
      'lo',
      ...ours.filter(({ name, method }) => !isPort(name) || method !== 'manual').map(({ name }) => name),
      ...facts.file.auto.filter((name) => kept.some((one) => one.name === name)),
    ],
    hotplug: facts.file.hotplug.filter((name) => kept.some((one) => one.name === name)),
    stanzas: [loopback, ...kept, ...ours],
    sources: [...new Set([...facts.file.sources, SOURCE])],
  };
  const isKept = (stanza: Stanza): boolean =>
    facts.file.stanzas.some((one) => one.name === stanza.name && isSameNetwork(alone(one), alone(stanza)));
  return {
    is: 'wanted',
    file,
    ours,
    address: management.address.split('/')[0] ?? '',
    words: [...ours.filter((stanza) => !isKept(stanza)).map(wordsOf), ...gone.map((name) => `${name} goes`)],
  };
}

function alone(stanza: Stanza): Interfaces {
  return { auto: [], hotplug: [], stanzas: [stanza], sources: [] };
}

/** What the running system does not have of it. */
export function missingOf(stanzas: readonly Stanza[], links: readonly Link[]): string[] {
  return stanzas.flatMap((stanza) => {
    const link = links.find(({ name }) => name === stanza.name);
    if (stanza.method === 'loopback' || (link === undefined && stanza.method === 'manual' && membersOf(stanza).length === 0)) return [];
    if (link === undefined) return [`${stanza.name} is not there`];
    const address = optionOf(stanza, 'address');
    const mtu = optionOf(stanza, 'mtu');
    const members = stanza.name.includes('.') ? [] : membersOf(stanza);
    return [
      ...(address === undefined || link.addresses.includes(address) ? [] : [`${stanza.name} does not have ${address}`]),
      ...(mtu === undefined || link.mtu === Number(mtu) ? [] : [`${stanza.name} has an MTU of ${link.mtu}, not ${mtu}`]),
      ...members.flatMap((member) =>
        links.some(({ name, master }) => name === member && master === stanza.name) ? [] : [`${member} is not in ${stanza.name}`],
      ),
    ];
  });
}

function stanzasOf(plan: Plan, facts: Facts, management: Management): Stanza[] {
  const named = (port: string): string => resolve(port, facts, plan) ?? port;
  const of = (name: string, common: Common, options: readonly (readonly [string, string])[]): Stanza[] => {
    const own = name === plan.management.interface ? [management.address] : [];
    const [first, ...others] = [...own, ...common.addresses.map((one) => filled(one, facts))].map(
      (address): Stanza => ({
        name,
        family: address.includes(':') ? 'inet6' : 'inet',
        method: 'static',
        options: [
          ['address', address],
          ...(own.includes(address) && management.gateway !== '' ? [['gateway', management.gateway] as const] : []),
        ],
      }),
    );
    const base: Stanza = first ?? { name, family: 'inet', method: 'manual', options: [] };
    return [
      { ...base, options: [...base.options, ...options, ...(common.mtu === 0 ? [] : [['mtu', String(common.mtu)] as const])] },
      ...others,
    ];
  };
  const made = [
    ...plan.ports.flatMap((one) => of(named(one.port), one, [])),
    ...plan.bonds.flatMap((bond) =>
      of(bond.name, bond, [
        ['bond-slaves', bond.ports.map(named).join(' ')],
        ['bond-miimon', '100'],
        ['bond-mode', bond.mode],
        ...(bond.hash === '' ? [] : [['bond-xmit-hash-policy', bond.hash] as const]),
        ...(bond.primary === '' ? [] : [['bond-primary', named(bond.primary)] as const]),
      ]),
    ),
    ...plan.bridges.flatMap((bridge) =>
      of(bridge.name, bridge, [
        ['bridge-ports', bridge.ports.map(named).join(' ') || 'none'],
        ['bridge-stp', 'off'],
        ['bridge-fd', '0'],
        ...(bridge.vlan_aware
          ? ([
              ['bridge-vlan-aware', 'yes'],
              ['bridge-vids', bridge.vids],
            ] as const)
          : []),
      ]),
    ),
    ...plan.vlans.flatMap((vlan) => of(`${named(vlan.parent)}.${vlan.tag}`, vlan, [])),
  ];
  // Proxmox VE shows ports that stand in the file; one that is only a member needs no more than its name.
  const members = [...plan.bonds, ...plan.bridges].flatMap(({ ports, mtu }) => ports.map((port) => ({ name: named(port), mtu })));
  const plain = members
    .filter(({ name }) => !made.some((stanza) => stanza.name === name))
    .map(({ name, mtu }): Stanza => ({ name, family: 'inet', method: 'manual', options: mtu === 0 ? [] : [['mtu', String(mtu)]] }));
  return [...plain, ...made];
}

interface Management {
  readonly address: string;
  /** Empty: none. */
  readonly gateway: string;
}

function managementOf({ management }: Plan, facts: Facts): Management | undefined {
  const now = facts.links.flatMap(({ addresses }) => addresses).find((one) => one.split('/')[0] === facts.address);
  const address = management.address === 'keep' ? now : filled(management.address, facts);
  const gateway = management.gateway === 'keep' ? facts.gateway : management.gateway === 'none' ? '' : management.gateway;
  return address === undefined || gateway === null ? undefined : { address, gateway };
}

function filled(address: string, { address: now }: Facts): string {
  return address.replace('{host}', now.split('.').at(-1) ?? '');
}

/** By name, by MAC address, or one that the plan itself makes. */
function resolve(port: string, { links }: Facts, { bonds, bridges, vlans }: Plan): string | undefined {
  const made = [...bonds, ...bridges].map(({ name }) => name).concat(vlans.map(({ parent, tag }) => `${parent}.${tag}`));
  if (made.includes(port)) return port;
  return links.find((link) => link.isPhysical && (link.name === port || link.mac === port.toLowerCase()))?.name;
}

function portsOf({ bonds, bridges, vlans, ports }: Plan): string[] {
  return [
    ...ports.map(({ port }) => port),
    ...[...bonds, ...bridges].flatMap((one) => one.ports),
    ...vlans.map(({ parent }) => parent),
    ...bonds.map(({ primary }) => primary).filter((one) => one !== ''),
  ];
}

function doubleOf(names: readonly string[]): string | undefined {
  return names.find((name, at) => names.indexOf(name) !== at);
}

function wordsOf(stanza: Stanza): string {
  const shown = stanza.options.map(([key, value]) => `${key} ${value}`).join(', ');
  return `${stanza.name}: ${shown || 'without an address'}`;
}

function refused(reason: string, hint: string): Wanted {
  return { is: 'refused', reason, hint };
}
