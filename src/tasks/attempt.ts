// One bounded call of a step's function: it ends by itself, is told to stop and does, or is told to stop and does not.

import type { Clock } from '../lib/index.ts';

export type Attempt<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'threw'; readonly error: unknown }
  /** Still at work after the grace. `settled` resolves when it lets go at last. */
  | { readonly kind: 'stuck'; readonly settled: Promise<void> };

export interface AttemptBounds {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly graceMs: number;
  /** Aborted by others (cancel, stop), and by us at the timeout with `timeoutReason`. */
  readonly control: AbortController;
  readonly timeoutReason: () => Error;
}

/** Made once: an abort without a reason makes an error with a stack each time. */
const OVER = new Error('the call is over');

export async function attempt<T>(work: () => T | Promise<T>, bounds: AttemptBounds): Promise<Attempt<T>> {
  const { control, clock } = bounds;
  const over = new AbortController();
  const running = settle(work);
  const outcome = Promise.race([running, stuckAfterAbort(bounds, running, over.signal)]);
  // The sleep rejects when the call is over first: then there is nothing to do.
  clock.sleep(bounds.timeoutMs, over.signal).then(
    () => control.abort(bounds.timeoutReason()),
    () => undefined,
  );
  try {
    return await outcome;
  } finally {
    over.abort(OVER);
  }
}

async function settle<T>(work: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { kind: 'value', value: await work() };
  } catch (error) {
    return { kind: 'threw', error };
  }
}

function stuckAfterAbort<T>(bounds: AttemptBounds, running: Promise<Attempt<T>>, over: AbortSignal): Promise<Attempt<T>> {
  const { signal } = bounds.control;
  return new Promise((resolve) => {
    const begin = (): void => {
      const stuck: Attempt<T> = { kind: 'stuck', settled: running.then(() => undefined) };
      // Rejects when the call settled within the grace: the race is decided then.
      bounds.clock.sleep(bounds.graceMs, over).then(
        () => resolve(stuck),
        () => undefined,
      );
    };
    if (signal.aborted) begin();
    else signal.addEventListener('abort', begin, { once: true, signal: over });
  });
}
