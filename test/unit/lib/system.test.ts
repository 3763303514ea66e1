// The real clock and the real randomness.

import { describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '../../../src/lib/index.ts';

describe('a sleep', () => {
  it('ends when its time has passed', async () => {
    const began = systemClock.monotonic();
    await systemClock.sleep(5);
    expect(systemClock.monotonic() - began).toBeGreaterThanOrEqual(4);
  });

  it('is cut short with the reason of its signal, also one that was aborted before', async () => {
    const control = new AbortController();
    const cut = systemClock.sleep(60_000, control.signal);
    const why = new Error('enough');
    control.abort(why);
    await expect(cut).rejects.toBe(why);
    await expect(systemClock.sleep(60_000, control.signal)).rejects.toBe(why);
  });
});

describe('random bytes', () => {
  it('have the length that was asked for, and none are given out twice', () => {
    for (const length of [0, 1, 12, 255, 256, 257, 5000]) expect(systemRandom.bytes(length)).toHaveLength(length);
    const drawn = Array.from({ length: 1000 }, () => systemRandom.bytes(16).toString('hex'));
    expect(new Set(drawn).size).toBe(drawn.length);
    expect(drawn).not.toContain('0'.repeat(32));
  });

  it('stay as they are when more are drawn', () => {
    const first = systemRandom.bytes(16);
    const text = first.toString('hex');
    for (let draw = 0; draw < 1000; draw += 1) systemRandom.bytes(16);
    expect(first.toString('hex')).toBe(text);
  });
});
