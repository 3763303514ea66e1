// Kysely's way into SQLite: reads go to their own connection and never wait; writes take their turn at the one writer.
// Behaves as PostgreSQL does where a difference could hide a fault: a failed statement ends its transaction.

import type { Database, Statement } from 'better-sqlite3';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  DialectAdapterBase,
  type Driver,
  type QueryResult,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { BugError } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { storable } from '../text.ts';
import { isInsideTransaction } from '../transaction.ts';
import type { Turn, Writer } from './writer.ts';

const STATEMENT_CACHE = 500;

export interface SqliteParts {
  readonly writer: Writer;
  readonly writing: Database;
  readonly reading: Database;
  readonly translate: (thrown: unknown) => Error;
}

export class SerialSqliteDialect implements Dialect {
  readonly #parts: SqliteParts;

  constructor(parts: SqliteParts) {
    this.#parts = parts;
  }

  createDriver(): Driver {
    return new SerialSqliteDriver(this.#parts);
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapterBase {
    return new SqliteTurnsAdapter();
  }

  createIntrospector(db: Parameters<Dialect['createIntrospector']>[0]): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** Kysely's own mutex would let one transaction block every read; the turns are ours to take. */
class SqliteTurnsAdapter extends DialectAdapterBase {
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  override get supportsReturning(): boolean {
    return true;
  }

  async acquireMigrationLock(): Promise<void> {
    // migrations run before anybody else can open the file
  }

  async releaseMigrationLock(): Promise<void> {
    // as above
  }
}

class SerialSqliteDriver implements Driver {
  readonly #parts: SqliteParts;
  readonly #writing: StatementCache;
  readonly #reading: StatementCache;

  constructor(parts: SqliteParts) {
    this.#parts = parts;
    this.#writing = new StatementCache(parts.writing);
    this.#reading = new StatementCache(parts.reading);
  }

  async init(): Promise<void> {
    // both connections are open already
  }

  async acquireConnection(): Promise<SqliteTurnConnection> {
    return new SqliteTurnConnection(this.#parts, this.#writing, this.#reading);
  }

  async beginTransaction(connection: SqliteTurnConnection): Promise<void> {
    await connection.begin();
  }

  async commitTransaction(connection: SqliteTurnConnection): Promise<void> {
    await connection.commit();
  }

  async rollbackTransaction(connection: SqliteTurnConnection): Promise<void> {
    connection.rollback();
  }

  async releaseConnection(): Promise<void> {
    // nothing is held between uses
  }

  async destroy(): Promise<void> {
    this.#parts.writer.close();
    this.#parts.reading.close();
    this.#parts.writing.close();
  }
}

class SqliteTurnConnection implements DatabaseConnection {
  readonly #parts: SqliteParts;
  readonly #writing: StatementCache;
  readonly #reading: StatementCache;
  #turn: Turn | undefined;

  constructor(parts: SqliteParts, writing: StatementCache, reading: StatementCache) {
    this.#parts = parts;
    this.#writing = writing;
    this.#reading = reading;
  }

  async begin(): Promise<void> {
    if (isInsideTransaction()) throw new BugError('a transaction was begun inside another: pass its tx on instead');
    this.#turn = await this.#parts.writer.begin();
  }

  async commit(): Promise<void> {
    const turn = this.#turn;
    if (turn === undefined) throw new BugError('commit without a transaction');
    await this.#parts.writer.commit(turn);
  }

  rollback(): void {
    if (this.#turn !== undefined) this.#parts.writer.rollback(this.#turn);
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#turn !== undefined) return this.#inTurn<R>(this.#turn, query);
    const statement = this.#prepare(this.#writing, query.sql);
    return statement.readonly ? this.#run<R>(this.#prepare(this.#reading, query.sql), query) : this.#alone<R>(query);
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new BugError('streams are not offered: read in pages');
  }

  #inTurn<R>(turn: Turn, query: CompiledQuery): QueryResult<R> {
    if (turn.failure !== undefined) throw turn.failure;
    try {
      return this.#run<R>(this.#prepare(this.#writing, query.sql), query);
    } catch (thrown) {
      const cause = this.#parts.translate(thrown);
      turn.cause = cause;
      turn.failure = fail('store.aborted', { message: 'a statement failed earlier in this transaction', cause });
      throw cause;
    }
  }

  /** A single write outside any transaction: a transaction of its own. */
  async #alone<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (isInsideTransaction()) throw new BugError(`a write went to store.db inside a transaction, use its tx: ${query.sql.slice(0, 80)}`);
    const turn = await this.#parts.writer.begin();
    try {
      const result = this.#inTurn<R>(turn, query);
      await this.#parts.writer.commit(turn);
      return result;
    } catch (thrown) {
      this.#parts.writer.rollback(turn);
      throw thrown;
    }
  }

  #prepare(cache: StatementCache, sql: string): Statement {
    try {
      return cache.prepare(sql);
    } catch (thrown) {
      throw this.#parts.translate(thrown);
    }
  }

  #run<R>(statement: Statement, query: CompiledQuery): QueryResult<R> {
    const parameters = query.parameters.map(storable);
    try {
      // The row type is the one Kysely computed from the query that made the statement.
      if (statement.reader) return { rows: statement.all(parameters) as R[] };
      const { changes } = statement.run(parameters);
      return { numAffectedRows: BigInt(changes), rows: [] };
    } catch (thrown) {
      throw this.#parts.translate(thrown);
    }
  }
}

/** Preparing costs more than most of our statements; the texts are few. The oldest goes first. */
class StatementCache {
  readonly #db: Database;
  readonly #statements = new Map<string, Statement>();

  constructor(db: Database) {
    this.#db = db;
  }

  prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    const [oldest] = this.#statements.keys();
    if (oldest !== undefined && this.#statements.size >= STATEMENT_CACHE) this.#statements.delete(oldest);
    this.#statements.set(sql, statement);
    return statement;
  }
}
