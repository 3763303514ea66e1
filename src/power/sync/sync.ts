// Reads every machine's power state again and again, spread over the interval, and looks now and then whether those that were taken out of
// service answer again. Of several appliances on one store one does it.

import { type Clock, type Component, type Log, messageOf } from '../../lib/index.ts';
import type { Nodes } from '../../nodes/index.ts';
import type { Store } from '../../store/index.ts';
import type { Gateway } from '../gateway-seam.ts';
import { countFree, freeNodes, type Sort } from './free-nodes.ts';
import { type LookParts, look, type Seen } from './look.ts';

export interface PowerSyncOptions {
  readonly store: Store;
  readonly nodes: Pick<Nodes, 'get' | 'update'>;
  readonly gateway: Pick<Gateway, 'powerState' | 'refusal'>;
  readonly clock: Clock;
  readonly log: Log;
  /** This appliance. */
  readonly holder: string;
  /** 0: nothing is read of itself. */
  readonly intervalMs: number;
  /** Machines asked at once. */
  readonly workers: number;
  readonly recoveryMs?: number;
  readonly maxFailures?: number;
}

export type SyncCounts = Readonly<Record<Seen | 'rounds' | 'late_rounds', number>>;

export interface PowerSync extends Component {
  /** One look at every node of that sort, spread over so long. */
  round(sort: Sort, spreadMs: number): Promise<void>;
  counters(): SyncCounts;
}

const RECOVERY_MS = 300_000;
const MAX_FAILURES = 3;
const LEASE = 'power-sync';
/** Shorter pauses are saved up: thousands of timers of a few milliseconds would cost more than the looks. */
const SHORTEST_PAUSE_MS = 50;
/** So much of the interval is used, so that a round ends before the next begins. */
const SPREAD = 0.8;

export function createPowerSync(options: PowerSyncOptions): PowerSync {
  const { store, nodes, gateway, clock, log, maxFailures = MAX_FAILURES } = options;
  const stopping = new AbortController();
  const counts = { same: 0, changed: 0, unknown: 0, failed: 0, out_of_service: 0, recovered: 0, skipped: 0, rounds: 0, late_rounds: 0 };
  const parts: LookParts = { store, nodes, gateway, clock, log, failures: new Map(), maxFailures };
  const seen = (what: Seen): void => {
    counts[what] += 1;
  };
  const round: PowerSync['round'] = (sort, spreadMs) => walk(options, parts, { sort, spreadMs, seen, signal: stopping.signal });
  let loops: Promise<unknown> = Promise.resolve();
  return {
    name: 'power-sync',
    round,
    counters: () => ({ ...counts }),
    start: () => {
      if (options.intervalMs === 0) return Promise.resolve();
      const { intervalMs, recoveryMs = RECOVERY_MS } = options;
      const late = (): void => {
        counts.late_rounds += 1;
        log.warn(
          { workers: options.workers },
          'reading all power states took longer than [power] sync_seconds: raise it, or [power] workers',
        );
      };
      const all = every(intervalMs, options, stopping.signal, late, async () => {
        counts.rounds += 1;
        await round('well', intervalMs * SPREAD);
      });
      const lost = every(
        recoveryMs,
        options,
        stopping.signal,
        () => undefined,
        () => round('failed', 0),
      );
      loops = Promise.all([all, lost]);
      return Promise.resolve();
    },
    stop: async () => {
      stopping.abort(new Error('stopped'));
      await loops;
    },
  };
}

interface Walk {
  readonly sort: Sort;
  readonly spreadMs: number;
  readonly seen: (what: Seen) => void;
  readonly signal: AbortSignal;
}

async function walk(options: PowerSyncOptions, parts: LookParts, { sort, spreadMs, seen, signal }: Walk): Promise<void> {
  const { store, clock, log } = options;
  const total = await countFree(store.db, sort);
  const pauseMs = total === 0 ? 0 : spreadMs / total;
  // Half of the workers at most: those who wait for a machine of theirs must not wait behind all the others.
  const atOnce = Math.max(1, Math.floor(options.workers / 2));
  const running = new Set<Promise<void>>();
  const looked = new Set<string>();
  const lookNow = async (uuid: string): Promise<void> => {
    try {
      seen(await look(parts, uuid, sort, signal));
    } catch (thrown) {
      // The store may be back at the next round; one node must not end the round of all.
      log.error({ node: uuid, error: messageOf(thrown) }, 'the power state could not be read or recorded');
    }
  };
  let owedMs = 0;
  for await (const page of freeNodes(store.db, sort, () => clock.now())) {
    for (const uuid of page) {
      if (signal.aborted) break;
      if (running.size >= atOnce) await Promise.race(running);
      looked.add(uuid);
      const one: Promise<void> = lookNow(uuid).finally(() => running.delete(one));
      running.add(one);
      owedMs += pauseMs;
      if (owedMs >= SHORTEST_PAUSE_MS) {
        await pause(clock, owedMs, signal);
        owedMs = 0;
      }
    }
    if (signal.aborted) break;
  }
  await Promise.all(running);
  if (sort === 'well' && !signal.aborted) for (const uuid of parts.failures.keys()) if (!looked.has(uuid)) parts.failures.delete(uuid);
}

/** Again and again, the beginnings `intervalMs` apart, while this appliance is the one that does it. */
async function every(
  intervalMs: number,
  options: PowerSyncOptions,
  signal: AbortSignal,
  late: () => void,
  work: () => Promise<void>,
): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    const began = clock.monotonic();
    try {
      if (await isOurs(options, intervalMs)) await work();
    } catch (thrown) {
      log.error({ error: messageOf(thrown) }, 'reading the power states failed; it is tried again');
    }
    const leftMs = intervalMs - (clock.monotonic() - began);
    if (leftMs < 0) late();
    await pause(clock, Math.max(leftMs, SHORTEST_PAUSE_MS), signal);
  }
}

function isOurs({ store, holder }: PowerSyncOptions, intervalMs: number): Promise<boolean> {
  return store.transaction(async (tx) => {
    const request = { key: LEASE, holder, purpose: 'reads the power states', ttlMs: 2 * intervalMs + 60_000 };
    return (await store.leases.acquire(tx, request)).ok;
  });
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}
