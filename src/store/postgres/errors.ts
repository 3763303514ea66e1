// PostgreSQL's and the network's errors in our words. No message may carry the connection string: it can hold a password.

import { BugError, type ErrorDetails, RackseedError, systemCode } from '../../lib/index.ts';
import { fail, type STORE_ERRORS } from '../errors.ts';

type Code = keyof typeof STORE_ERRORS;

/** What PostgreSQL's DatabaseError has of interest here. */
interface ServerError extends Error {
  readonly code: string;
  readonly detail: string | undefined;
  readonly table: string | undefined;
  readonly constraint: string | undefined;
}

/** Appendix A of the PostgreSQL manual, the ones somebody can act on. */
const SQLSTATES: Readonly<Record<string, { readonly code: Code; readonly hint: string }>> = {
  '25006': { code: 'store.read_only', hint: 'this server is a standby or set to read-only: point store.url at the primary' },
  '25P02': { code: 'store.aborted', hint: 'this is a fault of Rackseed: report it' },
  '25P03': { code: 'store.transaction_timeout', hint: 'this is a fault of Rackseed: report it' },
  '28000': { code: 'store.refused', hint: 'check the user in store.url and pg_hba.conf on the server' },
  '28P01': { code: 'store.refused', hint: 'check the user and password in store.url' },
  '3D000': { code: 'store.refused', hint: 'create the database: createdb --owner=USER NAME' },
  '42501': { code: 'store.refused', hint: 'the user must own the database, or be granted CREATE on its schema' },
  '53100': { code: 'store.full', hint: 'free space on the disk of the PostgreSQL server; what was acknowledged is safe' },
  '53300': { code: 'store.unreachable', hint: 'the server has no connection left: raise max_connections' },
  '55P03': { code: 'store.busy', hint: 'another appliance or program holds the tables: see pg_stat_activity' },
  '57014': { code: 'store.busy', hint: 'the server was too slow or locked: see pg_stat_activity' },
  '57P01': { code: 'store.unreachable', hint: 'the server is being stopped' },
  '57P02': { code: 'store.unreachable', hint: 'the server is restarting after a crash' },
  '57P03': { code: 'store.unreachable', hint: 'the server is starting: wait a moment' },
  '58030': { code: 'store.io', hint: 'look at the log of the PostgreSQL server' },
  XX001: { code: 'store.corrupt', hint: 'stop Rackseed and put back a backup of the PostgreSQL database' },
  XX002: { code: 'store.corrupt', hint: 'an index is damaged: REINDEX DATABASE, then look for the cause' },
};

/** Tried again from the start of the transaction: nothing of it was written. */
const REPEATABLE = new Set(['40001', '40P01']);

export function isRepeatable(thrown: unknown): boolean {
  const code = systemCode(thrown instanceof RackseedError ? thrown.cause : thrown);
  return code !== undefined && REPEATABLE.has(code);
}

/** The RackseedError for what `pg` threw; what isn't the database's comes back as it is. */
export function translatePostgres(thrown: unknown, shown: string): Error {
  if (!(thrown instanceof Error)) return new BugError(`thrown without being an Error: ${String(thrown)}`);
  if (thrown instanceof RackseedError || thrown instanceof BugError) return thrown;
  if (isServerError(thrown)) return serverError(thrown, shown);
  return isNetworkError(thrown) ? unreachable(thrown, shown) : thrown;
}

function serverError(thrown: ServerError, shown: string): Error {
  const cause = thrown;
  if (thrown.code === '23505') return conflict(thrown);
  if (thrown.code === '23503') return fail('store.reference_missing', { message: `${thrown.message}`, cause });
  if (REPEATABLE.has(thrown.code)) return fail('store.busy', { message: `${shown}: ${thrown.message}`, hint: 'try again', cause });
  const known = SQLSTATES[thrown.code];
  if (known !== undefined) return fail(known.code, { message: `${shown}: ${thrown.message}`, hint: known.hint, cause });
  return thrown.code.startsWith('08') ? unreachable(thrown, shown) : thrown;
}

/** "Key (name)=(n1) already exists." → nodes.name, as SQLite says it. */
function conflict(thrown: ServerError): RackseedError {
  const names = /^Key \(([^)]*)\)=/.exec(thrown.detail ?? '')?.[1]?.split(', ') ?? [thrown.constraint ?? 'a unique value'];
  const columns = names.map((name) => `${thrown.table ?? ''}.${name.replaceAll('"', '')}`);
  const details: ErrorDetails = { message: `${columns.join(', ')}: this value is taken`, detail: { columns }, cause: thrown };
  return fail('store.conflict', details);
}

function unreachable(cause: Error, shown: string): RackseedError {
  const why = systemCode(cause) ?? cause.message;
  return fail('store.unreachable', {
    message: `PostgreSQL at ${shown} does not answer (${why})`,
    hint: 'check host and port in store.url, and that the server runs and listens there',
    cause,
  });
}

function isServerError(thrown: Error): thrown is ServerError {
  return 'severity' in thrown && 'code' in thrown && typeof thrown.code === 'string' && thrown.code.length === 5;
}

/** pg has no class for these: the system's code, or one of its own few sentences. */
function isNetworkError(thrown: Error): boolean {
  const code = systemCode(thrown);
  if (code !== undefined) return /^E[A-Z_]+$/.test(code);
  return /connection terminated|connection ended|timeout exceeded|timeout expired|not queryable|client has encountered/i.test(
    thrown.message,
  );
}
