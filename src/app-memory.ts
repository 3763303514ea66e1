// What a start leaves behind. Node keeps the garbage of loading 1500 modules for as long as nothing else needs the memory: on an idle
// appliance for ever.

import { type Clock, type Log, messageOf } from './lib/index.ts';

/** After the first requests of those who waited for the start: collecting stops everything for about 80 ms. */
const SETTLED_MS = 1000;

export interface MemoryDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Collects all garbage and gives what is free back to the kernel. */
  readonly collect: () => Promise<void>;
}

/** Once, a moment after the start. Never fails: the worst is more memory than needed. */
export async function returnStartMemory({ clock, log, signal, collect }: MemoryDeps): Promise<void> {
  try {
    await clock.sleep(SETTLED_MS, signal);
    await collect();
  } catch (thrown) {
    if (!signal.aborted) log.warn({ error: messageOf(thrown) }, 'the memory of the start was not given back');
  }
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
