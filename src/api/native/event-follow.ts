// Follows the event log for one reader: what is there, then what comes, with a heartbeat in between. Knows no HTTP.

import { type Clock, isoTime } from '../../lib/index.ts';
import type { StoredEvent } from '../../store/index.ts';
import type { EventService } from '../services.ts';

export interface EventFilter {
  readonly nodeUuid?: string;
  readonly type?: string;
}

/** Where the text goes: a response, or a test's array. */
export interface EventSink {
  /** False: the reader has not taken what was written before; wait for drained(). */
  write(text: string): boolean;
  drained(signal: AbortSignal): Promise<void>;
}

export interface FollowOptions {
  readonly log: EventService;
  readonly read: EventReader;
  readonly sink: EventSink;
  readonly clock: Clock;
  readonly after: number;
  readonly filter: EventFilter;
  readonly heartbeatMs: number;
  /** A reader that takes nothing for so long is let go: it can resume where it was. */
  readonly slowMs: number;
}

const PAGE = 200;

/** Runs until `signal` aborts (then rejects with its reason), or resolves 'slow' when the reader does not keep up. */
export async function followEvents(options: FollowOptions, signal: AbortSignal): Promise<'slow'> {
  const { log, read, clock, filter, heartbeatMs } = options;
  const wake = createWake();
  const unsubscribe = log.subscribe(wake.ring);
  try {
    let after = options.after;
    for (;;) {
      signal.throwIfAborted();
      wake.reset();
      const page = await read(after, filter);
      for (const event of page.events) {
        if (!(await written(options, eventText(event), signal))) return 'slow';
      }
      after = page.upTo;
      if (page.isFull) continue;
      const isQuiet = !(await wake.within(clock, heartbeatMs, signal));
      if (isQuiet && !(await written(options, comment('heartbeat'), signal))) return 'slow';
    }
  } finally {
    unsubscribe();
  }
}

export interface EventPage {
  readonly events: readonly StoredEvent[];
  /** Everything up to here has been looked at, also what the filter left out. */
  readonly upTo: number;
  readonly isFull: boolean;
}

export type EventReader = (after: number, filter: EventFilter) => Promise<EventPage>;

/** Readers that ask for the same page at the same time, as all that are up to date do, share one query. */
export function createEventReader(log: EventService): EventReader {
  const underWay = new Map<string, Promise<EventPage>>();
  return (after, filter) => {
    const key = JSON.stringify([after, filter.nodeUuid, filter.type]);
    const shared = underWay.get(key) ?? readPage(log, after, filter).finally(() => underWay.delete(key));
    underWay.set(key, shared);
    return shared;
  };
}

async function readPage(log: EventService, after: number, filter: EventFilter): Promise<EventPage> {
  const last = await log.lastSeq(); // before the list: an event that comes between the two must not be skipped
  const events = await log.list({ after, limit: PAGE, ...filter });
  const isFull = events.length === PAGE;
  const end = events.at(-1)?.seq ?? after;
  return { events, upTo: isFull ? end : Math.max(end, last), isFull };
}

export function comment(text: string): string {
  return `: ${text}\n\n`;
}

/** What an event looks like to clients, here and in lists. */
export function eventBody(event: StoredEvent): Omit<StoredEvent, 'at'> & { readonly at: string } {
  return { ...event, at: isoTime(event.at) };
}

/** No `event:` field: browsers then give every type to one listener. JSON holds no raw line break, so one `data:` line is enough. */
function eventText(event: StoredEvent): string {
  return `id: ${event.seq}\ndata: ${JSON.stringify(eventBody(event))}\n\n`;
}

async function written({ sink, clock, slowMs }: FollowOptions, text: string, signal: AbortSignal): Promise<boolean> {
  if (sink.write(text)) return true;
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  try {
    const drained = sink.drained(either).then(() => true);
    const late = clock.sleep(slowMs, either).then(() => false);
    return await Promise.race([drained, late]);
  } finally {
    over.abort();
  }
}

interface Wake {
  readonly ring: () => void;
  reset(): void;
  /** True when it rang since the last reset, or rings in time. */
  within(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean>;
}

function createWake(): Wake {
  let hasRung = false;
  let notify: (() => void) | undefined;
  return {
    ring: () => {
      hasRung = true;
      notify?.();
    },
    reset: () => {
      hasRung = false;
    },
    within: async (clock, ms, signal) => {
      if (hasRung) return true;
      const over = new AbortController();
      const news = new Promise<true>((resolve) => {
        notify = () => resolve(true);
      });
      try {
        return await Promise.race([news, clock.sleep(ms, AbortSignal.any([signal, over.signal])).then(() => false)]);
      } finally {
        over.abort();
        notify = undefined;
      }
    },
  };
}
