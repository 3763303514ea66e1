// Which options of a request are granted, and what that makes of the transfer (RFC 2347, 2348, 2349, 7440). Pure.

import type { TftpOptions } from './codec.ts';

export interface TransferPlan {
  readonly size: number;
  readonly blockSize: number;
  /** Blocks sent ahead of an ACK. */
  readonly windowSize: number;
  /** The longest the client wants to wait for a repeat (RFC 2349); null when it didn't say. */
  readonly longestTimeoutMs: number | null;
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
  if (size > 0 && asked('tsize', 0, Number.MAX_SAFE_INTEGER) !== undefined) grant('tsize', size);
  const longestTimeoutMs = seconds === undefined ? null : seconds * 1000;
  return { size, blockSize, windowSize, longestTimeoutMs, granted: granted.size === 0 ? null : granted };
}
