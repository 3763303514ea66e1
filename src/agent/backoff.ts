// How long to wait before the next try. Pure but for the randomness that is passed in.

import type { Random } from '../lib/index.ts';

const FIRST_MS = 500;
const LAST_MS = 30_000;

/** Doubles from half a second to half a minute; between half and all of it, so that a rack that lost its appliance does not come back as one. */
export function backoffMs(failures: number, random: Pick<Random, 'float'>, lastMs = LAST_MS): number {
  const full = Math.min(lastMs, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  return Math.round(full * (0.5 + random.float() / 2));
}
