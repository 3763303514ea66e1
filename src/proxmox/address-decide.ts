// Addresses, fingerprints and credentials as people write them. Pure.

import { Secret } from '../lib/index.ts';
import { fail } from './errors.ts';

const PORT = '8006';
const FINGERPRINT_DIGITS = /^[0-9a-f]{64}$/;
/** pve-userid and the name of a token, as in the schema of GET /access/permissions. */
const USER = /^[^\s:/!]{1,60}@[A-Za-z][A-Za-z0-9._-]{1,31}$/;
const TOKEN = /^([^\s:/!]{1,60}@[A-Za-z][A-Za-z0-9._-]{1,31}![A-Za-z][A-Za-z0-9._-]{1,63})=([A-Za-z0-9-]{1,128})$/;
const NODE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

export type Credentials =
  | { readonly by: 'token'; readonly token: Secret }
  | { readonly by: 'password'; readonly username: string; readonly password: Secret };

/** `pve1`, `pve1:8006` and `https://pve1:8006/` are the same. */
export function proxmoxUrl(text: string): URL {
  const trimmed = text.trim();
  const url = URL.parse(trimmed.includes('://') ? trimmed : `https://${trimmed}`);
  const isPlain = url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hostname !== '';
  if (url === null || !isPlain || !/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '') {
    throw fail('proxmox.bad_url', {
      message: `${JSON.stringify(trimmed.slice(0, 200))} is no address of a Proxmox VE API`,
      hint: `Write it as https://HOST:${PORT}, without a user and without a path.`,
    });
  }
  if (url.port === '' && !/:443\/?$/.test(trimmed)) url.port = PORT;
  url.pathname = '/';
  return url;
}

/** As Proxmox VE shows it: AA:BB:… */
export function fingerprintOf(text: string): string {
  const digits = text
    .trim()
    .replace(/^sha256[:/ ]?/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (!FINGERPRINT_DIGITS.test(digits)) {
    throw fail('proxmox.bad_fingerprint', {
      message: 'the fingerprint is not 32 pairs of hexadecimal digits',
      hint: 'On the node: openssl x509 -noout -fingerprint -sha256 -in /etc/pve/local/pve-ssl.pem (or pveproxy-ssl.pem, where there is one).',
    });
  }
  return digits.toUpperCase().replaceAll(/(..)(?!$)/g, '$1:');
}

export function tokenCredentials(text: string): Credentials {
  const token = text.trim().replace(/^PVEAPIToken=/, '');
  if (TOKEN.test(token)) return { by: 'token', token: new Secret(token) };
  throw fail('proxmox.bad_credentials', {
    message: 'the API token is not of the form USER@REALM!NAME=SECRET',
    hint: 'Proxmox VE shows both parts once, when the token is made: Datacenter, Permissions, API Tokens.',
  });
}

export function passwordCredentials(username: string, password: string): Credentials {
  if (USER.test(username) && password !== '') return { by: 'password', username, password: new Secret(password) };
  throw fail('proxmox.bad_credentials', {
    message: 'a user is named USER@REALM, and has a password',
    hint: 'For example root@pam. A token with the role PVEAuditor is enough, and better: it can only read.',
  });
}

/** Format pve-node: what may stand in a path. */
export function isNodeName(text: string): boolean {
  return NODE_NAME.test(text);
}
