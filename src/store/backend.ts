// What a database must offer to become a Store: the seam between the two dialects and all that is common.

import type { Kysely } from 'kysely';
import type { Clock, Log, Random } from '../lib/index.ts';
import type { Migration } from './migrations/types.ts';
import type { Database } from './schema.ts';
import type { Tx } from './types.ts';

export interface Backend {
  readonly dialect: 'sqlite' | 'postgres';
  readonly db: Kysely<Database>;
  /** Begins, runs, commits; again from the start where the database asks for it. */
  run<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Tells other appliances, when the transaction commits, that events were appended. */
  readonly announce?: (tx: Tx) => Promise<void>;
  /** Calls `wake` when another appliance's transaction with events has committed. */
  listen?(wake: () => void): Promise<void>;
  close(): Promise<void>;
}

export interface BackendOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly migrations: readonly Migration[];
  /** How long a transaction may stay open. */
  readonly transactionLimitMs: number;
}
