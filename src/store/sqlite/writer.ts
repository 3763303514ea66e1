// Who may write, and when it is on disk. SQLite has one writer: transactions take turns, and those that wait share one commit
// (one fsync) with those before them. Nobody is told "committed" before that commit has succeeded.

import type { Database } from 'better-sqlite3';
import { BugError, type Log } from '../../lib/index.ts';
import { fail } from '../errors.ts';

/** A shared commit is closed at this many transactions or after this long, so that the first of them does not wait for ever. */
const GROUP_LIMIT = 64;
/** Only where others wait is a commit put off at all. At 5 ms, 16 clients shared a commit by 7, and a third of their time went into commits. */
const GROUP_WINDOW_MS = 20;
/** Bounds what an overload can pile up. */
const QUEUE_LIMIT = 10_000;

export interface Turn {
  /** Set when a statement failed: nothing more may be done, commit turns into rollback. */
  failure: Error | undefined;
  /** What SQLite said, when it was a statement. */
  cause: Error | undefined;
  state: 'waiting' | 'open' | 'joined' | 'ended';
  /** True when others that finished before it are still in the same commit. */
  isShared: boolean;
  resolve: () => void;
  reject: (reason: Error) => void;
}

export interface WriterOptions {
  readonly connection: Database;
  readonly log: Log;
  readonly translate: (thrown: unknown) => Error;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #db: Database;
  #waiting: Turn[] = [];
  #active: Turn | undefined;
  /** Done, and waiting for the commit they share. */
  #joined: Turn[] = [];
  #groupStarted = 0;
  #flushing: NodeJS.Immediate | undefined;
  #isClosed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#db = options.connection;
  }

  /** Resolves when it is this one's turn and its transaction is open. */
  async begin(): Promise<Turn> {
    if (this.#isClosed) throw fail('store.closed', { message: 'the store is closed' });
    if (this.#waiting.length >= QUEUE_LIMIT)
      throw fail('store.busy', { message: `${QUEUE_LIMIT} transactions are waiting already`, hint: 'look for what floods the store' });
    const turn: Turn = {
      failure: undefined,
      cause: undefined,
      state: 'waiting',
      isShared: false,
      resolve: ignore,
      reject: ignore,
    };
    if (this.#active === undefined) this.#open(turn);
    else await this.#wait(turn);
    return turn;
  }

  /** Resolves when the transaction is on disk. */
  async commit(turn: Turn): Promise<void> {
    if (turn.failure !== undefined) throw turn.failure;
    assertOpen(turn);
    if (turn.isShared) this.#exec('release turn');
    turn.state = 'joined';
    this.#joined.push(turn);
    const settled = new Promise<void>((resolve, reject) => {
      turn.resolve = resolve;
      turn.reject = reject;
    });
    this.#active = undefined;
    this.#next();
    await settled;
  }

  /** Undoes this transaction only. Does nothing when it has ended already. */
  rollback(turn: Turn): void {
    if (turn.state !== 'open') return;
    turn.state = 'ended';
    turn.failure ??= new BugError('the transaction was rolled back');
    this.#active = undefined;
    this.#undo(turn);
    this.#next();
  }

  /** After this nothing begins; what waits is refused. */
  close(): void {
    this.#isClosed = true;
    this.#flush();
    const refused = this.#waiting.splice(0);
    for (const turn of refused) turn.reject(fail('store.closed', { message: 'the store was closed before the transaction began' }));
  }

  #wait(turn: Turn): Promise<void> {
    return new Promise((resolve, reject) => {
      turn.resolve = resolve;
      turn.reject = reject;
      this.#waiting.push(turn);
    });
  }

  #open(turn: Turn): void {
    turn.isShared = this.#joined.length > 0;
    try {
      this.#db.exec(turn.isShared ? 'savepoint turn' : 'begin immediate');
    } catch (thrown) {
      turn.state = 'ended';
      throw this.#options.translate(thrown);
    }
    if (!turn.isShared) this.#groupStarted = performance.now();
    turn.state = 'open';
    this.#active = turn;
  }

  /** Lets the next one in, into the same commit while that is young and small; else commits first. */
  #next(): void {
    for (;;) {
      const isFull = this.#joined.length >= GROUP_LIMIT || performance.now() - this.#groupStarted > GROUP_WINDOW_MS;
      if (this.#joined.length > 0 && isFull) this.#commitGroup();
      const turn = this.#waiting.shift();
      if (turn === undefined) {
        // Requests that have arrived already get into the commit as well. Statements are synchronous: a transaction is often over
        // before the next request is looked at, and without this pause each would pay a commit of its own (1,001 commits for 1,000
        // requests from 16 clients, measured 2026-11).
        if (this.#joined.length > 0) this.#flushing ??= setImmediate(() => this.#flush());
        return;
      }
      const { resolve, reject } = turn;
      try {
        this.#open(turn);
        resolve();
        return;
      } catch (thrown) {
        reject(this.#options.translate(thrown));
      }
    }
  }

  /** The pause is over. A turn that is open commits the group when it ends. */
  #flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#active === undefined && this.#joined.length > 0) this.#commitGroup();
  }

  #commitGroup(): void {
    const group = this.#joined.splice(0);
    try {
      this.#db.exec('commit');
    } catch (thrown) {
      this.#rollbackAll();
      const reason = this.#options.translate(thrown);
      for (const turn of group) settle(turn, reason);
      return;
    }
    for (const turn of group) settle(turn);
  }

  /** Takes back what this one did; what finished before it in the same commit stays, unless SQLite took that back as well. */
  #undo(turn: Turn): void {
    if (turn.isShared && this.#db.inTransaction) {
      try {
        this.#db.exec('rollback to turn; release turn');
        return;
      } catch (thrown) {
        turn.cause = this.#options.translate(thrown);
      }
    }
    // On a full disk or an I/O error SQLite may roll back everything by itself: those that shared the commit are lost with it.
    this.#rollbackAll();
    for (const other of this.#joined.splice(0)) settle(other, turn.cause ?? turn.failure);
  }

  #rollbackAll(): void {
    if (!this.#db.inTransaction) return;
    try {
      this.#db.exec('rollback');
    } catch (thrown) {
      this.#options.log.error({ err: thrown }, 'SQLite could not roll back');
    }
  }

  #exec(sql: string): void {
    try {
      this.#db.exec(sql);
    } catch (thrown) {
      throw this.#options.translate(thrown);
    }
  }
}

function settle(turn: Turn, reason?: Error): void {
  turn.state = 'ended';
  if (reason === undefined) {
    turn.resolve();
    return;
  }
  turn.failure = reason;
  turn.reject(reason);
}

function assertOpen(turn: Turn): void {
  if (turn.state !== 'open') throw new BugError(`the transaction is ${turn.state}`);
}

function ignore(): void {
  // replaced when there is something to settle
}
