// API tokens: for programs. Shown once, kept as a hash, never worth more than the one who made them. Knows nothing of HTTP.

import type { Clock, Random } from '../lib/index.ts';
import type { ApiTokenTable, Store } from '../store/index.ts';
import { fail } from './errors.ts';
import { type Identity, isAtLeast, isRole, isScope, lesserRole, type Role, type Scope } from './identity.ts';
import { sha256 } from './sessions.ts';

export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** Empty: all that the role may. */
  readonly scopes: readonly Scope[];
  readonly project: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly usedAt: number | null;
}

export interface TokenRequest {
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly Scope[];
  readonly project: string | null;
  readonly expiresAt: number | null;
}

export interface Tokens {
  /** The token itself is given here and never again. Throws access.more_than_own. */
  create(request: TokenRequest, maker: Identity): Promise<{ readonly token: string; readonly record: ApiToken }>;
  /** All of them for administrators, their own for others. */
  list(asker: Identity): Promise<ApiToken[]>;
  remove(id: string, asker: Identity): Promise<void>;
  verify(token: string): Promise<Identity | undefined>;
}

const PREFIX = 'rs_';
const TOKEN = /^rs_[A-Za-z0-9_-]{43}$/;
const TOKEN_BYTES = 32;
const MAX_TOKENS = 1000;
/** One write a minute says well enough when it was last used. */
const USED_EVERY_MS = 60_000;
/** The row of the set-up link is of another kind (setup-link.ts). */
export const SETUP_ROW = 'setup-link';

export interface TokensOptions {
  readonly store: Store;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
}

export function createTokens({ store, clock, random }: TokensOptions): Tokens {
  const { db } = store;

  return {
    create: async (request, maker) => {
      refuseBad(request, clock.now());
      refuseMore(request, maker);
      const token = `${PREFIX}${random.bytes(TOKEN_BYTES).toString('base64url')}`;
      const row: ApiTokenTable = {
        id: random.uuid(),
        name: request.name,
        hash: sha256(token),
        role: request.role,
        scopes: JSON.stringify(request.scopes),
        project: request.project,
        created_by: makerOf(maker),
        created_at: clock.now(),
        expires_at: request.expiresAt,
        used_at: null,
      };
      await store.transaction(async (tx) => {
        await tx.deleteFrom('api_tokens').where('expires_at', '<=', clock.now()).execute();
        const { count } = await tx
          .selectFrom('api_tokens')
          .select((x) => x.fn.countAll<number>().as('count'))
          .executeTakeFirstOrThrow();
        if (Number(count) >= MAX_TOKENS)
          throw fail('access.too_many_tokens', { message: `there are ${MAX_TOKENS} API tokens`, hint: 'Remove some, or let them expire.' });
        await tx.insertInto('api_tokens').values(row).execute();
      });
      return { token, record: tokenOf(row) };
    },
    list: async (asker) => {
      const all = db.selectFrom('api_tokens').selectAll().where('id', '!=', SETUP_ROW).orderBy('created_at').orderBy('id');
      const rows = await (seesAll(asker) ? all : all.where('created_by', '=', makerOf(asker))).execute();
      return rows.map(tokenOf);
    },
    remove: async (id, asker) => {
      const one = db.deleteFrom('api_tokens').where('id', '=', id).where('id', '!=', SETUP_ROW);
      const removed = await (seesAll(asker) ? one : one.where('created_by', '=', makerOf(asker))).returning('id').executeTakeFirst();
      if (removed === undefined) throw fail('access.token_unknown', { message: 'there is no such API token', hint: 'rackseed token list' });
    },
    verify: async (token) => {
      if (!TOKEN.test(token)) return undefined;
      const row = await db.selectFrom('api_tokens').selectAll().where('hash', '=', sha256(token)).executeTakeFirst();
      const now = clock.now();
      if (row === undefined || row.id === SETUP_ROW || (row.expires_at !== null && row.expires_at <= now)) return undefined;
      const role = await roleNow(store, row);
      if (role === undefined) return undefined;
      if (now - (row.used_at ?? 0) >= USED_EVERY_MS)
        await db.updateTable('api_tokens').set({ used_at: now }).where('id', '=', row.id).execute();
      const { name, scopes, project } = tokenOf(row);
      const identity: Identity = { name: `token:${name}`, role, by: 'token' };
      return { ...identity, ...(scopes.length === 0 ? {} : { scopes }), ...(project === null ? {} : { project }) };
    },
  };
}

/** Not more than the user who made it may today; undefined when that user is gone or disabled. */
async function roleNow({ db }: Store, row: ApiTokenTable): Promise<Role | undefined> {
  const role = isRole(row.role) ? row.role : undefined;
  if (role === undefined || !row.created_by.startsWith('user:')) return role;
  const maker = await db.selectFrom('users').select(['role', 'is_disabled']).where('name', '=', row.created_by.slice(5)).executeTakeFirst();
  return maker === undefined || maker.is_disabled === 1 || !isRole(maker.role) ? undefined : lesserRole(role, maker.role);
}

function refuseBad({ scopes, expiresAt }: TokenRequest, now: number): void {
  const what =
    expiresAt !== null && expiresAt <= now
      ? 'would have expired already'
      : new Set(scopes).size < scopes.length
        ? 'names a scope twice'
        : undefined;
  if (what !== undefined) throw fail('access.bad_token_request', { message: `the token ${what}` });
}

function refuseMore({ role, scopes, project }: TokenRequest, maker: Identity): void {
  const what = !isAtLeast(maker.role, role)
    ? `of the role ${role}; you have ${maker.role}`
    : maker.project !== undefined && project !== maker.project
      ? `for other nodes than those of the project ${maker.project}`
      : maker.scopes !== undefined && (scopes.length === 0 || scopes.some((scope) => maker.scopes?.includes(scope) !== true))
        ? `for more than ${maker.scopes.join(', ')}`
        : undefined;
  if (what !== undefined) throw fail('access.more_than_own', { message: `you cannot make a token ${what}`, hint: 'Ask an administrator.' });
}

function seesAll({ role, project }: Identity): boolean {
  return role === 'admin' && project === undefined;
}

/** Users by their name, so that their tokens go with them; all else by what it is. */
function makerOf({ name, by }: Identity): string {
  return by === 'session' ? `user:${name}` : by === 'admin-token' ? 'admin.token' : `${by ?? 'unknown'}:${name}`;
}

function tokenOf(row: ApiTokenTable): ApiToken {
  const scopes: unknown = JSON.parse(row.scopes);
  return {
    id: row.id,
    name: row.name,
    role: isRole(row.role) ? row.role : 'reader',
    scopes: Array.isArray(scopes) ? scopes.filter(isScope) : [],
    project: row.project,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    usedAt: row.used_at,
  };
}
