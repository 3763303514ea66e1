// What a start and a burst of work leave behind. Node keeps the garbage of loading 1500 modules, and of a thousand requests, for as long as
// nothing else needs the memory: on an idle appliance for ever.

import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { type Clock, type Log, messageOf } from './lib/index.ts';

/** After the first requests of those who waited for the start: collecting stops everything for about 80 ms. */
const SETTLED_MS = 1000;
const LOOK_MS = 5000;
/** Whoever works more than this is not kept waiting; V8 collects by itself then. */
const IDLE_SHARE = 0.1;
/** Less is not worth the standstill. */
const GROWN_BYTES = 8e6;

export interface MemoryDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Collects all garbage and gives what is free back to the kernel. */
  readonly collect: () => Promise<void>;
  /** What V8 holds now. */
  readonly heapBytes: () => number;
  /** Since it was last asked: the share of the time in which the event loop was at work. */
  readonly busyShare: () => number;
}

/** A moment after the start, and whenever work has ended that made the heap larger. Never fails: the worst is more memory than needed. */
export async function giveBackMemory(deps: MemoryDeps): Promise<void> {
  const { clock, log, signal } = deps;
  try {
    await clock.sleep(SETTLED_MS, signal);
    for (;;) {
      await deps.collect();
      await untilGrownAndIdle(deps, deps.heapBytes() + GROWN_BYTES);
    }
  } catch (thrown) {
    if (!signal.aborted) log.warn({ error: messageOf(thrown) }, 'memory that is free is not given back');
  }
}

async function untilGrownAndIdle({ clock, signal, heapBytes, busyShare }: MemoryDeps, most: number): Promise<void> {
  busyShare();
  do await clock.sleep(LOOK_MS, signal);
  while (busyShare() > IDLE_SHARE || heapBytes() < most);
}

/** The inspector's own way: public and stable, while V8's flags for it are neither. It opens no port. */
export async function collectGarbage(): Promise<void> {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.collectGarbage');
  } finally {
    session.disconnect();
  }
}

export function heapBytes(): number {
  return getHeapStatistics().total_heap_size;
}

export function busyShares(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const before = last;
    last = performance.eventLoopUtilization();
    return performance.eventLoopUtilization(last, before).utilization;
  };
}
