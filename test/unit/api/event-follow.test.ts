import { describe, expect, it } from 'vitest';
import { createEventReader, type EventSink, followEvents } from '../../../src/api/native/event-follow.ts';
import type { EventService } from '../../../src/api/services.ts';
import type { StoredEvent } from '../../../src/store/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

/** An event log in memory that counts how often it is read. */
function playedLog(count = 0) {
  const events: StoredEvent[] = [];
  const wakes = new Set<() => void>();
  const calls = { list: 0 };
  const add = (type = 'node.moved', nodeUuid: string | null = null): void => {
    events.push({ seq: events.length + 1, at: 0, type, severity: 'info', nodeUuid, taskId: null, message: 'line\nbreak', data: {} });
  };
  for (let i = 0; i < count; i += 1) add();
  const log: EventService = {
    list: ({ after, limit, type }) => {
      calls.list += 1;
      return Promise.resolve(events.filter((event) => event.seq > after && (type === undefined || event.type === type)).slice(0, limit));
    },
    lastSeq: () => Promise.resolve(events.length),
    subscribe: (wake) => {
      wakes.add(wake);
      return () => wakes.delete(wake);
    },
  };
  return {
    log,
    calls,
    wakes,
    append: (type?: string) => {
      add(type);
      for (const wake of wakes) wake();
    },
  };
}

class Stop extends Error {}

function follower(log: EventService, more: { readonly after?: number; readonly type?: string; readonly sink?: EventSink } = {}) {
  const clock = createFakeClock();
  const stop = new AbortController();
  const texts: string[] = [];
  const sink: EventSink = more.sink ?? { write: (text) => texts.push(text) > 0, drained: () => Promise.resolve() };
  const end = followEvents(
    {
      log,
      read: createEventReader(log),
      sink,
      clock,
      after: more.after ?? 0,
      filter: more.type === undefined ? {} : { type: more.type },
      heartbeatMs: 15_000,
      slowMs: 30_000,
    },
    stop.signal,
  ).catch((thrown: unknown) => thrown);
  const ids = (): number[] => texts.flatMap((text) => (text.startsWith('id: ') ? [Number(text.slice(4, text.indexOf('\n')))] : []));
  return { clock, stop: () => stop.abort(new Stop()), texts, ids, end };
}

describe('following the event log', () => {
  it('gives what is there, page by page, then what comes, each once and in order', async () => {
    const played = playedLog(450);
    const { clock, ids, stop, end } = follower(played.log, { after: 10 });
    await clock.advance(0);
    expect(ids()).toEqual(Array.from({ length: 440 }, (_, i) => i + 11));
    played.append();
    await clock.advance(0);
    expect(ids().at(-1)).toBe(451);
    expect(ids()).toHaveLength(441);
    stop();
    expect(await end).toBeInstanceOf(Stop);
    expect(played.wakes.size).toBe(0);
  });

  it('writes one event as one block, with JSON on one line', async () => {
    const { clock, texts, stop } = follower(playedLog(1).log);
    await clock.advance(0);
    expect(texts).toEqual([
      'id: 1\ndata: {"seq":1,"at":"1970-01-01T00:00:00.000Z","type":"node.moved","severity":"info","nodeUuid":null,"taskId":null,"message":"line\\nbreak","data":{}}\n\n',
    ]);
    stop();
  });

  it('beats every 15 seconds while nothing happens', async () => {
    const { clock, texts, stop } = follower(playedLog().log);
    await clock.advance(14_999);
    expect(texts).toEqual([]);
    await clock.advance(1);
    await clock.advance(30_000);
    expect(texts).toEqual([': heartbeat\n\n', ': heartbeat\n\n', ': heartbeat\n\n']);
    stop();
  });

  it('does not lose an event that comes while a page is being read', async () => {
    const played = playedLog(3);
    let hasCome = false;
    const log: EventService = {
      ...played.log,
      list: async (query) => {
        const page = await played.log.list(query);
        if (!hasCome) {
          hasCome = true;
          played.append();
        }
        return page;
      },
    };
    const { clock, ids, stop } = follower(log);
    await clock.advance(0);
    expect(ids()).toEqual([1, 2, 3, 4]);
    stop();
  });

  it('gives only what the filter lets through, and does not read again what it left out', async () => {
    const played = playedLog(300);
    const { clock, ids, stop } = follower(played.log, { type: 'task.failed' });
    await clock.advance(0);
    played.append('task.failed');
    played.append('node.moved');
    await clock.advance(0);
    expect(ids()).toEqual([301]);
    stop();
  });

  it('lets a reader go that takes nothing for 30 seconds', async () => {
    const written: string[] = [];
    const sink: EventSink = {
      write: (text) => {
        written.push(text);
        return false;
      },
      drained: (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Stop()))),
    };
    const played = playedLog(1000);
    const { clock, end } = follower(played.log, { sink });
    await clock.advance(29_999);
    expect(written).toHaveLength(1); // no more is taken from the store than the reader takes
    await clock.advance(1);
    expect(await end).toBe('slow');
    expect(played.wakes.size).toBe(0);
  });

  it('waits for a reader that is slow, but reads', async () => {
    let drain = (): void => undefined;
    const written: string[] = [];
    const sink: EventSink = {
      write: (text) => {
        written.push(text);
        return false;
      },
      drained: () =>
        new Promise((resolve) => {
          drain = resolve;
        }),
    };
    const { clock, stop } = follower(playedLog(3).log, { sink });
    for (let i = 1; i <= 3; i += 1) {
      await clock.advance(20_000);
      expect(written).toHaveLength(i);
      drain();
    }
    stop();
  });

  it('reads the log once for all who are at the same place', async () => {
    const played = playedLog(5);
    const read = createEventReader(played.log);
    const pages = await Promise.all(Array.from({ length: 200 }, () => read(3, {})));
    expect(played.calls.list).toBe(1);
    expect(pages.every((page) => page.upTo === 5 && page.events.length === 2)).toBe(true);
    await read(3, {});
    expect(played.calls.list).toBe(2);
  });

  it('ends with the error when the log cannot be read', async () => {
    const { log } = playedLog(1);
    const { end } = follower({ ...log, list: () => Promise.reject(new Error('disk')) });
    expect(await end).toMatchObject({ message: 'disk' });
  });
});
