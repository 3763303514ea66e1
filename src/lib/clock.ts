// Time as a dependency. Durations use the monotonic reading, records use UTC milliseconds. Tests pass a clock they can turn.

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
  // Not by node:timers/promises, which makes an error with a stack for each sleep that is cut short: most are.
  sleep: async (ms, signal) => {
    signal?.throwIfAborted();
    const { promise, resolve } = Promise.withResolvers<'over' | 'aborted'>();
    const timer = setTimeout(resolve, ms, 'over');
    const abort = (): void => resolve('aborted');
    signal?.addEventListener('abort', abort, { once: true });
    const end = await promise;
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    if (end === 'aborted') signal?.throwIfAborted();
  },
};

/** RFC 3339 UTC. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
