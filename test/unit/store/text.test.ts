import { describe, expect, it } from 'vitest';
import { retryDelay } from '../../../src/store/outbox.ts';
import { cut, parseObject, storable } from '../../../src/store/text.ts';

describe('text for the database', () => {
  it('has no NUL', () => {
    expect(storable('a\u0000b\u0000')).toBe('a\ufffdb\ufffd');
    expect([storable('plain'), storable(3), storable(null)]).toEqual(['plain', 3, null]);
  });

  it('is cut at a limit, and says by how much', () => {
    expect(cut('short', 5)).toBe('short');
    expect(cut('longer', 5)).toBe('longe… (1 more characters cut)');
  });

  it('is a JSON object where one belongs', () => {
    expect(parseObject('{"a":1}', 'events.data')).toEqual({ a: 1 });
    for (const wrong of ['[]', 'null', '3', '"x"']) expect(() => parseObject(wrong, 'events.data')).toThrow('events.data');
  });
});

describe('the time to the next attempt', () => {
  it('doubles, with chance in its second half, up to an hour', () => {
    expect([1, 2, 3].map((attempts) => retryDelay(attempts, 0))).toEqual([2500, 5000, 10_000]);
    expect([1, 2, 3].map((attempts) => retryDelay(attempts, 1))).toEqual([5000, 10_000, 20_000]);
    expect([11, 50, 100_000].map((attempts) => retryDelay(attempts, 1))).toEqual([3_600_000, 3_600_000, 3_600_000]);
  });
});
