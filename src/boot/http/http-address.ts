// Addresses as sockets give them, made fit for scripts and tables. Knows nothing of requests.

import { hostInUrl } from '../../lib/index.ts';

/** Node writes an IPv4 peer of a dual-stack socket as ::ffff:10.0.0.2, and a link-local one with the zone, which means nothing elsewhere. */
export function plainAddress(socketAddress: string | undefined): string {
  return (socketAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}

/** As a URL wants it: an IPv6 address in brackets (RFC 3986 §3.2.2), also when it has them already. */
export function urlHost(address: string): string {
  return hostInUrl(address);
}
