// Upgrades from every version there ever was: the rows come through, and the tables end up as in a new database.
// The rows of each version are in test/fixtures/store/; a new migration brings its own.

import { type Kysely, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../../src/store/index.ts';
import { MIGRATIONS } from '../../../src/store/migrations/index.ts';
import { FIXTURES } from '../../fixtures/store/index.ts';
import type { Rows, VersionFixture } from '../../fixtures/store/types.ts';
import { COLUMNS } from './columns.ts';
import { type StoreFixture, storeAt } from './fixture.ts';

export function upgradeSuite(name: string, makeFixture: () => Promise<StoreFixture>): void {
  describe(`upgrades on ${name}`, () => {
    let made: StoreFixture | undefined;
    beforeAll(async () => {
      made = await makeFixture();
    });
    afterAll(() => made?.remove());
    const fixture = (): StoreFixture => {
      if (made === undefined) throw new Error('the fixture is made in beforeAll');
      return made;
    };

    it('have rows to test with for every version, in every table of it', () => {
      expect(FIXTURES.map(({ version }) => version)).toEqual(MIGRATIONS.map(({ version }) => version));
      for (const { version, rows } of FIXTURES)
        expect(
          Object.values(rows).every((table) => table.length > 0),
          `a table without rows in version ${version}`,
        ).toBe(true);
      expect(Object.keys(FIXTURES.at(-1)?.rows ?? {}).toSorted()).toEqual(Object.keys(COLUMNS).toSorted());
    });

    it.each(FIXTURES.map(({ version }) => version))('from version %i keep every row', async (version) => {
      const url = await fixture().freshUrl();
      const { rows } = versionFixture(version);
      await makeVersion(fixture(), url, version, rows);
      await (await storeAt(url)).close();
      const expected = FIXTURES.filter((later) => later.version > version).reduce((old, later) => later.fromPrevious(old), rows);
      expect(await readRows(fixture(), url, expected)).toEqual(expected);
    });

    it.each(FIXTURES.map(({ version }) => version))('from version %i give the tables of a new database', async (version) => {
      const [upgraded, fresh] = [await fixture().freshUrl(), await fixture().freshUrl()];
      await makeVersion(fixture(), upgraded, version, versionFixture(version).rows);
      await (await storeAt(upgraded)).close();
      await (await storeAt(fresh)).close();
      expect(await describeSchema(fixture(), upgraded)).toEqual(await describeSchema(fixture(), fresh));
    });

    it('the tables of a new database are those of schema.ts', async () => {
      const url = await fixture().freshUrl();
      await (await storeAt(url)).close();
      const { rackseed_migrations: _, ...columns } = (await describeSchema(fixture(), url)).columns;
      expect(columns).toEqual(COLUMNS);
    });

    it('no migration that was released was edited since', async () => {
      const url = await fixture().freshUrl();
      await (await storeAt(url)).close();
      const db = await fixture().around(url);
      const { rows } = await sql<{ checksum: string }>`select checksum from rackseed_migrations order by version`.execute(db);
      await db.destroy();
      // Not released yet? Then the new digest belongs into test/fixtures/store/.
      expect(rows.map((row) => row.checksum)).toEqual(FIXTURES.map(({ checksums }) => checksums[fixture().dialect]));
    });
  });
}

function versionFixture(version: number): VersionFixture {
  const found = FIXTURES.find((candidate) => candidate.version === version);
  if (found === undefined) throw new Error(`no fixture for version ${version}`);
  return found;
}

/** A database as the Rackseed of that version left it, with its rows. */
async function makeVersion(fixture: StoreFixture, url: string, version: number, rows: Rows): Promise<void> {
  await (await storeAt(url, { migrations: MIGRATIONS.slice(0, version) })).close();
  const db = await fixture.around(url);
  for (const [table, values] of Object.entries(rows)) {
    // What opening it has put there is in the fixture too.
    await sql`delete from ${sql.table(table)}`.execute(db);
    for (const row of values) {
      const columns = sql.join(Object.keys(row).map((column) => sql.ref(column)));
      await sql`insert into ${sql.table(table)} (${columns}) values (${sql.join(Object.values(row))})`.execute(db);
    }
  }
  await db.destroy();
}

async function readRows(fixture: StoreFixture, url: string, expected: Rows): Promise<Rows> {
  const db = await fixture.around(url);
  const found: Record<string, Rows[string]> = {};
  for (const table of Object.keys(expected)) {
    const { rows } = await sql<Record<string, string | number | null>>`select * from ${sql.table(table)} order by 1, 2`.execute(db);
    found[table] = rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([column, value]) => [column, asNumber(table, column, value)])),
    );
  }
  await db.destroy();
  return found;
}

/** The way around the store gives PostgreSQL's int8 as text. */
function asNumber(table: string, column: string, value: string | number | null): string | number | null {
  const columns: Readonly<Record<string, Readonly<Record<string, string>>>> = COLUMNS;
  const kind = columns[table]?.[column] ?? 'text';
  return typeof value === 'string' && !kind.startsWith('text') ? Number(value) : value;
}

interface Schema {
  readonly columns: Record<string, Record<string, string>>;
  readonly indexes: readonly string[];
}

async function describeSchema(fixture: StoreFixture, url: string): Promise<Schema> {
  const db = await fixture.around(url);
  try {
    const columns: Record<string, Record<string, string>> = {};
    const counting = await countingTables(db, fixture.dialect);
    for (const table of await db.introspection.getTables()) {
      const kinds = table.columns.map((column): [string, string] => [
        column.name,
        column.name === 'id' && counting.has(table.name) ? 'id' : kindOf(column),
      ]);
      columns[table.name] = Object.fromEntries(kinds);
    }
    return { columns, indexes: await describeIndexes(db, fixture.dialect) };
  } finally {
    await db.destroy();
  }
}

/** Kysely takes every whole-number key of SQLite for one that counts by itself. */
async function countingTables(db: Kysely<Database>, dialect: StoreFixture['dialect']): Promise<ReadonlySet<string>> {
  const query =
    dialect === 'sqlite'
      ? sql<{ name: string }>`select name from sqlite_schema where sql like '%autoincrement%'`
      : sql<{ name: string }>`select table_name as name from information_schema.columns where is_identity = 'YES'`;
  return new Set((await query.execute(db)).rows.map((row) => row.name));
}

function kindOf(column: { readonly dataType: string; readonly isNullable: boolean }): string {
  const type = column.dataType.toLowerCase();
  const base = /^(text|varchar)$/.test(type) ? 'text' : /^(integer|int8|bigint)$/.test(type) ? 'int' : 'real';
  return column.isNullable ? `${base}?` : base;
}

async function describeIndexes(db: Kysely<Database>, dialect: StoreFixture['dialect']): Promise<readonly string[]> {
  const query =
    dialect === 'sqlite'
      ? sql<{ text: string }>`select tbl_name || ' ' || name || ' ' || coalesce(sql, '') as text from sqlite_schema where type = 'index'`
      : sql<{ text: string }>`select indexdef as text from pg_indexes where schemaname = current_schema()`;
  const { rows } = await query.execute(db);
  return rows.map((row) => row.text).toSorted();
}
