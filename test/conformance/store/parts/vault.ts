import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { Secret } from '../../../../src/lib/index.ts';
import { KEY } from '../fixture.ts';
import type { Bench } from '../suite.ts';

export function vaultTests(bench: Bench): void {
  it('gives back a named secret after a restart, and holds no trace of it in clear', async () => {
    const url = await bench.fixture.freshUrl();
    const store = await bench.open({ url });
    await store.transaction((tx) => store.vault.put(tx, 'tls.key', new Secret('geheim-ÄÖÜ')));
    await store.close();
    const again = await bench.open({ url });
    expect((await again.vault.get('tls.key'))?.reveal()).toBe('geheim-ÄÖÜ');
    const rows = await again.db.selectFrom('secrets').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain('geheim');
    expect(inspect(await again.vault.get('tls.key'))).toBe('***');
  });

  it('has no secret under another name, and the newest under its own', async () => {
    const store = await bench.open();
    await store.transaction((tx) => store.vault.put(tx, 'a', new Secret('1')));
    await store.transaction((tx) => store.vault.put(tx, 'a', new Secret('2')));
    expect((await store.vault.get('a'))?.reveal()).toBe('2');
    expect(await store.vault.get('b')).toBeUndefined();
  });

  it('does not open a secret that was copied to another name', async () => {
    const store = await bench.open();
    await store.transaction((tx) => store.vault.put(tx, 'a', new Secret('1')));
    await store.db
      .insertInto('secrets')
      .columns(['name', 'sealed', 'updated_at'])
      .expression((eb) => eb.selectFrom('secrets').select([eb.val('b').as('name'), 'sealed', 'updated_at']))
      .execute();
    await expect(store.vault.get('b')).rejects.toMatchObject({ code: 'store.sealed_invalid' });
  });

  it('refuses another key than the one the database was made with', async () => {
    const url = await bench.fixture.freshUrl();
    await (await bench.open({ url })).close();
    const wrong = { id: KEY.id, bytes: Buffer.alloc(32, 8) };
    await expect(bench.open({ url, keys: [wrong] })).rejects.toMatchObject({ code: 'store.key_wrong' });
    await expect(bench.open({ url, keys: [{ ...wrong, id: 'other' }] })).rejects.toMatchObject({ code: 'store.key_wrong' });
    await bench.open({ url });
  });
}
