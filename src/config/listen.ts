// Addresses to listen on, as written in the configuration. Pure: opens nothing, asks no name server.

import { parseIpv4 } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface Listen {
  /** IPv4, IPv6 without brackets, or a host name. */
  readonly host: string;
  /** 0 lets the system choose a free one. */
  readonly port: number;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const LAST_COLON = /^(.*):([^:\]]*)$/s;

/** "0.0.0.0:6385" or "[::1]:6385" → host and port. Throws config.bad_listen. */
export function parseListen(text: string): Listen {
  const read = readListen(text);
  if ('listen' in read) return read.listen;
  throw fail('config.bad_listen', {
    message: `${JSON.stringify(text)} is no address to listen on: ${read.refuse}`,
    hint: 'Write an address and a port, for example "0.0.0.0:6385" or "[::1]:6385".',
  });
}

export function readListen(text: string): { readonly listen: Listen } | { readonly refuse: string } {
  const [, address, digits] = LAST_COLON.exec(text) ?? [];
  if (address === undefined || digits === undefined) return { refuse: 'the port is missing' };
  if (address === '') return { refuse: 'the address is missing (all interfaces: 0.0.0.0)' };
  if (!/^\d{1,5}$/.test(digits) || Number(digits) > 65_535) return { refuse: 'the port is a number from 0 to 65535' };
  const bracketed = /^\[(.*)\]$/.exec(address)?.[1];
  if (bracketed === undefined && address.includes(':')) return { refuse: 'an IPv6 address goes in brackets' };
  const host = bracketed ?? address;
  const isKnownForm = bracketed === undefined ? isHost(address) : isIpv6(bracketed);
  return isKnownForm
    ? { listen: { host, port: Number(digits) } }
    : { refuse: `${JSON.stringify(host)} is neither an address nor a host name` };
}

/** True when only this machine can reach it. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || (parseIpv4(host) !== undefined && host.startsWith('127.')) || (isIpv6(host) && canonicalIpv6(host) === '[::1]')
  );
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || (isIpv6(host) && canonicalIpv6(host) === '[::]');
}

export function isIpv6(text: string): boolean {
  return /^[0-9a-f:.]{2,45}$/i.test(text) && canonicalIpv6(text) !== undefined;
}

function canonicalIpv6(text: string): string | undefined {
  return URL.parse(`http://[${text}]`)?.hostname;
}

function isHost(text: string): boolean {
  // A text of digits and dots that is no IPv4 address is a slip (1.2.3, 256.0.0.1), never a host name.
  return parseIpv4(text) !== undefined || (HOST_NAME.test(text) && !/^[\d.]+$/.test(text));
}
