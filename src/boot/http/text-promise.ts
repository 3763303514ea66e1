// What HEAD said of a text is what the GET after it gets. Firmware asks twice for each file (EDK2 HttpBoot: HEAD for the size, then GET), and
// a script that is made anew each time would spend two one-time secrets and look like two boots. No clock of its own.

import type { TextAnswer } from './http.ts';

export interface TextPromises {
  keep(key: string, answer: TextAnswer, now: number): void;
  /** At most once, and only for a short while. */
  take(key: string, now: number): TextAnswer | undefined;
}

const KEPT_MS = 15_000;
/** One for each machine that boots at this moment; at the cap the oldest goes, and its machine gets a new text. */
const KEPT_MAX = 512;

export function createTextPromises(): TextPromises {
  const kept = new Map<string, { readonly answer: TextAnswer; readonly at: number }>();
  return {
    keep(key, answer, now) {
      kept.delete(key);
      kept.set(key, { answer, at: now });
      const [oldest] = kept.keys();
      if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
    },
    take(key, now) {
      const found = kept.get(key);
      kept.delete(key);
      return found !== undefined && now - found.at <= KEPT_MS ? found.answer : undefined;
    },
  };
}
