// How often each client may ask. One bucket per key, the table bounded: at the cap the key seen longest ago is forgotten. No clock of its own.

export interface BucketLimits {
  readonly burst: number;
  readonly perSecond: number;
  readonly maxKeys: number;
}

interface Bucket {
  tokens: number;
  at: number;
  refused: boolean;
}

export type Admission = 'admitted' | 'refused' | 'first-refused';

export class TokenBuckets<Key> {
  readonly #limits: BucketLimits;
  readonly #buckets = new Map<Key, Bucket>();

  constructor(limits: BucketLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** 'first-refused' once per series of refusals: the moment to say so, without saying it for each packet of a flood. */
  take(key: Key, nowMs: number): Admission {
    const bucket = this.#buckets.get(key) ?? { tokens: this.#limits.burst, at: nowMs, refused: false };
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    this.#evict();
    bucket.tokens = Math.min(this.#limits.burst, bucket.tokens + ((nowMs - bucket.at) / 1000) * this.#limits.perSecond);
    bucket.at = nowMs;
    // A flood is let through one at a time as tokens come back: the series ends only when there was time for all of them.
    if (bucket.tokens === this.#limits.burst) bucket.refused = false;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 'admitted';
    }
    const admission = bucket.refused ? 'refused' : 'first-refused';
    bucket.refused = true;
    return admission;
  }

  /** Map order is order of last use, since take() re-inserts. */
  #evict(): void {
    if (this.#buckets.size <= this.#limits.maxKeys) return;
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      return;
    }
  }
}
