// Passwords of local users: argon2id in PHC form, off the event loop, a few at a time. Knows nothing of users.

import { type Argon2Parameters, argon2, timingSafeEqual } from 'node:crypto';
import type { Random } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface Passwords {
  /** In PHC form. Throws access.weak_password for what nobody should use. */
  hash(password: string, user: string): Promise<string>;
  /** False for a wrong password; undefined as the hash (no such user) costs the same time and is false. */
  verify(password: string, phc: string | undefined): Promise<boolean>;
}

interface Cost {
  /** KiB */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** OWASP's first choice for argon2id; 48 ms here (Nov 2026). */
const COST: Cost = { memory: 19_456, passes: 2, parallelism: 1 };
/** What a hash in the database may ask of us at most. */
const MAX_COST: Cost = { memory: 262_144, passes: 10, parallelism: 8 };
const SALT_BYTES = 16;
const TAG_BYTES = 32;
/** Two threads of Node's pool of four: files and name look-ups keep the others. */
const AT_ONCE = 2;
const WAITING = 32;
const MIN_LENGTH = 10;
const MAX_LENGTH = 256;
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

export function createPasswords(random: Random): Passwords {
  const turns = createTurns();
  const nobody = format(COST, Buffer.alloc(SALT_BYTES), Buffer.alloc(TAG_BYTES));
  return {
    hash: async (password, user) => {
      refuseWeak(password, user);
      const salt = random.bytes(SALT_BYTES);
      const tag = await turns(() => derive(password, salt, COST, TAG_BYTES));
      return format(COST, salt, tag);
    },
    verify: async (password, phc) => {
      const known = parse(phc ?? nobody);
      if (known === undefined || password.length > MAX_LENGTH) return false;
      const tag = await turns(() => derive(password, known.salt, known.cost, known.tag.length));
      return timingSafeEqual(tag, known.tag) && phc !== undefined;
    },
  };
}

function refuseWeak(password: string, user: string): void {
  const what =
    password.length < MIN_LENGTH
      ? `has ${password.length} characters`
      : password.length > MAX_LENGTH
        ? 'is too long'
        : password.toLowerCase() === user.toLowerCase()
          ? 'is the name'
          : undefined;
  if (what === undefined) return;
  throw fail('access.weak_password', {
    message: `the password ${what}`,
    hint: `Take one of ${MIN_LENGTH} to ${MAX_LENGTH} characters: a sentence of some words is good.`,
  });
}

function derive(password: string, nonce: Buffer, { memory, passes, parallelism }: Cost, tagLength: number): Promise<Buffer> {
  // NFC: the same letters from another keyboard or system are the same bytes.
  const parameters: Argon2Parameters = { message: password.normalize('NFC'), nonce, memory, passes, parallelism, tagLength };
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, tag) => (error === null ? resolve(tag) : reject(error)));
  });
}

function format({ memory, passes, parallelism }: Cost, salt: Buffer, tag: Buffer): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

/** Undefined for what this class never wrote, and for costs that nobody should pay. */
function parse(phc: string): { readonly cost: Cost; readonly salt: Buffer; readonly tag: Buffer } | undefined {
  const [, m, t, p, salt, tag] = PHC.exec(phc) ?? [];
  if (salt === undefined || tag === undefined) return undefined;
  const cost = { memory: Number(m), passes: Number(t), parallelism: Number(p) };
  const isBearable = cost.memory <= MAX_COST.memory && cost.passes <= MAX_COST.passes && cost.parallelism <= MAX_COST.parallelism;
  const isPossible = cost.passes >= 1 && cost.parallelism >= 1 && cost.memory >= 8 * cost.parallelism; // RFC 9106 §3.1
  return isBearable && isPossible ? { cost, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') } : undefined;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** Some at once, some waiting; the rest is told to come back. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= AT_ONCE) {
      if (waiting.length >= WAITING)
        throw fail('access.busy', { message: 'many passwords are being checked', hint: 'Try again in a few seconds.' });
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next(); // the turn goes on to the next
    }
  };
}
