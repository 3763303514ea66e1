// The seam everybody above the store programs against.

import type { Kysely, Transaction } from 'kysely';
import type { Clock, Log, Random, Secret } from '../lib/index.ts';
import type { Migration } from './migrations/types.ts';
import type { Database } from './schema.ts';

export type Severity = 'info' | 'warning' | 'error';
export type Tx = Transaction<Database>;

export interface EventInput {
  readonly type: string;
  readonly message: string;
  readonly severity?: Severity;
  readonly nodeUuid?: string;
  readonly taskId?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface StoredEvent {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly severity: Severity;
  readonly nodeUuid: string | null;
  readonly taskId: string | null;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EventQuery {
  readonly after: number;
  readonly limit: number;
  readonly nodeUuid?: string;
  readonly type?: string;
}

export interface EventLog {
  /** Writes inside the caller's transaction; readers see it after the commit, in order, without gaps. */
  append(tx: Tx, event: EventInput): Promise<number>;
  list(query: EventQuery): Promise<StoredEvent[]>;
  lastSeq(): Promise<number>;
  /** Woken (without payload) after commits that appended: read with list() from where you are. Returns the way to unsubscribe. */
  subscribe(wake: () => void): () => void;
}

export interface Lease {
  readonly key: string;
  readonly holder: string;
  readonly purpose: string;
  readonly expiresAt: number;
  readonly fence: number;
}

export interface LeaseRequest {
  readonly key: string;
  readonly holder: string;
  readonly purpose: string;
  readonly ttlMs: number;
}

export interface Leases {
  /** The lease, or who holds it. A holder's own second acquire renews and keeps the fence. */
  acquire(
    tx: Tx,
    request: LeaseRequest,
  ): Promise<{ readonly ok: true; readonly lease: Lease } | { readonly ok: false; readonly heldBy: Lease }>;
  /** False when the lease was lost (expired and taken, or released). */
  renew(tx: Tx, lease: Lease, ttlMs: number): Promise<boolean>;
  release(tx: Tx, lease: Lease): Promise<void>;
  /** Throws store.fenced when the lease is no longer this one. Call first in each transaction made under a lease. */
  check(tx: Tx, lease: Lease): Promise<void>;
}

export interface OutboxItem {
  readonly id: string;
  readonly eventSeq: number;
  readonly kind: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly attempts: number;
}

export interface Outbox {
  add(
    tx: Tx,
    item: { readonly kind: string; readonly eventSeq: number; readonly payload: Readonly<Record<string, unknown>> },
  ): Promise<string>;
  due(limit: number): Promise<OutboxItem[]>;
  done(id: string): Promise<void>;
  /** Counts the attempt and sets the next one later (exponential, capped, jittered). */
  failed(id: string, error: string): Promise<void>;
}

export interface TaskLogLine {
  readonly taskId: string;
  readonly position: number;
  readonly stream: 'out' | 'err' | 'note';
  readonly line: string;
}

export interface TaskLogs {
  /** Returns at once; lines are written in batches (time or size) in order. Bounded: at the cap the oldest unwritten lines are counted and replaced by one line that says so. */
  append(line: TaskLogLine): void;
  flush(): Promise<void>;
  list(query: {
    readonly taskId: string;
    readonly afterId: number;
    readonly limit: number;
  }): Promise<{ id: number; at: number; position: number; stream: string; line: string }[]>;
}

export interface ReasonInput {
  readonly subject: string;
  readonly area: string;
  readonly decision: string;
  readonly reason: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface Reasons {
  /** Returns at once; batched; keeps the last 200 per subject and 100,000 in all. */
  note(reason: ReasonInput): void;
  flush(): Promise<void>;
  list(
    subject: string,
    limit: number,
  ): Promise<{ at: number; area: string; decision: string; reason: string; data: Readonly<Record<string, unknown>> }[]>;
}

/** Seals text with the store's key (AES-256-GCM), bound to a context so that a sealed value can't be moved to another column or row. */
export interface Vault {
  seal(secret: Secret, context: string): string;
  open(sealed: string, context: string): Secret;
  /** Named secrets of the appliance itself (TLS key, SSH key). `on`: as that transaction sees them; without it as they were stored. */
  get(name: string, on?: Pick<Tx, 'selectFrom'>): Promise<Secret | undefined>;
  put(tx: Tx, name: string, secret: Secret): Promise<void>;
}

export interface Store {
  readonly dialect: 'sqlite' | 'postgres';
  /** Reads, and single-statement writes that need no event. */
  readonly db: Kysely<Database>;
  /** One transaction: commits when `work` resolves, rolls back when it rejects. Never nested. On PostgreSQL serialization failures are retried. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  readonly events: EventLog;
  readonly leases: Leases;
  readonly outbox: Outbox;
  readonly taskLogs: TaskLogs;
  readonly reasons: Reasons;
  readonly vault: Vault;
  /** For /readyz: throws with the reason when the store can't commit. */
  check(): Promise<void>;
  /** Flushes batches, then closes. Safe to call twice. */
  close(): Promise<void>;
}

export interface StoreOptions {
  /** sqlite:///absolute/path.sqlite or postgres://… */
  readonly url: string;
  /** Where the key outside the database comes from: 32 bytes, plus earlier keys that may still be read. */
  readonly keys: readonly StoreKey[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How long a transaction may stay open before it is rolled back; 10 s unless given. */
  readonly transactionLimitMs?: number;
  /** The migrations to bring the database to; all of them unless given (tests of upgrades give fewer). */
  readonly migrations?: readonly Migration[];
}

export interface StoreKey {
  /** Short id written into each sealed value. */
  readonly id: string;
  readonly bytes: Buffer;
}
