// Brings a database from whatever version it has to ours: each migration in one transaction with the row that records it.
// Knows nothing of files and backups.

import { createHash, type Hash } from 'node:crypto';
import { type Dialect, Kysely, sql } from 'kysely';
import { messageOf, RackseedError } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { ColumnTypes, Migration, MigrationDb, MigrationTx } from './types.ts';

/** Its own prefix, so that another program's table of migrations is never taken for ours. */
export const MIGRATIONS_TABLE = 'rackseed_migrations';

export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
}

export interface MigrateOptions {
  readonly dialect: Dialect;
  readonly types: ColumnTypes;
  readonly migrations: readonly Migration[];
  readonly now: () => number;
  /** Waits until no other appliance migrates; held to the end of the transaction. */
  readonly lock?: (tx: MigrationTx) => Promise<void>;
  /** Throws when the migration left the database inconsistent. */
  readonly verify?: (tx: MigrationTx) => Promise<void>;
  readonly applied?: (migration: Migration) => void;
  /** A fault of the disk in our words; anything else comes back as it is. */
  readonly translate?: (thrown: unknown) => unknown;
}

/** What is still to do. Throws when the database comes from a newer Rackseed, or from one that numbered its migrations differently. */
export function pendingMigrations(applied: readonly AppliedMigration[], known: readonly Migration[], where: string): readonly Migration[] {
  const latest = known.at(-1)?.version ?? 0;
  const version = applied.reduce((highest, migration) => Math.max(highest, migration.version), 0);
  if (version > latest)
    throw fail('store.newer_version', {
      message: `${where} has version ${version}, and this Rackseed knows versions up to ${latest}`,
      hint: `install the Rackseed that wrote it (or a newer one), or put back the backup made before version ${latest + 1}`,
      detail: { version, latest },
    });
  for (const migration of applied) checkName(migration, known, where);
  const done = new Set(applied.map((migration) => migration.version));
  return known.filter((migration) => !done.has(migration.version));
}

function checkName(applied: AppliedMigration, known: readonly Migration[], where: string): void {
  const ours = known.find((migration) => migration.version === applied.version);
  if (ours?.name === applied.name) return;
  throw fail('store.migration_changed', {
    message: `${where}: version ${applied.version} is "${applied.name}" there and "${ours?.name ?? 'unknown'}" in this Rackseed`,
    hint: 'use a released Rackseed; this database was made by a development version',
  });
}

/** Applies what is pending, oldest first. Safe to run from several appliances at once when `lock` is given. */
export async function migrate(options: MigrateOptions, where: string): Promise<void> {
  const recorder = new StatementRecorder();
  const db: MigrationDb = new Kysely({ dialect: options.dialect, log: (event) => recorder.note(event.query.sql) });
  const target = options.migrations.length;
  for (let round = 0; round <= target; round += 1) {
    const isDone = await db.transaction().execute((tx) => applyNext(tx, options, recorder, where));
    if (isDone) return;
  }
}

async function applyNext(tx: MigrationTx, options: MigrateOptions, recorder: StatementRecorder, where: string): Promise<boolean> {
  await options.lock?.(tx);
  await makeMigrationsTable(tx, options.types);
  const [next] = pendingMigrations(await appliedMigrations(tx), options.migrations, where);
  if (next === undefined) return true;
  recorder.begin();
  let checksum: string;
  try {
    await next.up(tx, options.types);
    checksum = recorder.end();
    await options.verify?.(tx);
  } catch (thrown) {
    const cause = options.translate?.(thrown) ?? thrown;
    if (cause instanceof RackseedError) throw cause;
    throw fail('store.migration_failed', {
      message: `${where}: migration ${next.version} (${next.name}) failed and was rolled back: ${messageOf(cause)}`,
      hint: 'the database is as it was before; report this',
      cause,
    });
  }
  const row = { version: next.version, name: next.name, checksum, applied_at: options.now() };
  await tx.insertInto(MIGRATIONS_TABLE).values(row).execute();
  options.applied?.(next);
  return false;
}

async function makeMigrationsTable(tx: MigrationTx, { int, text, finish }: ColumnTypes): Promise<void> {
  await finish(
    tx.schema
      .createTable(MIGRATIONS_TABLE)
      .ifNotExists()
      .addColumn('version', int, (c) => c.primaryKey().notNull())
      .addColumn('name', text, (c) => c.notNull())
      .addColumn('checksum', text, (c) => c.notNull())
      .addColumn('applied_at', int, (c) => c.notNull()),
  ).execute();
}

async function appliedMigrations(db: MigrationDb): Promise<AppliedMigration[]> {
  const { rows } = await sql<{ version: number | string; name: string }>`
    select version, name from ${sql.table(MIGRATIONS_TABLE)} order by version`.execute(db);
  return rows.map((row) => ({ version: Number(row.version), name: row.name }));
}

/** The digest of the statements a migration ran: stored with it, and pinned by a test so that a released one is never edited. */
class StatementRecorder {
  #hash: Hash | undefined;

  begin(): void {
    this.#hash = createHash('sha256');
  }

  note(statement: string): void {
    this.#hash?.update(`${statement};\n`);
  }

  end(): string {
    const hash = this.#hash;
    this.#hash = undefined;
    return hash?.digest('hex') ?? '';
  }
}
