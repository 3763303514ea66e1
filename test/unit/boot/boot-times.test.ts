import { describe, expect, it } from 'vitest';
import { createBootTimes, timeSpent } from '../../../src/boot/boot-times.ts';
import { parseMac } from '../../../src/lib/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const macOf = (n: number) => parseMac(`52:54:00:00:00:${n.toString(16).padStart(2, '0')}`) ?? expect.unreachable();

describe('the time that a machine has looked for something to boot', () => {
  it('counts from its first question, also over the pauses between network entries', async () => {
    const clock = createFakeClock();
    const times = createBootTimes(clock);
    expect(times.heard(macOf(1))).toBe(0);
    await clock.advance(62_500);
    expect(times.heard(macOf(1))).toBe(62);
    expect(times.heard(macOf(2))).toBe(0);
    await clock.advance(61_000);
    expect(times.heard(macOf(1))).toBe(123);
  });

  it('begins anew with the next boot', async () => {
    const clock = createFakeClock();
    const times = createBootTimes(clock);
    times.heard(macOf(1));
    await clock.advance(150_000);
    expect(times.heard(macOf(1))).toBe(0);
  });

  it('is kept for so many machines only: the one silent longest is forgotten', async () => {
    const clock = createFakeClock();
    const times = createBootTimes(clock, 2);
    for (const n of [1, 2]) times.heard(macOf(n));
    await clock.advance(5000);
    expect(times.heard(macOf(1))).toBe(5);
    times.heard(macOf(3));
    expect([times.heard(macOf(1)), times.heard(macOf(2))]).toEqual([5, 0]);
  });

  it('is told in words once it is a second', () => {
    expect([timeSpent(0), timeSpent(7)]).toEqual(['', ' (7 s after its first question)']);
  });
});
