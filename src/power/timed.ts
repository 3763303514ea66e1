// One call that may not take for ever: ends with its answer, at its time, or when its caller gives up, whichever is first.

import type { Clock } from '../lib/index.ts';

export interface Timed<T> {
  /** The answer; or the caller's reason, or what `late` makes. */
  readonly answer: Promise<T>;
  /** When the work itself has come to rest, or has been given up: it was told to stop and did not in GRACE_MS. */
  readonly rest: Promise<'settled' | 'given up'>;
}

const GRACE_MS = 5000;

export interface Limits {
  readonly clock: Clock;
  /** Null: no limit but the signal. */
  readonly timeoutMs: number | null;
  readonly signal: AbortSignal;
  readonly late: () => Error;
}

export function timed<T>(limits: Limits, work: (signal: AbortSignal) => Promise<T>): Timed<T> {
  const { clock, timeoutMs, signal, late } = limits;
  const inner = new AbortController();
  const timer = new AbortController();
  const stop = (reason: unknown): void => inner.abort(reason);
  const onAbort = (): void => stop(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  const working = startOf(work, inner.signal);
  const answer = new Promise<T>((resolve, reject) => {
    working.then(resolve, reject);
    inner.signal.addEventListener('abort', () => reject(asError(inner.signal.reason)), { once: true });
    if (inner.signal.aborted) reject(asError(inner.signal.reason));
  });
  if (timeoutMs !== null)
    clock.sleep(timeoutMs, timer.signal).then(
      () => stop(late()),
      () => undefined, // the timer was not needed any more
    );
  const settled = working.then(
    () => 'settled' as const,
    () => 'settled' as const,
  );
  const rest = (async () => {
    await Promise.allSettled([answer]);
    signal.removeEventListener('abort', onAbort);
    timer.abort();
    return inner.signal.aborted ? atMost(settled, clock) : settled;
  })();
  return { answer, rest };
}

/** Also what is thrown before the first await is a rejection. */
async function startOf<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  return work(signal);
}

async function atMost(settled: Promise<'settled'>, clock: Clock): Promise<'settled' | 'given up'> {
  const timer = new AbortController();
  const grace = clock.sleep(GRACE_MS, timer.signal).then(
    () => 'given up' as const,
    () => 'settled' as const,
  );
  const first = await Promise.race([settled, grace]);
  timer.abort();
  return first;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted');
}
