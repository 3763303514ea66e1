// Time as a dependency. Durations use the monotonic reading, records use UTC milliseconds. Tests pass a clock they can turn.

import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** UTC milliseconds since the epoch, for records. */
  now(): number;
  /** Milliseconds that never jump, for durations and timeouts. */
  monotonic(): number;
  /** Resolves after the time has passed; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (thrown) {
      signal?.throwIfAborted(); // Node rejects with an error of its own that holds the reason as its cause
      throw thrown;
    }
  },
};

/** RFC 3339 UTC. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
