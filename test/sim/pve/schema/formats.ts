// Formats of parameters by name, as PVE::JSONSchema checks them. A format that is not here is let through (README.md says so).

import { isIP, isIPv4, isIPv6 } from 'node:net';

type Test = (value: string) => boolean;

const by =
  (pattern: RegExp): Test =>
  (value) =>
    pattern.test(value);
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const isName = by(new RegExp(`^(?:${LABEL})(?:\\.${LABEL})*$`));

function isCidr(value: string, kind: 4 | 6 | undefined): boolean {
  const [ip = '', prefix = '', ...rest] = value.split('/');
  const is = isIP(ip);
  if (is === 0 || rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return false;
  return (kind === undefined || kind === is) && Number(prefix) <= (is === 4 ? 32 : 128);
}

/** With what Proxmox VE says of a value that does not fit. */
export const FORMATS: Readonly<Record<string, { readonly test: Test; readonly says: string }>> = {
  'pve-node': { test: by(new RegExp(`^${LABEL}$`)), says: 'value does not look like a valid node name' },
  'pve-configid': { test: by(/^[a-z][a-z0-9_-]+$/i), says: 'invalid configuration ID' },
  'pve-storage-id': { test: by(/^[a-z][a-z0-9\-_.]*[a-z0-9]$/i), says: 'storage ID contains illegal characters' },
  'pve-iface': { test: by(/^[a-zA-Z][a-zA-Z0-9_]{1,20}([:.]\d+)?$/), says: 'invalid network interface name' },
  'pve-vmid': { test: by(/^[1-9][0-9]{2,8}$/), says: 'value does not look like a valid VM ID' },
  'pve-userid': { test: by(/^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+$/), says: 'value does not look like a valid user name' },
  'pve-realm': { test: by(/^[A-Za-z][A-Za-z0-9.\-_]+$/), says: 'value does not look like a valid realm' },
  'pve-roleid': { test: by(/^[A-Za-z0-9.\-_]+$/), says: 'role contains invalid characters' },
  'pve-groupid': { test: by(/^[A-Za-z0-9.\-_]+$/), says: 'group name contains invalid characters' },
  'pve-storage-path': { test: by(/^\/[^\s]*$/), says: 'value does not look like an absolute path' },
  'dns-name': { test: isName, says: 'value does not look like a valid DNS name' },
  address: { test: (value) => isIP(value) !== 0 || isName(value), says: 'value does not look like a valid address' },
  ip: { test: (value) => isIP(value) !== 0, says: 'value does not look like a valid IP address' },
  ipv4: { test: isIPv4, says: 'value does not look like a valid IPv4 address' },
  ipv6: { test: isIPv6, says: 'value does not look like a valid IPv6 address' },
  ipv4mask: { test: by(/^255\.\d{1,3}\.\d{1,3}\.\d{1,3}$/), says: 'value does not look like a valid IP netmask' },
  CIDR: { test: (value) => isCidr(value, undefined), says: 'value does not look like a valid CIDR network' },
  CIDRv4: { test: (value) => isCidr(value, 4), says: 'value does not look like a valid IPv4 network' },
  CIDRv6: { test: (value) => isCidr(value, 6), says: 'value does not look like a valid IPv6 network' },
};
