// When a machine last showed that it lives: it asked to boot from the network, or its agent or its DHCP client was heard. Bounded, in memory.

import type { Clock, Mac } from '../lib/index.ts';

/** 'boot': its firmware asked, so it has just been started. 'alive': something on it spoke. */
export type Sighting = 'boot' | 'alive';

export interface Sightings {
  /** Called for every packet that matters: cheap. By MAC or by the node's UUID. */
  machineSeen(who: Mac | string, how: Sighting): void;
  /** At or after `since` of the monotonic clock. A start counts as life, not the other way round. */
  wasSeen(who: readonly string[], how: Sighting, since: number): boolean;
}

/** Forgets the one seen longest ago; whoever waits for it waits for its next packet. */
const MAX_KNOWN = 65_536;

export function createSightings(clock: Pick<Clock, 'monotonic'>, maxKnown = MAX_KNOWN): Sightings {
  const last = new Map<string, { boot: number; alive: number }>();
  return {
    machineSeen: (who, how) => {
      const now = clock.monotonic();
      const before = last.get(who);
      last.delete(who);
      last.set(who, { boot: how === 'boot' ? now : (before?.boot ?? Number.NEGATIVE_INFINITY), alive: now });
      if (last.size <= maxKnown) return;
      const oldest = last.keys().next();
      if (oldest.done !== true) last.delete(oldest.value);
    },
    wasSeen: (who, how, since) => who.some((one) => (last.get(one)?.[how] ?? Number.NEGATIVE_INFINITY) >= since),
  };
}
