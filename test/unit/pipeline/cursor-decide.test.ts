import { describe, expect, it } from 'vitest';
import { begun, cursorOf, failed, nextMove, over, reopened, retried, skipped, waits } from '../../../src/pipeline/cursor-decide.ts';

const entry = (step: string) => ({ step, args: {}, when: null });
const three = cursorOf([entry('hosts'), entry('storage'), entry('storage')]);
const broke = { words: 'the connection broke', hint: null, mayPass: true };

describe('the cursor of a run', () => {
  it('calls the second of a name by its number', () => {
    expect(three.map(({ id }) => id)).toEqual(['hosts', 'storage', 'storage#2']);
  });

  it('goes from step to step, and ends behind the last', () => {
    let cursor = three;
    for (const at of [0, 1, 2]) {
      expect(nextMove(cursor, 10)).toEqual({ do: 'step', at });
      cursor = over(begun(cursor, at, 10), at, 11, { state: 'done', words: 'so it is' });
    }
    expect(nextMove(cursor, 12)).toEqual({ do: 'end' });
  });

  it('begins the step anew that was under way when a process died', () => {
    expect(nextMove(begun(three, 0, 10), 20)).toEqual({ do: 'step', at: 0 });
  });

  it('tries what may pass four times, with longer pauses, and then stops', () => {
    let cursor = three;
    const pauses: number[] = [];
    for (let now = 0; ; ) {
      cursor = failed(cursor, 0, now, broke);
      const move = nextMove(cursor, now);
      if (move.do !== 'pause') break;
      pauses.push(move.until - now);
      now = move.until;
    }
    expect(pauses).toEqual([10_000, 30_000, 120_000]);
    expect(cursor[0]).toMatchObject({ state: 'failed', failures: 4, words: 'the connection broke' });
  });

  it('stops at once for what does not pass by itself', () => {
    expect(failed(three, 0, 5, { words: 'no disk', hint: 'plug one in', mayPass: false })[0]).toMatchObject({
      state: 'failed',
      hint: 'plug one in',
    });
  });

  it('opened again, counts from the beginning and looks at once', () => {
    const stuck = failed(three, 0, 5, { ...broke, mayPass: false });
    expect(reopened(stuck)[0]).toMatchObject({ state: 'pending', failures: 0 });
    expect(nextMove(reopened(waits(three, 0, { until: 99_999, words: 'waits', lock: 'cluster:home' })), 5)).toEqual({ do: 'step', at: 0 });
  });

  it('leaves out what was skipped, and looks again at what is retried', () => {
    const without = skipped(three, 'hosts', 5, 'by hand') ?? [];
    expect(nextMove(without, 6)).toEqual({ do: 'step', at: 1 });
    expect(nextMove(retried(without, 'hosts') ?? [], 7)).toEqual({ do: 'step', at: 0 });
    expect(skipped(three, 'storage#3', 5, 'no')).toBeUndefined();
  });
});
