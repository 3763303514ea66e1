// How long others have been silent, as far as we can tell: while the appliance did not run, was stopped, or its clock was set, nobody was
// listened to, and silence begins anew. Whoever gives up on machines asks here, not the clock.

import type { Clock } from './clock.ts';

export interface Vigil {
  /** Since when, in UTC milliseconds, we have listened without a break. */
  since(): number;
  /** For how many milliseconds nothing was heard of one that was last heard of then. */
  silence(signAt: number): number;
  /** As the clock's, and notices when it took much longer than it should: we were stopped meanwhile. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** More than time servers correct bit by bit, and than a busy host delays a timer; less than anybody's patience. */
const BREAK_MS = 60_000;

export function createVigil(clock: Clock): Vigil {
  let [wall, steady] = [clock.now(), clock.monotonic()];
  let begun = wall;

  function since(): number {
    const [wallNow, steadyNow] = [clock.now(), clock.monotonic()];
    // Both clocks go at one pace, unless one was set or stood still: on Linux the monotonic one does so while the machine sleeps.
    if (Math.abs(wallNow - wall - (steadyNow - steady)) > BREAK_MS) begun = wallNow;
    [wall, steady] = [wallNow, steadyNow];
    return begun;
  }

  return {
    since,
    silence: (signAt) => {
      const from = since();
      // A sign of times to come was noted before the clock was set back.
      return wall - (signAt > wall ? from : Math.max(signAt, from));
    },
    async sleep(ms, signal) {
      const before = clock.monotonic();
      await clock.sleep(ms, signal);
      if (clock.monotonic() - before <= ms + BREAK_MS) return;
      since();
      begun = wall;
    },
  };
}
