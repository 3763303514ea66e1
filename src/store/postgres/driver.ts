// Kysely's way into PostgreSQL. Transactions are serial as on SQLite, so that the same code is right on both: in this process
// they take turns, and between appliances a table lock, taken before the snapshot, makes them wait for each other.

import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import type { Pool, PoolClient } from 'pg';
import { BugError } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { storable } from '../text.ts';
import { isInsideTransaction } from '../transaction.ts';
import type { Turns } from './turns.ts';

/**
 * LOCK TABLE takes no snapshot, so the one of the first query after it sees all that was committed before our turn
 * (PostgreSQL manual, LOCK). `meta` is hardly ever written, so the lock keeps no vacuum waiting. Repeatable read, because a
 * single statement outside any transaction may still come between: the update of a row it changed then fails and is repeated.
 */
const BEGIN = 'begin isolation level repeatable read; lock table meta in share row exclusive mode';

export interface PostgresParts {
  readonly pool: Pool;
  readonly turns: Turns;
  readonly translate: (thrown: unknown) => Error;
}

export class SerialPostgresDialect implements Dialect {
  readonly #parts: PostgresParts;

  constructor(parts: PostgresParts) {
    this.#parts = parts;
  }

  createDriver(): Driver {
    return new SerialPostgresDriver(this.#parts);
  }

  createQueryCompiler(): PostgresQueryCompiler {
    return new PostgresQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new PostgresAdapter();
  }

  createIntrospector(db: Parameters<Dialect['createIntrospector']>[0]): DatabaseIntrospector {
    return new PostgresIntrospector(db);
  }
}

class SerialPostgresDriver implements Driver {
  readonly #parts: PostgresParts;

  constructor(parts: PostgresParts) {
    this.#parts = parts;
  }

  async init(): Promise<void> {
    // the pool connects when it must
  }

  async acquireConnection(): Promise<PostgresTurnConnection> {
    return new PostgresTurnConnection(this.#parts);
  }

  async beginTransaction(connection: PostgresTurnConnection): Promise<void> {
    await connection.begin();
  }

  async commitTransaction(connection: PostgresTurnConnection): Promise<void> {
    await connection.commit();
  }

  async rollbackTransaction(connection: PostgresTurnConnection): Promise<void> {
    await connection.rollback();
  }

  async releaseConnection(): Promise<void> {
    // a transaction gives its connection back when it ends, a single query when it is done
  }

  async destroy(): Promise<void> {
    this.#parts.turns.close();
    await this.#parts.pool.end();
  }
}

/** Takes a connection of the pool only while it needs one: waiting for a turn must not use up those that readers want. */
class PostgresTurnConnection implements DatabaseConnection {
  readonly #parts: PostgresParts;
  #client: PoolClient | undefined;
  #endTurn: (() => void) | undefined;

  constructor(parts: PostgresParts) {
    this.#parts = parts;
  }

  async begin(): Promise<void> {
    if (isInsideTransaction()) throw new BugError('a transaction was begun inside another: pass its tx on instead');
    this.#endTurn = await this.#parts.turns.take();
    try {
      this.#client = await this.#parts.pool.connect();
      await this.#client.query(BEGIN);
    } catch (thrown) {
      this.#end(true);
      throw this.#parts.translate(thrown);
    }
  }

  async commit(): Promise<void> {
    const result = await this.#query(this.#open(), 'commit', []);
    // A failed statement turns COMMIT into ROLLBACK, and the server calls that a success.
    if (result.command === 'ROLLBACK') throw fail('store.aborted', { message: 'a statement failed earlier in this transaction' });
    this.#end(false);
  }

  /** Does nothing when it has ended. A connection that can't even roll back is thrown away, which ends its transaction too. */
  async rollback(): Promise<void> {
    if (this.#client === undefined) return;
    try {
      await this.#client.query('rollback');
      this.#end(false);
    } catch {
      this.#end(true); // the error that led to this rollback is the one to report
    }
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { sql } = query;
    const parameters = query.parameters.map(storable);
    if (this.#endTurn !== undefined) return resultOf<R>(await this.#query(this.#open(), sql, parameters));
    if (isInsideTransaction() && isWrite(query))
      throw new BugError(`a write went to store.db inside a transaction, use its tx: ${sql.slice(0, 80)}`);
    return resultOf<R>(await this.#query(this.#parts.pool, sql, parameters));
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new BugError('streams are not offered: read in pages');
  }

  #open(): PoolClient {
    if (this.#client === undefined) throw new BugError('the transaction has ended');
    return this.#client;
  }

  async #query(through: Pool | PoolClient, sql: string, parameters: unknown[]) {
    try {
      return await through.query<Record<string, unknown>>(sql, parameters);
    } catch (thrown) {
      throw this.#parts.translate(thrown);
    }
  }

  #end(isBroken: boolean): void {
    this.#client?.release(isBroken);
    this.#client = undefined;
    this.#endTurn?.();
  }
}

const WRITES = new Set(['InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode', 'MergeQueryNode']);

function isWrite(query: CompiledQuery): boolean {
  return WRITES.has(query.query.kind);
}

function resultOf<R>(result: { readonly command: string; readonly rowCount: number | null; readonly rows: unknown[] }): QueryResult<R> {
  // The row type is the one Kysely computed from the query that was sent.
  const rows = result.rows as R[];
  return result.command === 'SELECT' ? { rows } : { rows, numAffectedRows: BigInt(result.rowCount ?? 0) };
}
