// Asks a PostgreSQL database, before it is opened as a store, whether a key was ever used with it.

import { Client } from 'pg';
import { KEY_CHECK } from '../key-check.ts';
import { translatePostgres } from './errors.ts';

const TIMEOUT_MS = 5_000;

export async function postgresHasKey(location: { readonly connection: string; readonly shown: string }): Promise<boolean> {
  const client = new Client({ connectionString: location.connection, connectionTimeoutMillis: TIMEOUT_MS, statement_timeout: TIMEOUT_MS });
  client.on('error', () => undefined); // the query reports it
  try {
    await client.connect();
    const { rows } = await client.query<{ found: boolean }>("select to_regclass('meta') is not null as found");
    if (rows[0]?.found !== true) return false;
    const check = await client.query('select 1 from meta where key = $1', [KEY_CHECK]);
    return check.rows.length > 0;
  } catch (thrown) {
    throw translatePostgres(thrown, location.shown);
  } finally {
    await client.end().catch(() => undefined); // it may never have stood
  }
}
