// Waits for what may pass, such as a store that changes hands, while an installer waits for its answer or its yes: it gives up after a minute,
// asks no second time, and whoever gets neither then stands in a shell.

import { type Clock, type Log, messageOf, RackseedError } from '../../lib/index.ts';

/** With what a last try takes the installer still waits then. */
const AGAIN_FOR_MS = 15_000;
const AGAIN_MS = 1000;

export interface Patient {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
  readonly log: Log;
  /** Whom it is for. */
  readonly from: string;
}

/** `work` has its effect once, however often it is begun. */
export async function patiently<T>({ clock, log, from }: Patient, work: (isLast: boolean) => Promise<T>): Promise<T> {
  const begun = clock.monotonic();
  for (;;) {
    const isLast = clock.monotonic() - begun >= AGAIN_FOR_MS;
    try {
      return await work(isLast);
    } catch (thrown) {
      if (isLast || isForGood(thrown)) throw thrown;
      log.warn(
        { peer: from, error: messageOf(thrown) },
        'what an installer asked for could not be done, and is tried again while it waits',
      );
    }
    await clock.sleep(AGAIN_MS);
  }
}

/** It would be the same again: a refusal, or an answer that can't be made. */
export function isForGood(thrown: unknown): boolean {
  return thrown instanceof RackseedError && (thrown.status < 500 || thrown.code.startsWith('install.'));
}
