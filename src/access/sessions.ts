// Who is signed in: a random word per browser, kept here as a hash. Knows nothing of cookies and headers.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock, Random } from '../lib/index.ts';
import type { SessionTable, Store } from '../store/index.ts';
import { type Identity, isRole } from './identity.ts';
import type { User } from './users.ts';

export interface Session {
  readonly identity: Identity;
  readonly createdAt: number;
  /** Whatever happens it ends then; unused it ends earlier. */
  readonly expiresAt: number;
  readonly idleUntil: number;
}

export interface NewSession {
  /** For the cookie; given out once. */
  readonly word: string;
  readonly expiresAt: number;
}

export interface Sessions {
  begin(user: User, from: { readonly address: string; readonly agent: string | null }): Promise<NewSession>;
  /** Undefined when there is none, it ended, or its user is gone or disabled. */
  find(word: string): Promise<Session | undefined>;
  end(word: string): Promise<void>;
  /** What a page must send along with each change, so that no other site can make the browser do it. */
  csrfToken(word: string): string;
  isCsrfToken(word: string, token: string): boolean;
}

export interface SessionTimes {
  readonly idleMs: number;
  readonly absoluteMs: number;
}

const WORD_BYTES = 32;
const WORD = /^[A-Za-z0-9_-]{43}$/;
/** A person's browsers; at the cap the oldest session ends. */
const MAX_PER_USER = 20;
/** One write a minute says well enough when it was last used. */
const SEEN_EVERY_MS = 60_000;
const AGENT_LENGTH = 200;

export interface SessionsOptions {
  readonly store: Store;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly times: SessionTimes;
}

export function createSessions({ store, clock, random, times }: SessionsOptions): Sessions {
  const { db } = store;

  async function seen(row: SessionTable, now: number): Promise<void> {
    if (now - row.seen_at < SEEN_EVERY_MS) return;
    await db.updateTable('sessions').set({ seen_at: now }).where('hash', '=', row.hash).execute();
  }

  return {
    csrfToken,
    isCsrfToken: (word, token) => isSame(csrfToken(word), token),
    begin: async (user, { address, agent }) => {
      const word = random.bytes(WORD_BYTES).toString('base64url');
      const now = clock.now();
      const row: SessionTable = {
        hash: sha256(word),
        user_name: user.name,
        csrf_hash: sha256(csrfToken(word)),
        created_at: now,
        seen_at: now,
        expires_at: now + times.absoluteMs,
        address,
        agent: agent === null ? null : agent.slice(0, AGENT_LENGTH),
      };
      await store.transaction(async (tx) => {
        await tx
          .deleteFrom('sessions')
          .where((x) => x.or([x('expires_at', '<=', now), x('seen_at', '<=', now - times.idleMs)]))
          .execute();
        const ofUser = tx.selectFrom('sessions').select('hash').where('user_name', '=', user.name).orderBy('created_at', 'desc');
        const excess = await ofUser
          .limit(1000)
          .offset(MAX_PER_USER - 1)
          .execute();
        if (excess.length > 0)
          await tx
            .deleteFrom('sessions')
            .where(
              'hash',
              'in',
              excess.map((one) => one.hash),
            )
            .execute();
        await tx.insertInto('sessions').values(row).execute();
      });
      return { word, expiresAt: row.expires_at };
    },
    find: async (word) => {
      if (!WORD.test(word)) return undefined;
      const found = await db
        .selectFrom('sessions')
        .innerJoin('users', 'users.name', 'sessions.user_name')
        .selectAll('sessions')
        .select(['users.role', 'users.is_disabled'])
        .where('sessions.hash', '=', sha256(word))
        .executeTakeFirst();
      const now = clock.now();
      if (found === undefined || found.is_disabled === 1 || !isRole(found.role)) return undefined;
      const idleUntil = Math.min(found.seen_at + times.idleMs, found.expires_at);
      if (now >= idleUntil) {
        await db.deleteFrom('sessions').where('hash', '=', found.hash).execute();
        return undefined;
      }
      await seen(found, now);
      const identity: Identity = { name: found.user_name, role: found.role, by: 'session' };
      return { identity, createdAt: found.created_at, expiresAt: found.expires_at, idleUntil };
    },
    end: async (word) => {
      await db.deleteFrom('sessions').where('hash', '=', sha256(word)).execute();
    },
  };
}

/** Made of the word itself: a reloaded page can be told again what only a hash is kept of. */
function csrfToken(word: string): string {
  return createHmac('sha256', word).update('rackseed csrf').digest('base64url');
}

function isSame(ours: string, theirs: string): boolean {
  const [one, other] = [Buffer.from(ours), Buffer.from(theirs)];
  return one.length === other.length && timingSafeEqual(one, other);
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
