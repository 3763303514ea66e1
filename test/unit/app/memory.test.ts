import { describe, expect, it } from 'vitest';
import { busyShares, collectGarbage, giveBackMemory, heapBytes, type MemoryDeps } from '../../../src/app-memory.ts';
import { silentLog } from '../../../src/lib/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

function harness(collect: () => Promise<void>) {
  const clock = createFakeClock();
  const ending = new AbortController();
  const warned: string[] = [];
  const log: MemoryDeps['log'] = { ...silentLog, warn: (_fields, message) => warned.push(message) };
  const now = { heap: 50e6, busy: 0 };
  const deps = { clock, log, signal: ending.signal, collect, heapBytes: () => now.heap, busyShare: () => now.busy };
  return { clock, ending, warned, now, done: giveBackMemory(deps) };
}

describe('memory that is free', () => {
  it('is given back after the start, and not while the first requests come', async () => {
    let collected = 0;
    const { clock, ending, done } = harness(() => Promise.resolve(void collected++));
    await clock.advance(900);
    expect(collected).toBe(0);
    await clock.advance(200);
    await clock.advance(3_600_000);
    expect(collected).toBe(1);
    ending.abort(new Error('SIGTERM'));
    await done;
  });

  it('is given back after work that made the heap larger, once that has ended', async () => {
    let collected = 0;
    const { clock, ending, now, done } = harness(() => Promise.resolve(void collected++));
    await clock.advance(1000);
    Object.assign(now, { heap: 57e6 });
    await clock.advance(60_000);
    expect(collected).toBe(1); // a little is not worth it
    Object.assign(now, { heap: 90e6, busy: 0.9 });
    await clock.advance(60_000);
    expect(collected).toBe(1); // whoever works is not kept waiting
    now.busy = 0.01;
    await clock.advance(10_000);
    expect(collected).toBe(2);
    await clock.advance(3_600_000);
    expect(collected).toBe(2); // what stays is in use
    ending.abort(new Error('SIGTERM'));
    await done;
  });

  it('is left alone by an appliance that is stopped before', async () => {
    let collected = 0;
    const { clock, ending, warned, done } = harness(() => Promise.resolve(void collected++));
    ending.abort(new Error('SIGTERM'));
    await clock.advance(5000);
    await done;
    expect({ collected, warned }).toEqual({ collected: 0, warned: [] });
  });

  it('costs nothing but a warning when it cannot be given back', async () => {
    const { clock, warned, done } = harness(() => Promise.reject(new Error('no inspector in this Node')));
    await clock.advance(5000);
    await done;
    expect(warned).toEqual(['memory that is free is not given back']);
  });

  it('is measured by what V8 holds, and by how busy the event loop was', () => {
    expect(heapBytes()).toBeGreaterThan(1e6);
    const share = busyShares()();
    expect(share).toBeGreaterThanOrEqual(0);
    expect(share).toBeLessThanOrEqual(1);
  });

  it('is collected by what this Node offers', async () => {
    let isGone = false;
    const registry = new FinalizationRegistry(() => {
      isGone = true;
    });
    registry.register({ garbage: 'x'.repeat(1000) }, undefined);
    await collectGarbage();
    await expect.poll(() => isGone).toBe(true);
  });
});
