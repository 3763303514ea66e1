// A sleep that can be cut short, and that remembers a call that came before it began.

import type { Clock } from '../lib/index.ts';

export interface Latch {
  set(): void;
  /** Until set() was called (since the last wait) or the time has passed. */
  wait(ms: number): Promise<void>;
}

/** Made once: an abort without a reason makes an error with a stack each time. */
const SET = new Error('set');

export function createLatch(clock: Clock): Latch {
  let isSet = false;
  let sleeping: AbortController | undefined;
  return {
    set() {
      isSet = true;
      sleeping?.abort(SET);
    },
    async wait(ms) {
      if (!isSet) {
        sleeping = new AbortController();
        // Rejects only because of set().
        await clock.sleep(ms, sleeping.signal).catch(() => undefined);
        sleeping = undefined;
      }
      isSet = false;
    },
  };
}
