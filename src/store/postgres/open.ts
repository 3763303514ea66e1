// Opens a PostgreSQL database: look first, migrate under a lock that all appliances share, then hand out.

import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool, type PoolConfig, TypeOverrides } from 'pg';
import { BugError } from '../../lib/index.ts';
import type { Backend, BackendOptions } from '../backend.ts';
import { fail } from '../errors.ts';
import { type AppliedMigration, MIGRATIONS_TABLE, migrate, pendingMigrations } from '../migrations/runner.ts';
import { type MigrationTx, POSTGRES_TYPES } from '../migrations/types.ts';
import type { Database } from '../schema.ts';
import { SerialPostgresDialect } from './driver.ts';
import { isRepeatable, translatePostgres } from './errors.ts';
import { CHANNEL, Listener } from './listener.ts';
import { Turns } from './turns.ts';

const CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 5_000;
/** Transactions wait for each other at their start, so a repetition is rare: only single statements can come between. */
const ATTEMPTS = 5;
/** Any fixed number: the lock that appliances take in turn while they migrate. */
const MIGRATION_LOCK = 7_215_001;
/** pg_type.oid of int8. */
const INT8 = 20;

export interface PostgresLocation {
  readonly connection: string;
  readonly shown: string;
}

export async function openPostgres(location: PostgresLocation, options: BackendOptions): Promise<Backend> {
  const config = configOf(location, options);
  const pool = new Pool(config);
  const translate = (thrown: unknown): Error => translatePostgres(thrown, location.shown);
  // Without listeners, a connection that the server closes would end the process. The next query reports what matters.
  pool.on('error', (thrown) => options.log.warn({ err: translate(thrown) }, 'an idle connection to PostgreSQL was lost'));
  pool.on('connect', (client) => client.on('error', () => undefined));
  try {
    await prepare(pool, location.shown, options);
  } catch (thrown) {
    await pool.end();
    throw translate(thrown);
  }
  return serve({ pool, config, translate }, options);
}

function configOf(location: PostgresLocation, options: BackendOptions): PoolConfig {
  const parsers = new TypeOverrides();
  parsers.setTypeParser(INT8, parseInt8);
  return {
    connectionString: location.connection,
    application_name: 'rackseed',
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: options.transactionLimitMs,
    lock_timeout: options.transactionLimitMs,
    // the server's own guard, for when this process hangs or its host is cut off
    idle_in_transaction_session_timeout: options.transactionLimitMs * 2,
    keepAlive: true,
    types: parsers,
  };
}

/** Times in milliseconds and our counters are far below 2^53. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new BugError(`${text} is too large a number for a column of ours`);
  return value;
}

async function prepare(pool: Pool, shown: string, options: BackendOptions): Promise<void> {
  pendingMigrations(await appliedIn(pool, shown), options.migrations, shown);
  await migrate(
    {
      dialect: new PostgresDialect({ pool }),
      types: POSTGRES_TYPES,
      migrations: options.migrations,
      now: () => options.clock.now(),
      lock: lockMigrations,
      applied: (migration) => options.log.info({ version: migration.version, name: migration.name }, 'migration applied'),
    },
    shown,
  );
}

async function appliedIn(pool: Pool, shown: string): Promise<AppliedMigration[]> {
  const { rows } = await pool.query<{ tablename: string }>(
    'select tablename from pg_tables where schemaname = current_schema() order by 1',
  );
  const tables = rows.map((row) => row.tablename);
  if (tables.includes(MIGRATIONS_TABLE)) {
    const applied = await pool.query<{ version: number; name: string }>(`select version, name from ${MIGRATIONS_TABLE} order by version`);
    return applied.rows;
  }
  if (tables.length === 0) return [];
  throw fail('store.foreign_database', {
    message: `the database ${shown} is another program's (it has the tables ${tables.slice(0, 5).join(', ')})`,
    hint: 'create a database of its own for Rackseed: createdb --owner=USER rackseed',
  });
}

async function lockMigrations(tx: MigrationTx): Promise<void> {
  // A migration may take longer than anything else, and so may waiting for another appliance's.
  await sql`set local statement_timeout = 0`.execute(tx);
  await sql`set local lock_timeout = 0`.execute(tx);
  await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(tx);
}

interface Parts {
  readonly pool: Pool;
  readonly config: PoolConfig;
  readonly translate: (thrown: unknown) => Error;
}

function serve({ pool, config, translate }: Parts, options: BackendOptions): Backend {
  const { clock, random, log } = options;
  const turns = new Turns();
  const db = new Kysely<Database>({ dialect: new SerialPostgresDialect({ pool, turns, translate }) });
  const instance = random.uuid();
  const listener = new Listener({ config, instance, clock, random, log, translate });
  return {
    dialect: 'postgres',
    db,
    run: (work) => repeat(() => db.transaction().execute(work)),
    announce: async (tx) => {
      await sql`select pg_notify(${CHANNEL}, ${instance})`.execute(tx);
    },
    listen: (wake) => listener.start(wake),
    close: async () => {
      turns.close();
      await listener.stop();
      await db.destroy();
      if (!pool.ended) await pool.end(); // Kysely ends it only if it was ever used
    },
  };
}

async function repeat<T>(transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction();
    } catch (thrown) {
      if (!isRepeatable(thrown) || attempt >= ATTEMPTS) throw thrown;
    }
  }
}
