// How long a machine has been looking for something to boot, seen from here: from its first question of this boot to now. Shown with the
// reasons of machines that start their own disk, so that somebody can see what booting from the network first costs them. Bounded.

import type { Clock, Mac } from '../lib/index.ts';

/** Firmware is silent for at most a minute between two network entries (EDK2); after more than that it is another boot. */
const SAME_BOOT_MS = 150_000;
const MACHINES_MAX = 8192;

export interface BootTimes {
  /** Whole seconds since the first question of this boot. */
  heard(mac: Mac): number;
}

export function createBootTimes(clock: Pick<Clock, 'monotonic'>, max = MACHINES_MAX): BootTimes {
  /** In the order of being heard: at the cap the one that was silent longest goes. */
  const boots = new Map<Mac, { readonly since: number; readonly last: number }>();
  return {
    heard(mac) {
      const now = clock.monotonic();
      const known = boots.get(mac);
      const since = known !== undefined && now - known.last < SAME_BOOT_MS ? known.since : now;
      boots.delete(mac);
      boots.set(mac, { since, last: now });
      const [oldest] = boots.keys();
      if (boots.size > max && oldest !== undefined) boots.delete(oldest);
      return Math.floor((now - since) / 1000);
    },
  };
}

/** For the end of a reason; nothing while it has cost nothing. */
export function timeSpent(seconds: number): string {
  return seconds === 0 ? '' : ` (${seconds} s after its first question)`;
}
