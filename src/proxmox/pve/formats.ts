// Formats of parameters by name, after PVE::JSONSchema and the modules that register them: a little wider than there where the real rule is
// long, so that nothing is refused here that Proxmox VE takes. Pure.

import { parseIpv4, parseIpv6 } from '../../lib/index.ts';

type Test = (value: string) => boolean;

const by =
  (pattern: RegExp): Test =>
  (value) =>
    pattern.test(value);
const isIPv4: Test = (value) => parseIpv4(value) !== undefined;
const isIPv6: Test = (value) => !value.includes('%') && parseIpv6(value) !== undefined;
const isIp: Test = (value) => isIPv4(value) || isIPv6(value);
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const isName = by(new RegExp(`^(?:${LABEL})(?:\\.${LABEL})*$`));
const isHost: Test = (value) => isIp(value) || isName(value);
const isUser = by(/^[^\s:/!]+@[A-Za-z][A-Za-z0-9.\-_]+$/);
const isId = by(/^[A-Za-z0-9.\-_]+$/);
const isMail = by(/^[^\s@]+@[^\s@]+$/);
const isPem = by(/^\s*-----BEGIN [A-Z0-9 ]+-----/);
/** One line: PVE keeps most of these in files with a line each. */
const isLine = by(/^[^\p{Cc}]+$/u);

function isCidr(value: string, kind?: 4 | 6): boolean {
  const [ip = '', prefix = '', ...rest] = value.split('/');
  if (!isIp(ip) || rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return false;
  const is = isIPv4(ip) ? 4 : 6;
  return (kind === undefined || kind === is) && Number(prefix) <= (is === 4 ? 32 : 128);
}

function isPortal(value: string): boolean {
  const [, bracketed, plain = value] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d{1,5})?$/.exec(value) ?? [];
  return isHost(bracketed ?? plain);
}

/** `…-list` of each is a list of it. */
export const FORMATS: Readonly<Record<string, Test>> = {
  CIDR: (value) => isCidr(value),
  CIDRv4: (value) => isCidr(value, 4),
  CIDRv6: (value) => isCidr(value, 6),
  address: isHost,
  'backup-fleecing': isLine,
  'backup-performance': isLine,
  'dns-name': isName,
  'email-opt': (value) => value === '' || isMail(value),
  'email-or-username': (value) => isMail(value) || isUser(value) || by(/^[^\s:/@]+$/)(value),
  'graphite-path': by(/^[A-Za-z0-9_.-]+$/),
  ip: isIp,
  ipv4: isIPv4,
  ipv4mask: by(/^(?:128|192|224|24[08]|25[245])(?:\.(?:0|128|192|224|24[08]|25[245])){3}$/),
  ipv6: isIPv6,
  'mac-addr': by(/^[a-f0-9][02468ace](?::[a-f0-9]{2}){5}$/i),
  'mac-prefix': by(/^[a-f0-9][02468ace](?::[a-f0-9]{2}){0,2}:?$/i),
  'pem-certificate-chain': isPem,
  'pem-string': isPem,
  'prune-backups': by(
    /^keep-(?:all|last|hourly|daily|weekly|monthly|yearly)=\d+(?:,keep-(?:last|hourly|daily|weekly|monthly|yearly)=\d+)*$/,
  ),
  'pve-acme-alias': isName,
  'pve-acme-domain': isName,
  'pve-calendar-event': isLine,
  'pve-command-batch': () => true, // root's alone: never sent
  'pve-configid': by(/^[a-z][a-z0-9_-]+$/i),
  'pve-day-of-week': by(/^(?:mon|tue|wed|thu|fri|sat|sun)$/),
  'pve-dir-override': by(/^[a-z]+=[^,\p{Cc}]+$/u),
  'pve-groupid': isId,
  'pve-ha-node': by(new RegExp(`^${LABEL}(?::\\d+)?$`)),
  'pve-ha-resource-id': by(/^[a-z]+:[^\s:,]+$/),
  'pve-ha-resource-or-vm-id': by(/^(?:[a-z]+:)?[^\s:,]+$/),
  'pve-iface': by(/^[a-z][a-z0-9_]{1,20}(?:[:.]\d+)?$/i),
  'pve-node': by(new RegExp(`^${LABEL}$`)),
  'pve-priv': by(/^[A-Z][A-Za-z]+(?:\.[A-Z][A-Za-z]+)+$/),
  'pve-realm': by(/^[A-Za-z][A-Za-z0-9.\-_]+$/),
  'pve-roleid': isId,
  'pve-sdn-bgp-rt': by(/^[0-9.]+:\d+$/),
  'pve-sdn-dhcp-range': isLine,
  'pve-sdn-fabric-id': by(/^[a-z0-9](?:[a-z0-9-]{0,6}[a-z0-9])?$/i),
  'pve-sdn-subnet-id': by(/^(?:[a-z][a-z0-9]*-)?[0-9a-f.:]+[-/]\d{1,3}$/i),
  'pve-sdn-vnet-id': by(/^[a-z][a-z0-9]{1,7}$/i),
  'pve-sdn-zone-id': by(/^[a-z][a-z0-9]{1,7}$/i),
  'pve-storage-content': by(/^(?:images|rootdir|vztmpl|iso|backup|snippets|import|none)$/),
  'pve-storage-id': by(/^[a-z][a-z0-9\-_.]*[a-z0-9]$/i),
  'pve-storage-options': by(/^[^\s]+$/),
  'pve-storage-path': by(/^\/[^\p{Cc}]*$/u),
  'pve-storage-portal-dns': isPortal,
  'pve-storage-server': isHost,
  'pve-storage-vgname': by(/^[A-Za-z0-9+_.][A-Za-z0-9+_.-]*$/),
  'pve-task-status-type': by(/^(?:ok|error|warning|unknown)$/i),
  'pve-tokenid': by(/^[^\s:/!]+@[A-Za-z][A-Za-z0-9.\-_]+![A-Za-z][A-Za-z0-9.\-_]+$/),
  'pve-userid': isUser,
  'pve-vlan-id-or-range': by(/^\d{1,4}(?:-\d{1,4})?$/),
  'pve-vmid': by(/^[1-9][0-9]{2,8}$/),
  'pve-volume-id': by(/^[a-z][a-z0-9\-_.]*[a-z0-9]:.+$/i),
  string: isLine,
};

/** Between the parts of a `…-list`. */
export const LIST = /[,;\s]+/;

/** Undefined: there is no such format. */
export function formatCalled(name: string): Test | undefined {
  const known = FORMATS[name];
  if (known !== undefined || !name.endsWith('-list')) return known;
  const one = FORMATS[name.slice(0, -'-list'.length)];
  return one && ((value) => value.split(LIST).every((part) => part === '' || one(part)));
}
