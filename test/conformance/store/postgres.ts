// A PostgreSQL server of our own for the time of a test: in a temporary directory, on a Unix socket only, from Debian's
// package. Its programs refuse to run as root, so root becomes the user postgres.

import { execFile } from 'node:child_process';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool } from 'pg';
import type { Database } from '../../../src/store/index.ts';
import type { StoreFixture } from './fixture.ts';

const run = promisify(execFile);
const INSTALLED = '/usr/lib/postgresql';
const PORT = 5432; // of the socket's name only; nothing listens on the network

export interface PostgresServer {
  readonly user: string;
  readonly socketDirectory: string;
  url(database: string, options?: { readonly user?: string; readonly password?: string }): string;
  control(...args: readonly string[]): Promise<void>;
  query(database: string, statement: string): Promise<void>;
  remove(): Promise<void>;
}

/** `authentication` is initdb's method for everybody who connects. */
export async function startPostgres(authentication: 'trust' | 'scram-sha-256' = 'trust'): Promise<PostgresServer> {
  const bin = await binaries();
  const asUser = await unprivileged();
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-pg-'));
  if (asUser.ids !== undefined) await chown(directory, asUser.ids.uid, asUser.ids.gid);
  const data = join(directory, 'data');
  const start = async (program: string, args: readonly string[]): Promise<void> => {
    const [command, ...rest] = [...asUser.prefix, join(bin, program), ...args];
    await run(command ?? program, rest, { cwd: directory, env: { ...process.env, LC_ALL: 'C.UTF-8' } });
  };
  const user = 'rackseed';
  await start('initdb', ['-D', data, '-U', user, '-E', 'UTF8', '--auth=trust']);
  // Without fsync it is faster, and safe from everything but a power cut.
  const settings = `-k ${directory} -p ${PORT} -c listen_addresses='' -c max_connections=60 -c fsync=off`;
  const control = (...args: readonly string[]): Promise<void> =>
    start('pg_ctl', ['-D', data, '-w', '-o', settings, '-l', join(directory, 'log'), ...args]);
  await control('start');
  const url = (database: string, as: { readonly user?: string; readonly password?: string } = {}): string => {
    const authority = as.password === undefined ? (as.user ?? user) : `${as.user ?? user}:${as.password}`;
    return `postgres://${authority}@localhost:${PORT}/${database}?host=${encodeURIComponent(directory)}`;
  };
  const query = async (database: string, statement: string): Promise<void> => {
    const client = new Client({ connectionString: url(database) });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  if (authentication !== 'trust') await requirePassword(query, start, data, authentication, control);
  return {
    user,
    socketDirectory: directory,
    url,
    control,
    query,
    remove: async () => {
      await control('stop', '-m', 'immediate').catch(() => undefined); // a test may have stopped it
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function postgresFixture(): Promise<StoreFixture & { readonly server: PostgresServer }> {
  const server = await startPostgres();
  let count = 0;
  return {
    server,
    dialect: 'postgres',
    freshUrl: async () => {
      count += 1;
      await server.query('postgres', `create database t${count}`);
      return server.url(`t${count}`);
    },
    around: async (url) => new Kysely<Database>({ dialect: new PostgresDialect({ pool: new Pool({ connectionString: url, max: 1 }) }) }),
    execute: (url, statements) => server.query(new URL(url).pathname.slice(1), statements),
    remove: () => server.remove(),
  };
}

async function requirePassword(
  query: PostgresServer['query'],
  start: (program: string, args: readonly string[]) => Promise<void>,
  data: string,
  method: string,
  control: PostgresServer['control'],
): Promise<void> {
  // The administrator still comes in without, so that the test can set up what it needs.
  await query('postgres', "create role guest login password 'right'");
  await query('postgres', `alter system set hba_file = '${data}/hba.conf'`);
  await query('postgres', `copy (values ('local all rackseed trust'), ('local all all ${method}')) to '${data}/hba.conf'`);
  await start('pg_ctl', ['-D', data, '-w', 'stop']);
  await control('start');
}

async function binaries(): Promise<string> {
  const versions = await readdir(INSTALLED).catch(() => []);
  const newest = versions.filter((name) => /^\d+$/.test(name)).toSorted((a, b) => Number(b) - Number(a))[0];
  if (newest === undefined) throw new Error(`no PostgreSQL in ${INSTALLED}: apt-get install postgresql`);
  return join(INSTALLED, newest, 'bin');
}

async function unprivileged(): Promise<{
  readonly prefix: readonly string[];
  readonly ids?: { readonly uid: number; readonly gid: number };
}> {
  if (userInfo().uid !== 0) return { prefix: [] };
  const id = async (flag: string): Promise<number> => Number((await run('id', [flag, 'postgres'])).stdout);
  const ids = { uid: await id('-u'), gid: await id('-g') };
  return { prefix: ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'], ids };
}
