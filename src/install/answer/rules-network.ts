// [network]: where the addresses come from, and which card gets them. Pure.

import {
  type Ipv4,
  type Ipv6,
  ipv4ToNumber,
  ipv6ToBytes,
  parseIpv4,
  parseIpv6,
  parseMac,
  parseSubnet,
  subnetBroadcast,
  subnetHas,
} from '../../lib/index.ts';
import { at, knows, pathOf, quoted, type Subject, tableAt, textAt } from './finding.ts';
import { globFault, isCatchAll } from './patterns.ts';

const FROM_ANSWER = ['cidr', 'dns', 'gateway', 'filter'] as const;

export function checkNetwork(subject: Subject): void {
  if (tableAt(subject, 'network') === undefined) return;
  checkSource(subject);
  const source = textAt(subject, 'network.source') ?? 'from-dhcp';
  if (source === 'from-dhcp') checkDhcp(subject);
  else if (source === 'from-answer') checkAnswer(subject);
  checkPinning(subject);
}

function checkSource(subject: Subject): void {
  if (at(subject.document, 'network.source') !== undefined) return;
  const fix = 'Write source = "from-dhcp" or "from-answer".';
  if (knows(subject, '9.2.0')) subject.error('network.source', 'it is missing', fix);
  else subject.warn('network.source', 'it is missing: this release takes "from-dhcp", from 9.2 on it must be there', fix);
}

function checkDhcp(subject: Subject): void {
  for (const name of FROM_ANSWER) {
    if (at(subject.document, `network.${name}`) === undefined) continue;
    subject.error(`network.${name}`, 'it may not stand beside source = "from-dhcp"', 'Leave it out, or write source = "from-answer".');
  }
}

function checkAnswer(subject: Subject): void {
  for (const name of FROM_ANSWER) {
    if (at(subject.document, `network.${name}`) !== undefined) continue;
    subject.error(`network.${name}`, 'it is missing, though source = "from-answer" needs it', MISSING[name]);
  }
  checkFilter(subject);
  checkAddresses(subject);
}

const MISSING: Readonly<Record<(typeof FROM_ANSWER)[number], string>> = {
  cidr: 'Write the address with its prefix: cidr = "10.0.0.11/24".',
  dns: 'Write one name server: dns = "10.0.0.1".',
  gateway: 'Write the router: gateway = "10.0.0.1".',
  filter: 'Name the card by what udev has of it: filter.ID_NET_NAME_MAC = "*525400123456".',
};

function checkFilter(subject: Subject): void {
  const filter = tableAt(subject, 'network.filter');
  if (filter === undefined) return;
  if (Object.keys(filter).length === 0) subject.error('network.filter', 'it is empty, so no card is chosen', MISSING.filter);
  if (Object.keys(filter).length > 1)
    subject.warn(
      'network.filter',
      'one pattern that fits is enough, and the first card that has one is taken',
      'Name the card by one property.',
    );
  checkGlobs(subject, 'network.filter', filter);
}

/** Of the disks' filter too. */
export function checkGlobs(subject: Subject, key: string, filter: Readonly<Record<string, unknown>>): void {
  for (const [name, glob] of Object.entries(filter)) {
    if (typeof glob !== 'string') continue;
    const path = [...pathOf(key), name];
    const fault = globFault(glob);
    if (fault !== undefined)
      subject.error(path, `${quoted(glob)} is no pattern: ${fault}`, 'Put what is meant as it stands in brackets: [[] or [*].');
    else if (glob === '') subject.warn(path, 'it matches only what is empty', 'Write a pattern such as "*S4EVNX0N*".');
    else if (isCatchAll(glob)) subject.warn(path, 'it matches everything that has this property', 'Write a pattern that chooses.');
  }
}

// ---- addresses ------------------------------------------------------------------------------------------------------------------

interface Network {
  readonly family: 4 | 6;
  readonly address: string;
  readonly has: (address: string) => boolean;
  /** Neither of them is a machine's address. */
  readonly isEdge: boolean;
}

function checkAddresses(subject: Subject): void {
  const network = checkCidr(subject);
  const dns = checkAddress(subject, 'network.dns');
  const gateway = checkAddress(subject, 'network.gateway');
  if (network === undefined) return;
  if (network.isEdge)
    subject.warn('network.cidr', `${network.address} is the network itself or its broadcast address`, 'Write the address of the machine.');
  if (network.family === 6 && !knows(subject, '9.2.1'))
    subject.warn('network.cidr', 'installers before 9.2.1 do not handle networks with IPv6 alone well', 'Take a newer release, or IPv4.');
  if (gateway !== undefined) checkGateway(subject, network, gateway);
  if (dns !== undefined && familyOf(dns) !== network.family)
    subject.warn('network.dns', 'it is of another family than the address', 'Take a name server that this address can reach.');
}

function checkGateway(subject: Subject, network: Network, gateway: string): void {
  const family = familyOf(gateway);
  if (family !== network.family)
    subject.warn(
      'network.gateway',
      'it is of another family than the address, which then has no way out',
      `Write an IPv${network.family} address.`,
    );
  else if (gateway === network.address) subject.warn('network.gateway', 'it is the address of the machine itself', 'Write the router.');
  else if (!network.has(gateway) && !isLinkLocal(gateway))
    subject.warn('network.gateway', 'it is outside of the network of "cidr": the machine will not reach it', 'Check both, and the prefix.');
}

function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}

function checkCidr(subject: Subject): Network | undefined {
  const cidr = textAt(subject, 'network.cidr');
  if (cidr === undefined) return undefined;
  const network = networkOf(cidr);
  if (network === undefined) {
    subject.error('network.cidr', `${quoted(cidr)} is no address with a prefix`, 'Write it such as "10.0.0.11/24" or "2001:db8::11/64".');
    return undefined;
  }
  if (!cidr.includes('/')) {
    const [most, usual] = network.family === 4 ? [32, 24] : [128, 64];
    const fix = `Write "${network.address}/${usual}", or what prefix the network has.`;
    if (knows(subject, '9.2.0')) subject.warn('network.cidr', `without a prefix it is taken as /${most}, a network of its own`, fix);
    else subject.error('network.cidr', 'it has no prefix', fix);
  }
  return network;
}

function networkOf(text: string): Network | undefined {
  const parts = text.split('/');
  const [address = '', bits] = parts;
  if (parts.length > 2 || (bits !== undefined && !/^\d{1,3}$/.test(bits)) || address.includes('%')) return undefined;
  const four = parseIpv4(address);
  if (four !== undefined) return network4(four, bits === undefined ? 32 : Number(bits));
  const six = parseIpv6(address);
  return six === undefined ? undefined : network6(six, bits === undefined ? 128 : Number(bits));
}

function network4(address: Ipv4, prefix: number): Network | undefined {
  const subnet = parseSubnet(`${address}/${prefix}`);
  if (subnet === undefined) return undefined;
  const has = (other: string): boolean => {
    const parsed = parseIpv4(other);
    return parsed !== undefined && subnetHas(subnet, parsed);
  };
  const isEdge = prefix < 31 && (ipv4ToNumber(address) === subnet.network || address === subnetBroadcast(subnet));
  return { family: 4, address, has, isEdge };
}

function network6(address: Ipv6, prefix: number): Network | undefined {
  if (prefix > 128) return undefined;
  const bits = bitsOf(address);
  const has = (other: string): boolean => {
    const inside = parseIpv6(other);
    return inside !== undefined && bitsOf(inside).slice(0, prefix) === bits.slice(0, prefix);
  };
  // RFC 4291 §2.6.1: the address without a host's bits is that of any router there.
  return { family: 6, address, has, isEdge: prefix < 127 && !bits.slice(prefix).includes('1') };
}

function bitsOf(address: Ipv6): string {
  return Array.from(ipv6ToBytes(address), (byte) => byte.toString(2).padStart(8, '0')).join('');
}

/** The address in one spelling. */
function checkAddress(subject: Subject, key: string): string | undefined {
  const text = textAt(subject, key);
  if (text === undefined) return undefined;
  const address = text.includes('%') ? undefined : (parseIpv4(text) ?? parseIpv6(text));
  if (address === undefined)
    subject.error(key, `${quoted(text)} is no address`, 'Write one address, such as "10.0.0.1", without a prefix.');
  return address;
}

function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

// ---- names of cards -------------------------------------------------------------------------------------------------------------

const PINNING = 'network.interface-name-pinning';
const CARD_NAME = /^[a-z][a-z0-9_]{1,20}(?:[:.]\d+)?$/i;
const [MIN_NAME, MAX_NAME] = [2, 15];

function checkPinning(subject: Subject): void {
  const mapping = tableAt(subject, `${PINNING}.mapping`);
  if (mapping === undefined) return;
  const isOn = at(subject.document, `${PINNING}.enabled`) === true;
  if (!isOn) {
    if (Object.keys(mapping).length > 0)
      subject.warn(`${PINNING}.mapping`, 'it does nothing while "enabled" is false', 'Write enabled = true, or leave the mapping out.');
    return;
  }
  const [names, macs] = [new Map<string, string>(), new Map<string, string>()];
  for (const [mac, name] of Object.entries(mapping)) {
    const path = [...PINNING.split('.'), 'mapping', mac];
    checkMac(subject, path, mac, macs);
    if (typeof name === 'string') checkName(subject, path, name, names);
  }
}

function checkMac(subject: Subject, path: readonly string[], mac: string, seen: Map<string, string>): void {
  const lower = mac.toLowerCase();
  const usual = parseMac(mac);
  const fix = `Write it with small letters and colons: "${usual ?? '52:54:00:12:34:56'}".`;
  if (usual !== lower) subject.error(path, `${quoted(mac)} is no MAC address as the installer writes them`, fix);
  else if (mac !== lower && subject.isText && !knows(subject, '9.1.7'))
    subject.error(path, 'before 9.1.7 the installer does not find a card by capital letters', fix);
  if (seen.has(lower)) subject.error(path, 'the same card stands there twice', 'Leave one of them out.');
  seen.set(lower, mac);
}

function checkName(subject: Subject, path: readonly string[], name: string, seen: Map<string, string>): void {
  const fix = `Write ${MIN_NAME} to ${MAX_NAME} letters, digits and "_", the first a letter: "lan0".`;
  if (name.length < MIN_NAME || name.length > MAX_NAME) subject.error(path, `the name ${quoted(name)} has ${name.length} characters`, fix);
  else if (!CARD_NAME.test(name)) subject.error(path, `${quoted(name)} can be no card's name`, fix);
  else if (/[:.]/.test(name)) subject.warn(path, `${quoted(name)} reads like a VLAN or a second address of a card`, fix);
  if (seen.has(name)) subject.error(path, `${quoted(name)} is the name of ${seen.get(name)} already`, 'Give each card its own name.');
  seen.set(name, path.at(-1) ?? '');
}
