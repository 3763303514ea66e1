// Ties a database to its key: a known text, sealed. Without it a wrong key would be noticed only when a secret is needed.

import type { Kysely } from 'kysely';
import { RackseedError, Secret } from '../lib/index.ts';
import { fail } from './errors.ts';
import type { Database } from './schema.ts';
import type { Tx } from './types.ts';
import type { StoreVault } from './vault.ts';

export const KEY_CHECK = 'key_check';
const CONTEXT = `meta/${KEY_CHECK}`;
const TEXT = 'rackseed';

/** Throws when none of the keys is this database's; gives a new database its check value. */
export async function checkKey(
  db: Kysely<Database>,
  transaction: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>,
  vault: StoreVault,
): Promise<void> {
  if (await isKeyRight(db, vault)) return;
  await transaction(async (tx) => {
    // another appliance may have been first
    if (!(await isKeyRight(tx, vault))) await writeKeyCheck(tx, vault);
  });
}

/** False when the database has no check value yet. */
async function isKeyRight(db: Kysely<Database>, vault: StoreVault): Promise<boolean> {
  const row = await db.selectFrom('meta').select('value').where('key', '=', KEY_CHECK).executeTakeFirst();
  if (row === undefined) return false;
  try {
    vault.open(row.value, CONTEXT);
    return true;
  } catch (cause) {
    if (!(cause instanceof RackseedError)) throw cause;
    throw fail('store.key_wrong', {
      message: 'the store key does not belong to this database',
      hint: 'put back the key file that was kept with the backup of this database; no new key can open what it holds',
      cause,
    });
  }
}

export async function writeKeyCheck(tx: Tx, vault: StoreVault): Promise<void> {
  const value = vault.seal(new Secret(TEXT), CONTEXT);
  await tx
    .insertInto('meta')
    .values({ key: KEY_CHECK, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}
