// Local users: people who sign in. Knows nothing of HTTP or cookies.

import type { Clock } from '../lib/index.ts';
import type { Store, Tx, UserTable } from '../store/index.ts';
import { fail } from './errors.ts';
import { isRole, type Role } from './identity.ts';
import type { Passwords } from './password.ts';

export interface User {
  readonly name: string;
  readonly role: Role;
  readonly isDisabled: boolean;
  /** Wrong passwords since the last right one. */
  readonly failures: number;
  readonly lastLoginAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface UserChange {
  readonly role?: Role;
  readonly password?: string;
  readonly isDisabled?: boolean;
}

export interface Users {
  list(): Promise<User[]>;
  get(name: string): Promise<User>;
  add(name: string, role: Role, password: string): Promise<User>;
  /** A new password, a lesser role and being disabled end all sessions of the user. */
  change(name: string, change: UserChange): Promise<User>;
  /** With their sessions and the API tokens they made. */
  remove(name: string): Promise<void>;
  /** Undefined when name or password is wrong or the user is disabled: all take the same time. */
  check(name: string, password: string): Promise<User | undefined>;
  hasAdmin(): Promise<boolean>;
  /** In the caller's transaction, with a password that was hashed before. */
  insert(tx: Tx, user: { readonly name: string; readonly role: Role; readonly hash: string }): Promise<User>;
}

/** '@' and '.' so that mail addresses can be names. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const MAX_USERS = 1000;

export interface UsersOptions {
  readonly store: Store;
  readonly clock: Pick<Clock, 'now'>;
  readonly passwords: Passwords;
}

export function createUsers({ store, clock, passwords }: UsersOptions): Users {
  const { db } = store;

  const insert: Users['insert'] = async (tx, { name, role, hash }) => {
    const { count } = await tx
      .selectFrom('users')
      .select((x) => x.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (Number(count) >= MAX_USERS)
      throw fail('access.too_many_users', { message: `there are ${MAX_USERS} users`, hint: 'Remove one first.' });
    if (await isTaken(tx, name)) throw fail('access.user_exists', { message: `there is a user ${name} already` });
    const now = clock.now();
    const times = { created_at: now, updated_at: now, last_login_at: null };
    const row: UserTable = { name, role, password: hash, is_disabled: 0, failures: 0, locked_until: 0, ...times };
    await tx.insertInto('users').values(row).execute();
    return userOf(row);
  };

  const get: Users['get'] = async (name) => {
    const row = await db.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst();
    if (row === undefined) throw unknown(name);
    return userOf(row);
  };

  return {
    insert,
    get,
    list: async () => (await db.selectFrom('users').selectAll().orderBy('name').execute()).map(userOf),
    add: async (name, role, password) => {
      refuseBadName(name);
      const hash = await passwords.hash(password, name);
      return store.transaction((tx) => insert(tx, { name, role, hash }));
    },
    change: async (name, { role, password, isDisabled }) => {
      const hash = password === undefined ? undefined : await passwords.hash(password, name);
      await store.transaction(async (tx) => {
        const before = await tx.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst();
        if (before === undefined) throw unknown(name);
        const changes = {
          updated_at: clock.now(),
          ...(role === undefined ? {} : { role }),
          ...(isDisabled === undefined ? {} : { is_disabled: isDisabled ? (1 as const) : (0 as const) }),
          ...(hash === undefined ? {} : { password: hash, failures: 0 }),
        };
        await tx.updateTable('users').set(changes).where('name', '=', name).execute();
        await refuseWithoutAdmin(tx, before);
        const isLess = hash !== undefined || isDisabled === true || (role !== undefined && role !== before.role);
        if (isLess) await tx.deleteFrom('sessions').where('user_name', '=', name).execute();
      });
      return get(name);
    },
    remove: (name) =>
      store.transaction(async (tx) => {
        const before = await tx.deleteFrom('users').where('name', '=', name).returningAll().executeTakeFirst();
        if (before === undefined) throw unknown(name);
        await refuseWithoutAdmin(tx, before);
        await tx.deleteFrom('sessions').where('user_name', '=', name).execute();
        await tx.deleteFrom('api_tokens').where('created_by', '=', `user:${name}`).execute();
      }),
    check: async (name, password) => {
      const row = NAME.test(name) ? await db.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst() : undefined;
      const isRight = await passwords.verify(password, row?.is_disabled === 1 ? undefined : row?.password);
      if (row === undefined) return undefined;
      const seen = isRight ? { failures: 0, last_login_at: clock.now() } : { failures: Math.min(row.failures + 1, 1_000_000) };
      await db.updateTable('users').set(seen).where('name', '=', name).execute();
      return isRight ? userOf({ ...row, ...seen }) : undefined;
    },
    hasAdmin: async () => hasAdmin(db),
  };
}

export function refuseBadName(name: string): void {
  if (NAME.test(name)) return;
  throw fail('access.bad_user_name', {
    message: `${JSON.stringify(name.slice(0, 100))} cannot be the name of a user`,
    hint: 'Use letters, digits and . _ @ - (at most 64), beginning with a letter or digit.',
  });
}

async function isTaken(tx: Tx, name: string): Promise<boolean> {
  return (await tx.selectFrom('users').select('name').where('name', '=', name).executeTakeFirst()) !== undefined;
}

export async function hasAdmin(db: Pick<Tx, 'selectFrom'>): Promise<boolean> {
  const admins = db.selectFrom('users').select('name').where('role', '=', 'admin').where('is_disabled', '=', 0);
  return (await admins.limit(1).executeTakeFirst()) !== undefined;
}

/** Called after the change and in its transaction: what would leave nobody is rolled back. */
async function refuseWithoutAdmin(tx: Tx, before: UserTable): Promise<void> {
  if (before.role !== 'admin' || before.is_disabled === 1 || (await hasAdmin(tx))) return;
  throw fail('access.last_admin', {
    message: `${before.name} is the last administrator who can sign in`,
    hint: 'Make another user an administrator first.',
  });
}

function unknown(name: string): Error {
  return fail('access.user_unknown', { message: `there is no user ${JSON.stringify(name.slice(0, 100))}`, hint: 'rackseed user list' });
}

function userOf(row: UserTable): User {
  return {
    name: row.name,
    role: isRole(row.role) ? row.role : 'reader',
    isDisabled: row.is_disabled === 1,
    failures: row.failures,
    lastLoginAt: row.last_login_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
