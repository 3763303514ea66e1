import { describe, expect, it } from 'vitest';
import { createThrottle, networkOf } from '../../../src/access/throttle.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

/** How many tries pass before the first one is refused. */
function passes(attempt: (n: number) => void): number {
  for (let n = 0; n < 1000; n += 1) {
    try {
      attempt(n);
    } catch {
      return n;
    }
  }
  return 1000;
}

describe('the throttle', () => {
  it('delays after some tries, longer each time, and says how long', async () => {
    const clock = createFakeClock();
    const throttle = createThrottle(clock);
    const attempt = () => throttle.attempt('ada', '192.0.2.1');
    expect(passes(attempt)).toBe(9);
    expect(attempt).toThrow(expect.objectContaining({ code: 'access.too_many_attempts', detail: { retryAfterSeconds: 1 } }));
    await clock.advance(1000);
    attempt();
    expect(attempt).toThrow(expect.objectContaining({ detail: { retryAfterSeconds: 2 } }));
    await clock.advance(900_001);
    expect(passes(attempt)).toBe(9); // forgotten
  });

  it('never delays more than five minutes', async () => {
    const clock = createFakeClock();
    const throttle = createThrottle(clock);
    for (let n = 0; n < 40; n += 1) {
      passes(() => throttle.attempt('ada', '192.0.2.1'));
      await clock.advance(300_000);
    }
    throttle.attempt('ada', '192.0.2.1');
  });

  it('starts anew after the right password', () => {
    const throttle = createThrottle(createFakeClock());
    for (let n = 0; n < 8; n += 1) throttle.attempt('ada', '192.0.2.1');
    throttle.succeeded('ada', '192.0.2.1');
    expect(passes(() => throttle.attempt('ada', '192.0.2.1'))).toBe(9);
  });

  it('lets somebody in from where they signed in before, whatever others try with their name or from their network', () => {
    const throttle = createThrottle(createFakeClock());
    throttle.attempt('ada', '192.0.2.1');
    throttle.succeeded('ada', '192.0.2.1');
    expect(passes((n) => throttle.attempt('ada', `198.51.100.${n}`))).toBe(61);
    expect(passes((n) => throttle.attempt(`guess${n}`, '192.0.2.1'))).toBe(41);
    throttle.attempt('ada', '192.0.2.1');
  });

  it('counts an address with many names, and a name from many addresses', () => {
    expect(passes((n) => createThrottleOnce.attempt(`user${n}`, '192.0.2.7'))).toBe(41);
    expect(passes((n) => createThrottleOnce.attempt('bob', `2001:db8:0:${n.toString(16)}::1`))).toBe(61);
  });
  const createThrottleOnce = createThrottle(createFakeClock());

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::5', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('takes %s for the network %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
