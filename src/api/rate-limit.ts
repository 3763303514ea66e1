// A token bucket per address, with a bounded number of addresses. Knows nothing of HTTP.

import type { Clock } from '../lib/index.ts';

export interface RateLimit {
  /** How many requests may come at once. */
  readonly burst: number;
  readonly perSecond: number;
  /** At the cap the address that was seen longest ago is forgotten: it starts again with a full bucket. */
  readonly maxAddresses: number;
}

export interface RateLimiter {
  /** Undefined: go on. Otherwise the seconds to wait before the next request can pass. */
  take(address: string): number | undefined;
}

interface Bucket {
  tokens: number;
  at: number;
}

export function createRateLimiter(limit: RateLimit, clock: Clock): RateLimiter {
  const buckets = new Map<string, Bucket>();
  return {
    take: (address) => {
      const now = clock.monotonic();
      const bucket = buckets.get(address) ?? { tokens: limit.burst, at: now };
      buckets.delete(address); // put back at the end: the map's order is the order of last use
      buckets.set(address, bucket);
      forgetOldest(buckets, limit.maxAddresses);
      bucket.tokens = Math.min(limit.burst, bucket.tokens + ((now - bucket.at) / 1000) * limit.perSecond);
      bucket.at = now;
      if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / limit.perSecond);
      bucket.tokens -= 1;
      return undefined;
    },
  };
}

function forgetOldest(buckets: Map<string, Bucket>, maxAddresses: number): void {
  if (buckets.size <= maxAddresses) return;
  const oldest = buckets.keys().next();
  if (oldest.done !== true) buckets.delete(oldest.value);
}
