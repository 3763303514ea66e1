// The circuit breakers: a BMC that fails several times in a row is left alone for a while, so that it can recover, nobody waits for its
// timeouts, and an account is not locked by a wrong password. One per key; a key without failures has none.

import type { Clock } from '../lib/index.ts';
import type { BreakerState } from './gateway-seam.ts';

export interface BreakerLimits {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it is left alone at first; twice as long after each probe that fails. */
  readonly firstMs: number;
  readonly maxMs: number;
  /** Keys with failures; at the cap the oldest is forgotten. */
  readonly keys: number;
}

export const BREAKER_LIMITS: BreakerLimits = { failures: 5, firstMs: 30_000, maxMs: 300_000, keys: 10_000 };

interface Breaker {
  failures: number;
  reason: string;
  /** Null: closed. */
  openUntil: number | null;
  openForMs: number;
  isProbing: boolean;
}

export interface Breakers {
  /** Whether one may ask. What may probe is always let through, one at a time; anything else when the time is over. */
  admits(key: string, mayProbe: boolean): boolean;
  /** Call when the turn has come, after admits(): the first one to an open breaker is its probe. */
  begin(key: string): void;
  succeeded(key: string): void;
  /** True when this failure opened it. */
  failed(key: string, reason: string): boolean;
  /** It ended without saying anything of the BMC: the caller gave up. */
  undecided(key: string): void;
  stateOf(key: string): BreakerState;
  keys(): readonly string[];
}

const CLOSED: BreakerState = { state: 'closed', failures: 0, until: null, reason: null };

export function createBreakers(clock: Clock, limits: BreakerLimits = BREAKER_LIMITS): Breakers {
  const breakers = new Map<string, Breaker>();

  const breakerOf = (key: string): Breaker => {
    const known = breakers.get(key);
    if (known !== undefined) return known;
    for (const oldest of breakers.keys()) {
      if (breakers.size < limits.keys) break;
      breakers.delete(oldest);
    }
    const made: Breaker = { failures: 0, reason: '', openUntil: null, openForMs: 0, isProbing: false };
    breakers.set(key, made);
    return made;
  };

  return {
    admits: (key, mayProbe) => {
      const breaker = breakers.get(key);
      if (breaker?.openUntil === undefined || breaker.openUntil === null) return true;
      if (breaker.isProbing) return false;
      return mayProbe || clock.now() >= breaker.openUntil;
    },
    begin: (key) => {
      const breaker = breakers.get(key);
      if (breaker !== undefined && breaker.openUntil !== null) breaker.isProbing = true;
    },
    succeeded: (key) => {
      breakers.delete(key);
    },
    failed: (key, reason) => {
      const breaker = breakerOf(key);
      const wasOpen = breaker.openUntil !== null;
      breaker.failures += 1;
      breaker.reason = reason;
      breaker.isProbing = false;
      if (breaker.failures < limits.failures) return false;
      breaker.openForMs = wasOpen ? Math.min(breaker.openForMs * 2, limits.maxMs) : limits.firstMs;
      breaker.openUntil = clock.now() + breaker.openForMs;
      return !wasOpen;
    },
    undecided: (key) => {
      const breaker = breakers.get(key);
      if (breaker !== undefined) breaker.isProbing = false;
    },
    stateOf: (key) => {
      const breaker = breakers.get(key);
      if (breaker === undefined) return CLOSED;
      const { failures, reason, openUntil, isProbing } = breaker;
      const state = openUntil === null ? 'closed' : isProbing ? 'probing' : 'open';
      return { state, failures, until: openUntil, reason };
    },
    keys: () => [...breakers.keys()],
  };
}
