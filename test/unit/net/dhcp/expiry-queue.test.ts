import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpiryQueue } from '../../../../src/net/dhcp/lease/expiry-queue.ts';

describe('the queue of what ends when', () => {
  it('names what ends first, whatever was put, changed and removed', () => {
    const step = fc.record({ key: fc.nat(20), at: fc.option(fc.nat(1000), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const ends = new Map<number, number>();
        const queue = new ExpiryQueue<number>((key) => ends.get(key));
        for (const { key, at } of steps) {
          if (at === undefined) ends.delete(key);
          else {
            ends.set(key, at);
            queue.put(key, at);
          }
          expect(queue.first()?.at).toBe(ends.size === 0 ? undefined : Math.min(...ends.values()));
        }
      }),
    );
  });

  it('forgets old entries: what is renewed for ever takes no more room', () => {
    let end = 0;
    const queue = new ExpiryQueue<string>(() => end);
    for (let turn = 0; turn < 100_000; turn += 1) queue.put('only one', ++end);
    expect(queue.size).toBeLessThanOrEqual(1024);
    expect(queue.first()).toEqual({ key: 'only one', at: end });
  });
});
