// Which options of a request are granted, and what that makes of the transfer (RFC 2347, 2348, 2349, 7440). Pure.

import { withoutMapping } from '../../lib/index.ts';
import { DATA_HEADER_BYTES, type TftpOptions } from './codec.ts';

export interface TransferPlan {
  readonly size: number;
  readonly blockSize: number;
  /** Blocks sent ahead of an ACK. */
  readonly windowSize: number;
  /** The longest the client wants to wait for a repeat (RFC 2349); null when it didn't say. */
  readonly longestTimeoutMs: number | null;
  /** The client wants to know the size, perhaps nothing else: firmware that has read it from the OACK stops and asks anew (EDK2, Mtftp). */
  readonly asksSize: boolean;
  /** What is granted; null when the client asked for nothing we know, and DATA follows at once. */
  readonly granted: TftpOptions | null;
}

export interface NegotiationLimits {
  readonly maxBlockSize: number;
  readonly maxWindowSize: number;
  /** Bytes under way at once for one client: what a window may weigh. */
  readonly maxWindowBytes: number;
}

const DEFAULT_BLOCK = 512;
const MIN_BLOCK = 8;
const MAX_BLOCK = 65_464;
const ETHERNET_MTU = 1500;
const HEADERS = { ipv4: 20 + 8, ipv6: 40 + 8 } as const;

/**
 * Whether the kernel may cut this client's windows into blocks: it never does so to blocks that the path would have to cut again, and one
 * such refusal ends it for all clients. An IPv4 client of an IPv6 socket has its mapped address, and IPv4's headers.
 */
export function fitsFrame(blockSize: number, address: string): boolean {
  const isIpv6 = withoutMapping(address).includes(':');
  return blockSize + DATA_HEADER_BYTES + (isIpv6 ? HEADERS.ipv6 : HEADERS.ipv4) <= ETHERNET_MTU;
}

/** Values that make no sense are passed over, as if the option had not been there: the client then works with the default. */
export function negotiate(options: TftpOptions, size: number, limits: NegotiationLimits): TransferPlan {
  const granted = new Map<string, string>();
  const grant = (name: string, value: number): void => void granted.set(name, String(value));
  const asked = (name: string, min: number, max: number): number | undefined => {
    const value = options.get(name);
    if (value === undefined || !/^\d{1,10}$/.test(value)) return undefined;
    return Number(value) >= min && Number(value) <= max ? Number(value) : undefined;
  };
  let blockSize = DEFAULT_BLOCK;
  const askedBlock = asked('blksize', MIN_BLOCK, Number.MAX_SAFE_INTEGER);
  if (askedBlock !== undefined) {
    blockSize = Math.min(askedBlock, limits.maxBlockSize, MAX_BLOCK);
    grant('blksize', blockSize);
  }
  let windowSize = 1;
  const askedWindow = asked('windowsize', 1, 65_535);
  if (askedWindow !== undefined) {
    windowSize = Math.max(1, Math.min(askedWindow, limits.maxWindowSize, Math.floor(limits.maxWindowBytes / blockSize)));
    grant('windowsize', windowSize);
  }
  const seconds = asked('timeout', 1, 255);
  if (seconds !== undefined) grant('timeout', seconds);
  // curl (7.88) takes a granted tsize of 0 for an error; not granting it is always allowed.
  const asksSize = asked('tsize', 0, Number.MAX_SAFE_INTEGER) !== undefined;
  if (size > 0 && asksSize) grant('tsize', size);
  const longestTimeoutMs = seconds === undefined ? null : seconds * 1000;
  return { size, blockSize, windowSize, longestTimeoutMs, asksSize, granted: granted.size === 0 ? null : granted };
}
