// A fuse in everything an engine awaits: at the n-th call the engine is dead, as if its process had been killed there. A dead
// engine's calls have no effect and never answer. Two kinds of death: before the call has an effect, and after, with its answer lost.
// A fuse can also make the n-th store call fail once, before or after its effect, with the engine alive.

import type { KyselyPlugin } from 'kysely';
import { type Clock, defineErrors } from '../../../src/lib/index.ts';
import { STORE_ERRORS, type Store, type Tx } from '../../../src/store/index.ts';

export const FUSE_MODES = ['die-before', 'die-after', 'fail-before', 'fail-after'] as const;
export type FuseMode = (typeof FUSE_MODES)[number];

export interface Fuse {
  readonly calls: number;
  readonly isDead: boolean;
  readonly hasBlown: boolean;
  kill(): void;
  /** An effect on the world: dies like a store call, never fails. */
  effect<T>(call: () => T): Promise<T>;
  store(real: Store): Store;
  clock(real: Clock): Clock;
}

const fail = defineErrors(STORE_ERRORS);

class Killed extends Error {}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}

function unreachable(): Error {
  return fail('store.unreachable', { message: 'the fuse blew', hint: 'Try again.' });
}

export function createFuse(at: number, mode: FuseMode): Fuse {
  let calls = 0;
  let isDead = false;
  /** Ends what a dead process would not leave behind: timers and subscriptions. */
  const death = new AbortController();
  const die = (): void => {
    isDead = true;
    death.abort();
  };
  const canFail = mode === 'fail-before' || mode === 'fail-after';
  const isLast = (): boolean => {
    calls += 1;
    return calls === at;
  };

  async function storeCall<T>(call: () => Promise<T>): Promise<T> {
    if (isDead) return never();
    const isHit = isLast();
    if (isHit && mode === 'die-before') die();
    if (isDead) return never();
    if (isHit && mode === 'fail-before') throw unreachable();
    const result = await settled(call);
    if (isHit && mode === 'die-after') die();
    if (isDead) return never();
    if ('error' in result) throw result.error;
    if (isHit && mode === 'fail-after') throw unreachable();
    return result.value;
  }

  /** Within a transaction there is one kind of death: it is rolled back. */
  function statement(): void {
    if (isDead) throw new Killed();
    if (!isLast()) return;
    if (canFail) throw unreachable();
    die();
    throw new Killed();
  }

  const inside: KyselyPlugin = {
    transformQuery(args) {
      statement();
      return args.node;
    },
    transformResult: async (args) => args.result,
  };

  const outside: KyselyPlugin = {
    transformQuery(args) {
      if (isDead) throw new Killed();
      return args.node;
    },
    transformResult: (args) => storeCall(async () => args.result),
  };

  return {
    get calls() {
      return calls;
    },
    get isDead() {
      return isDead;
    },
    get hasBlown() {
      return calls >= at;
    },
    kill: die,
    async effect(call) {
      if (isDead) return never();
      const isHit = isLast();
      if (isHit && mode === 'die-before') die();
      // The call takes its time: others get their turn between its beginning and its answer.
      await Promise.resolve();
      if (isDead) return never();
      const value = call();
      if (isHit && mode === 'die-after') die();
      return isDead ? never() : value;
    },
    store: (real) => fusedStore(real, { inside, outside, storeCall, isDead: () => isDead, death: death.signal }),
    clock: (real) => ({
      now: () => real.now(),
      monotonic: () => real.monotonic(),
      async sleep(ms, signal) {
        if (isDead) return never();
        const ends = signal === undefined ? death.signal : AbortSignal.any([signal, death.signal]);
        const result = await settled(() => real.sleep(ms, ends));
        if (isDead) return never();
        if ('error' in result) throw result.error;
      },
    }),
  };
}

interface StoreFuse {
  readonly inside: KyselyPlugin;
  readonly outside: KyselyPlugin;
  readonly storeCall: <T>(call: () => Promise<T>) => Promise<T>;
  readonly isDead: () => boolean;
  readonly death: AbortSignal;
}

function fusedStore(real: Store, fuse: StoreFuse): Store {
  // The store knows its own transactions by identity; ours are wrapped, so they are unwrapped on the way back in.
  const originals = new WeakMap<Tx, Tx>();
  const original = (tx: Tx): Tx => originals.get(tx) ?? tx;
  const { leases, events } = real;
  return {
    ...real,
    db: real.db.withPlugin(fuse.outside),
    transaction: (work) =>
      fuse.storeCall(() =>
        real.transaction(async (tx) => {
          const fused = tx.withPlugin(fuse.inside);
          originals.set(fused, tx);
          const result = await work(fused);
          if (fuse.isDead()) throw new Killed();
          return result;
        }),
      ),
    leases: {
      acquire: (tx, request) => leases.acquire(original(tx), request),
      renew: (tx, lease, ttlMs) => leases.renew(original(tx), lease, ttlMs),
      release: (tx, lease) => leases.release(original(tx), lease),
      check: (tx, lease) => leases.check(original(tx), lease),
    },
    events: {
      append: (tx, event) => events.append(original(tx), event),
      list: (query) => events.list(query),
      lastSeq: () => events.lastSeq(),
      subscribe(wake) {
        const unsubscribe = events.subscribe(wake);
        fuse.death.addEventListener('abort', unsubscribe, { once: true });
        return unsubscribe;
      },
    },
  };
}

async function settled<T>(call: () => Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error };
  }
}
