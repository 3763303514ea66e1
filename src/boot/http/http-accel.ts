// An nginx in front of the boot listener: whom to believe what about the machine behind it, and where it finds our files
// (X-Accel-Redirect). Only the addresses of the setting are believed; everybody else is a machine.

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { relative, sep } from 'node:path';
import { plainAddress, urlHost } from './http-address.ts';

export interface Accel {
  /** The internal location of the proxy that maps to `root`. */
  readonly prefix: string;
  readonly root: string;
  /** Addresses that the proxy speaks to us from. */
  readonly proxies: ReadonlySet<string>;
}

/** Who asks, and by which address of ours. */
export interface Caller {
  readonly peer: string;
  /** Fit for a URL: IPv6 in brackets. */
  readonly serverAddress: string;
  readonly isProxied: boolean;
}

export function callerOf(request: IncomingMessage, accel: Accel | undefined): Caller {
  const { socket, headers } = request;
  const peer = plainAddress(socket.remoteAddress);
  const own = plainAddress(socket.localAddress);
  if (accel?.proxies.has(peer) !== true) return { peer, serverAddress: urlHost(own), isProxied: false };
  const machine = addressIn(headers['x-real-ip']) ?? peer;
  return { peer: machine, serverAddress: urlHost(addressIn(headers['x-server-address']) ?? own), isProxied: true };
}

function addressIn(header: string | readonly string[] | undefined): string | undefined {
  const address = typeof header === 'string' ? plainAddress(header.trim()) : '';
  return isIP(address) === 0 ? undefined : address;
}

/** Undefined for what the proxy cannot find: bytes that are no file, or a file elsewhere. Those we send ourselves. */
export function accelPath({ prefix, root }: Accel, path: string | null): string | undefined {
  if (path === null) return undefined;
  const within = relative(root, path);
  if (within === '' || within.split(sep)[0] === '..') return undefined;
  const base = prefix.endsWith('/') ? prefix : `${prefix}/`;
  return base + within.split(sep).map(encodeURIComponent).join('/');
}
