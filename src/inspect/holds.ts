// Heartbeats whose reply is held until there is something to do. One for each machine; all of them share one timer. Knows no orders.

import { type Clock, type Log, messageOf } from '../lib/index.ts';

export interface HoldsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Which of these machines have something to do: asked now and then, for what another appliance with this store has placed. */
  readonly look: (nodeUuids: readonly string[]) => Promise<readonly string[]>;
  readonly max?: number;
}

export type HoldEnd = 'work' | 'time' | 'gone';

export interface Hold {
  /** Resolves at once for what has come since the hold began. */
  wait(): Promise<HoldEnd>;
  end(): void;
}

export interface Holds {
  /** From here on no wake is missed. Undefined: as many are held as may be, or nobody is held any more. */
  begin(nodeUuid: string, ms: number, signal: AbortSignal): Hold | undefined;
  wake(nodeUuid: string): void;
  /** For good: everybody who is held goes, and nobody is held from now on. */
  release(): Promise<void>;
  readonly size: number;
}

/** The API takes 4096 connections in all. */
const MAX_HELD = 3000;
/** A hold may last this much longer than was asked for. */
const EVERY_MS = 500;
const LOOK_MS = 3000;

interface Held {
  readonly until: number;
  isPoked: boolean;
  over: HoldEnd | undefined;
  tell: ((end: HoldEnd) => void) | undefined;
}

export function createHolds({ clock, log, look, max = MAX_HELD }: HoldsOptions): Holds {
  const held = new Map<string, Held>();
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let lookedAt = clock.monotonic();

  function finish(one: Held, end: HoldEnd): void {
    one.over ??= end;
    one.tell?.(one.over);
  }

  function wake(nodeUuid: string): void {
    const one = held.get(nodeUuid);
    if (one === undefined) return;
    one.isPoked = true;
    one.tell?.('work');
  }

  async function lookAround(): Promise<void> {
    if (clock.monotonic() - lookedAt < LOOK_MS) return;
    lookedAt = clock.monotonic();
    try {
      for (const nodeUuid of await look([...held.keys()])) wake(nodeUuid);
    } catch (error) {
      log.warn({ held: held.size, error: messageOf(error) }, 'could not look for what other appliances have for held agents');
    }
  }

  async function run(): Promise<void> {
    while (held.size > 0 && !stopping.signal.aborted) {
      const now = clock.monotonic();
      for (const one of held.values()) if (one.until <= now) finish(one, 'time');
      await lookAround();
      await clock.sleep(EVERY_MS, stopping.signal).catch(() => undefined); // told to stop: the loop's condition sees it
    }
    running = undefined;
  }

  return {
    begin(nodeUuid, ms, signal) {
      // A machine has one agent: a second heartbeat means that the first one's connection is lost.
      const before = held.get(nodeUuid);
      if (before !== undefined) finish(before, 'gone');
      else if (held.size >= max) return undefined;
      if (stopping.signal.aborted || signal.aborted) return undefined;
      const one: Held = { until: clock.monotonic() + ms, isPoked: false, over: undefined, tell: undefined };
      const gone = (): void => finish(one, 'gone');
      signal.addEventListener('abort', gone, { once: true });
      held.set(nodeUuid, one);
      running ??= run();
      return {
        end: () => {
          signal.removeEventListener('abort', gone);
          if (held.get(nodeUuid) === one) held.delete(nodeUuid);
        },
        wait: async () => {
          if (one.over === undefined && !one.isPoked) {
            await new Promise<void>((resolve) => {
              one.tell = () => resolve();
            });
          }
          one.tell = undefined;
          one.isPoked = false;
          return one.over ?? 'work';
        },
      };
    },
    wake,
    release: async () => {
      stopping.abort();
      for (const one of held.values()) finish(one, 'time');
      await running;
    },
    get size() {
      return held.size;
    },
  };
}
