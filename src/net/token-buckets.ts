// How often each client may ask. One bucket per key, the table bounded: at the cap the key seen longest ago is forgotten. No clock of its own.

export interface BucketLimits {
  readonly burst: number;
  readonly perSecond: number;
  readonly maxKeys: number;
}

/** In the order of last use by links of their own: taking a key out of a map and putting it back costs more than all the rest. */
interface Bucket<Key> {
  readonly key: Key;
  tokens: number;
  at: number;
  refused: boolean;
  older: Bucket<Key> | undefined;
  newer: Bucket<Key> | undefined;
}

export type Admission = 'admitted' | 'refused' | 'first-refused';

export class TokenBuckets<Key> {
  readonly #limits: BucketLimits;
  readonly #buckets = new Map<Key, Bucket<Key>>();
  #oldest: Bucket<Key> | undefined;
  #newest: Bucket<Key> | undefined;

  constructor(limits: BucketLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** 'first-refused' once per series of refusals: the moment to say so, without saying it for each packet of a flood. */
  take(key: Key, nowMs: number): Admission {
    const bucket = this.#use(key, nowMs);
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

  #use(key: Key, nowMs: number): Bucket<Key> {
    const known = this.#buckets.get(key);
    if (known !== undefined) {
      if (known !== this.#newest) {
        this.#unlink(known);
        this.#append(known);
      }
      return known;
    }
    const made = { key, tokens: this.#limits.burst, at: nowMs, refused: false, older: undefined, newer: undefined };
    this.#buckets.set(key, made);
    this.#append(made);
    this.#evict();
    return made;
  }

  #append(bucket: Bucket<Key>): void {
    bucket.older = this.#newest;
    bucket.newer = undefined;
    if (this.#newest === undefined) this.#oldest = bucket;
    else this.#newest.newer = bucket;
    this.#newest = bucket;
  }

  #unlink({ older, newer }: Bucket<Key>): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }

  #evict(): void {
    const oldest = this.#oldest;
    if (oldest === undefined || this.#buckets.size <= this.#limits.maxKeys) return;
    this.#buckets.delete(oldest.key);
    this.#unlink(oldest);
  }
}
