// Who may ask now: one call at a time for each key (a BMC), so many at a time in all, first come first served. Bounded. Knows no drivers.

import { fail } from './errors.ts';

export interface LaneLimits {
  /** Calls under way at once. */
  readonly workers: number;
  /** Calls that wait for one key. */
  readonly perKey: number;
  /** Calls that wait in all. */
  readonly waiting: number;
}

export interface LaneState {
  readonly key: string;
  readonly waiting: number;
  readonly isBusy: boolean;
}

export interface Lanes {
  /** The caller's turn; call what it gives when done. Rejects with power.queue_full, or the signal's reason. */
  enter(key: string, signal: AbortSignal): Promise<() => void>;
  states(): readonly LaneState[];
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

interface Waiter {
  readonly go: () => void;
}

interface Lane {
  isBusy: boolean;
  readonly waiters: Set<Waiter>;
}

export function createLanes(limits: LaneLimits): Lanes {
  const lanes = new Map<string, Lane>();
  /** Keys with waiters whose lane is free, in the order in which they became so. */
  const ready = new Set<string>();
  const idlers = new Set<() => void>();
  let active = 0;
  let waiting = 0;

  const pump = (): void => {
    for (const key of ready) {
      if (active >= limits.workers) break;
      ready.delete(key);
      const lane = lanes.get(key);
      const [first] = lane?.waiters ?? [];
      if (lane === undefined || first === undefined) continue;
      lane.waiters.delete(first);
      lane.isBusy = true;
      waiting -= 1;
      active += 1;
      first.go();
    }
    if (active === 0 && waiting === 0) for (const idler of idlers) idler();
  };

  const leave = (key: string): void => {
    active -= 1;
    settle(key, false);
    pump();
  };

  const settle = (key: string, isBusy: boolean): void => {
    const lane = lanes.get(key);
    if (lane === undefined) return;
    lane.isBusy = isBusy;
    if (isBusy) return;
    if (lane.waiters.size > 0) ready.add(key);
    else lanes.delete(key);
  };

  const laneOf = (key: string): Lane => {
    const known = lanes.get(key);
    if (known !== undefined) return known;
    const made: Lane = { isBusy: false, waiters: new Set() };
    lanes.set(key, made);
    return made;
  };

  return {
    enter: (key, signal) => {
      if (signal.aborted) return Promise.reject(asError(signal.reason));
      const full = fullReason(key, lanes.get(key)?.waiters.size ?? 0, waiting, limits);
      if (full !== undefined) return Promise.reject(full);
      return new Promise((resolve, reject) => {
        const lane = laneOf(key);
        const abort = (): void => {
          lane.waiters.delete(waiter);
          waiting -= 1;
          if (!lane.isBusy && lane.waiters.size === 0) {
            lanes.delete(key);
            ready.delete(key);
          }
          reject(asError(signal.reason));
          pump();
        };
        const waiter: Waiter = {
          go: () => {
            signal.removeEventListener('abort', abort);
            resolve(once(() => leave(key)));
          },
        };
        signal.addEventListener('abort', abort, { once: true });
        lane.waiters.add(waiter);
        waiting += 1;
        if (!lane.isBusy) ready.add(key);
        pump();
      });
    },
    states: () => [...lanes].map(([key, lane]) => ({ key, waiting: lane.waiters.size, isBusy: lane.isBusy })),
    idle: () => {
      if (active === 0 && waiting === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          idlers.delete(done);
          resolve();
        };
        idlers.add(done);
      });
    },
  };
}

function fullReason(key: string, ofKey: number, ofAll: number, { perKey, waiting }: LaneLimits) {
  if (ofKey < perKey && ofAll < waiting) return undefined;
  const what = ofKey >= perKey ? `${ofKey} calls wait for ${key} already` : `${ofAll} calls wait for BMCs already`;
  return fail('power.queue_full', { message: `${what}; this one is not taken`, hint: 'Try again in a minute.', detail: { key } });
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    work();
  };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted');
}
