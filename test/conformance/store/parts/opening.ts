import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { MIGRATIONS } from '../../../../src/store/migrations/index.ts';
import type { Migration } from '../../../../src/store/migrations/types.ts';
import { containing } from '../../../support/containing.ts';
import { setSetting, settingKeys } from '../rows.ts';
import type { Bench } from '../suite.ts';

const LATEST = MIGRATIONS.at(-1)?.version ?? 0;

export function openingTests(bench: Bench): void {
  it('makes the tables of an empty database once and finds its rows again', async () => {
    const url = await bench.fixture.freshUrl();
    const store = await bench.open({ url });
    await setSetting(store, 'a', '1');
    await store.close();
    const again = await bench.open({ url });
    expect(await settingKeys(again)).toEqual(['a']);
    const { rows } = await sql<{ version: number }>`select version from rackseed_migrations order by version`.execute(again.db);
    expect(rows.map((row) => row.version)).toEqual(MIGRATIONS.map((migration) => migration.version));
  });

  it('proves by check() that it can commit', async () => {
    const store = await bench.open();
    await store.check();
    await store.check();
  });

  it('leaves a database of a newer version alone, and names both versions', async () => {
    const url = await bench.fixture.freshUrl();
    await (await bench.open({ url })).close();
    await bench.fixture.execute(url, `insert into rackseed_migrations values (${LATEST + 1}, 'future', 'x', 1)`);
    await expect(bench.open({ url })).rejects.toMatchObject({
      code: 'store.newer_version',
      message: containing(`version ${LATEST + 1}, and this Rackseed knows versions up to ${LATEST}`),
      hint: containing('install the Rackseed that wrote it'),
    });
    await bench.fixture.execute(url, `delete from rackseed_migrations where version = ${LATEST + 1}`);
    await bench.open({ url });
  });

  it('refuses a database whose migration of a number is another one', async () => {
    const url = await bench.fixture.freshUrl();
    await (await bench.open({ url })).close();
    await bench.fixture.execute(url, "update rackseed_migrations set name = 'other' where version = 1");
    await expect(bench.open({ url })).rejects.toMatchObject({ code: 'store.migration_changed' });
  });

  it('refuses a database with the tables of another program, and adds none', async () => {
    const url = await bench.fixture.freshUrl();
    await bench.fixture.execute(url, 'create table customers (id integer primary key)');
    await expect(bench.open({ url })).rejects.toMatchObject({
      code: 'store.foreign_database',
      message: containing('customers'),
    });
    const db = await bench.fixture.around(url);
    expect((await db.introspection.getTables()).map((table) => table.name)).toEqual(['customers']);
    await db.destroy();
  });

  it('rolls back a migration that fails, and runs it again next time', async () => {
    const url = await bench.fixture.freshUrl();
    const store = await bench.open({ url });
    await setSetting(store, 'a', '1');
    await store.close();
    let isBroken = true;
    const next: Migration = {
      version: LATEST + 1,
      name: 'next',
      async up(tx, types) {
        await tx.schema.alterTable('settings').addColumn('note', types.text).execute();
        if (isBroken) throw new Error('half way');
      },
    };
    const migrations = [...MIGRATIONS, next];
    await expect(bench.open({ url, migrations })).rejects.toMatchObject({
      code: 'store.migration_failed',
      message: containing('half way'),
    });
    const unchanged = await bench.open({ url });
    expect(await settingKeys(unchanged)).toEqual(['a']);
    await unchanged.close();
    isBroken = false;
    const migrated = await bench.open({ url, migrations });
    const { rows } = await sql<{ key: string; note: string | null }>`select key, note from settings`.execute(migrated.db);
    expect(rows).toEqual([{ key: 'a', note: null }]);
  });
}
