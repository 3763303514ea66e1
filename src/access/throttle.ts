// How fast passwords may be tried. Delays, never locks: each pair of name and address has its own, and one that signed in before is not
// slowed by what others do. Counted before the password is checked, so that many tries at once are many tries.

import type { Clock } from '../lib/index.ts';
import { fail } from './errors.ts';

export interface Throttle {
  /** Counts a try. Throws access.too_many_attempts with the seconds to wait. */
  attempt(user: string, address: string): void;
  /** The password was right: the try is taken back and the pair is known. */
  succeeded(user: string, address: string): void;
}

interface Tries {
  count: number;
  lastAt: number;
  /** Until when no further try is taken. */
  closedUntil: number;
}

interface Allowance {
  /** Tries without a delay. */
  readonly free: number;
  readonly maxDelayMs: number;
}

/** For one name from one address, for one address with any names, and for one name from anywhere. */
const PAIR: Allowance = { free: 8, maxDelayMs: 300_000 };
const ADDRESS: Allowance = { free: 40, maxDelayMs: 60_000 };
const USER: Allowance = { free: 60, maxDelayMs: 30_000 };
const FORGOTTEN_AFTER_MS = 900_000;
const FIRST_DELAY_MS = 1000;
/** At the cap what was tried longest ago is forgotten. */
const MAX_ENTRIES = 20_000;

export function createThrottle(clock: Pick<Clock, 'monotonic'>): Throttle {
  const tries = new Map<string, Tries>();
  const known = new Map<string, true>();

  function entry(key: string, now: number): Tries {
    const found = tries.get(key);
    const current = found === undefined || now - found.lastAt > FORGOTTEN_AFTER_MS ? { count: 0, lastAt: now, closedUntil: 0 } : found;
    renew(tries, key, current);
    return current;
  }

  return {
    attempt: (user, address) => {
      const now = clock.monotonic();
      const network = networkOf(address);
      const pair = pairKey(user, network);
      const limits: [Tries, Allowance][] = [[entry(pair, now), PAIR]];
      if (!known.has(pair)) limits.push([entry(`address ${network}`, now), ADDRESS], [entry(`user ${user}`, now), USER]);
      const waitMs = Math.max(...limits.map(([one]) => one.closedUntil - now));
      if (waitMs > 0) throw tooMany(Math.ceil(waitMs / 1000));
      for (const [one, { free, maxDelayMs }] of limits) {
        one.count += 1;
        one.lastAt = now;
        if (one.count > free) one.closedUntil = now + Math.min(FIRST_DELAY_MS * 2 ** (one.count - free - 1), maxDelayMs);
      }
    },
    succeeded: (user, address) => {
      const network = networkOf(address);
      const pair = pairKey(user, network);
      tries.delete(pair);
      for (const key of [`address ${network}`, `user ${user}`]) {
        const one = tries.get(key);
        if (one !== undefined && one.count > 0) one.count -= 1;
      }
      renew(known, pair, true);
    },
  };
}

function pairKey(user: string, network: string): string {
  return `pair ${network} ${user}`;
}

/** Of IPv6 the /64: whoever has one address of it has them all. IPv4 inside of IPv6 is IPv4. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('%')[0]?.split('::') ?? [];
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const whole = tail === undefined ? front : [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back];
  return `${whole.slice(0, 4).join(':')}::/64`;
}

function renew<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key); // put back at the end: the map's order is the order of last use
  map.set(key, value);
  if (map.size <= MAX_ENTRIES) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}

function tooMany(retryAfterSeconds: number): Error {
  return fail('access.too_many_attempts', {
    message: 'too many wrong passwords',
    hint: `Try again in ${retryAfterSeconds} s.`,
    detail: { retryAfterSeconds },
  });
}
