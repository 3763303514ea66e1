// All of it put together: one object that the API asks who somebody is, and that people's accounts, tokens and the record hang on.

import type { Clock, Component, Log, RackseedError, Random } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { type Audit, createAudit } from './audit.ts';
import { type BasicAuth, createBasicAuth } from './basic.ts';
import { createBcrypt } from './bcrypt.ts';
import { fail } from './errors.ts';
import { openHtpasswd } from './htpasswd-file.ts';
import type { Role } from './identity.ts';
import { createPasswords } from './password.ts';
import { createSessions, type NewSession, type Sessions, type SessionTimes } from './sessions.ts';
import { createSetupLink, type SetupLink } from './setup-link.ts';
import { createThrottle } from './throttle.ts';
import { createTokens, type Tokens } from './tokens.ts';
import { createUsers, type User, type Users } from './users.ts';

export interface Origin {
  readonly address: string;
  readonly agent: string | null;
}

export interface Access extends Component {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly setupLink: SetupLink;
  readonly audit: Audit;
  /** Null unless auth.mode is basic. */
  readonly basic: BasicAuth | null;
  /** Throws access.wrong_credentials and access.too_many_attempts. */
  signIn(name: string, password: string, from: Origin): Promise<{ readonly user: User; readonly session: NewSession }>;
  /** What somebody should look at. */
  problems(): readonly RackseedError[];
}

/** What a user of the htpasswd file may do. */
export interface BasicUser {
  readonly name: string;
  readonly role: Role;
  readonly project?: string;
}

export interface AccessOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly times: SessionTimes;
  /** Given when auth.mode is basic. `role` is for users that are not listed. */
  readonly basic?: { readonly path: string; readonly role: Role; readonly users: readonly BasicUser[] };
}

const MAX_NAME = 255;

/** Throws access.htpasswd_broken. */
export async function createAccess({ store, clock, random, log, times, basic: basicOptions }: AccessOptions): Promise<Access> {
  const common = { store, clock, random };
  const passwords = createPasswords(random);
  const throttle = createThrottle(clock);
  const users = createUsers({ ...common, passwords });
  const sessions = createSessions({ ...common, times });
  const audit = createAudit({ ...common, log });
  const bcrypt = createBcrypt(clock);
  const file = basicOptions === undefined ? undefined : await openHtpasswd({ path: basicOptions.path, clock, log });
  const basic =
    file === undefined || basicOptions === undefined
      ? null
      : createBasicAuth({ file, bcrypt, throttle, clock, random, identityOf: (name) => basicIdentity(name, basicOptions) });
  return {
    name: 'access',
    users,
    sessions,
    tokens: createTokens(common),
    setupLink: createSetupLink({ ...common, users, passwords }),
    audit,
    basic,
    problems: () => [file?.problem()].filter((one) => one !== undefined),
    signIn: async (name, password, from) => {
      throttle.attempt(name.slice(0, MAX_NAME), from.address);
      const user = await users.check(name, password);
      if (user === undefined)
        throw fail('access.wrong_credentials', {
          message: 'the name or the password is wrong',
          hint: 'An administrator can set a new one: rackseed user password NAME.',
        });
      throttle.succeeded(name.slice(0, MAX_NAME), from.address);
      return { user, session: await sessions.begin(user, from) };
    },
    start: () => Promise.resolve(),
    stop: async () => {
      await bcrypt.stop();
      await audit.close();
    },
  };
}

function basicIdentity(name: string, { role, users }: NonNullable<AccessOptions['basic']>) {
  const listed = users.find((one) => one.name === name);
  const by = 'basic' as const;
  return listed === undefined ? { name, role, by } : { ...listed, by };
}
