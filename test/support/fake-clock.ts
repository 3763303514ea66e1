// A clock that stands still until a test turns it. Sleeps end in the order of their times, and what they wake runs before the next.

import type { Clock } from '../../src/lib/index.ts';

export interface FakeClock extends Clock {
  /** Turns the clock on, sleeper by sleeper; resolves when what they began has come to rest. */
  advance(ms: number): Promise<void>;
  /** To the next sleeper's time. False when nobody sleeps. */
  advanceToNext(): Promise<boolean>;
  /** Turns the clock until the promise has settled; rejects when nothing sleeps any more, or after `limitMs` of its own time. */
  until<T>(promise: Promise<T>, limitMs?: number): Promise<T>;
  readonly sleeping: number;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

const HOUR = 3_600_000;

export function createFakeClock(startMs = 1_700_000_000_000): FakeClock {
  let now = startMs;
  const sleepers = new Set<Sleeper>();

  function next(): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) if (first === undefined || sleeper.at < first.at) first = sleeper;
    return first;
  }

  async function wake(sleeper: Sleeper): Promise<void> {
    now = Math.max(now, sleeper.at);
    sleepers.delete(sleeper);
    sleeper.wake();
    await rest();
  }

  async function advance(ms: number): Promise<void> {
    const end = now + ms;
    await rest();
    for (let sleeper = next(); sleeper !== undefined && sleeper.at <= end; sleeper = next()) await wake(sleeper);
    now = end;
    await rest();
  }

  async function advanceToNext(): Promise<boolean> {
    await rest();
    const sleeper = next();
    if (sleeper !== undefined) await wake(sleeper);
    return sleeper !== undefined;
  }

  async function until<T>(promise: Promise<T>, limitMs = HOUR): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    const end = now + limitMs;
    await rest();
    while (!isSettled) {
      if (now > end) throw new Error(`not settled after ${limitMs} ms of the fake clock`);
      if (!(await advanceToNext())) throw new Error('not settled, and nobody sleeps who could settle it');
    }
    return promise;
  }

  return {
    now: () => now,
    monotonic: () => now - startMs,
    sleep: (ms, signal) => {
      if (signal?.aborted === true) return Promise.reject(asError(signal.reason));
      return new Promise((resolve, reject) => {
        const abort = (): void => {
          sleepers.delete(sleeper);
          reject(asError(signal?.reason));
        };
        const sleeper: Sleeper = {
          // Whole milliseconds, as the real now() gives.
          at: now + Math.max(0, Math.ceil(ms)),
          wake: () => {
            signal?.removeEventListener('abort', abort);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', abort, { once: true });
      });
    },
    advance,
    advanceToNext,
    until,
    get sleeping() {
      return sleepers.size;
    },
  };
}

/** More pauses in a row than anything but an endless loop takes. */
const MAX_PAUSES = 1000;

/** Lets everything run that is ready to run: promises, what they queue, and the pauses of the store before its commits. */
async function rest(): Promise<void> {
  for (let pauses = 0; pauses < MAX_PAUSES; pauses += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    if (!process.getActiveResourcesInfo().includes('Immediate')) return;
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted');
}
