// The one-time way to the first administrator: a random word that expires, works once, and only while there is no administrator.

import type { Clock, Random } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { fail } from './errors.ts';
import type { Passwords } from './password.ts';
import { sha256 } from './sessions.ts';
import { SETUP_ROW } from './tokens.ts';
import { hasAdmin, refuseBadName, type User, type Users } from './users.ts';

export interface SetupLink {
  /** A new word; the one before is void. Throws access.already_set_up. */
  renew(): Promise<{ readonly word: string; readonly expiresAt: number }>;
  /** Makes the first administrator. Of two at the same time with one word one succeeds. */
  use(word: string, name: string, password: string): Promise<User>;
}

const WORD_BYTES = 24;
const LIFE_MS = 24 * 3_600_000;

export interface SetupLinkOptions {
  readonly store: Store;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly users: Users;
  readonly passwords: Passwords;
}

export function createSetupLink({ store, clock, random, users, passwords }: SetupLinkOptions): SetupLink {
  return {
    renew: async () => {
      const word = random.bytes(WORD_BYTES).toString('base64url');
      const now = clock.now();
      await store.transaction(async (tx) => {
        if (await hasAdmin(tx)) throw alreadySetUp();
        await tx.deleteFrom('api_tokens').where('id', '=', SETUP_ROW).execute();
        const row = { id: SETUP_ROW, name: 'set-up link', hash: sha256(word), role: 'none', scopes: '[]', project: null };
        await tx
          .insertInto('api_tokens')
          .values({ ...row, created_by: 'rackseed', created_at: now, expires_at: now + LIFE_MS, used_at: null })
          .execute();
      });
      return { word, expiresAt: now + LIFE_MS };
    },
    use: async (word, name, password) => {
      const isIt = (row: { readonly expires_at: number | null } | undefined): boolean =>
        row !== undefined && (row.expires_at ?? 0) > clock.now();
      const mine = store.db.selectFrom('api_tokens').select('expires_at').where('id', '=', SETUP_ROW).where('hash', '=', sha256(word));
      // Looked at first: strangers shall not make us hash passwords.
      if (!isIt(await mine.executeTakeFirst())) throw invalid();
      refuseBadName(name);
      const hash = await passwords.hash(password, name);
      return store.transaction(async (tx) => {
        const spent = tx.deleteFrom('api_tokens').where('id', '=', SETUP_ROW).where('hash', '=', sha256(word));
        if (!isIt(await spent.returning('expires_at').executeTakeFirst())) throw invalid();
        if (await hasAdmin(tx)) throw alreadySetUp();
        return users.insert(tx, { name, role: 'admin', hash });
      });
    },
  };
}

function invalid(): Error {
  return fail('access.setup_link_invalid', {
    message: 'the set-up link is wrong, was used, or has expired',
    hint: 'rackseed setup-link, on the machine of the appliance, makes a new one.',
  });
}

function alreadySetUp(): Error {
  return fail('access.already_set_up', { message: 'there is an administrator already', hint: 'Sign in, or use rackseed user add.' });
}
