// Randomness as a dependency, so that a test can replay it.

import { randomBytes, randomUUID } from 'node:crypto';

export interface Random {
  bytes(length: number): Buffer;
  uuid(): string;
  /** In [0, 1): jitter and the like, never secrets. */
  float(): number;
}

export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  uuid: () => randomUUID(),
  float: () => Math.random(),
};
