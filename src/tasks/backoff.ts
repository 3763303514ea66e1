// How long to wait before the next try: doubling, capped, and spread so that many that failed together do not return together.

export interface BackoffLimits {
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

/** After the `failures`-th failure (from 1); `spread` in [0, 1) is the jitter. Between half of the capped delay and all of it. */
export function backoffMs(failures: number, limits: BackoffLimits, spread: number): number {
  const full = Math.min(limits.maxDelayMs, limits.firstDelayMs * 2 ** Math.min(failures - 1, 40));
  return Math.round(full / 2 + (full / 2) * spread);
}
