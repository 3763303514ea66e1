import { describe, expect, it } from 'vitest';
import { TokenBuckets } from '../../../src/net/token-buckets.ts';

describe('token buckets', () => {
  it('admit a burst, then so many a second, and say so once per series of refusals', () => {
    const buckets = new TokenBuckets<string>({ burst: 2, perSecond: 1, maxKeys: 10 });
    expect([0, 1, 2, 3, 1500, 1501, 4000, 4001, 4002].map((now) => buckets.take('a', now))).toEqual([
      'admitted',
      'admitted',
      'first-refused',
      'refused',
      'admitted',
      'refused',
      'admitted',
      'admitted',
      'first-refused',
    ]);
  });

  it('are kept apart by key', () => {
    const buckets = new TokenBuckets<string>({ burst: 1, perSecond: 1, maxKeys: 10 });
    expect([buckets.take('a', 0), buckets.take('b', 0), buckets.take('a', 0)]).toEqual(['admitted', 'admitted', 'first-refused']);
  });

  it('forget the key not seen for longest when there are too many', () => {
    const buckets = new TokenBuckets<string>({ burst: 1, perSecond: 0, maxKeys: 2 });
    for (const key of ['a', 'b', 'a', 'c']) buckets.take(key, 0);
    expect(buckets.size).toBe(2);
    expect(buckets.take('a', 0)).toBe('refused');
    expect(buckets.take('b', 0)).toBe('admitted');
  });
});
