import { describe, expect, it } from 'vitest';
import { collectGarbage, type MemoryDeps, returnStartMemory } from '../../../src/app-memory.ts';
import { silentLog } from '../../../src/lib/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

function harness(collect: () => Promise<void>) {
  const clock = createFakeClock();
  const ending = new AbortController();
  const warned: string[] = [];
  const log: MemoryDeps['log'] = { ...silentLog, warn: (_fields, message) => warned.push(message) };
  const done = returnStartMemory({ clock, log, signal: ending.signal, collect });
  return { clock, ending, warned, done };
}

describe('the memory of the start', () => {
  it('is given back once, and not while the first requests come', async () => {
    let collected = 0;
    const { clock, done } = harness(() => Promise.resolve(void collected++));
    await clock.advance(900);
    expect(collected).toBe(0);
    await clock.advance(200);
    await done;
    await clock.advance(3_600_000);
    expect(collected).toBe(1);
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
    expect(warned).toEqual(['the memory of the start was not given back']);
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
