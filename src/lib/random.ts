// Randomness as a dependency, so that a test can replay it.

import { randomBytes, randomUUID } from 'node:crypto';

export interface Random {
  bytes(length: number): Buffer;
  uuid(): string;
  /** In [0, 1): jitter and the like, never secrets. */
  float(): number;
}

/** Drawn at once and given out in parts, each once: a draw for each nonce of 12 bytes costs ten times as much. */
const POOL_BYTES = 4096;
let pool = Buffer.alloc(0);

function pooled(length: number): Buffer {
  if (length > POOL_BYTES / 16) return randomBytes(length);
  if (pool.length < length) pool = randomBytes(POOL_BYTES);
  const drawn = Buffer.from(pool.subarray(0, length));
  pool.fill(0, 0, length); // nobody reads what somebody may have made a key of
  pool = pool.subarray(length);
  return drawn;
}

export const systemRandom: Random = {
  bytes: pooled,
  uuid: () => randomUUID(),
  float: () => Math.random(),
};
