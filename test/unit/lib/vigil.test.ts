import { expect, it } from 'vitest';
import { type Clock, createVigil } from '../../../src/lib/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const MINUTE = 60_000;

/** A clock whose time of day can be set, and that can be stopped with all that runs by it. */
function settable() {
  const inner = createFakeClock();
  let [offset, lost] = [0, 0];
  const clock: Clock = {
    now: () => inner.now() + offset + lost,
    monotonic: () => inner.monotonic() + lost,
    sleep: (ms, signal) => inner.sleep(ms, signal),
  };
  return {
    clock,
    advance: (ms: number) => inner.advance(ms),
    set: (ms: number) => {
      offset += ms;
    },
    stop: (ms: number) => {
      lost += ms;
    },
  };
}

it('counts silence from the last sign, and from its own beginning where that was later', async () => {
  const { clock, advance } = settable();
  const vigil = createVigil(clock);
  expect(vigil.silence(clock.now() - 60 * MINUTE)).toBe(0);
  const signAt = clock.now();
  await advance(20 * MINUTE);
  expect(vigil.silence(signAt)).toBe(20 * MINUTE);
  expect(vigil.silence(signAt + 5 * MINUTE)).toBe(15 * MINUTE);
});

it.each([60 * MINUTE, -60 * MINUTE, 2 * MINUTE])('begins anew when the clock was set by %i ms', async (by) => {
  const { clock, advance, set } = settable();
  const vigil = createVigil(clock);
  const signAt = clock.now();
  await advance(10 * MINUTE);
  expect(vigil.silence(signAt)).toBe(10 * MINUTE);
  set(by);
  expect(vigil.silence(signAt)).toBe(0);
  await advance(3 * MINUTE);
  expect(vigil.silence(signAt)).toBe(3 * MINUTE);
  expect(vigil.since()).toBe(clock.now() - 3 * MINUTE);
});

it('goes on where the clock was put right by a little', async () => {
  const { clock, advance, set } = settable();
  const vigil = createVigil(clock);
  const signAt = clock.now();
  await advance(10 * MINUTE);
  set(-2000);
  expect(vigil.silence(signAt)).toBe(10 * MINUTE - 2000);
});

it('begins anew when a sleep took much longer than it should, since we were stopped', async () => {
  const { clock, advance, stop } = settable();
  const vigil = createVigil(clock);
  const signAt = clock.now();
  const slept = vigil.sleep(5000, new AbortController().signal);
  stop(90 * MINUTE);
  await advance(5000);
  await slept;
  expect(vigil.silence(signAt)).toBe(0);
  const again = vigil.sleep(5000, new AbortController().signal);
  await advance(5000);
  await again;
  expect(vigil.silence(signAt)).toBe(5000);
});

it('ends its sleep when it is told to', async () => {
  const { clock } = settable();
  const stopping = new AbortController();
  const slept = createVigil(clock).sleep(5000, stopping.signal);
  stopping.abort(new Error('stopped'));
  await expect(slept).rejects.toThrow('stopped');
});
