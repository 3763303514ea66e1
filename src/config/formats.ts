// The forms of text that the configuration knows, each with its test and with the words for people. One table for ajv, messages and docs.

import { isIP } from 'node:net';
import { parseIpv4, parseIpv6, parseMac, parsePrefix6, parseSubnet } from '../lib/index.ts';
import { isIpv6, readListen } from './listen.ts';
import { parseRange } from './range.ts';

interface TextFormat {
  readonly test: (text: string) => boolean;
  readonly expected: string;
}

export const FORMATS: Readonly<Record<string, TextFormat>> = {
  listen: { test: (text) => 'listen' in readListen(text), expected: 'an address and a port such as "0.0.0.0:6385" or "[::1]:6385"' },
  path: { test: (text) => text.startsWith('/') && !text.includes('\0'), expected: 'an absolute path, beginning with "/"' },
  credential: {
    test: (text) => /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/.test(text),
    expected: 'the name of a systemd credential, without a path',
  },
  'http-url': { test: isHttpUrl, expected: 'a URL such as "https://rackseed.example:6385", without user name and password' },
  'http-origin': {
    test: (text) => isHttpUrl(text) && /^[a-z]+:\/\/[^/?#]+\/?$/i.test(text),
    expected: 'a URL of scheme, host and port only, such as "https://rackseed.example:6385"',
  },
  'store-url': { test: isStoreUrl, expected: '"sqlite:///absolute/path.sqlite" or "postgres://user@host:5432/database"' },
  subnet: { test: isSubnet, expected: 'an IPv4 network such as "10.0.0.0/24" (prefix from 8 to 30)' },
  network: { test: isNetwork, expected: 'a network such as "10.0.0.0/24" or "fd00:1::/64"' },
  range: { test: (text) => parseRange(text) !== undefined, expected: 'first and last address such as "10.0.0.100-10.0.0.200"' },
  'ipv4-address': { test: (text) => parseIpv4(text) !== undefined, expected: 'an IPv4 address such as "10.0.0.1"' },
  'ipv6-address': {
    test: (text) => parseIpv6(text) !== undefined && !text.includes('%'),
    expected: 'an IPv6 address such as "fd00:77::1"',
  },
  'ip-address': { test: (text) => isIP(text) !== 0 && !text.includes('%'), expected: 'an IP address such as "10.0.0.1" or "fd00:77::1"' },
  location: {
    test: (text) => /^(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)+\/$/.test(text),
    expected: 'the path of an nginx location such as "/rackseed-files/", from "/" to "/"',
  },
  prefix6: { test: isPrefix6, expected: 'an IPv6 network such as "fd00:77::/64" (prefix from 32 to 96)' },
  mac: { test: (text) => parseMac(text) !== undefined, expected: 'a MAC address such as "52:54:00:12:34:56"' },
  'mac-pattern': { test: isMacPattern, expected: 'a MAC address, or its beginning and "*": "52:54:00:*"' },
  interface: {
    test: (text) => /^[^\s/:]{1,15}$/.test(text) && text !== '.' && text !== '..',
    expected: 'the name of a network interface such as "eno1"',
  },
  hostname: { test: isHostname, expected: 'a host name of letters, digits and "-" such as "pve1" (each part at most 63 characters)' },
};

/** Formats of ajv-formats that the schema uses too. */
export const STANDARD_FORMATS: Readonly<Record<string, string>> = { uuid: 'a UUID such as "4c4c4544-0042-3510-8051-b4c04f4d3232"' };

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && /^https?:\/\//i.test(text) && url.username + url.password === '';
}

function isStoreUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  if (url.protocol === 'sqlite:') return /^sqlite:\/\/\/(?:[^?#%]|%[0-9a-f]{2})*[^?#%/]$/i.test(text);
  return /^postgres(?:ql)?:$/.test(url.protocol) && url.pathname.length > 1;
}

function isSubnet(text: string): boolean {
  const subnet = parseSubnet(text);
  return subnet !== undefined && subnet.prefix >= 8 && subnet.prefix <= 30;
}

/** Beyond 96 too few addresses are left to derive them from identities without clashes. */
function isPrefix6(text: string): boolean {
  const prefix = parsePrefix6(text);
  return prefix !== undefined && prefix.length >= 32 && prefix.length <= 96;
}

function isNetwork(text: string): boolean {
  const [address = '', prefix = ''] = text.split('/');
  return (
    parseSubnet(text) !== undefined ||
    (isIpv6(address) && /^\d{1,3}$/.test(prefix) && Number(prefix) <= 128 && text.split('/').length === 2)
  );
}

function isMacPattern(text: string): boolean {
  return parseMac(text) !== undefined || /^(?:[0-9a-f]{2}:){1,5}\*$/i.test(text);
}

function isHostname(text: string): boolean {
  return text.length <= 253 && text.split('.').every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label));
}
