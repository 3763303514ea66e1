// Waits for tasks to end, wherever they run: one look at the store for all that are waited for, however many they are.

import type { Clock } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { createLatch } from './latch.ts';
import { FINAL_STATES } from './record.ts';

export interface EndWatch {
  /** Resolves when no such task is unfinished (it has ended, or never was). Rejects with the signal's reason. */
  ended(id: string, signal: AbortSignal): Promise<void>;
}

interface Waiter {
  readonly id: string;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

const CHUNK = 500;

export function createEndWatch(deps: { readonly store: Store; readonly clock: Clock; readonly pollMs: number }): EndWatch {
  const waiters = new Set<Waiter>();
  const latch = createLatch(deps.clock);
  let isWatching = false;

  async function watch(): Promise<void> {
    const unsubscribe = deps.store.events.subscribe(() => latch.set());
    try {
      while (waiters.size > 0) {
        await settleEnded([...waiters]);
        if (waiters.size > 0) await latch.wait(deps.pollMs);
      }
    } catch (error) {
      // The store is away: those who wait are told, and may ask again.
      for (const waiter of waiters) waiter.reject(error);
      waiters.clear();
    } finally {
      unsubscribe();
      isWatching = false;
    }
  }

  async function settleEnded(now: readonly Waiter[]): Promise<void> {
    const ids = [...new Set(now.map((waiter) => waiter.id))];
    const open = new Set<string>();
    for (let at = 0; at < ids.length; at += CHUNK) {
      const rows = await deps.store.db
        .selectFrom('tasks')
        .select('id')
        .where('id', 'in', ids.slice(at, at + CHUNK))
        .where('state', 'not in', FINAL_STATES)
        .execute();
      for (const row of rows) open.add(row.id);
    }
    for (const waiter of now) if (!open.has(waiter.id)) waiter.resolve();
  }

  function add(id: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        waiters.delete(waiter);
        signal.removeEventListener('abort', abort);
      };
      const abort = (): void => waiter.reject(signal.reason);
      const waiter: Waiter = {
        id,
        resolve: () => {
          leave();
          resolve();
        },
        reject: (reason) => {
          leave();
          latch.set();
          reject(reason instanceof Error ? reason : new Error(String(reason)));
        },
      };
      waiters.add(waiter);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  return {
    async ended(id, signal) {
      signal.throwIfAborted();
      const settled = add(id, signal);
      latch.set();
      if (!isWatching) {
        isWatching = true;
        void watch();
      }
      await settled;
    },
  };
}
